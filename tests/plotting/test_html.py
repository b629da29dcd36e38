"""The page stands alone, shows every number, and runs nothing but its own script."""

import base64
import hashlib
import io
import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from fontTools.ttLib import TTFont
from node import needs_node, run_node

from nmt.evaluation.alignment import WordAlignment
from nmt.plotting.html import alignment_page, served_page
from nmt.plotting.html import read as read_template

SMALL = WordAlignment(("나는", "밥을"), ("I", "rice"), np.array([[0.93, 0.02], [0.004, 0.62]]))
HOSTILE = [
    "<script>alert(1)</script>",
    "</script><script>x()",
    '"><img src=x onerror=x()>',
    "' onfocus='x()",
    "&lt;b&gt;",
    "{title}",
    "{{ title }}",
]
VOID = {"meta", "img", "br", "link", "input"}


class Reader(HTMLParser):
    """Keep the tags with their attributes, and the text of each kind of tag; tags must close in order."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self.open: list[str] = []
        self.feed(source)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.texts.setdefault(tag, []).append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open:
            self.texts[self.open[-1]][-1] += data

    def attributes(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def test_words_weights_and_scores_are_shown() -> None:
    shown = [("나는 밥을", SMALL, -1.234), ("둘", SMALL, None), ("셋", SMALL, -0.004)]
    read = Reader(alignment_page(shown, languages=("ko", "en")))
    assert read.texts["h2"] == ["나는 밥을", "둘", "셋"]
    assert read.texts["button"] == ["나는", "밥을", "I", "rice"] * 3
    assert read.texts["th"] == ["나는", "밥을", "I", "rice"] * 3
    assert [text for text in read.texts["td"] if text] == ["93", "2", "0", "62"] * 3
    assert [cell["style"] for cell in read.attributes("td") if cell][:2] == ["--w:0.930", "--w:0.020"]
    assert [text for text in read.texts["p"] if "log" in text] == ["log-probability -1.23", "log-probability 0.00"]


def test_a_page_says_whether_it_shows_links_or_what_a_decoder_attends_to() -> None:
    linked = Reader(alignment_page([("a", SMALL, None)], linker="the shifted attention"))
    assert "found by the shifted attention" in linked.texts["p"][0] and "link" in linked.texts["caption"][0]
    assert linked.attributes("button")[0]["aria-label"] == "나는 is linked to I 93 %"
    attended = Reader(alignment_page([("a", SMALL, None)]))
    assert "attends to" in attended.texts["p"][0] and "attention" in attended.texts["caption"][0]
    assert attended.attributes("button")[0]["aria-label"] == "나는 is attended to by I 93 %"


@needs_node
def test_a_page_shows_a_score_that_rounds_to_zero_without_a_sign() -> None:
    program = read_template("weights.js") + "console.log(...[-1.234, -0.004, 0, 2].map(decimals));"
    assert run_node(program) == "−1.23 0.00 0.00 2.00\n"


def test_the_file_needs_no_other() -> None:
    source = alignment_page([("나는 밥을", SMALL, None)])
    read = Reader(source)
    assert not {"link", "img", "iframe", "base"} & {tag for tag, _ in read.tags}
    assert not any({"src", "href", "srcset", "action"} & set(attributes) for _, attributes in read.tags)
    assert re.findall(r"url\((.{5})", source) == ["data:"]
    assert "@import" not in source
    # The namespace of SVG is a name, not an address that is asked.
    assert set(re.findall(r"https?://[^\"\s]+", source)) == {"http://www.w3.org/2000/svg"}


def test_the_policy_allows_the_script_of_the_page_alone() -> None:
    read = Reader(alignment_page([("a", SMALL, None)]))
    (script,) = read.texts["script"]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    (policy,) = [meta["content"] for meta in read.attributes("meta") if "http-equiv" in meta]
    assert policy == f"default-src 'none'; style-src 'unsafe-inline'; font-src data:; script-src 'sha256-{digest}'"


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_text(text: str) -> None:
    alignment = WordAlignment((text, "a"), ("b", text), np.full((2, 2), 0.5))
    plain = Reader(alignment_page([("x", WordAlignment(("x", "a"), ("b", "x"), np.full((2, 2), 0.5)), None)]))
    source = alignment_page([(text, alignment, None)], title=text, languages=(text, text))
    read = Reader(source)
    # Text changes no tag and adds no attribute.
    assert [(tag, sorted(attributes)) for tag, attributes in read.tags] == [
        (tag, sorted(attributes)) for tag, attributes in plain.tags
    ]
    assert read.texts["script"] == plain.texts["script"]
    assert read.texts["h1"] == read.texts["h2"] == read.texts["title"] == [text]
    assert read.texts["button"] == [text, "a", "b", text]
    assert read.attributes("button")[0]["aria-label"] == f"{text} is attended to by b 50 %, {text} 50 %"


def test_what_html_may_not_hold_is_replaced() -> None:
    source = alignment_page([("a\x00b", WordAlignment(("\ud800",), ("\x1b",), np.ones((1, 1))), None)])
    assert Reader(source).texts["h2"] == ["a�b"]
    source.encode("utf-8")
    assert not re.search("[\x00-\x09\x0b-\x1f]", source)


def test_each_word_can_be_reached_and_says_what_it_attends_to() -> None:
    read = Reader(alignment_page([("a", SMALL, None)]))
    buttons = read.attributes("button")
    assert [button["aria-label"] for button in buttons] == [
        "나는 is attended to by I 93 %",
        "밥을 is attended to by rice 62 %, I 2 %",
        "I attends to 나는 93 %, 밥을 2 %",
        "rice attends to 밥을 62 %",
    ]
    assert all(button["type"] == "button" and "tabindex" not in button for button in buttons)
    assert [head["scope"] for head in read.attributes("th")] == ["col", "col", "row", "row"]
    (section,) = read.attributes("section")
    assert section["aria-labelledby"] == read.attributes("h2")[0]["id"]


def test_languages_are_named() -> None:
    read = Reader(alignment_page([("a", SMALL, None)], languages=("ko", "en")))
    assert read.attributes("html")[0]["lang"] == "en"
    assert [button["lang"] for button in read.attributes("button")] == ["ko", "ko", "en", "en"]
    # Unknown ones are not taken for the page's English.
    assert {button["lang"] for button in Reader(alignment_page([("a", SMALL, None)])).attributes("button")} == {""}


def test_a_row_that_went_to_the_end_is_explained() -> None:
    assert "end of the sentence" in alignment_page([("a", SMALL, None)])
    whole = WordAlignment(("a",), ("b",), np.ones((1, 1)))
    assert "end of the sentence" not in alignment_page([("a", whole, None)])


def test_both_lights_and_a_narrow_screen() -> None:
    (style,) = Reader(alignment_page([])).texts["style"]
    assert "prefers-color-scheme: dark" in style
    assert "system-ui" in style
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in Reader(
        alignment_page([])
    ).attributes("meta")


@pytest.mark.parametrize(("source", "target"), [((), ()), ((), ("b",)), (("a",), ())])
def test_an_alignment_of_nothing(source: tuple[str, ...], target: tuple[str, ...]) -> None:
    read = Reader(alignment_page([("x", WordAlignment(source, target, np.zeros([len(target), len(source)])), None)]))
    assert read.texts.get("button", []) == [*source, *target]


def test_the_same_page_twice_and_a_hundred_words() -> None:
    words = tuple(f"단어{i}" for i in range(100))
    pairs = [("a", WordAlignment(words, words, np.eye(100)), None)]
    assert alignment_page(pairs) == alignment_page(pairs)
    assert len(alignment_page(pairs).encode()) < 600_000


def test_it_brings_its_hangul_along_and_nothing_more() -> None:
    made = alignment_page([("나는", SMALL, None)])
    (data,) = re.findall(r"url\(data:font/woff;base64,([^)]*)\)", made)
    assert set(TTFont(io.BytesIO(base64.b64decode(data))).getBestCmap()) == set(map(ord, "나는밥을"))
    assert len(data) < 20_000
    assert made == alignment_page([("나는", SMALL, None)])
    latin = WordAlignment(("ein",), ("a",), np.array([[1.0]]))
    assert "@font-face" not in alignment_page([("ein", latin, None)])


@pytest.mark.parametrize("text", HOSTILE)
def test_a_served_page_allows_its_own_style_and_script_alone(text: str) -> None:
    html, policy = served_page(
        "server",
        text,
        ["links.js", "weights.js", "server.js"],
        {"fixed": text},
        name=text,
        version=3,
        languages=[],
        sources=[],
        max_characters=100,
        suggestions=True,
    )
    read = Reader(html)
    data, script = read.texts["script"]
    assert json.loads(data) == {"fixed": text}
    assert read.texts["h1"] == read.texts["title"] == [text]
    for kind, content in (("style", read.texts["style"][0]), ("script", script)):
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy.split("; ")
    # Its server has the font; nothing else is loaded.
    assert re.findall(r"url\(([^)]*)\)", html) == ["hangul.ttf"]
    assert {attributes["href"] for attributes in read.attributes("link")} == {"data:,"}


def test_white_space_is_a_space_and_what_html_may_not_hold_is_replaced() -> None:
    text = "a\tb\r\nc\x85d\x1be\ud800f"
    assert Reader(alignment_page([], title=text)).texts["h1"] == ["a b  c d\ufffde\ufffdf"]


def test_a_page_in_a_browser_draws_its_lines_and_brings_out_a_word(tmp_path: Path) -> None:
    playwright = pytest.importorskip("playwright.sync_api", reason="needs a browser: pip install -e '.[browser]'")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    (tmp_path / "a.html").write_text(alignment_page([("a", SMALL, None), ("b", SMALL, None)]), encoding="utf-8")
    with playwright.sync_playwright() as started:
        try:
            browser = started.chromium.launch(executable_path=chromium)
        except playwright.Error:
            pytest.skip("needs a browser: pip install -e '.[browser]', then a Chromium: playwright install chromium")
        page, wrong = browser.new_page(), []
        page.on("console", lambda said: wrong.append(said.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto((tmp_path / "a.html").as_uri())
        # Of the weights 0.93, 0.02 and 0.62 two are large enough for a line.
        assert page.locator("path").count() == 2 * 2
        first, second = page.locator("section").all()
        first.locator(".row").nth(1).locator("button").first.hover()
        assert first.locator(".said").inner_text() == "I attends to 나는 93 %, 밥을 2 %"
        assert (first.locator("path.on").count(), second.locator(".on").count()) == (1, 0)
        second.locator("thead th").nth(1).hover()
        assert second.locator(".said").inner_text() == "밥을 is attended to by rice 62 %, I 2 %"
        second.locator("button").first.focus()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowRight")
        assert second.locator(".said").inner_text() == "rice attends to 밥을 62 %"
        browser.close()
    assert wrong == []
