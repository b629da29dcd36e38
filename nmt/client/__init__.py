"""Asks a server for translations, over REST or gRPC; needs no numpy, and over REST no TensorFlow.

>>> from nmt.client import Client
>>> with Client("http://localhost:8501/v1/models/ko-en") as client:          # doctest: +SKIP
...     client.translate(["나는 밥을 먹었다"])[0].text
'I ate rice'
"""

from nmt.client.client import BATCH, DEADLINE, Client
from nmt.client.transport import (
    Address,
    Metadata,
    RequestRefused,
    ServerFailed,
    TimedOut,
    Unavailable,
    UnknownModel,
)
from nmt.translation import Translation

__all__ = [
    "BATCH",
    "DEADLINE",
    "Address",
    "Client",
    "Metadata",
    "RequestRefused",
    "ServerFailed",
    "TimedOut",
    "Translation",
    "Unavailable",
    "UnknownModel",
]
