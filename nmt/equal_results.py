"""Whether two results are equal, where they hold arrays. It needs no numpy, as the client has none."""

from __future__ import annotations

from dataclasses import fields
from typing import Any


def equal_results(one: Any, other: Any) -> bool:
    """Return whether all fields of two results of one class are equal, arrays number by number.

    For their ``__eq__``: that of a dataclass asks arrays for one truth value, which they do not have. Their hashes are
    those of the other fields (``field(hash=False)`` for an array or a dictionary), so equal results have one hash and
    can be members of a set.
    """
    if type(one) is not type(other):
        return NotImplemented
    return all(_plain(getattr(one, each.name)) == _plain(getattr(other, each.name)) for each in fields(one))


def _plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else value
