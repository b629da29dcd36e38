"""A page translates as the translator does: its model in Python, the whole of it in Node and in a browser."""

import base64
import json
import re
import shutil
import threading
from collections.abc import Iterator
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from chromium import open_chromium
from exported import TEXTS, trained
from node import needs_node, run_node

from nmt.config import Decoding
from nmt.errors import InputError, WorkFailed
from nmt.export import web, web_check, web_model, web_runtime
from nmt.export.web_runtime import CORE, Runtime, read_runtime
from nmt.inference.translator import Translator

SEARCH = {"beam": 3, "n_best": 2, "length_penalty": 1.0, "max_length": 30}
# What npm says where there is no network, or no way through it.
UNREACHABLE = re.compile(r"ENOTFOUND|EAI_AGAIN|ECONN|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|E403|E50\d|Is there a network")
MARKED = ["나는 <b>밥을</b> 먹었다<br>", "<i>나는</i> {name} 먹었다 &amp; 42", "<b>나는", "{x}"]
CARD = "# a card <b>\n\n- **one**: line"


@pytest.fixture(scope="module")
def translator(tmp_path_factory: pytest.TempPathFactory) -> Translator:
    return trained(tmp_path_factory.mktemp("trained"))


@pytest.fixture(scope="module")
def settings(translator: Translator) -> Decoding:
    return translator.decoding(**SEARCH)


@pytest.fixture(scope="module")
def model(translator: Translator, settings: Decoding) -> bytes:
    return web_model.convert(translator, settings, "none")


@pytest.fixture(scope="module")
def runtime() -> Runtime:
    try:
        return read_runtime()
    except InputError as error:
        if shutil.which("npm") is None or UNREACHABLE.search(str(error)):
            pytest.skip(str(error))
        raise


@pytest.fixture(scope="module")
def pages(
    translator: Translator,
    settings: Decoding,
    model: bytes,
    runtime: Runtime,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, Path]:
    """The folder and the single file."""
    place = tmp_path_factory.mktemp("pages")
    about = web.About("toy", ("ko", "en"), CARD, "BLEU 1.23")
    described = web.contents(model, translator=translator, settings=settings, quantize="none", about=about)
    web.write_folder(
        place / "toy-web",
        model=model,
        tokenizers=translator.tokenizers,
        described=described,
        runtime=runtime,
        about=about,
    )
    web.write_single(
        place / "toy.html",
        model=model,
        tokenizers=translator.tokenizers,
        described=described,
        runtime=runtime,
        about=about,
    )
    return place / "toy-web", place / "toy.html"


def test_every_signature_translates_as_the_translator_does(
    translator: Translator, settings: Decoding, model: bytes
) -> None:
    runner = web_model.Runner(model, web_model.signatures(settings))
    for text, expected in zip(TEXTS, translator.hypotheses(TEXTS, **SEARCH), strict=True):
        ids = translator.tokenizers.source.ids(text)[: settings.max_length]
        for signature in web_model.signatures(settings):
            if not ids or len(ids) >= signature.reads:
                continue
            outputs = runner.search(ids, signature)
            best, length = expected[0], int(outputs["lengths"][0])
            assert web_check.spelt(translator.tokenizers, outputs) == best.text
            assert outputs["scores"][0] == pytest.approx(best.score, abs=1e-4)
            assert bool(outputs["unfinished"][0]) == best.unfinished
            np.testing.assert_allclose(outputs["alignment"][0, :length, : len(ids) + 1], best.alignment, atol=1e-4)
            scores = outputs["token_scores"][0, : len(best.token_scores)]
            np.testing.assert_allclose(scores, best.token_scores, atol=1e-4)


def test_what_translates_otherwise_is_not_written(
    translator: Translator, settings: Decoding, model: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_check, "_TEXTS", (23, 5))
    checked = web_check.check_signatures(model, translator=translator, settings=settings, quantize="none", given=TEXTS)
    assert checked.compared == 28 and checked.loss < 0.001
    outputs = web_model.Runner.search

    def other(runner: web_model.Runner, ids: list[int], signature: Any = None) -> dict[str, np.ndarray]:
        found = outputs(runner, ids, signature)
        return {**found, "lengths": np.minimum(found["lengths"], 1)}

    monkeypatch.setattr(web_model.Runner, "search", other)
    with pytest.raises(WorkFailed, match="translates worse than the model"):
        web_check.check_signatures(model, translator=translator, settings=settings, quantize="none", given=TEXTS)

    def surer(*given: Any) -> dict[str, np.ndarray]:
        found = outputs(*given)
        return {**found, "token_scores": found["token_scores"] / 2}

    monkeypatch.setattr(web_model.Runner, "search", surer)
    with pytest.raises(WorkFailed, match=r"translate_17 .* scores a piece of a long text"):
        web_check.check_signatures(model, translator=translator, settings=settings, quantize="none", given=TEXTS)
    monkeypatch.setattr(
        web_model.Runner,
        "search",
        lambda *given: {**outputs(*given), "alignment": np.zeros([3, 30, 31], np.float32)},
    )
    with pytest.raises(WorkFailed, match=r"translate_17 .* does not work"):
        web_check.check_signatures(model, translator=translator, settings=settings, quantize="none", given=TEXTS)


def test_outputs_have_room_for_the_longest_translation() -> None:
    # ceil(3 * 16) + 10 = 58; what is shorter than min_length needs one more for its end.
    assert [each.writes for each in web_model.signatures(Decoding(max_length=200))] == [58, 200, 200]
    assert [each.reads for each in web_model.signatures(Decoding(max_length=16))] == [17]
    assert web_model.signatures(Decoding(max_length=90, min_length=70))[0].writes == 71


def test_the_score_of_the_file_itself(
    translator: Translator, settings: Decoding, model: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    scored: list[list[str]] = []
    judge = web_check.score
    monkeypatch.setattr(web_check, "score", lambda found, wanted: scored.append(found) or judge(found, wanted))
    pairs = [(text, "I ate rice today") for text in [*TEXTS[:8], "나는 " * 99, ""]]
    found = web_check.quality(model, translator, settings, pairs)
    own = [each.text for each in translator.translate([text for text, _ in pairs], **SEARCH)]
    assert scored == [own, own] and own[-1] == ""
    assert (found.pairs, found.cut, found.name, found.score) == (10, 1, "BLEU", found.translator)
    # BLEU counts runs of four words.
    found = web_check.quality(model, translator, settings, [(text, "I ate") for text in TEXTS[:2]])
    assert (found.name, found.score) == ("chrF", found.translator) and found.signature.startswith("nrefs:1|case")


IN_NODE = """
import { readFileSync } from "node:fs";
const { Translator } = await import(process.argv[2]);
const translator = await Translator.load();
const found = [];
for (const text of JSON.parse(readFileSync(process.argv[3], "utf-8"))) {
  const { parts } = await translator.translate(text);
  found.push(parts.map(({ source, translations }) => [source, translations.map((one) => ({
    ...one, alignment: one.alignment.map((row) => [...row]),
  }))]));
}
const marked = [];
for (const text of JSON.parse(process.argv[4])) {
  const one = await translator.translateMarked(text);
  marked.push([one.text, one.broken]);
}
const [{ source: word }] = (await translator.translate("나는 밥을 먹었다")).parts;
const [first] = (await translator.translate(word)).parts;
const glossary = `${word.split(" ")[0]}\tQuabble`;
const [changed] = (await translator.translate(word, { glossary })).parts;
const wrong = await translator.translate(word, { glossary: "밥" }).catch((error) => error.message);
const stopped = new AbortController();
const asked = translator.translate("나는 밥을 먹었다", { signal: stopped.signal });
stopped.abort();
const reason = await asked.catch((error) => error.name);
translator.close();
const terms = [first.translations.length, changed.translations[0].text, changed.missing, wrong];
console.log(JSON.stringify({ found, reason, marked, terms }));
"""


@needs_node
def test_in_node_every_text_is_translated_as_by_the_translator(
    pages: tuple[Path, Path], translator: Translator, tmp_path: Path
) -> None:
    texts = tmp_path / "texts.json"
    texts.write_text(json.dumps(TEXTS), encoding="utf-8")
    answer = json.loads(run_node(IN_NODE, pages[0] / "translate.mjs", texts, json.dumps(MARKED)))
    assert answer["reason"] == "AbortError"
    found = translator.translate_marked(MARKED, **SEARCH)
    assert answer["marked"] == [[each.text, each.broken] for each in found]
    # Either its words gave way to the term, or the term is named.
    several, text, missing, wrong = answer["terms"]
    assert several and ("Quabble" in text) == (not missing) and wrong.startswith("line 1 of the glossary: write a term")
    for text, parts, best in zip(TEXTS, answer["found"], translator.hypotheses(TEXTS, **SEARCH), strict=True):
        if len(translator.tokenizers.source.ids(text)) > 30:
            assert "".join(source for source, _ in parts) == text and len(parts) > 1
            continue
        found = parts[0][1] if parts else []
        expected = [each for each in best if each.source_tokens]
        assert [each["text"] for each in found] == [each.text for each in expected]
        for one, other in zip(found, expected, strict=True):
            assert (one["tokens"], one["sourceTokens"]) == ([*other.tokens], [*other.source_tokens])
            assert (one["unfinished"], one["sourceTruncated"]) == (other.unfinished, other.source_truncated)
            assert (one["score"], one["rank"]) == pytest.approx((other.score, other.rank), abs=1e-3)
            np.testing.assert_allclose(one["alignment"], other.alignment, atol=1e-3)
            words = other.words()
            assert (one["sourceWords"]["words"], one["targetWords"]["words"]) == ([*words.source], [*words.target])
            np.testing.assert_allclose(one["wordWeights"], words.weights, atol=1e-3)


ENDED = """
const { Translator } = await import(process.argv[2]);
process.chdir(process.argv[3]);
const said = [];
const failed = (error) => said.push(error.message);
const translator = await Translator.load("whole");
const asked = translator.translate("나는").catch(failed);
translator.close();
await asked;
await translator.translate("나는").catch(failed);
await Translator.load("damaged").catch(failed);
console.log(JSON.stringify(said));
"""


@needs_node
def test_in_node_calls_after_the_end_fail_and_the_program_ends(pages: tuple[Path, Path], tmp_path: Path) -> None:
    place = tmp_path / "a#b %20?c"
    place.mkdir()
    shutil.copytree(pages[0], place / "whole")
    shutil.copytree(pages[0], place / "damaged")
    (place / "damaged" / "model.tflite").write_bytes(b"TFL3")
    said = json.loads(run_node(ENDED, pages[0] / "translate.mjs", place))
    assert said == ["the translator was closed"] * 2 + ["model.tflite is damaged"]


IN_ENGINE = """
const browser = process.argv[2];
const { Engine } = await import(`${browser}/engine.mjs`);
const { passages } = await import(`${browser}/passages.mjs`);
const { readFileSync } = await import("node:fs");
const model = readFileSync(process.argv[3]);
const contents = { n_best: 1, aligned: true, model: "model.tflite", source: "m", target: "m", files: {}, signatures: [
  { name: "translate_5", reads: 5, writes: 3, hypotheses: 1 },
] };
const good = { lengths: [2], scores: [-1], unfinished: [0], tokens: [5, 6, 0], token_scores: [-0.5, -0.25, -0.25],
  alignment: [0.5, 0.5, 0, 0, 0, 0.25, 0.75, 0, 0, 0, 0, 0, 0, 0, 0] };
const tensor = (values) => ({ toTypedArray: () => Float32Array.from(values), delete() {} });
const answer = async (changes, complaint) => {
  const complaints = [];
  class Tensor { delete() {} }
  const outputs = Object.entries({ ...good, ...changes }).map(([name, values]) => [name, tensor(values)]);
  const run = async () => { if (complaint) complaints.push(complaint); return Object.fromEntries(outputs); };
  const runtime = { complaints, Tensor, load: async () => ({ run }) };
  const engine = await Engine.start(contents, { m: model, "model.tflite": model }, runtime);
  return engine.translate("나").then(([one]) => one.tokens.length, (error) => error.message);
};
const damaged = await Engine.start({ ...contents, files: { m: { size: model.length, crc32: 1 } } }, { m: model }, {})
  .catch((error) => error.message);
const missing = await Engine.start({ ...contents, files: { m: { size: 1, crc32: 1 } } }, {}, {})
  .catch((error) => error.message);
const fits = (text) => text.length <= 12;
console.log(JSON.stringify({
  good: await answer({}),
  wrong: [await answer({ lengths: [9] }), await answer({ scores: [NaN] }), await answer({ tokens: [5, 3, 0] }),
    await answer({ tokens: [5, 99999, 0] }), await answer({ token_scores: [1, 0, 0] }),
    await answer({ alignment: new Array(15).fill(0) }), await answer({ alignment: new Array(15).fill(NaN) }),
    await answer({ tokens: [5] }), await answer({}, "ERROR: Node 3 failed to invoke")],
  damaged, missing,
  whole: passages("I ate. He ate.", () => true).map(({ text }) => text),
  sentences: passages("I ate. He ate.", () => true, true),
  mixed: passages("I ate. All of us ate rice. He ate.", fits, true).map(({ text, cut }) => [text.trim(), cut]),
  cut: ["I ate rice. He ate.", "I ate, he ate, all", "all of us ate rice", "abcdefghijklmnopqrst", "  "]
    .map((line) => passages(line, fits).map(({ text }) => text)),
}));
"""


@needs_node
def test_nothing_is_shown_of_a_run_that_failed_and_long_texts_are_cut_at_their_joints(
    translator: Translator, tmp_path: Path
) -> None:
    from nmt import browser

    (tmp_path / "m").write_bytes(translator.tokenizers.source.model)
    answer = json.loads(run_node(IN_ENGINE, browser.path(""), tmp_path / "m"))
    assert answer["good"] == 2
    assert all("the run failed" in said or "failed to invoke" in said for said in answer["wrong"])
    assert (answer["damaged"], answer["missing"]) == ("m is damaged", "m is missing")
    assert answer["whole"] == ["I ate. He ate."]
    assert [(part["text"].strip(), part["cut"]) for part in answer["sentences"]] == [
        ("I ate.", False),
        ("He ate.", False),
    ]
    assert answer["mixed"] == [["I ate.", False], ["All of us", True], ["ate rice.", True], ["He ate.", False]]
    cut = [[part.strip() for part in parts] for parts in answer["cut"]]
    assert cut[0] == ["I ate rice.", "He ate."]
    assert cut[1] == ["I ate,", "he ate, all"]
    assert cut[2:] == [["all of us", "ate rice"], ["abcdefghij", "klmnopqrst"], []]


class Asked(HTMLParser):
    """The addresses that the elements of a page name."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "data", "action")]


def test_the_page_holds_all_that_it_needs(pages: tuple[Path, Path]) -> None:
    folder, single = pages
    tokenizers = {path.name for path in folder.glob("*.spm.model")}
    assert tokenizers
    assert {path.name for path in folder.iterdir()} - tokenizers == {
        "index.html", "worker.js", "translate.mjs", "translate.d.mts", "model.json", "model.tflite", "litert.wasm",
        "card.md", "licenses.txt",
    }  # fmt: skip
    html = single.read_text(encoding="utf-8")
    assert "# a card &lt;b&gt;\n\n- **one**: line\n</pre>" in html
    asked = Asked()
    asked.feed(html)
    assert asked.addresses == ["data:,"]
    assert "connect-src" not in html.split("</head>")[0]
    licenses = (folder / "licenses.txt").read_text(encoding="utf-8")
    assert (
        "Apache License" in licenses
        and CORE.version in licenses
        and "XNNPACK" in licenses
        and "Flatbuffers" in licenses
    )


def test_a_runtime_that_is_not_the_known_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"npm pack @litertjs/core@2\.5\.3"):
        read_runtime(tmp_path)
    (tmp_path / CORE.archive).write_bytes(b"another")
    with pytest.raises(InputError, match="its checksum is another one"):
        read_runtime(tmp_path)
    assert len(base64.b64decode(CORE.integrity)) == 64


def test_only_the_error_code_of_npm_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    npm = tmp_path / "npm"
    npm.write_text("#!/bin/sh\necho 'npm error code E404\nnpm error 404 https://secret.example' >&2\nexit 1\n")
    npm.chmod(0o755)
    monkeypatch.setattr(web_runtime, "cache", lambda: tmp_path / "cache")
    monkeypatch.setattr(web_runtime.shutil, "which", lambda name: str(npm))
    with pytest.raises(InputError, match=r"could not bring @litertjs/core@2\.5\.3: E404\. Without") as found:
        read_runtime()
    assert "secret" not in str(found.value)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with open_chromium() as opened:
        yield opened


class Opened:
    """A page in a browser: it may complain of nothing and ask nobody but its own server."""

    def __init__(self, browser: Any, address: str, **settings: Any) -> None:
        self.context = browser.new_context(accept_downloads=True, **settings)
        self.page = self.context.new_page()
        self.wrong: list[str] = []
        self.page.on("console", lambda said: self.wrong.append(said.text))
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        allowed = ("data:", "blob:", address.rsplit("/", 1)[0] + "/" if address.startswith("http") else address)
        self.page.on("request", lambda asked: asked.url.startswith(allowed) or self.wrong.append(asked.url))
        self.page.goto(address)

    def translated(self, text: str) -> str:
        self.page.locator("#text").fill(text)
        self.page.wait_for_function(
            "() => !document.querySelector('.result.old') && !document.querySelector('#stop:not([hidden])')"
        )
        self.page.locator("#result > *").first.wait_for()
        return self.page.locator("#result").inner_text()

    def close(self) -> None:
        self.context.close()
        assert self.wrong == []


def test_in_a_browser_one_file_translates_from_disk_and_asks_nobody(
    chromium: Any, pages: tuple[Path, Path], translator: Translator, tmp_path: Path
) -> None:
    opened = Opened(chromium, pages[1].as_uri(), locale="ko-KR", viewport={"width": 360, "height": 800})
    page = opened.page
    sentence = TEXTS[0]
    best = translator.hypotheses([sentence], **SEARCH)[0]
    assert opened.translated(sentence) == best[0].text
    assert page.locator("#list .words").all_inner_texts() == [each.text for each in best]
    assert page.locator("#alignment .row").nth(1).locator("button").all_inner_texts() == [*best[0].words().target]
    page.locator("#alignment .row button").first.focus()
    assert page.locator("#alignment .near, #alignment .on").count() > 1
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.locator("html").get_attribute("lang") == "ko"
    page.locator("#tongue").select_option("en")
    assert page.locator("#alignment-title").inner_text() == "Alignment of each word"
    # A document, sentence by sentence.
    document = tmp_path / "text.txt"
    document.write_text("\n".join([*TEXTS[:5], "", f"{TEXTS[5]}. {TEXTS[6]}."]), encoding="utf-8")
    page.locator("#file").set_input_files(document)
    page.wait_for_function("() => document.querySelectorAll('#result > button').length === 7")
    with page.expect_download() as saved:
        page.locator("#save").click()
    lines = Path(saved.value.path()).read_text(encoding="utf-8").split("\n")
    assert lines[:6] == [*(each.text for each in translator.translate(TEXTS[:5], **SEARCH)), ""] and len(lines) == 8
    # The last line break of a file is there once, and what was cut is told of a file, too.
    document.write_text(f"{TEXTS[0]}\n{'나는 ' * 99}\n", encoding="utf-8")
    page.locator("#file").set_input_files(document)
    page.wait_for_function("() => document.querySelector('#state').innerText.includes('longer than the model reads')")
    with page.expect_download() as saved:
        page.locator("#save").click()
    written = Path(saved.value.path()).read_text(encoding="utf-8")
    assert written.startswith(f"{best[0].text}\n") and written.endswith("\n") and written.count("\n") == 2
    (tmp_path / "latin.txt").write_bytes(b"\xff\xfe")
    page.locator("#file").set_input_files(tmp_path / "latin.txt")
    assert "latin.txt is not a text" in page.locator("#failed").inner_text()
    # Tags, and a glossary that has a mistake.
    page.locator("#tags").check()
    page.locator("#text").fill(MARKED[0])
    wanted = translator.translate_marked(MARKED[:1], **SEARCH)[0].text
    page.wait_for_function("(wanted) => document.querySelector('#result').innerText === wanted", arg=wanted)
    page.locator("#sentences").uncheck()
    page.locator("#text").fill(f"<b>{TEXTS[0]}.</b> " * 40)
    page.wait_for_function("() => document.querySelector('#state').innerText.includes('longer than the model reads')")
    page.locator("#text").fill(MARKED[0])
    page.locator("#glossary summary").click()
    page.locator("#terms").fill("밥")
    page.locator("#failed:visible").wait_for()
    assert "line 1 of the glossary" in page.locator("#failed").inner_text()
    # A second tab has a translator of its own.
    second = Opened(chromium, pages[1].as_uri())
    assert second.translated(sentence) == best[0].text
    second.close()
    opened.close()


class Quiet(SimpleHTTPRequestHandler):
    """A static host that keeps no log."""

    def log_message(self, *said: Any) -> None: ...


def test_in_a_browser_the_folder_translates_from_any_static_host(
    chromium: Any, pages: tuple[Path, Path], translator: Translator
) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(pages[0]))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        opened = Opened(chromium, f"http://127.0.0.1:{server.server_port}/")
        assert opened.translated(TEXTS[0]) == translator.hypotheses(TEXTS[:1], **SEARCH)[0][0].text
        opened.page.locator("#licenses summary").click()
        opened.page.locator("#licenses pre", has_text="Apache License").wait_for()
        # One long line is cut, and each of its parts is a line of the result.
        opened.page.locator("#text").fill("나는 " * 99)
        opened.page.locator("#result:not(.old) > button").nth(1).wait_for()
        assert opened.page.locator("#result").get_attribute("aria-busy") == "false"
        opened.close()
        server.shutdown()


def test_in_a_browser_a_damaged_page_or_an_old_browser_says_so(
    chromium: Any, pages: tuple[Path, Path], tmp_path: Path
) -> None:
    html = pages[1].read_text(encoding="utf-8")
    start = html.index('data-file="model.tflite">') + 4000
    broken = tmp_path / "broken.html"
    broken.write_text(html[:start] + "AAAA" + html[start + 4 :], encoding="utf-8")
    context = chromium.new_context()
    page = context.new_page()
    page.goto(broken.as_uri())
    page.locator("#failed:visible").wait_for()
    assert "cannot start: model.tflite is damaged" in page.locator("#failed").inner_text()
    # What was typed before does not replace it, and it is said in the language of the page.
    page.locator("#text").fill("나는", force=True)
    page.wait_for_timeout(400)
    assert "cannot start: model.tflite is damaged" in page.locator("#failed").inner_text()
    assert page.locator("#state").inner_text() == "" and page.locator("#desk").is_hidden()
    page.locator("#tongue").select_option("ko")
    assert "번역기를 시작할 수 없습니다" in page.locator("#failed").inner_text()
    page.goto((pages[0] / "index.html").as_uri())
    assert "--single" in page.locator("#old").inner_text()
    page.add_init_script("delete window.WebAssembly")
    page.goto(pages[1].as_uri())
    assert "no WebAssembly" in page.locator("#old").inner_text()
    context.close()
