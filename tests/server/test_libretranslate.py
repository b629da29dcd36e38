"""LibreTranslate's API: a real client of it, and what its documentation promises, without TensorFlow."""

import http.client
import json
import threading
import time
import urllib.error
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from chromium import open_chromium
from libretranslatepy import LibreTranslateAPI
from logged import logged

from nmt.config import Config, with_settings
from nmt.errors import InputError
from nmt.model_folder import CONFIG, LABELS, config_text
from nmt.server.access import AccessRules
from nmt.server.app import Limits, Server
from nmt.server.backends import Backend, SearchSettings
from nmt.server.detection import check_detector
from nmt.server.languages import Direction, Languages
from nmt.server.suggestions import Suggestions
from nmt.translation import Translation


class Marking(Backend):
    """Marks each sentence with the name of the model; it reads 30 characters."""

    def __init__(self, name: str) -> None:
        self.name, self.version, self.batch_size, self.signatures = name, 1, 8, {}
        self.search = SearchSettings()

    def answers(self, signature: str, rows: Sequence[Any]) -> list[Any]:
        raise NotImplementedError

    def shown(
        self, texts: Sequence[str], search: SearchSettings | None = None, first: int = 0
    ) -> list[list[Translation]]:
        if "slow" in texts:
            time.sleep(1)
        if any("tedious" in text for text in texts):
            time.sleep(0.05)
        if "fail" in texts:
            raise RuntimeError("no")
        return [
            [
                Translation(
                    f"{self.name[-2:]}({text[:30]}){number or ''}",
                    0.0,
                    source_truncated=len(text) > 30,
                    unfinished="endless" in text,
                )
                for number in range(search.n_best if search else 1)
            ]
            for text in texts
        ]

    def check(self, search: SearchSettings) -> None:
        pass


MODELS = {Direction(*name.split("-")): name for name in ("ko-en", "en-ko", "en-de")}


@contextmanager
def served(
    rules: AccessRules | None = None, limits: Limits | None = None, suggestions: Suggestions | None = None
) -> Iterator[int]:
    first, *others = map(Marking, MODELS.values())
    languages = Languages(MODELS, "en")
    app = Server(first, limits, rules=rules, others=others, languages=languages, suggestions=suggestions)
    running = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, lifespan="on", ws="none"))
    thread = threading.Thread(target=running.run)
    thread.start()
    try:
        while not running.started:
            time.sleep(0.01)
        yield running.servers[0].sockets[0].getsockname()[1]
    finally:
        running.should_exit = True
        thread.join()
        app.batcher.close()


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with served(limits=Limits(seconds=0.5)) as port:
        yield port


def ask(port: int, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    raw = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    connection.request(method, path, raw, {"content-type": "application/json", **headers})
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    is_json = (answer.getheader("content-type") or "").startswith("application/json")
    return answer.status, json.loads(content) if is_json else content


def test_a_real_client(port: int) -> None:
    client = LibreTranslateAPI(f"http://127.0.0.1:{port}/")
    assert client.languages() == [
        {"code": "ko", "name": "Korean", "targets": ["en", "de", "ko"]},
        {"code": "en", "name": "English", "targets": ["ko", "de", "en"]},
        {"code": "de", "name": "German", "targets": ["de"]},
    ]
    assert client.translate("나는 갔다. 너는?\n\n- 그는", "ko", "en") == "en(나는 갔다.) en(너는?)\n\n- en(그는)"
    assert client.detect("나는 갔다") == [{"confidence": pytest.approx(100, abs=0.5), "language": "ko"}]
    with pytest.raises(urllib.error.HTTPError) as error:
        client.translate("나는", "ko", "fr")
    assert error.value.code == 400 and json.load(error.value) == {"error": "fr is not supported"}


def test_texts_in_every_form(port: int) -> None:
    def translated(**asked: Any) -> Any:
        code, answer = ask(port, "POST", "/translate", asked)
        assert code == 200, answer
        return answer

    assert translated(q=["one", "", "two"], source="en", target="ko") == {"translatedText": ["ko(one)", "", "ko(two)"]}
    # Korean into German goes through English.
    assert translated(q="하나", source="ko", target="de")["translatedText"] == "de(en(하나))"
    assert translated(q="same", source="en", target="en")["translatedText"] == "same"
    sure = {"language": "ko", "confidence": pytest.approx(100, abs=0.5)}
    assert translated(q=["하나", "둘"], source="auto", target="en") == {
        "translatedText": ["en(하나)", "en(둘)"], "detectedLanguage": [sure] * 2,
    }  # fmt: skip
    # What is in the target's language already stays as it is.
    english = translated(q="This was written in English.", source="auto", target="en")
    assert (
        english["translatedText"] == "This was written in English." and english["detectedLanguage"]["language"] == "en"
    )
    html = {"q": "<p>one &amp; <b>two</b><p>three", "format": "html", "source": "en", "target": "ko"}
    assert translated(**html)["translatedText"] == "<p>one &amp; <b>two</b><p>three".replace(
        "one &amp;", "ko(one &amp;)"
    ).replace("two", "ko(two)").replace("three", "ko(three)")
    more = translated(q="one. Two.", source="en", target="ko", alternatives=2)
    assert more == {
        "translatedText": "ko(one.) ko(Two.)",
        "alternatives": ["ko(one.)1 ko(Two.)1", "ko(one.)2 ko(Two.)2"],
    }
    # Nothing is cut off.
    long = translated(q="one two three four, five six seven eight nine", source="en", target="ko")["translatedText"]
    assert long.count("ko(") == 2 and "nine" in long


@pytest.mark.parametrize(
    ("path", "asked", "error"),
    [
        ("/translate", {"source": "ko", "target": "en"}, "Invalid request: missing q parameter"),
        ("/translate", {"q": "a", "target": "en"}, "Invalid request: missing source parameter"),
        ("/translate", {"q": "a", "source": "xx", "target": "en"}, "xx is not supported"),
        ("/translate", {"q": "a", "source": "de", "target": "ko"}, "Korean (ko) is not available as a target"),
        ("/translate", {"q": "a", "source": "ko", "target": "en", "format": "pdf"}, "pdf format is not supported"),
        ("/translate", {"q": ["a"] * 129, "source": "ko", "target": "en"}, "exceeds batch limit (128)"),
        ("/translate", {"q": "a" * 100_001, "source": "ko", "target": "en"}, "(100001) exceeds text limit (100000)"),
        ("/translate", {"q": [1], "source": "ko", "target": "en"}, "q must be a string or a list"),
        ("/translate", {"q": "a", "source": "ko", "target": "en", "alternatives": "x"}, "alternatives must be"),
        ("/translate", b'{"q": "a", "source": "ko", "target": "en", "alternatives": 1e999}', "alternatives must be"),
        ("/translate", {"q": "a" + "\ue000" * 70_000, "source": "ko", "target": "en", "format": "html"}, "Split it"),
        ("/translate", b"{", "JSON Parse error"),
        ("/translate", {"q": "하나", "source": "auto", "target": "fr"}, "fr is not supported"),
        ("/detect", {}, "Invalid request: missing q parameter"),
        ("/translate_file", {}, "Invalid request: missing file parameter"),
    ],
)
def test_errors_are_those_of_the_documentation(port: int, path: str, asked: Any, error: str) -> None:
    code, answer = ask(port, "POST", path, asked)
    assert code == 400 and error in answer["error"]


def test_a_form_of_too_many_fields_is_refused(port: int) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    code, answer = ask(port, "POST", "/translate", b"&".join([b"q=a"] * 149), **headers)
    assert code == 400 and "more than 148 fields" in answer["error"]


def test_a_language_is_found_in_what_stands_between_tags(port: int) -> None:
    page = (
        '<p class="text-large main"><a href="https://example.com/path/to/page" class="link button">밥을</a> 먹었다</p>'
    )
    code, answer = ask(port, "POST", "/translate", {"q": page, "format": "html", "source": "auto", "target": "en"})
    assert code == 200 and answer["detectedLanguage"] == {"language": "ko", "confidence": pytest.approx(100, abs=0.5)}
    assert answer["translatedText"] == page.replace("밥을", "en(밥을)").replace("먹었다", "en(먹었다)")
    body, headers = sent("a.html", page.encode(), source="auto", target="en")
    code, found = ask(port, "POST", "/translate_file", body, **headers)
    path = found["translatedFileUrl"].partition(f":{port}")[2]
    assert ask(port, "GET", path) == (200, answer["translatedText"].encode())


def test_a_failure_and_a_slow_model_leave_the_next_request_alone(port: int) -> None:
    direction = {"source": "ko", "target": "en"}
    assert ask(port, "POST", "/translate", {"q": "fail", **direction})[0] == 500
    assert ask(port, "POST", "/translate", {"q": "slow", **direction})[0] == 504
    time.sleep(0.6)
    assert ask(port, "POST", "/translate", {"q": "well", **direction}) == (200, {"translatedText": "en(well)"})


def parted(*fields: tuple[str, str]) -> str:
    """Fields of a form of several parts."""
    return "".join(f'--x\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n' for key, value in fields)


def test_forms_of_several_parts_are_read(port: int) -> None:
    def translated(*fields: tuple[str, str], more: str = "") -> tuple[int, Any]:
        body = parted(*fields, ("source", "ko"), ("target", "en")) + more + "--x--\r\n"
        return ask(port, "POST", "/translate", body.encode(), **{"content-type": "multipart/form-data; boundary=x"})

    assert translated(("q", "하나")) == (200, {"translatedText": "en(하나)"})
    assert translated(("q", "하나"), ("q", "둘"))[1] == {"translatedText": ["en(하나)", "en(둘)"]}
    file = '--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\na\r\n'
    for fields, more in (((), ""), ((("q", "a"),) * 150, ""), ((("q", "a"),), file)):
        assert translated(*fields, more=more)[0] == 400
    # Half of a surrogate pair, as two bytes of UTF-7 in base 64.
    headers = {"content-type": "multipart/form-data; boundary=x; charset=utf-7"}
    body = parted(("q", "+2AA-"), ("source", "ko"), ("target", "en")) + "--x--\r\n"
    code, answer = ask(port, "POST", "/translate", body.encode(), **headers)
    assert code == 400 and "the form is damaged" in answer["error"]


def sent(name: str, content: bytes, **fields: str) -> tuple[bytes, dict[str, str]]:
    """A form with a file, as a browser sends it."""
    head = f'--x\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    body = parted(*fields.items()).encode() + head.encode() + content + b"\r\n--x--\r\n"
    return body, {"content-type": "multipart/form-data; boundary=x"}


def test_a_translation_that_was_cut_says_so(port: int) -> None:
    asked = {"q": ["one", "endless"], "source": "ko", "target": "de"}
    code, answer = ask(port, "POST", "/translate", asked)
    assert (code, answer["unfinished"]) == (200, [False, True])
    code, answer = ask(port, "POST", "/translate", {**asked, "q": "One. Endless. endless."})
    assert (code, answer["unfinished"]) == (200, True)
    for text, expected in (("하나", None), ("endless", True)):
        body, headers = sent("a.txt", text.encode(), source="ko", target="en")
        code, answer = ask(port, "POST", "/translate_file", body, **headers)
        assert code == 200 and answer.get("unfinished") is expected


def test_a_file_is_translated_and_fetched(port: int) -> None:
    srt = "1\n00:00:01,000 --> 00:00:02,000\n하나\n"
    body, headers = sent("film.srt", srt.encode(), source="auto", target="en")
    code, answer = ask(port, "POST", "/translate_file", body, **headers)
    assert code == 200, answer
    path = answer["translatedFileUrl"].partition(f":{port}")[2]
    assert path.startswith("/download_file/") and path.endswith(".srt")
    assert ask(port, "GET", path) == (200, srt.replace("하나", "en(하나)").encode())
    assert ask(port, "GET", "/download_file/other.srt")[0] == 404
    for name, content, error in (
        ("film.exe", b"", "file format not supported"),
        ("a.txt", "나는 밥을 먹었다".encode("euc-kr"), "EUC-KR"),
        ("a.srt", b"no cue", "has no cue"),
    ):
        body, headers = sent(name, content, source="ko", target="en")
        code, answer = ask(port, "POST", "/translate_file", body, **headers)
        assert code == 400 and error in answer["error"]


def test_files_that_take_long_delay_nobody_else_and_end_with_their_clients() -> None:
    # 2,400 sentences, at most 8 in a batch of 0.05 s: a file alone takes 15 seconds, and eight two minutes.
    with served() as port:
        begun = time.monotonic()
        clients = []
        for number in range(8):
            lines = "".join(f"A tedious one, {number} {line}.\n" for line in range(2400))
            body, headers = sent("long.txt", lines.encode(), source="en", target="de")
            client = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            client.request("POST", "/translate_file", body, headers)
            clients.append(client)
        short, headers = sent("short.txt", b"One.", source="en", target="de")
        while (refused := ask(port, "POST", "/translate_file", short, **headers))[0] == 200:
            pass  # until all eight have begun
        assert refused[0] == 429 and "too many requests are being translated" in refused[1]["error"]
        # The others have their turn between the sentences of the files.
        asked = {"q": "Two.", "source": "en", "target": "de"}
        assert ask(port, "POST", "/translate", asked) == (200, {"translatedText": "de(Two.)"})
        page = ask(port, "POST", "/page/translate", {"text": "Three.", "source": "en", "target": "de"})
        assert page[0] == 200 and page[1]["sentences"][0]["translations"][0]["text"] == "de(Three.)"
        for client in clients:
            client.close()
        while ask(port, "POST", "/translate_file", short, **headers)[0] == 429:
            time.sleep(0.01)
        assert time.monotonic() - begun < 60  # the files would have taken twice that
        # The server stops although a file is being translated.
        client.request("POST", "/translate_file", body, headers)
        client.close()


def test_the_token_is_the_key() -> None:
    with served(AccessRules(token="a-secret")) as port:
        asked = {"q": "하나", "source": "ko", "target": "en"}
        assert ask(port, "POST", "/translate", asked)[0] == 403
        assert ask(port, "POST", "/translate", {**asked, "api_key": "b"}) == (403, {"error": "Invalid API key"})
        assert ask(port, "POST", "/translate", {**asked, "api_key": "a-secret"})[0] == 200
        assert ask(port, "POST", "/translate", asked, authorization="Bearer a-secret")[0] == 200
        assert LibreTranslateAPI(f"http://127.0.0.1:{port}", "a-secret").translate("하나", "ko", "en") == "en(하나)"
        for path in ("/languages", "/frontend/settings", "/health"):
            assert ask(port, "GET", path)[0] == 200
        assert ask(port, "POST", "/page/translate", {"text": "하나"})[0] == 401
        body, headers = sent("a.txt", b"a", source="ko", target="en")
        assert ask(port, "POST", "/translate_file", body, **headers)[0] == 403
        # A translated file is protected by its name.
        code, answer = ask(port, "POST", "/translate_file", body, **headers, authorization="Bearer a-secret")
        assert code == 200
        path = answer["translatedFileUrl"].partition(f":{port}")[2]
        assert ask(port, "GET", path) == (200, b"en(a)")


def test_languages_of_one_script_are_told_apart(port: int) -> None:
    """And a text in a language that is not served is surely in none of them."""

    def detected(text: str) -> list[tuple[str, float]]:
        return [(each["language"], each["confidence"]) for each in ask(port, "POST", "/detect", {"q": text})[1]]

    (first, sure), (second, _) = detected("Ein kleines Mädchen klettert in ein Spielhaus aus Holz.")
    assert (first, second) == ("de", "en") and sure > 99
    (first, sure), _ = detected("The girl climbs into a house.")
    assert first == "en" and sure > 95
    assert sum(sure for _, sure in detected("Una niña pequeña sube a una casa de madera.")) < 10
    assert {sure for _, sure in detected("1 + 1 = 2!")} == {0.0}


def test_suggestions_are_kept_as_pairs(port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {"q": "나는\t갔다\n", "s": "I went", "source": "ko", "target": "en"}
    assert ask(port, "POST", "/suggest", asked) == (403, {"error": "Suggestions are disabled on this server."})
    with served(suggestions=Suggestions(tmp_path / "kept")) as other:
        assert ask(other, "GET", "/frontend/settings")[1]["suggestions"] is True
        assert ask(other, "POST", "/suggest", asked) == (200, {"success": True})
        form = "q=ate&s=%EB%A8%B9%EC%97%88%EB%8B%A4&source=en&target=ko"
        assert (
            ask(other, "POST", "/suggest", form.encode(), **{"content-type": "application/x-www-form-urlencoded"})[0]
            == 200
        )
        assert ask(other, "POST", "/suggest", {**asked, "s": "It went"})[0] == 200
        wrongs: list[dict[str, Any]] = [{"s": ""}, {"s": " \0"}, {"s": [1]}, {"target": "../x"}, {"source": "fr"}]
        # Into no other language, and where no model leads.
        wrongs += [{"target": "ko"}, {"source": "de"}]
        for wrong in wrongs:
            assert ask(other, "POST", "/suggest", {**asked, **wrong})[0] == 400
        assert ask(other, "POST", "/suggest", {**asked, "q": "\0나는 갔\x1b다"})[0] == 200  # is there already
        # A directory stands where the file would be. The answer does not say where.
        (tmp_path / "kept/en-de.tsv").mkdir()
        failed = {**asked, "source": "en", "target": "de"}
        with logged() as lines:
            answer = ask(other, "POST", "/suggest", failed)
        assert answer == (500, {"error": "The server could not keep the suggestion."})
        assert str(tmp_path / "kept/en-de.tsv") in "".join(lines)
        (tmp_path / "kept/en-de.tsv").rmdir()
        # The files have 41 and 14 bytes.
        monkeypatch.setattr("nmt.server.suggestions.LARGEST", 60)
        for more in ({"s": "Went"}, {"source": "en", "target": "ko"}):
            assert ask(other, "POST", "/suggest", {**asked, **more})[0] == 507
    kept = {file.name: file.read_text(encoding="utf-8") for file in (tmp_path / "kept").iterdir()}
    assert kept == {"ko-en.tsv": "나는 갔다\tI went\n나는 갔다\tIt went\n", "en-ko.tsv": "ate\t먹었다\n"}
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot hold suggestions"):
        Suggestions(tmp_path / "file")


def test_a_suggestion_is_found_again_across_two_parts_of_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nmt.server.suggestions._PART", 3)
    kept = Suggestions(tmp_path)
    for text in ("aa", "ba", "a", "aa", "ba", "a"):
        assert kept.add("ko", "en", text, "b")
    assert (tmp_path / "ko-en.tsv").read_text() == "aa\tb\nba\tb\na\tb\n"


def test_a_suggestion_is_not_joined_to_a_row_without_an_end(tmp_path: Path) -> None:
    file = tmp_path / "ko-en.tsv"
    file.write_text("aa\tb\nba\tb")
    kept = Suggestions(tmp_path)
    assert kept.add("ko", "en", "ba", "b")  # is there already
    assert file.read_text() == "aa\tb\nba\tb"
    assert kept.add("ko", "en", "a", "b")
    assert kept.add("ko", "en", "ba", "b")
    assert file.read_text() == "aa\tb\nba\tb\na\tb\n"


def test_the_page_asks_any_model_and_two_in_a_row(port: int) -> None:
    def found(path: str, **asked: Any) -> tuple[int, Any]:
        return ask(port, "POST", path, asked)

    code, answer = found("/page/translate", text="one\n\ntwo", source="en", target="ko")
    assert code == 200 and [each["text"] for each in answer["sentences"]] == ["one", "", "two"]
    assert answer["sentences"][2]["translations"][0]["text"] == "ko(two)" and "through" not in answer["sentences"][2]
    _, answer = found("/page/translate", text="하나", source="ko", target="de")
    assert answer["sentences"][0]["through"] == "en(하나)"
    assert answer["sentences"][0]["translations"][0]["text"] == "de(en(하나))"
    # The first model cuts at 30 characters, so nothing after them was read.
    assert found("/page/translate", text="하" * 31, source="ko", target="de")[1]["sentences"][0]["source_truncated"]
    assert found("/page/translate", text="하나")[1]["sentences"][0]["translations"][0]["text"] == "en(하나)"
    for wrong in ({"source": "de", "target": "ko"}, {"source": ["ko"], "target": "en"}, {"source": "ko"}):
        assert found("/page/translate", text="하나", **wrong)[0] == 400
    code, answer = found("/page/sentences", text="하나. 둘.", source="auto", target="de")
    assert code == 200 and answer["source"] == "ko" and len(answer["parts"]) == 2
    for target, said in (("en", "in English already"), ("de", "")):
        code, answer = found("/page/sentences", text="They went home in the evening.", source="auto", target=target)
        assert (code, said in answer.get("error", "")) == ((400, True) if said else (200, True))
    code, answer = found("/page/sentences", text="Sie gingen am Abend nach Hause.", source="auto", target="ko")
    assert code == 400 and "seems to be in German, and no model leads from there into Korean" in answer["error"]
    for target, source in (("ko", "en"), ("de", "ko")):
        # Nothing tells the language of a text without letters.
        code, answer = found("/page/sentences", text="1 + 1 = 2", source="auto", target=target)
        assert (code, answer["source"], answer["confidence"]) == (200, source, 0.0)
    for wrong in ({"target": ["de"]}, {"source": {}}, {"target": "fr"}, {"text": "하나", "target": "xx"}):
        code, answer = found("/page/sentences", **{"text": "1", "source": "auto", "target": "de", **wrong})
        assert code == 400, answer


def test_languages_are_chosen_on_the_page(port: int) -> None:
    playwright = pytest.importorskip("playwright.sync_api", reason="needs a browser: pip install -e '.[browser]'")
    with open_chromium() as browser:
        page = browser.new_page()
        wrong: list[str] = []
        ask(port, "POST", "/detect", {"q": "a"})  # the first takes seconds
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(f"http://127.0.0.1:{port}")
        expect, result = playwright.expect, page.locator("#result")
        page.get_by_label("Text").fill("하나")
        expect(result).to_have_text("en(하나)")
        page.get_by_label("into", exact=True).select_option("German")
        expect(result).to_have_text("de(en(하나))")
        assert page.locator("#between").inner_text() == "Through English: en(하나)"
        assert page.locator("h1").inner_text() == "ko-en → en-de"
        assert page.locator("#swap").is_disabled()
        page.get_by_label("into", exact=True).select_option("English")
        expect(result).to_have_text("en(하나)")
        page.get_by_label("Swap the languages").click()
        expect(result).to_have_text("ko(en(하나))")
        assert result.get_attribute("lang") is None and result.locator("p").get_attribute("lang") == "ko"
        page.get_by_label("From", exact=True).select_option("auto")
        page.get_by_label("into", exact=True).select_option("German")
        page.get_by_label("Text").fill("They went home.")
        expect(result).to_have_text("de(They went home.)")
        way = page.locator("#way")
        assert "English, " in way.inner_text()
        # What was found of a text is not said of another, of none, or of one whose language is not known.
        page.get_by_label("Text").fill("")
        expect(way).to_have_text("")
        page.get_by_label("Text").fill("Sie gingen am Abend nach Hause.")
        expect(page.locator("#failed")).to_contain_text("in German already")
        expect(way).to_have_text("")
        page.get_by_label("Text").fill("1 + 1 = 2")
        expect(result).to_have_text("de(en(1 + 1 = 2))")
        expect(way).to_have_text("through English")
    assert wrong == []


def test_each_model_is_found_under_its_name(port: int) -> None:
    assert ask(port, "GET", "/v1/models/en-ko")[0] == 200 and ask(port, "GET", "/v1/models/ko-de")[0] == 404
    assert ask(port, "GET", "/health") == (200, {"status": "ok"})
    _, answer = ask(port, "GET", "/frontend/settings")
    assert answer["language"]["source"] == {"code": "ko", "name": "Korean"} and ".srt" in answer["supportedFilesFormat"]


def test_a_pivot_needs_models() -> None:
    with pytest.raises(InputError, match="--pivot fr needs"):
        Languages(MODELS, "fr")
    assert Languages(MODELS).route("ko", "de") == []
    assert Languages(MODELS, "en").route("ko", "de") == ["ko-en", "en-de"]
    assert [each.language for each in Languages(MODELS).detect("...")] == ["ko", "en", "de"]


def test_a_classifier_can_find_the_language() -> None:
    def detector(text: str, languages: Sequence[str]) -> dict[str, float]:
        assert list(languages) == ["ko", "en", "de"]
        return {"en": 0.25, "de": 0.625}

    found = Languages(MODELS, detector=detector).detect("ein Haus")
    # Korean is written in another script, whatever a model says.
    assert found == [("de", 62.5), ("en", 25.0)]


def test_a_detector_has_a_label_for_each_language(tmp_path: Path) -> None:
    config = with_settings(Config(), ["model.architecture=classifier"])
    (tmp_path / CONFIG).write_bytes(config_text(config))
    (tmp_path / LABELS).write_text("en\nko\n")
    check_detector(tmp_path, ["ko", "en_GB"])
    with pytest.raises(InputError, match="no label 'de', the code of a language"):
        check_detector(tmp_path, ["ko", "de"])
    (tmp_path / CONFIG).write_bytes(config_text(Config()))
    with pytest.raises(InputError, match="must be a classifier of languages"):
        check_detector(tmp_path, ["ko"])
