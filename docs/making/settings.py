"""The tables of docs/settings.md, from the config: ``python docs/making/settings.py`` writes them anew."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

from nmt.config import Config

PAGE = Path(__file__).parent.parent / "settings.md"
_ROWS = re.compile(r"\| `(?P<name>\w+)\..*\n(?:\| `.*\n)*")


def tables(page: str) -> str:
    """Return the page with the settings of each section as they are in the config.

    >>> print(tables("| `text.old` | 1 | a setting of before |\\n").splitlines()[0])
    | `text.kind` | unigram | the SentencePiece model |
    """
    config = Config()
    return _ROWS.sub(lambda found: _rows(found["name"], getattr(config, found["name"])), page)


def _rows(section: str, values: Any) -> str:
    return "".join(
        f"| `{section}.{field.name}` | {_shown(getattr(values, field.name))} | {field.metadata['about']} |\n"
        for field in dataclasses.fields(values)
    )


def _shown(default: Any) -> str:
    if isinstance(default, bool):
        return str(default).lower()
    return f"{default:_}" if isinstance(default, int) else str(default)


if __name__ == "__main__":
    PAGE.write_text(tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
