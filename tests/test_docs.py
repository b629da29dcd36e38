"""The pages are built without a warning, nothing is missing in them, and every link in them leads somewhere."""

import doctest
import importlib
import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

import pytest
import typer

from nmt.cli import app

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
needs_docs = pytest.mark.skipif(
    any(find_spec(name) is None for name in ("mkdocs", "material", "mkdocstrings")),
    reason="needs the extra `docs`: pip install nmt[docs]",
)


class Page(NamedTuple):
    """What a page of the site has: its anchors, what a reader may click, what is loaded, and its text."""

    anchors: set[str]
    links: list[str]
    loaded: list[str]
    text: str


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.anchors: set[str] = {"", "__top"}
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
            return
        self.loaded += [given[name] for name in ("href", "src", "srcset", "data", "action", "poster") if name in given]
        self.loaded += re.findall(r"url\(([^)]+)\)", given.get("style", ""))

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def read(file: Path) -> Page:
    reader = _Reader()
    reader.feed(file.read_text(encoding="utf-8"))
    return Page(reader.anchors, reader.links, reader.loaded, "".join(reader.words))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("docs") / "site"
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(place)]
    env = {**os.environ, "NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": str(ROOT)}
    result = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=600)
    assert result.returncode == 0, result.stderr
    assert not result.stdout + result.stderr
    return place


@pytest.fixture(scope="module")
def site(folder: Path) -> dict[str, Page]:
    return {file.relative_to(folder).as_posix(): read(file) for file in folder.rglob("*.html")}


@needs_docs
def test_every_link_inside_leads_to_a_page_and_an_anchor(site: dict[str, Page], folder: Path) -> None:
    broken = []
    for name, page in site.items():
        for link in [*page.links, *page.loaded]:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            place = (folder / name).parent / unquote(parts.path) if parts.path else folder / name
            target = Path(os.path.normpath(place))
            # The page for what is not found does not know where it is asked from.
            target = folder / parts.path.lstrip("/") if name == "404.html" and parts.path.startswith("/") else target
            target = target / "index.html" if target.is_dir() else target
            inside = target.relative_to(folder).as_posix() if target.is_relative_to(folder) else ""
            anchor = unquote(parts.fragment)
            if not target.is_file() or not inside or (inside in site and anchor not in site[inside].anchors):
                broken.append(f"{name}: {link}")
    assert not broken


@needs_docs
def test_nothing_is_loaded_from_elsewhere(site: dict[str, Page], folder: Path) -> None:
    for name, page in site.items():
        outside = [address for address in page.loaded if urlsplit(address).scheme or address.startswith("//")]
        assert not [address for address in outside if not address.startswith("data:")], name
    for style in folder.rglob("*.css"):
        loaded = re.findall(r"(?:url\(|@import\s)[\"']?([^\"')\s]+)", style.read_text(encoding="utf-8"))
        assert not [address for address in loaded if address.startswith(("http", "//"))], style


@needs_docs
def test_it_can_be_searched_without_a_server(site: dict[str, Page], folder: Path) -> None:
    index = (folder / "search" / "search_index.js").read_text(encoding="utf-8").removeprefix("var __index = ")
    places = [entry["location"] for entry in json.loads(index)["docs"] if "육천팔백사" in entry["text"]]
    assert places == ["manual/other-tasks-than-translation.html"]
    assert "assets/iframe-worker.js" in site["index.html"].loaded


@needs_docs
def test_every_chapter_of_the_readme_is_in(site: dict[str, Page]) -> None:
    text = {name: _squeezed(page.text) for name, page in site.items() if not name.startswith("reference/")}
    chapters = re.split(r"^#{2,3} (.+)$", re.sub(r"```.*?```", "", README, flags=re.DOTALL), flags=re.MULTILINE)
    assert len(chapters) > 20
    for title, chapter in zip(chapters[1::2], chapters[2::2], strict=True):
        sentences = [line for line in chapter.split("\n") if line and not set(line) <= set("|- ")]
        for line in sentences:
            words = _squeezed(re.sub(r"\[([^\]]+)\]\([^)]+\)", r"\1", line))
            assert any(words in page and _squeezed(title) in page for page in text.values()), f"{title}: {line}"


@needs_docs
def test_every_command_has_a_page_with_all_its_options(site: dict[str, Page]) -> None:
    group = typer.main.get_command(app)
    assert len(group.commands) > 10  # type: ignore[attr-defined]
    for name, command in group.commands.items():  # type: ignore[attr-defined]
        page = site[f"commands/{name}.html"]
        assert f"commands/{name}.html" in site["index.html"].links
        for parameter in command.params:
            named = parameter.opts[0] if parameter.param_type_name == "option" else parameter.name
            assert f"{named}" in page.text, (name, named)
            assert _squeezed(parameter.help) in _squeezed(page.text), (name, named)
        assert "130" in page.text and "done" in page.text
    train = _squeezed(site["commands/export.html"].text)
    assert "quantizenoneorfloat16orint8none" in train
    assert "-h" in site["commands/train.html"].text and "0<=x<=65535" in site["commands/serve.html"].text


@needs_docs
def test_every_public_module_has_a_page(site: dict[str, Page]) -> None:
    for file in (ROOT / "nmt").rglob("*.py"):
        parts = file.relative_to(ROOT).with_suffix("").parts
        if parts[-1].startswith("_") and parts[-1] != "__init__":
            continue
        place = "/".join(["reference", *parts]).replace("__init__", "index") + ".html"
        name = ".".join(parts).removesuffix(".__init__")
        assert name in site[place].anchors, place


@needs_docs
def test_a_docstring_is_read_as_it_was_meant(site: dict[str, Page]) -> None:
    page = site["reference/nmt/layers/attention.html"]
    assert "a_ij = exp(e_ij) / sum_k exp(e_ik)    (equation 6) the weights" in page.text
    assert "Call arguments" in page.text and ":class:" not in page.text and "::\n" not in page.text
    assert ">>> attention = BahdanauAttention(7)\n>>> context, weights" in page.text
    assert "#nmt.layers.attention.Attention" in page.links
    for name, other in site.items():
        said = re.sub(r"Source code in.*?(?=\n\n|\Z)", "", other.text, flags=re.DOTALL)
        assert not re.search(r":(?:class|func|meth|attr|mod|data):`", said) or "reference" in name, name


@needs_docs
@pytest.mark.parametrize("name", ["chapters", "docstrings"])
def test_the_examples_of_what_makes_the_pages(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "docs" / "making"))
    result = doctest.testmod(importlib.import_module(name))
    assert result.attempted and not result.failed


@needs_docs
def test_links_of_the_readme_lead_to_where_things_lie(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "docs" / "making"))
    chapters = importlib.import_module("chapters")
    links = chapters.Links(
        {"settings": "manual/settings.md"},
        {"nmt/errors.py": "reference/nmt/errors.md"},
        {"train": "commands/train.md"},
        ROOT,
    )

    def made(text: str) -> str:
        return chapters.linked(text, "manual/x.md", links)

    assert (
        made("[a](#settings) and [b](./nmt/errors.py)")
        == "[a](../manual/settings.md) and [b](../reference/nmt/errors.md)"
    )
    assert made("`nmt/errors.py`, `nmt train --to m`") == (
        "[`nmt/errors.py`](../reference/nmt/errors.md), [`nmt train --to m`](../commands/train.md)"
    )
    assert made("[`nmt/errors.py`](nmt/errors.py)") == "[`nmt/errors.py`](../reference/nmt/errors.md)"
    assert made("[c](https://example.org) [d](LICENSE)") == "[c](https://example.org) [d](../files/LICENSE)"
    assert links.wanted == {"LICENSE"}
    assert made("[t](docs/tutorials/1-your-own-translator.md)") == "[t](../tutorials/1-your-own-translator.md)"
    assert made("[g](tests/)") == "g"  # a folder has no page
    assert made("`[a](b)` ``x`` ![p](q)") == "`[a](b)` ``x`` ![p](q)"
    assert made("```sh\nnmt train\n`nmt train`\n```") == "```sh\nnmt train\n`nmt train`\n```"
    for wrong in ("[e](#nowhere)", "[f](nowhere.py)"):
        with pytest.raises(ValueError, match="links to"):
            made(wrong)


def _squeezed(text: str) -> str:
    """Return the letters and digits of a text, without its marks and spaces."""
    return re.sub(r"[\W_]+", "", text)
