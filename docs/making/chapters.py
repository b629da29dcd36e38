"""The README's chapters as pages: cut at its headings, so that nothing is written twice."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

_HEADING = re.compile(r"(#{1,3}) (.+)")
# A link that the author wrote, or a span of code that stands alone.
_NAMED = re.compile(r"(?<!!)\[(?P<label>(?:`[^`]*`|[^\]`])+)\]\((?P<address>[^)\s]+)\)|(?<!`)`(?P<span>[^`\n]+)`(?!`)")


class Chapter(NamedTuple):
    """A piece of the README from one heading to the next.

    Attributes:
        title: the heading.
        slug: the heading as an address writes it, and as GitHub does.
        level: of the heading, from 1.
        text: what stands under it.
    """

    title: str
    slug: str
    level: int
    text: str


def cut(readme: str) -> list[Chapter]:
    """Return the chapters, in order. A heading inside a block of code is none.

    >>> [(c.title, c.slug) for c in cut("# a\\nhello\\n## How it works, and why\\n```\\n# no heading\\n```\\n")]
    [('a', 'a'), ('How it works, and why', 'how-it-works-and-why')]
    """
    found: list[tuple[int, str, list[str]]] = []
    for line, is_code in _lines(readme):
        heading = None if is_code else _HEADING.fullmatch(line)
        if heading:
            found.append((len(heading[1]), heading[2], []))
        elif found:
            found[-1][2].append(line)
    return [Chapter(title, slug(title), level, "\n".join(lines).strip("\n")) for level, title, lines in found]


def slug(title: str) -> str:
    """Return the address of a heading.

    >>> slug("A model's folder")
    'a-models-folder'
    """
    return re.sub(r"[\s-]+", "-", re.sub(r"[^\w\s-]", "", title).strip().lower())


class Links:
    """Where the things lie that a chapter names.

    Attributes:
        headings: the page of each heading, by its slug.
        files: the page of each file that has one, by its path in the repository.
        commands: the page of each command, by its name.
        root: the repository, whose other files can be linked, too.
        wanted: the files without a page that were linked, to be laid beside the pages.
    """

    def __init__(self, headings: dict[str, str], files: dict[str, str], commands: dict[str, str], root: Path) -> None:
        self.headings = headings
        self.files = files
        self.commands = commands
        self.root = root
        self.wanted: set[str] = set()

    def target(self, address: str) -> str | None:
        """Return the page for an address as the README writes it, from the top of the site; none of a mere folder.

        Raises:
            ValueError: if there is nothing at the address.
        """
        if address.startswith("#"):
            if address[1:] not in self.headings:
                raise ValueError(f"README.md links to {address}, and there is no such heading.")
            return self.headings[address[1:]]
        path, _, anchor = address.partition("#")
        path = path.removeprefix("./").rstrip("/")
        if path in self.files:
            return self.files[path] + (f"#{anchor}" if anchor else "")
        if path.startswith("docs/") and path.endswith(".md") and (self.root / path).is_file():
            return path.removeprefix("docs/") + (f"#{anchor}" if anchor else "")
        if (self.root / path).is_file():
            self.wanted.add(path)
            return f"files/{path}"
        if (self.root / path).is_dir():
            return None
        raise ValueError(f"README.md links to {address}, and there is no such file.")

    def named(self, span: str) -> str | None:
        """Return the page of what a span of code names: a file of ours, or a command."""
        if span in self.files:
            return self.files[span]
        words = span.split()
        return self.commands.get(words[1]) if len(words) > 1 and words[0] == "nmt" else None


def page(chapter: Chapter, at: str, links: Links) -> str:
    """Return a chapter as the page ``at`` an address: its links changed to where things lie in the site."""
    return f"# {chapter.title}\n\n{linked(chapter.text, at, links)}\n"


def linked(text: str, at: str, links: Links) -> str:
    """Return text with the README's links, and with links on the files and commands that it names."""
    up = "../" * at.count("/")

    def change(found: re.Match[str]) -> str:
        label, address, span = found.groups()
        if span:
            place = links.named(span)
            return found[0] if place in (None, at) else f"[`{span}`]({up}{place})"
        if "://" in address or address.startswith("mailto:"):
            return found[0]
        target = links.target(address)
        return f"[{label}]({up}{target})" if target else label

    return "\n".join(line if is_code else _NAMED.sub(change, line) for line, is_code in _lines(text))


def _lines(text: str) -> list[tuple[str, bool]]:
    """Return the lines, each with whether it belongs to a block of code."""
    found, fence = [], ""
    for line in text.splitlines():
        mark = re.match(r"\s*(`{3,}|~{3,})", line)
        found.append((line, bool(fence or mark)))
        if mark and not fence:
            fence = mark[1]
        elif mark and line.strip() == fence:
            fence = ""
    return found
