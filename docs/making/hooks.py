"""What mkdocs calls when it builds the pages: it adds those that are made and lays out the menu."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

# mkdocs loads this file by its path, and its neighbours are needed whenever a page is made.
sys.path.insert(0, str(Path(__file__).parent))

import chapters
import command_pages
import reference

ROOT = Path(__file__).parent.parent.parent
_HOME = ("nmt", "two-commands")  # the chapters of the first page


def on_config(config: Any) -> Any:
    """Lay out the menu: the tutorials, the README's chapters, the commands and the modules, as they are now."""
    places = _chapter_pages()
    manual = [{c.title: places[c.slug]} for c in _chapters() if places[c.slug].startswith("manual/")]
    config.nav = [
        {"Home": "index.md"},
        {"Tutorials": [f"tutorials/{path.name}" for path in _tutorials()]},
        {"Manual": manual},
        {"Commands": ["commands/index.md", *({f"nmt {n}": _command_page(n)} for n in command_pages.pages())]},
        {"Reference": _menu(reference.modules(ROOT))},
    ]
    return config


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that are made from the README, the commands and the modules."""
    modules, commands = reference.modules(ROOT), command_pages.pages()
    places = {module.file: module.page for module in modules} | {"docs/tutorials": "index.md#tutorials"}
    links = chapters.Links(_chapter_pages(), places, {name: _command_page(name) for name in commands}, ROOT)
    pages = _from_readme(links)
    pages |= {_command_page(name): text for name, text in commands.items()}
    pages |= {module.page: reference.page(module, modules) for module in modules}
    for place, text in pages.items():
        files.append(File.generated(config, place, content=text))
    for path in sorted(links.wanted):
        files.append(File.generated(config, f"files/{path}", abs_src_path=str(ROOT / path)))
    return files


def _chapters() -> list[chapters.Chapter]:
    return chapters.cut((ROOT / "README.md").read_text(encoding="utf-8"))


def _chapter_pages() -> dict[str, str]:
    """Return where each chapter of the README goes, by the slug of its heading."""
    special = {**dict.fromkeys(_HOME, "index.md"), "the-commands": "commands/index.md"}
    return {c.slug: special.get(c.slug, f"manual/{c.slug}.md") for c in _chapters()}


def _from_readme(links: chapters.Links) -> dict[str, str]:
    """Return the pages of the README's chapters; those of the first page together, and then the ways on."""
    found = {
        links.headings[c.slug]: chapters.page(c, links.headings[c.slug], links)
        for c in _chapters()
        if c.slug not in _HOME
    }
    home = [chapter for chapter in _chapters() if chapter.slug in _HOME]
    text = "\n\n".join(
        f"{'#' * chapter.level} {chapter.title}\n\n{chapters.linked(chapter.text, 'index.md', links)}"
        for chapter in home
    )
    ways = "\n".join(f"- [{title}](tutorials/{name}): {said}" for name, title, said in map(_tutorial, _tutorials()))
    return {**found, "index.md": f"---\nhide: [navigation]\n---\n\n{text}\n\n## Tutorials\n\n{ways}\n"}


def _tutorials() -> list[Path]:
    return sorted((ROOT / "docs" / "tutorials").glob("*.md"))


def _tutorial(path: Path) -> tuple[str, str, str]:
    """Return a tutorial's file, its title and its first sentence."""
    title, said = re.match(r"# (.+?)\n\n(.+?)\n\n", path.read_text(encoding="utf-8"), re.DOTALL).groups()  # type: ignore[union-attr]
    return path.name, title, " ".join(said.split())


def _command_page(name: str) -> str:
    return f"commands/{name}.md"


def _menu(found: list[reference.Module]) -> list[Any]:
    """Return the modules as a menu: first what is in no room, then room by room."""
    top = [module for module in found if module.name.count(".") <= 1 and not (module.is_room and "." in module.name)]
    menu: list[Any] = [{module.name if module.is_room else module.name[4:]: module.page} for module in top]
    for room in (module for module in found if module.is_room and "." in module.name):
        inside = [module for module in found if module.name.startswith(f"{room.name}.")]
        menu.append({room.name[4:]: [room.page, *({m.name.rpartition(".")[2]: m.page} for m in inside)]})
    return menu
