"""What mkdocs calls when it builds the pages: it adds those of the README, the commands and the modules."""

from __future__ import annotations

import gc
import re
import sys
from functools import cache
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

# mkdocs loads this file by its path, and its neighbours are needed whenever a page is made.
sys.path.insert(0, str(Path(__file__).parent))

import command_pages
import links
import reference

ROOT = Path(__file__).parent.parent.parent
_HIDE_MENU = "---\nhide: [navigation]\n---\n\n"

# The code of functions and classes, a quarter of the pages: what a page has of it, and what stands for it meanwhile.
_CODE = re.compile(r'<details class="mkdocstrings-source">.*?</details>', re.DOTALL)
_PLACE = re.compile(r"<!-- code (\d+) -->")
_taken: list[str] = []


def on_config(config: Any) -> Any:
    """Add the commands and the modules, as they are now, to the menu of mkdocs.yml."""
    _taken.clear()
    gc.set_threshold(100_000, 50, 100)  # nearly all that a build makes stays until its end
    commands = [{f"nmt {name}": _command_page(name)} for name in command_pages.pages()]
    config.nav += [{"Commands": ["commands.md", *commands]}, {"Reference": _menu(reference.modules(ROOT))}]
    return config


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that are made from the README, the commands and the modules."""
    modules = reference.modules(ROOT)
    pages = {"index.md": _HIDE_MENU + (ROOT / "README.md").read_text(encoding="utf-8")}
    pages |= {_command_page(name): text for name, text in command_pages.pages().items()}
    pages |= {module.page: reference.page(module, modules) for module in modules}
    for place, text in pages.items():
        files.append(File.generated(config, place, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Change the links of the README and of the pages in docs/ to where things lie in the site."""
    file = next((file for file, place in _places().items() if place == page.file.src_uri), "")
    if not file.endswith(".md"):
        return markdown
    try:
        return links.linked(markdown, file, _places(), ROOT)
    except ValueError as error:
        raise PluginError(str(error)) from None


def on_page_content(html: str, **_: Any) -> str:
    """Take the code out of a page, so that a search finds what is said of it and the index has half the size."""

    def take(code: re.Match[str]) -> str:
        _taken.append(code[0])
        return f"<!-- code {len(_taken) - 1} -->"

    return _CODE.sub(take, html)


def on_post_page(output: str, **_: Any) -> str:
    """Put the code into the finished page."""
    return _PLACE.sub(lambda place: _taken[int(place[1])], output)


@cache
def _places() -> dict[str, str]:
    """Return the page of each file that has one, and of each command."""
    written = [path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")]
    return {
        "README.md": "index.md",
        **{f"docs/{place}": place for place in written},
        **{module.file: module.page for module in reference.modules(ROOT)},
        **{f"nmt {name}": _command_page(name) for name in command_pages.pages()},
    }


def _command_page(name: str) -> str:
    return f"commands/{name}.md"


def _menu(found: list[reference.Module]) -> list[Any]:
    """Return the modules as a menu: first those of the package itself, then room by room."""
    top = [module for module in found if module.name.count(".") <= 1 and not (module.is_room and "." in module.name)]
    menu: list[Any] = [{module.name if module.is_room else module.name[4:]: module.page} for module in top]
    for room in (module for module in found if module.is_room and "." in module.name):
        inside = [module for module in found if module.name.startswith(f"{room.name}.")]
        menu.append({room.name[4:]: [room.page, *({m.name.rpartition(".")[2]: m.page} for m in inside)]})
    return menu
