"""A page for each module, made by mkdocstrings from its docstrings; a room's page lists its modules."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import NamedTuple


class Module(NamedTuple):
    """A module that has a page.

    Attributes:
        name: its dotted name.
        file: its path in the repository.
        page: its page in the site.
        summary: the first sentence of its docstring.
        is_room: whether it holds other modules.
    """

    name: str
    file: str
    page: str
    summary: str
    is_room: bool


def modules(root: Path) -> list[Module]:
    """Return the public modules of the package, each room before its modules."""
    files = [path.relative_to(root) for path in (root / "nmt").rglob("*.py")]
    return sorted(_module(root, file) for file in files if not file.stem.startswith("_") or file.stem == "__init__")


def page(module: Module, everything: list[Module]) -> str:
    """Return the page of a module."""
    if not module.is_room:
        return f"::: {module.name}\n"
    inside = [other for other in everything if other.name.rpartition(".")[0] == module.name]
    depth = module.page.count("/")
    rows = [f"| [`{other.name}`]({'../' * depth}{other.page}) | {other.summary} |" for other in inside]
    names = f"\n## Public names\n\n{_public_names()}\n" if module.name == "nmt" else ""
    return (
        f"::: {module.name}\n    options:\n      members: false\n{names}\n"
        "## Modules\n\n| | |\n|---|---|\n" + "\n".join(rows) + "\n"
    )


def _module(root: Path, file: Path) -> Module:
    is_room = file.stem == "__init__"
    parts = file.parts[:-1] if is_room else (*file.parts[:-1], file.stem)
    docstring = ast.get_docstring(ast.parse((root / file).read_text(encoding="utf-8"))) or ""
    summary = " ".join(docstring.split("\n\n")[0].split())
    place = "/".join(["reference", *parts, "index.md" if is_room else ""]).rstrip("/")
    name = str(file.parent if is_room else file)
    return Module(".".join(parts), name, place if is_room else f"{place}.md", summary.replace("``", "`"), is_room)


def _public_names() -> str:
    """Return the public names of ``nmt``, each with a link to its module."""
    import nmt

    return "\n".join(f"- [`nmt.{name}`][{home}.{name}]" for name, home in sorted(nmt._HOMES.items()))
