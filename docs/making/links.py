"""Links in the pages: written for a reader of the repository, changed for a reader of the site."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Mapping
from pathlib import Path

# A block of code, a link that the author wrote, or a span of code that stands alone.
_PARTS = re.compile(
    r"^(?P<fence>`{3,}|~{3,}).*?^(?P=fence)$"
    r"|(?<!!)\[(?P<label>(?:`[^`]*`|[^\]`])+)\]\((?P<address>[^)\s]+)\)"
    r"|(?<!`)`(?P<span>[^`\n]+)`(?!`)",
    re.MULTILINE | re.DOTALL,
)


def linked(text: str, file: str, places: Mapping[str, str], root: Path) -> str:
    """Return a page with its links as the site has them, and with links on the files and commands that it names.

    A link on a file without a page, or on a folder, keeps its label alone.

    Arguments:
        text: the page, in Markdown.
        file: its path in the repository.
        places: the page of each file and each command that has one, by its path or by ``nmt NAME``.
        root: the repository.

    Raises:
        ValueError: if a link names a file that does not exist.
    """
    at = places[file]

    def change(found: re.Match[str]) -> str:
        label, address, span = found["label"], found["address"], found["span"]
        if span:
            named = places.get(span.rstrip("/")) or places.get(" ".join(span.split()[:2]))
            return f"[{found[0]}]({_relative(named, at)})" if named and named != at else found[0]
        if not address or "://" in address or address.startswith(("#", "mailto:")):
            return found[0]
        path, mark, anchor = address.partition("#")
        target = posixpath.normpath(posixpath.join(posixpath.dirname(file), path))
        if target in places:
            return f"[{label}]({_relative(places[target], at)}{mark}{anchor})"
        if not (root / target).exists():
            raise ValueError(f"{file} links to {address}, and there is no such file.")
        return label

    return _PARTS.sub(change, text)


def _relative(place: str, at: str) -> str:
    return os.path.relpath(place, posixpath.dirname(at) or ".")
