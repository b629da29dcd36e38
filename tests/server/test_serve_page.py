"""The page in a browser: typed at, pointed at, gone through by keyboard, on a narrow screen, in the dark."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chromium import open_chromium
from servers import Serving, export, serving, tiny_model

playwright = pytest.importorskip("playwright.sync_api", reason="needs a browser: pip install -e '.[browser]'")
SENTENCE = "나는 밥을 먹었다"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("page")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Serving]:
    # Long enough to write words: what has none has no links.
    model = tiny_model(folder / "ko-en", "--set", "training.epochs=30", "--set", "training.early_stopping=30")
    with serving(f"ko-en={model}", folder / "news", "--suggestions", folder / "kept") as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with open_chromium() as opened:
        yield opened


@pytest.fixture
def page(browser: Any, server: Serving) -> Iterator[Any]:
    yield from opened(browser, server.url)


def opened(browser: Any, url: str, **settings: Any) -> Iterator[Any]:
    """Open the page; it must complain of nothing and ask nobody but its server."""
    context = browser.new_context(**settings)
    page = context.new_page()
    wrong: list[str] = []
    page.on("console", lambda said: wrong.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda asked: wrong.append(asked.url) if not asked.url.startswith((url, "data:")) else None)
    page.goto(url)
    yield page
    context.close()
    assert wrong == []


def typed(page: Any, text: str = SENTENCE) -> Any:
    """Type a text and wait for its alignment."""
    page.get_by_label("Text").fill(text)
    page.locator("#alignment").wait_for(timeout=60_000)
    return page


def words(page: Any, side: int) -> Any:
    return page.locator(".links .row").nth(side).locator("button")


def test_what_is_typed_is_translated_while_typing(page: Any, server: Serving) -> None:
    wanted = server.ask("POST", "/page/translate", {"text": SENTENCE})[2]["sentences"][0]["translations"][0]
    page.get_by_label("Text").press_sequentially(SENTENCE, delay=20)
    playwright.expect(page.locator("#result")).to_have_text(wanted["text"], timeout=60_000)
    assert words(page, 0).all_inner_texts() == SENTENCE.split()
    assert words(page, 1).all_inner_texts() == wanted["target"]
    cells = [[round(100 * weight) for weight in row] for row in wanted["weights"]]
    rows = page.locator("tbody tr").all()
    assert [[int(cell) for cell in row.locator("td").all_inner_texts()] for row in rows] == cells
    page.get_by_label("Text").fill("")
    playwright.expect(page.locator("#alignment")).to_be_hidden()
    assert page.locator("#result").inner_text() == ""


def test_each_line_has_its_own_translation_and_alignment(page: Any, server: Serving) -> None:
    lines = [SENTENCE, "", "그들은 고기를 샀다"]
    found = server.ask("POST", "/page/translate", {"text": "\n".join(lines)})[2]["sentences"]
    typed(page, "\n".join(lines))
    chosen = page.locator("#result [role=button]")
    assert chosen.all_inner_texts() == [each["translations"][0]["text"] for each in found if each["translations"]]
    assert words(page, 0).all_inner_texts() == lines[0].split()
    chosen.nth(1).click()
    assert words(page, 0).all_inner_texts() == lines[2].split()
    assert words(page, 1).all_inner_texts() == found[2]["translations"][0]["target"]
    assert chosen.nth(1).get_attribute("aria-pressed") == "true"
    chosen.nth(0).press("Enter")  # a keyboard does the same
    assert words(page, 0).all_inner_texts() == lines[0].split()
    assert [each.get_attribute("aria-pressed") for each in chosen.all()] == ["true", "false"]


def test_a_document_is_translated_sentence_by_sentence(page: Any, server: Serving) -> None:
    """Its lines and bullets stay, it can be copied, and downloaded; nothing of it is remembered."""
    sentences = ["나는 밥을 먹었다.", "너는 빵을 샀다!", "그들은 고기를 샀다", "우리는 밥을 보았다"]
    document = f"{sentences[0]} {sentences[1]}\n\n - {sentences[2]}\n - {sentences[3]}\n"
    found = server.ask("POST", "/page/translate", {"text": "\n".join(sentences)})[2]["sentences"]
    one, two, three, four = (each["translations"][0]["text"] for each in found)
    page.get_by_label("Text").fill(document)
    save = page.get_by_role("button", name="Download")
    playwright.expect(save).to_be_enabled(timeout=60_000)
    assert page.locator("#result [role=button]").all_inner_texts() == [one, two, three, four]
    with page.expect_download() as waiting:
        save.click()
    assert Path(waiting.value.path()).read_text(encoding="utf-8") == f"{one} {two}\n\n - {three}\n - {four}\n"
    page.locator("#result [role=button]").nth(2).click()
    assert page.locator("#of").inner_text() == " of sentence 3"
    assert words(page, 0).all_inner_texts() == sentences[2].split()
    assert page.evaluate("[localStorage.length, sessionStorage.length, document.cookie]") == [0, 0, ""]


def test_a_better_translation_is_suggested(page: Any, folder: Path) -> None:
    typed(page, f"{SENTENCE}.\n너는 빵을 샀다.")
    better = page.get_by_label("A better translation")
    assert better.input_value() == page.locator("#result [role=button]").first.inner_text()
    better.fill("I ate\trice")
    page.get_by_role("button", name="Suggest it").click()
    playwright.expect(page.locator("#suggested")).to_have_text("Thank you, it is kept.")
    assert (folder / "kept/ko-en.tsv").read_text(encoding="utf-8") == f"{SENTENCE}.\tI ate rice\n"
    page.locator("#result [role=button]").nth(1).click()
    assert better.input_value() == page.locator("#result [role=button]").nth(1).inner_text()
    assert page.locator("#suggested").inner_text() == ""


def test_a_sentence_that_is_too_long_is_cut_and_translated_to_its_end(page: Any) -> None:
    page.get_by_label("Text").fill(f"{'나는 밥을 먹었다, ' * 60}끝")
    playwright.expect(page.get_by_role("button", name="Copy")).to_be_enabled(timeout=60_000)
    assert page.locator("#result [role=button]").count() > 1
    assert "was cut into parts" in page.locator("#state").inner_text()


@pytest.fixture(scope="module")
def two_ways(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """What writes in capitals, from right to left, for two ways between languages."""
    place = tmp_path_factory.mktemp("two-ways")
    export(place / "upper" / "1")
    first, *others = [f"{way}={place / 'upper'}" for way in ("ko-en", "en-ko")]
    with serving(first, place / "news", *others, "--trust") as running:
        yield running


def test_a_text_without_a_word_stays_as_it_is(browser: Any, two_ways: Serving) -> None:
    for page in opened(browser, two_ways.url):
        page.get_by_label("Text").fill("???\n👍")
        playwright.expect(page.get_by_role("button", name="Copy")).to_be_enabled(timeout=60_000)
        assert page.locator("#result").inner_text() == "???\n👍"


def chosen_languages(page: Any) -> list[str]:
    return [page.locator(f"#{name}").input_value() for name in ("from", "into")]


def answer_nothing(route: Any) -> None:
    """Let a request of the page wait."""


def answer_the_first_sentence(route: Any) -> None:
    if "one" in route.request.post_data:
        route.continue_()


def test_swapping_the_languages_loses_nothing_of_the_text(browser: Any, two_ways: Serving) -> None:
    for page in opened(browser, two_ways.url):
        text, copy = page.get_by_label("Text"), page.get_by_role("button", name="Copy")
        swap = page.get_by_role("button", name="Swap the languages")
        page.locator("#from").select_option("en")
        # Only the first sentence is translated so far.
        page.route("**/page/translate", answer_the_first_sentence)
        text.fill("one two. three four.")
        playwright.expect(page.locator("#state")).to_have_text("Translating … 1 of 2", timeout=60_000)
        swap.click()
        assert text.input_value() == "one two. three four." and chosen_languages(page) == ["ko", "en"]
        page.unroute("**/page/translate")
        text.fill("one two. three four.")
        playwright.expect(copy).to_be_enabled(timeout=60_000)
        # The text has become another one, whose translation does not come.
        page.route("**/page/sentences", answer_nothing)
        text.fill("one two. three four. five six.")
        assert copy.is_disabled() and page.get_by_role("button", name="Download").is_disabled()
        swap.click()
        assert text.input_value() == "one two. three four. five six." and chosen_languages(page) == ["en", "ko"]
        page.unroute("**/page/sentences")
        text.fill("one two. three four.")
        playwright.expect(copy).to_be_enabled(timeout=60_000)
        swap.click()
        assert text.input_value() == "TWO. ONE FOUR. THREE" and chosen_languages(page) == ["ko", "en"]


@pytest.mark.parametrize("text", ["我吃了。 他睡了。", "我吃了。他睡了。"])
def test_a_script_without_spaces_gets_none_between_its_sentences(browser: Any, two_ways: Serving, text: str) -> None:
    for page in opened(browser, two_ways.url):
        page.get_by_label("Text").fill(text)
        playwright.expect(page.get_by_role("button", name="Copy")).to_be_enabled(timeout=60_000)
        assert page.locator("#result [role=button]").all_inner_texts() == ["我吃了。", "他睡了。"]
        assert page.locator("#result").inner_text() == "我吃了。他睡了。"


def test_a_token_that_no_browser_can_send_is_refused(
    browser: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export(tmp_path / "upper" / "1")
    monkeypatch.setenv("NMT_TOKEN", "a-secret")
    with serving(tmp_path / "upper", tmp_path / "news", "--trust") as server:
        page = browser.new_page()
        page.goto(server.url)
        page.get_by_label("Text").fill("one")
        token = page.get_by_label("This server needs its token")
        token.fill("비밀-a-secret")
        token.press("Enter")
        playwright.expect(page.get_by_role("alert")).to_contain_text("A token has letters from A to Z")
        assert page.evaluate("sessionStorage.length") == 0
        token.fill("a-secret")
        token.press("Enter")
        playwright.expect(page.locator("#result")).to_have_text("ONE", timeout=60_000)
        page.close()


def test_pointing_at_a_word_brings_out_its_links_and_cells(page: Any) -> None:
    typed(page)
    words(page, 1).first.hover()
    said = words(page, 1).first.get_attribute("aria-label")
    assert page.locator(".said").inner_text() == said and " is aligned with " in said
    assert page.locator("path.on").count() >= 1
    assert page.locator("tbody td.on").count() == 3
    assert page.locator("[data-share]").count() >= 1
    page.locator("thead th").nth(1).hover()
    assert "밥을 is aligned with" in page.locator(".said").inner_text()
    page.locator("h1").hover()
    assert page.locator(".on").count() == 0
    # A line joins the middles of two words.
    line = page.locator("path").first.evaluate("line => line.getBBox().height")
    assert line == pytest.approx(80, abs=2)


def test_by_keyboard_alone(page: Any) -> None:
    playwright.expect(page.get_by_label("Text")).to_be_focused()
    page.keyboard.type(SENTENCE)
    page.locator("#alignment").wait_for(timeout=60_000)
    for _ in range(12):
        page.keyboard.press("Tab")
        if words(page, 0).first.evaluate("word => word === document.activeElement"):
            break
    assert "나는 is aligned with" in page.locator(".said").inner_text()
    page.keyboard.press("ArrowRight")
    assert "밥을 is aligned with" in page.locator(".said").inner_text()
    page.keyboard.press("ArrowDown")
    assert " is aligned with " in page.locator(".said").inner_text()


def test_several_translations_each_with_its_alignment(page: Any, server: Serving) -> None:
    page.get_by_label("beam", exact=True).check()
    page.get_by_label("beam size").fill("3")
    page.get_by_label("length penalty").fill("1")
    typed(page)
    asked = {"text": SENTENCE, "how": "beam", "beam": 3, "length_penalty": 1}
    wanted = server.ask("POST", "/page/translate", asked)[2]["sentences"][0]["translations"]
    playwright.expect(page.locator("#list .words")).to_have_text([each["text"] for each in wanted], timeout=60_000)
    second = page.locator("#list button").nth(1)
    assert f"{-wanted[1]['score']:.2f}" in second.inner_text()
    second.click()
    assert second.get_attribute("aria-pressed") == "true"
    assert words(page, 1).all_inner_texts() == wanted[1]["target"]


def test_sampling_draws_again(page: Any) -> None:
    page.get_by_label("sampling").check()
    page.get_by_label("temperature").fill("2")
    typed(page)
    before = page.locator("#list").inner_text()
    page.get_by_role("button", name="Draw again").click()
    playwright.expect(page.locator("#list")).not_to_have_text(before, use_inner_text=True, timeout=60_000)
    page.get_by_label("temperature").fill("9")
    playwright.expect(page.get_by_role("alert")).to_have_text("temperature: a number from 0.1 to 2, in steps of 0.1.")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_narrow_screen_in_both_lights(browser: Any, server: Serving, scheme: str) -> None:
    for page in opened(browser, server.url, viewport={"width": 360, "height": 700}, color_scheme=scheme):
        typed(page, "우리는 고기를 보았다 " * 6)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert ground == {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 23, 27)"}[scheme]


def test_hangul_is_letters_and_no_boxes(page: Any) -> None:
    typed(page)
    # Boxes are all alike, letters are not.
    wide = """letters => {
      const pen = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
      pen.font = "32px " + getComputedStyle(document.body).fontFamily;
      return letters.map(letter => {
        pen.clearRect(0, 0, 60, 60);
        pen.fillText(letter, 5, 40);
        return pen.getImageData(0, 0, 60, 60).data.join();
      });
    }"""
    assert len(set(page.evaluate(wide, ["밥", "빵", "국"]))) == 3


def test_markup_is_text(page: Any) -> None:
    typed(page, "<img src=x onerror=alert(1)> 밥을")
    assert "<img" in words(page, 0).all_inner_texts()
    assert page.locator("img").count() == 0


def test_an_export_cannot_be_searched_otherwise_and_says_why(browser: Any, tmp_path: Path) -> None:
    export(tmp_path / "upper" / "1")
    with serving(tmp_path / "upper", tmp_path / "news", "--trust") as server:
        for page in opened(browser, server.url):
            assert page.get_by_label("greedy").is_disabled()
            assert "was fixed when this export was written" in page.locator("#fixed").inner_text()
            typed(page, "one two")
            assert page.locator("#list .words").all_inner_texts() == ["TWO ONE", "SECOND"]
            page.locator("#list button").nth(1).click()
            assert "alignment of the best translation only" in page.locator("#unaligned").inner_text()


def test_a_server_that_has_gone_is_told(browser: Any, tmp_path: Path) -> None:
    export(tmp_path / "upper" / "1")
    with serving(tmp_path / "upper", tmp_path / "news", "--trust") as server:
        page = browser.new_page()
        page.goto(server.url)
        assert server.stop() == 0
        page.get_by_label("Text").fill("one")
        playwright.expect(page.get_by_role("alert")).to_have_text("The server does not answer. Is it still running?")
        page.close()
