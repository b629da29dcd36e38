"""Translated files that wait in memory to be fetched."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field


@dataclass
class KeptFile:
    """A file that waits to be fetched.

    Attributes:
        name: its name for who fetches it.
        content: its bytes.
        until: when it is thrown away, in seconds of the monotonic clock.
        fetched: whether somebody has it already.
    """

    name: str
    content: bytes
    until: float
    fetched: bool = False


@dataclass
class KeptFiles:
    """Files that are kept for some time. No file is thrown away for a new one before somebody has fetched it.

    Attributes:
        max_bytes: the bytes of all files from which no new one is taken.
        seconds: how long a file is kept.
    """

    max_bytes: int
    seconds: float
    _files: dict[str, KeptFile] = field(default_factory=dict)

    def has_room(self) -> bool:
        """Make room, and return whether there is any."""
        now = time.monotonic()
        self._files = {key: file for key, file in self._files.items() if file.until >= now}
        for key in [key for key, file in self._files.items() if file.fetched]:
            if self._size() < self.max_bytes:
                break
            del self._files[key]
        return self._size() < self.max_bytes

    def add(self, name: str, content: bytes, ending: str) -> str:
        """Keep a file, and return a key that nobody can guess, with the ending of a name."""
        key = f"{secrets.token_urlsafe(18)}{ending}"
        self._files[key] = KeptFile(name, content, time.monotonic() + self.seconds)
        return key

    def fetch(self, key: str) -> KeptFile | None:
        """Return the file of a key; ``None`` if there is none, or not any more."""
        file = self._files.get(key)
        if file is None or file.until < time.monotonic():
            return None
        file.fetched = True
        return file

    def _size(self) -> int:
        # A file takes some memory besides its bytes.
        return sum(len(file.content) + 1_000 for file in self._files.values())
