"""The server, over real sockets: what TF Serving answers, and what nobody may break."""

import gzip
import json
import os
import socket
import struct
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from servers import Serving, parsed, request, serving, tiny_model

from nmt import Translator
from nmt.client import Client, UnknownModel
from nmt.signatures import SIGNATURES

SENTENCE = "나는 밥을 먹었다"
PREDICT = "/v1/models/ko-en:predict"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("local") / "ko-en")


@pytest.fixture(scope="module")
def server(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(folder, tmp_path_factory.mktemp("news") / "news") as running:
        yield running


@pytest.fixture(scope="module")
def translator(folder: Path) -> Translator:
    return Translator.load(folder)


def is_well(server: Serving) -> None:
    """It lives, and the next request is served."""
    assert server.process.exitcode is None
    code, _, answer = server.ask("POST", PREDICT, {"instances": [SENTENCE]})
    assert code == 200 and isinstance(answer["predictions"][0]["translation"], str)


def test_rows_and_columns_are_what_the_translator_finds(server: Serving, translator: Translator) -> None:
    texts = [SENTENCE, "", "그들은 고기를 샀다"]
    wanted = translator.translate(texts)
    for instances in (texts, [{"text": text} for text in texts]):
        code, headers, answer = server.ask("POST", PREDICT, {"instances": instances})
        assert code == 200 and headers["content-type"] == "application/json"
        assert [each["translation"] for each in answer["predictions"]] == [each.text for each in wanted]
        assert [each["score"] for each in answer["predictions"]] == pytest.approx(
            [each.score for each in wanted], abs=1e-4
        )
    for inputs in (texts, {"text": texts}):
        body = {"inputs": inputs, "signature_name": "translate"}
        code, _, answer = server.ask("POST", "/v1/models/ko-en/versions/1:predict", body)
        assert code == 200
        assert answer["outputs"]["translations"] == [[each.text] for each in wanted]
        assert answer["outputs"]["alignment"][0][0][: len(wanted[0].source_tokens) + 1] == pytest.approx(
            wanted[0].alignment[0].tolist(), abs=1e-4
        )


def test_the_client_gets_what_the_translator_finds(server: Serving, translator: Translator) -> None:
    texts = [SENTENCE, "", "우리는 빵을 샀다", "그들은 고기를"]
    with Client(f"{server.url}/v1/models/ko-en") as client:
        assert client.ready()
        assert client.metadata().signatures == SIGNATURES
        for found, wanted in zip(client.translate(texts), translator.translate(texts), strict=True):
            assert (found.text, found.source_tokens, found.tokens) == (wanted.text, wanted.source_tokens, wanted.tokens)
            assert found.score == pytest.approx(wanted.score, abs=1e-4)
            for row, weights in zip(found.alignment, wanted.alignment, strict=True):
                assert row == pytest.approx(weights.tolist(), abs=1e-4)
        assert [each.text for each in client.translate(texts, details=False)] == [
            each.text for each in translator.translate(texts)
        ]
        (scored,), (wanted,) = client.score(texts[:1], ["I ate"]), translator.score(texts[:1], ["I ate"])
        assert scored.score == pytest.approx(wanted.score, abs=1e-4)
        assert scored.tokens == (*wanted.tokens, "</s>")
        with pytest.raises(UnknownModel):
            Client(f"{server.url}/v1/models/other").translate(["a"])


def test_scores_take_two_inputs(server: Serving, translator: Translator) -> None:
    (wanted,) = translator.score([SENTENCE], ["I ate rice"])
    body = {"signature_name": "score", "instances": [{"source": SENTENCE, "target": "I ate rice"}]}
    code, _, answer = server.ask("POST", PREDICT, body)
    assert code == 200
    assert answer["predictions"][0]["log_probability"] == pytest.approx(wanted.score, abs=1e-4)
    assert answer["predictions"][0]["tokens"] == [*wanted.tokens, "</s>"]


def test_an_empty_batch_of_columns_and_base64(server: Serving) -> None:
    outputs = SIGNATURES["serving_default"].outputs
    assert server.ask("POST", PREDICT, {"inputs": []})[2] == {"outputs": {name: [] for name in outputs}}
    plain = server.ask("POST", PREDICT, {"instances": ["abc"]})[2]
    assert server.ask("POST", PREDICT, {"instances": [{"b64": "YWJj"}]})[2] == plain
    assert server.ask("POST", PREDICT, {"instances": [{"b64": "/w=="}]})[0] == 200  # no UTF-8


def test_status_and_metadata(server: Serving) -> None:
    for path in ("/v1/models/ko-en", "/v1/models/ko-en/versions/1"):
        (version,) = server.ask("GET", path)[2]["model_version_status"]
        assert (version["version"], version["state"], version["status"]["error_code"]) == ("1", "AVAILABLE", "OK")
    code, _, answer = server.ask("GET", "/v1/models/ko-en/metadata")
    signatures = answer["metadata"]["signature_def"]["signature_def"]
    assert code == 200 and answer["model_spec"]["name"] == "ko-en"
    assert set(signatures) == {"serving_default", "translate", "score"}
    text = signatures["translate"]["inputs"]["text"]
    assert text["dtype"] == "DT_STRING" and text["tensor_shape"]["dim"] == [{"size": "-1", "name": ""}]


@pytest.mark.parametrize(
    ("code", "method", "path", "words"),
    [
        (404, "GET", "/v1/models/other", "Could not find any versions of model other"),
        (404, "GET", "/v1/models/ko-en/versions/2", "Could not find version 2 of model ko-en"),
        (404, "GET", "/v1/models/other/metadata", "Servable not found for request: Latest(other)"),
        (404, "POST", "/v1/models/other:predict", "Servable not found for request: Latest(other)"),
        (404, "POST", "/v1/models/ko-en/versions/2:predict", "Specific(ko-en, 2)"),
        (400, "GET", PREDICT, f"Malformed request: GET {PREDICT}"),
        (400, "POST", "/v1/models/ko-en", "Malformed request: POST"),
        (400, "DELETE", "/v1/models/ko-en", "Malformed request: DELETE"),
        (400, "POST", "/v1/models/ko-en:classify", "this model has none for :classify"),
        (404, "GET", "/nothing", "Not Found"),
        (405, "GET", "/page/translate", "Method Not Allowed"),
    ],
)
def test_paths_that_there_are_not(server: Serving, code: int, method: str, path: str, words: str) -> None:
    got, headers, answer = server.ask(method, path, {"instances": ["a"]})
    assert got == code and headers["content-type"] == "application/json"
    assert words in answer["error"]


WRONG: list[tuple[bytes | Any, str]] = [
    (b"", "The document is empty"),
    (b"{", "JSON Parse error"),
    (b'{"instances": ["a"]', "JSON Parse error"),
    (b"\xff\xfe", "not UTF-8"),
    (b'{"instances": ["\\ud800"]}', "surrogate"),
    (b"[" * 100_000, "nested too deeply"),
    (b'{"instances": ' + b"9" * 5000 + b"}", "a number is too long"),
    (b"[1]", "Is not object"),
    (b"null", "Is not object"),
    ({}, "Missing 'inputs' or 'instances' key"),
    ({"instances": ["a"], "inputs": ["a"]}, "together"),
    ({"instances": "a"}, "list/array"),
    ({"instances": []}, "No values"),
    ({"instances": [1]}, "Type: Number is not of expected type: string"),
    ({"instances": [True]}, "Type: Bool"),
    ({"instances": [None]}, "Type: Null"),
    ({"instances": [["a"]]}, "unexpected level"),
    ({"instances": ["a", {"text": "a"}]}, "but got object at item 1"),
    ({"instances": [{"text": "a"}, "a"]}, "but got value at item 1"),
    ({"instances": [{"txt": "a"}]}, "must only have keys: text"),
    ({"instances": [{"text": "a", "more": "a"}]}, "must only have keys: text"),
    ({"instances": [{}]}, "must only have keys: text"),
    ({"instances": [{"b64": "!"}]}, "base64"),
    ({"inputs": "a"}, "list of strings"),
    ({"inputs": {}}, "Missing named input: text"),
    ({"inputs": {"text": 5}}, "list of strings"),
    ({"inputs": {"text": ["a"], "more": ["a"]}}, "no input more"),
    ({"inputs": [["a"]]}, "unexpected level"),
    ({"instances": ["a"], "signature_name": "nope"}, 'Serving signature name: "nope" not found'),
    ({"instances": ["a"], "signature_name": 5}, "must be a string"),
    ({"instances": ["a"], "signature_name": "score"}, "expecting list of objects"),
    ({"inputs": ["a"], "signature_name": "score"}, "expecting an object"),
    ({"inputs": {"source": ["a"], "target": []}, "signature_name": "score"}, "1 of source, 0 of target"),
    ({"instances": ["a"] * 10_000}, "Task size 10000 is larger than maximum input batch size 256"),
    ({"inputs": {"text": ["a"] * 10_000}}, "Task size 10000"),
]


@pytest.mark.parametrize(("body", "words"), WRONG, ids=[words for _, words in WRONG])
def test_bad_bodies_are_the_fault_of_who_sends_them(server: Serving, body: bytes | Any, words: str) -> None:
    code, headers, answer = server.ask("POST", PREDICT, body)
    assert code == 400 and headers["content-type"] == "application/json"
    assert words in answer["error"] and len(answer["error"]) < 500
    is_well(server)


def test_a_body_of_ten_megabytes_is_refused_and_its_sender_hears_it(server: Serving) -> None:
    body = json.dumps({"instances": ["a" * 10_000_000]}).encode()
    code, _, answer = server.ask("POST", PREDICT, body)
    assert code == 413 and "more than 1,000,000 bytes" in answer["error"]
    chunk = b"f4240\r\n" + b"a" * 1_000_000 + b"\r\n"
    head = request("POST", PREDICT).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    assert parsed(server.say(head, chunk * 3, b"0\r\n\r\n"))[0] == 413
    is_well(server)


def test_long_gibberish_is_answered_or_refused(server: Serving) -> None:
    texts = ["ㅋ" * 6_000, "word " * 4_000, "\u0000\u2028\x1b[2J", "😀" * 500]
    code, _, answer = server.ask("POST", PREDICT, {"instances": texts, "signature_name": "translate"})
    assert code == 200 and len(answer["predictions"]) == 4
    code, _, answer = server.ask("POST", PREDICT, {"instances": ["a", "ㅋ" * 100_000]})
    assert code == 413 and "more than 20,000 bytes" in answer["error"]
    is_well(server)


def test_as_many_sentences_as_are_allowed(server: Serving, translator: Translator) -> None:
    code, _, answer = server.ask("POST", PREDICT, {"instances": [SENTENCE, "고기를"] * 128})
    assert code == 200
    one, two = (found.text for found in translator.translate([SENTENCE, "고기를"]))
    assert [each["translation"] for each in answer["predictions"]] == [one, two] * 128


def test_who_closes_the_own_side_after_a_request_is_answered(server: Serving) -> None:
    whole = request("POST", PREDICT, b'{"instances": ["a"]}')
    assert parsed(server.say(whole, half_close=True))[0] == 200


def test_half_a_request_is_no_request(server: Serving) -> None:
    whole = request("POST", PREDICT, b'{"instances": ["a"]}', length=1000)
    assert not server.say(whole, half_close=True).startswith(b"HTTP/1.1 2")
    assert not server.say(b"POST /v1/mod", half_close=True).startswith(b"HTTP/1.1 2")
    assert server.say(half_close=True) == b""
    is_well(server)


def test_what_is_not_http(server: Serving) -> None:
    assert server.say(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n").startswith(b"HTTP/1.1 400 ")
    endless = b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 200_000 + b"\r\n\r\n"
    assert not server.say(endless).startswith(b"HTTP/1.1 2")
    assert server.say(request("POST", PREDICT).replace(b"Length: 0", b"Length: -5")).startswith(b"HTTP/1.1 400 ")
    is_well(server)


def test_clients_that_vanish_harm_nobody(server: Serving) -> None:
    body = json.dumps({"instances": ["나는 밥을 " * 30] * 64}).encode()
    for _ in range(10):
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(request("POST", PREDICT, body))
            # Closed with a reset, not in good order.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    is_well(server)


def test_stalled_connections_leave_room_for_others(server: Serving) -> None:
    stalled = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(50)]
    for number, connection in enumerate(stalled):
        connection.sendall([b"", b"POST ", request("POST", PREDICT, b"{", length=50)][number % 3])
    is_well(server)
    for connection in stalled:
        connection.close()


def test_clients_at_once_are_joined_and_each_gets_its_own(server: Serving, translator: Translator) -> None:
    texts = [
        f"{who} {what} 먹었다" for who in ("나는", "너는", "우리는", "그들은") for what in ("밥을", "빵을", "고기를")
    ]
    wanted = [found.text for found in translator.translate(texts)]

    def ask(number: int) -> tuple[int, str]:
        code, _, answer = server.ask("POST", PREDICT, {"instances": [texts[number % 12]]})
        return code, answer["predictions"][0]["translation"]

    before = batches(server)
    with ThreadPoolExecutor(16) as clients:
        found = list(clients.map(ask, range(160)))
    assert found == [(200, wanted[number % 12]) for number in range(160)]
    assert batches(server) - before < 120


def batches(server: Serving) -> float:
    text = server.ask("GET", "/metrics")[2]
    return float(next(line for line in text.splitlines() if line.startswith("nmt_batch_sentences_count")).split()[1])


def test_only_this_machine_is_answered_unless_asked(server: Serving) -> None:
    table = Path("/proc/net/tcp")
    if not table.exists():
        pytest.skip("only Linux tells who listens where")
    # 0A is listening; an address is written from its last byte to its first.
    heard = [line.split()[1] for line in table.read_text().splitlines() if line.split()[3] == "0A"]
    assert [each for each in heard if each.endswith(f":{server.port:04X}")] == [f"0100007F:{server.port:04X}"]


def test_health_and_metrics(server: Serving) -> None:
    assert server.ask("GET", "/healthz")[0] == 200
    assert server.ask("GET", "/readyz")[2] == {"status": "ready", "model": "ko-en", "version": 1}
    server.ask("POST", PREDICT, b"{")
    for number in range(20):
        server.ask("GET", f"/no/{number}")
    code, headers, text = server.ask("GET", "/metrics")
    assert code == 200 and headers["content-type"].startswith("text/plain")
    values = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert float(values['nmt_requests_total{code="400",path="predict"}']) >= 1
    assert float(values['nmt_requests_total{code="404",path="other"}']) >= 20
    assert float(values["nmt_sentences_total"]) > 0
    assert float(values["nmt_queue_sentences"]) == 0
    assert float(values['nmt_request_seconds_count{path="predict"}']) > 0


def test_the_page_is_given_what_it_draws(server: Serving, translator: Translator) -> None:
    code, _, answer = server.ask(
        "POST", "/page/translate", {"text": SENTENCE, "how": "beam", "beam": 3, "length_penalty": 1}
    )
    wanted = translator.hypotheses([SENTENCE], beam=3, n_best=3, length_penalty=1.0)[0]
    assert code == 200
    (sentence,) = answer["sentences"]
    assert [each["text"] for each in sentence["translations"]] == [each.text for each in wanted]
    first = sentence["translations"][0]
    assert first["source"] == SENTENCE.split()
    assert first["weights"] == [pytest.approx(row, abs=2e-4) for row in wanted[0].words().weights.tolist()]
    blank = [{"text": text, "translations": [], "source_truncated": False} for text in (" ", "")]
    assert server.ask("POST", "/page/translate", {"text": " \n"})[2] == {"sentences": blank}
    (long,) = server.ask("POST", "/page/translate", {"text": SENTENCE * 200})[2]["sentences"]
    assert long["source_truncated"]
    draws = [{"text": SENTENCE, "how": "sample", "temperature": 2, "draw": draw} for draw in (1, 2, 1)]
    one, two, again = (server.ask("POST", "/page/translate", draw)[2] for draw in draws)
    assert one == again != two


def test_a_line_break_ends_a_sentence_of_the_page(server: Serving, translator: Translator) -> None:
    lines = [SENTENCE, "", "그들은 고기를 샀다", "우리는 빵을"]
    answer = server.ask("POST", "/page/translate", {"text": "\r\n".join(lines)})[2]
    assert [each["text"] for each in answer["sentences"]] == lines
    for line, found, wanted in zip(lines, answer["sentences"], translator.translate(lines), strict=True):
        if not line:
            assert found["translations"] == []
            continue
        (best,) = found["translations"]
        assert (best["text"], best["source"], best["unfinished"]) == (wanted.text, line.split(), wanted.unfinished)
        assert best["weights"] == [pytest.approx(row, abs=2e-4) for row in wanted.words().weights.tolist()]
    drawn = {"text": "\n".join(lines), "how": "sample", "temperature": 2, "draw": 3}
    sampled = translator.hypotheses(lines, first=3, sample=True, temperature=2.0, n_best=5)
    found = server.ask("POST", "/page/translate", drawn)[2]["sentences"]
    assert [each["text"] for each in found[3]["translations"]] == [each.text for each in sampled[3]]
    code, _, answer = server.ask("POST", "/page/translate", {"text": "a\n" * 64})
    assert code == 400 and "65 lines are too many" in answer["error"]


def packed(body: bytes, encoding: str) -> bytes:
    """Return a request with a Content-Encoding."""
    head = f"POST {PREDICT} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Encoding: {encoding}\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def test_a_body_in_gzip_is_what_comes_out_of_it(server: Serving) -> None:
    plain = json.dumps({"instances": [SENTENCE]}).encode()
    whole = gzip.compress(plain)
    wanted = server.ask("POST", PREDICT, plain)[2]
    for body, encoding in ((whole, "gzip"), (whole, "X-GZIP"), (plain, "identity")):
        assert parsed(server.say(packed(body, encoding)))[::2] == (200, wanted)
    refused = [
        (gzip.compress(b" " * 1_000_001), "gzip", 413, "more than 1,000,000 bytes"),
        (gzip.compress(bytes(10**8)), "gzip", 413, "more than 1,000,000 bytes"),
        (plain, "gzip", 400, "not gzip"),
        (whole[:-3], "gzip", 400, "not one whole gzip"),
        (whole + b"x", "gzip", 400, "not one whole gzip"),
        (plain, "br", 415, 'Content-Encoding: "br"'),
        (whole, "gzip, gzip", 415, 'Content-Encoding: "gzip, gzip"'),
    ]
    for body, encoding, status, words in refused:
        code, headers, answer = parsed(server.say(packed(body, encoding)))
        assert code == status and words in answer["error"], answer
        assert (headers.get("accept-encoding") == "gzip") == (status == 415)
    is_well(server)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "'text' must be a string"),
        ({"text": 5}, "'text' must be a string"),
        ({"text": "a" * 2001}, "2,001 characters"),
        ({"text": "a", "how": "guess"}, "'how' must be"),
        ({"text": "a", "how": ["beam"]}, "'how' must be"),
        ({"text": "a", "how": "beam", "beam": 1000}, "'beam' must be a whole number from 2 to 10"),
        ({"text": "a", "how": "beam", "beam": 2.5}, "'beam' must be a whole number"),
        ({"text": "a", "how": "beam", "n_best": 7}, "'n_best' must be a whole number from 1 to 5"),
        ({"text": "a", "how": "beam", "length_penalty": float("nan")}, "'length_penalty' must be"),
        ({"text": "a", "how": "sample", "temperature": 0}, "'temperature' must be a number from 0.1 to 2"),
        ({"text": "a", "how": "sample", "temperature": True}, "'temperature' must be"),
        ({"text": "a", "draw": -1}, "'draw' must be"),
        ({"text": "a", "bean": 5}, "Did you mean 'beam'?"),
    ],
)
def test_what_the_page_may_not_ask(server: Serving, body: Any, words: str) -> None:
    code, _, answer = server.ask("POST", "/page/translate", body)
    assert code == 400 and words in answer["error"]


def test_the_page_asks_nobody_else(server: Serving) -> None:
    code, headers, page = server.ask("GET", "/")
    assert code == 200 and headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert [line for line in page.splitlines() if "//" in line and "http://www.w3.org/2000/svg" not in line] == [
        line for line in page.splitlines() if line.strip().startswith("//") or " // " in line
    ]


def test_a_full_queue_says_when_to_come_again(folder: Path, tmp_path: Path) -> None:
    body = {"instances": ["나는 밥을 " * 20] * 8}
    with serving(folder, tmp_path / "news", "--max-waiting", 8) as server:
        with ThreadPoolExecutor(24) as clients:
            found = list(clients.map(lambda _: server.ask("POST", PREDICT, body), range(48)))
        codes = {code for code, _, _ in found}
        assert codes == {200, 429}
        assert {headers["retry-after"] for code, headers, _ in found if code == 429} == {"1"}
        is_well(server)


def test_what_takes_too_long_is_given_up(folder: Path, tmp_path: Path) -> None:
    with serving(folder, tmp_path / "news", "--timeout", 0.2) as server:
        # Its graph is not built yet, which takes seconds.
        code, _, answer = server.ask("POST", "/page/translate", {"text": SENTENCE, "how": "beam", "beam": 7})
        assert code == 504 and "after 0.2 seconds" in answer["error"]
        deadline = time.monotonic() + 60
        while server.ask("POST", PREDICT, {"instances": [SENTENCE]})[0] != 200:
            assert time.monotonic() < deadline
        is_well(server)


def test_memory_does_not_grow_with_bad_requests(server: Serving) -> None:
    status = Path(f"/proc/{server.process.pid}/statm")
    if not status.exists():
        pytest.skip("only Linux tells how much memory a process has")

    def resident() -> int:
        return int(status.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def bother(number: int) -> None:
        server.ask("POST", PREDICT, [b"{" * 900_000, {"instances": ["a"] * 10_000}][number % 2])

    for number in range(10):
        bother(number)
    before = resident()
    threads = [threading.Thread(target=bother, args=(number,)) for number in range(60)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert resident() - before < 200_000_000
    is_well(server)
