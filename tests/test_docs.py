"""The pages are built without a warning, nothing is missing from them, and every link in them leads somewhere."""

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
needs_docs = pytest.mark.skipif(
    any(find_spec(name) is None for name in ("mkdocs", "material", "mkdocstrings")),
    reason="needs the extra `docs`: pip install -e '.[docs]'",
)


class Page(NamedTuple):
    """A page of the site: its anchors, what a reader may click, what it loads, and its text."""

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
        # How deep it is in the source code of a function, whose text is not the page's.
        self.source = 0

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        if tag == "details" and (self.source or "mkdocstrings-source" in given.get("class", "")):
            self.source += 1
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
            return
        self.loaded += [given[name] for name in ("href", "src", "srcset", "data", "action", "poster") if name in given]
        self.loaded += re.findall(r"url\(([^)]+)\)", given.get("style", ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "details" and self.source:
            self.source -= 1

    def handle_data(self, data: str) -> None:
        if not self.source:
            self.words.append(data)


def read(file: Path) -> Page:
    reader = _Reader()
    reader.feed(file.read_text(encoding="utf-8"))
    return Page(reader.anchors, reader.links, reader.loaded, "".join(reader.words))


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("docs") / "site"
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(place)]
    env = {**os.environ, "NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": str(ROOT)}
    result = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=600)
    assert result.returncode == 0, result.stderr
    assert not result.stdout + result.stderr
    return place


@pytest.fixture(scope="session")
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
    assert places == ["tasks.html"]
    assert "assets/iframe-worker.js" in site["index.html"].loaded


@needs_docs
def test_every_line_of_the_readme_and_of_docs_is_in(site: dict[str, Page]) -> None:
    pages = {f"{path.relative_to(ROOT / 'docs').with_suffix('')}.html": path for path in (ROOT / "docs").rglob("*.md")}
    assert len(pages) > 10
    for name, path in {"index.html": ROOT / "README.md", **pages}.items():
        written = re.sub(r"```.*?```|<!--.*?-->", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        shown = _squeezed(site[name].text)
        for line in re.sub(r"\[([^\]]+)\](?:\([^)]+\)|\[[^\]]+\])", r"\1", written).split("\n"):
            assert _squeezed(re.sub(r"^\s*\d+\. ", "", line)) in shown, f"{path.name}: {line}"


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
        assert not re.search(r":(?:class|func|meth|attr|mod|data):`", other.text), name


@needs_docs
@pytest.mark.parametrize("name", ["docstrings", "settings"])
def test_the_examples_of_what_makes_the_pages(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "docs" / "making"))
    result = doctest.testmod(importlib.import_module(name))
    assert result.attempted and not result.failed


def test_links_lead_to_where_things_are_in_the_site(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "docs" / "making"))
    links = importlib.import_module("links")
    places = {
        "README.md": "index.md",
        "docs/settings.md": "settings.md",
        "docs/tutorials/3-into-service.md": "tutorials/3-into-service.md",
        "nmt/errors.py": "reference/nmt/errors.md",
        "nmt/layers": "reference/nmt/layers/index.md",
        "nmt train": "commands/train.md",
    }

    def made(text: str, file: str = "docs/tutorials/3-into-service.md") -> str:
        return links.linked(text, file, places, ROOT)

    assert made("[a](../settings.md#text) and [b](../../nmt/errors.py)") == (
        "[a](../settings.md#text) and [b](../reference/nmt/errors.md)"
    )
    assert made("[a](docs/settings.md), [b](./nmt/layers/)", "README.md") == (
        "[a](settings.md), [b](reference/nmt/layers/index.md)"
    )
    assert (
        made("[rooms](../../README.md#the-rooms), [here](#below)") == "[rooms](../index.md#the-rooms), [here](#below)"
    )
    assert made("`nmt/errors.py`, `nmt/layers/`, `nmt train --to m`, `nmt`") == (
        "[`nmt/errors.py`](../reference/nmt/errors.md), [`nmt/layers/`](../reference/nmt/layers/index.md), "
        "[`nmt train --to m`](../commands/train.md), `nmt`"
    )
    assert made("[`nmt/errors.py`](../../nmt/errors.py)") == "[`nmt/errors.py`](../reference/nmt/errors.md)"
    assert made("[c](https://example.org), [g](../../tests/), [l](../../LICENSE)") == "[c](https://example.org), g, l"
    assert made("`[a](b)` ``x`` ![p](q)") == "`[a](b)` ``x`` ![p](q)"
    assert made("```sh\nnmt train\n`nmt train`\n```") == "```sh\nnmt train\n`nmt train`\n```"
    with pytest.raises(ValueError, match=r"docs/tutorials/3-into-service.md links to nowhere.py"):
        made("[f](nowhere.py)")


def _squeezed(text: str) -> str:
    """Return the letters and digits of a text, without its marks and spaces."""
    return re.sub(r"[\W_]+", "", text)
