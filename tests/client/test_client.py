"""The client keeps to TF Serving's protocols, and to its word when something fails. All against stand-ins."""

import json
import math
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import stand_in
from free_ports import free_port
from stand_in import NAME, VERSION, GrpcStandIn, RestStandIn, drip, english, hang_up, raw, sleep, stall, status

from nmt.client import (
    Address,
    Client,
    RequestRefused,
    ServerFailed,
    TimedOut,
    Unavailable,
    UnknownModel,
    transport,
)
from nmt.client.client import _hypotheses
from nmt.errors import InputError, WorkFailed
from nmt.markup.translate import translate_marked
from nmt.signatures import SIGNATURES, UNRATED
from nmt.translation import Translation, record

TEXTS = ["나는 밥을 먹었다", "빵", 'a "b" \\ 😀 \u2028']


@pytest.fixture
def server() -> Iterator[RestStandIn]:
    with stand_in.rest() as found:
        yield found


@pytest.fixture
def rpc() -> Iterator[GrpcStandIn]:
    with stand_in.grpc() as found:
        yield found


@pytest.fixture(params=["rest", "grpc", "grpc packed"])
def either(request: pytest.FixtureRequest) -> Iterator[RestStandIn | GrpcStandIn]:
    if request.param == "rest":
        with stand_in.rest() as found:
            yield found
        return
    with stand_in.grpc(packed="packed" in request.param) as other:
        yield other


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    if not shutil.which("openssl"):
        pytest.skip("openssl, which makes a certificate for the test, is not here")
    folder = tmp_path_factory.mktemp("certificate")
    names = ("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost")
    use = ("-addext", "keyUsage=critical,digitalSignature,keyCertSign")
    files = ("-keyout", "key.pem", "-out", "certificate.pem")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *files, *names, *use]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=60)
    return folder / "certificate.pem", folder / "key.pem"


# What is asked, and what comes back.


def test_translations_come_back_in_order_without_what_fills_their_rows(either: RestStandIn | GrpcStandIn) -> None:
    with Client(either.url) as client:
        found = client.hypotheses(TEXTS)
        assert client.translate(TEXTS) == [best for best, _ in found]
    assert [best.text for best, _ in found] == [english(text) for text in TEXTS]
    for text, (each, second) in zip(TEXTS, found, strict=True):
        assert each.source_tokens == tuple(text.split())
        assert each.tokens == tuple(english(text).split())
        assert each.score == -0.5
        assert second == Translation("second", -2.25)
        assert each.alignment == [
            [float(i == j) for j in range(len(each.source_tokens) + 1)] for i in range(len(each.tokens))
        ]


def test_markup_moves_along_the_links_that_a_server_sends(server: RestStandIn) -> None:
    # It "translates" word by word, and links each to its own.
    with Client(server.url) as client:
        found = translate_marked(["나는 <b>밥을</b> 먹었다<br>", "<i>나는</i> {n}"], client.translate)
    assert [each.text for each in found] == ["나는 <b>밥을</b> 먹었다<br>", "<i>나는</i> {n}"]


def test_scores_come_back_in_order(either: RestStandIn | GrpcStandIn) -> None:
    with Client(either.url) as client:
        found = client.score(["하나", "둘"], ["one", "two and more"])
    unknown = {"source_truncated": None, "unfinished": None}
    assert found == [
        Translation("one", -2.0, tokens=("one", "</s>"), token_scores=(-1.0, -1.0), **unknown),
        Translation("two and more", -4.0, tokens=("two", "and", "more", "</s>"), token_scores=(-1.0,) * 4, **unknown),
    ]


def test_without_details_the_small_signature_is_asked(either: RestStandIn | GrpcStandIn) -> None:
    with Client(either.url) as client:
        found, cut = client.translate(["빵을", "밥을…"], details=False)
    assert found == Translation("빵을", -0.5) and found.truncated is False
    assert cut == Translation("밥을…", -0.5, unfinished=True)


def test_state_and_metadata_are_those_of_the_contract(either: RestStandIn | GrpcStandIn) -> None:
    with Client(either.url) as client:
        assert client.ready()
        assert client.metadata() == (VERSION, SIGNATURES)
        either.state = "LOADING"
        assert not client.ready()


def test_a_long_list_goes_in_parts_and_blank_texts_stay_here(either: RestStandIn | GrpcStandIn) -> None:
    texts = [f"number {i}" if i % 5 else " " * (i % 3) for i in range(30)]
    with Client(either.url, batch=7) as client:
        assert [each.text for each in client.translate(texts)] == [english(text) for text in texts]
        assert client.translate([]) == [] and client.translate([""])[0].alignment == []
    sent = (
        [body["inputs"]["text"] for body in either.bodies]
        if isinstance(either, RestStandIn)
        else [[text.decode() for text in each.inputs["text"].string_val] for each in either.seen]
    )
    assert [len(each) for each in sent] == [7, 7, 7, 3]
    assert [text for each in sent for text in each] == [text for text in texts if text.strip()]


def test_what_is_sent_by_rest_is_the_predict_interface(server: RestStandIn) -> None:
    with Client(f"http://127.0.0.1:{server.server_port}/", model=NAME, version=VERSION, token="secret") as client:
        client.translate(TEXTS)
        client.score(["s"], ["t"])
    (method, path, headers, body), (*_, second) = server.seen
    assert (method, path) == ("POST", f"/v1/models/{NAME}/versions/{VERSION}:predict")
    assert headers["Content-Type"] == "application/json" and headers["Authorization"] == "Bearer secret"
    assert json.loads(body) == {"signature_name": "translate", "inputs": {"text": TEXTS}}
    assert json.loads(second) == {"signature_name": "score", "inputs": {"source": ["s"], "target": ["t"]}}
    assert server.connections == 1  # it was kept


def test_what_is_sent_by_grpc_is_the_predict_interface(rpc: GrpcStandIn) -> None:
    with Client(rpc.url, version=VERSION, token="secret") as client:
        client.translate(TEXTS)
        client.score(["s"], ["t"])
    first, second = rpc.seen
    assert (first.model_spec.name, first.model_spec.version.value) == (NAME, VERSION)
    assert (first.model_spec.signature_name, second.model_spec.signature_name) == ("translate", "score")
    assert list(first.inputs) == ["text"] and set(second.inputs) == {"source", "target"}
    tensor = first.inputs["text"]
    assert tensor.dtype == 7  # DT_STRING
    assert [dim.size for dim in tensor.tensor_shape.dim] == [3]
    assert [text.decode() for text in tensor.string_val] == TEXTS
    assert rpc.who[0]["authorization"] == "Bearer secret"


def test_several_threads_may_ask_at_once(either: RestStandIn | GrpcStandIn) -> None:
    with Client(either.url) as client, ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda i: client.translate([f"text {i}"])[0].text, range(40)))
    assert found == [f"TEXT {i}" for i in range(40)]


def test_a_translation_without_words_has_no_confidence() -> None:
    """As in Python; the server fills the place with 0."""
    row = (["", "I"], [-0.5, -0.75], ["▁a", "</s>"])
    blank, _ = _hypotheses(*row, [""], [[]], False, [False, False], 0.0, [""], [0.0])
    assert blank.confidence is None and "word_confidences" not in record(blank)
    best, _ = _hypotheses(*row, ["▁I"], [[0.5, 0.5]], False, [False, False], 0.75, ["I"], [0.5])
    assert best.confidence == 0.75 and best.word_confidences == (("I", 0.5),)
    changed, _ = _hypotheses(*row, ["▁I"], [[0.5, 0.5]], False, [False, False], UNRATED, [""], [0.0])
    assert changed.confidence is None and changed.word_confidences == ()


def test_a_model_without_attention_has_no_alignment(server: RestStandIn) -> None:
    outputs = {**stand_in.answer("translate", {"text": ["a b"]}), "alignment": [[[], []]]}
    server.faults = [lambda handler: handler.send(200, {"outputs": outputs})]
    assert Client(server.url).translate(["a b"])[0].alignment is None


# What fails, and may pass.


@pytest.mark.parametrize(
    "fault",
    [
        status(429),
        status(502),
        status(503),
        status(504),
        hang_up,
        raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"),
    ],
)
def test_what_may_pass_is_tried_again(fault: Callable, server: RestStandIn) -> None:
    server.faults = [fault, fault]
    assert Client(server.url).translate(["a"])[0].text == "A"
    assert len(server.seen) == 3


def test_a_connection_that_the_server_closed_meanwhile_costs_no_try(server: RestStandIn) -> None:
    client = Client(server.url, retries=0)
    assert client.translate(["a"])[0].text == "A"
    server.faults = [hang_up]
    assert client.translate(["b"])[0].text == "B"


def test_retry_after_is_kept_to_where_the_deadline_allows(server: RestStandIn) -> None:
    server.faults = [status(429, Retry_After="1")]
    began = time.monotonic()
    assert Client(server.url).translate(["a"])[0].text == "A"
    assert 1.0 <= time.monotonic() - began < 4
    server.faults = [status(429, Retry_After="30")]
    began = time.monotonic()
    with pytest.raises(ServerFailed, match=r"on purpose \(429\).*tried once, then the deadline was near"):
        Client(server.url, deadline=5).translate(["a"])
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("wish", ["Fri, 01 Jan 2021 00:00:00 GMT", "soon", "nan", "-5", ""])
def test_a_strange_retry_after_does_no_harm(wish: str, server: RestStandIn) -> None:
    server.faults = [status(503, Retry_After=wish)]
    assert Client(server.url).translate(["a"])[0].text == "A"


@pytest.mark.parametrize("fault", ["UNAVAILABLE", "RESOURCE_EXHAUSTED"])
def test_what_may_pass_is_tried_again_over_grpc(fault: str, rpc: GrpcStandIn) -> None:
    rpc.faults = [(fault, "The queue is full"), (fault, "The queue is full")]
    assert Client(rpc.url).translate(["a"])[0].text == "A"
    assert len(rpc.seen) == 3
    rpc.faults = [(fault, "The queue is full")] * 9
    with pytest.raises(ServerFailed, match=f"The queue is full \\({fault}\\).*tried 2 times"):
        Client(rpc.url, retries=1).translate(["a"])
    assert len(rpc.faults) == 7


@pytest.mark.parametrize("scheme", ["http", "grpc"])
def test_a_server_that_comes_late_is_waited_for_and_one_that_never_comes_is_named(scheme: str) -> None:
    port = free_port()
    url = f"{scheme}://127.0.0.1:{port}/v1/models/{NAME}"
    began = time.monotonic()
    with pytest.raises(Unavailable, match=f"127.0.0.1:{port} cannot be reached: .*tried 3 times"):
        Client(url, retries=2).translate(["a"])
    assert time.monotonic() - began < 8
    assert not Client(url).ready()
    if scheme == "grpc":
        return
    late = threading.Timer(0.4, lambda: _serve_a_while(port))
    late.start()
    assert Client(url, retries=8).translate(["a"])[0].text == "A"
    late.join()


def _serve_a_while(port: int) -> None:
    with stand_in.rest(port=port) as found:
        until = time.monotonic() + 10
        while not found.seen and time.monotonic() < until:
            time.sleep(0.05)
        time.sleep(0.1)


# What fails for good.

REFUSALS = {
    400: (RequestRefused, "refuses the request: on purpose"),
    401: (RequestRefused, "NMT_TOKEN"),
    403: (RequestRefused, "NMT_TOKEN"),
    404: (UnknownModel, "has no model 'ko-en': on purpose"),
    413: (RequestRefused, "on purpose"),
    307: (RequestRefused, "it redirects to"),
    500: (ServerFailed, "failed: on purpose"),
    501: (ServerFailed, "failed: on purpose"),
}


@pytest.mark.parametrize("code", REFUSALS)
def test_what_cannot_pass_is_not_tried_again(code: int, server: RestStandIn) -> None:
    kind, words = REFUSALS[code]
    server.faults = [status(code)]
    with pytest.raises(kind) as caught:
        Client(server.url).translate(["a"])
    assert type(caught.value) is kind and words in str(caught.value) and f"({code})" in str(caught.value)
    assert len(server.seen) == 1
    assert isinstance(caught.value, InputError if kind is not ServerFailed else WorkFailed)


def test_a_redirect_to_another_host_is_not_followed(server: RestStandIn) -> None:
    with stand_in.rest() as other:
        for code in (301, 302, 307, 308):
            server.faults = [status(code, Location=other.url)]
            with pytest.raises(RequestRefused, match=f"redirects to {other.url}"):
                Client(server.url, token="secret").translate(["a"])
        assert other.seen == []


def test_proxies_of_the_environment_are_not_used(
    either: RestStandIn | GrpcStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nobody listens there
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    assert Client(either.url, retries=0).translate(["a"])[0].text == "A"


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("INVALID_ARGUMENT", RequestRefused),
        ("NOT_FOUND", UnknownModel),
        ("UNAUTHENTICATED", RequestRefused),
        ("UNIMPLEMENTED", RequestRefused),
        ("INTERNAL", ServerFailed),
    ],
)
def test_what_cannot_pass_is_not_tried_again_over_grpc(code: str, kind: type, rpc: GrpcStandIn) -> None:
    rpc.faults = [(code, "on purpose\nand more")]
    with pytest.raises(kind, match=rf"on purpose \({code}\)") as caught:
        Client(rpc.url).translate(["a"])
    assert type(caught.value) is kind
    assert len(rpc.seen) == 1


def test_an_unknown_model_is_named(either: RestStandIn | GrpcStandIn) -> None:
    client = Client(either.url.replace(NAME, "other"))
    with pytest.raises(UnknownModel, match=r"has no model 'other': Servable not found.*Check the name"):
        client.translate(["a"])
    assert not client.ready()


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (b"{", "not JSON"),
        (b"\xff\xfe\x00", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[1]", "not a JSON object"),
        (b"<html>hello</html>", "not JSON"),
        (b"{}", "no outputs"),
        (b'{"outputs": [1]}', "no outputs"),
        (b'{"outputs": {"translation": ["A"]}}', "gave no 'score'"),
        (b'{"outputs": {"translation": [], "score": []}}', "one row for each of 1"),
        (b'{"outputs": {"translation": ["A", "B"], "score": [1, 2]}}', "one row for each of 1"),
        (b'{"outputs": {"translation": [["A"]], "score": [1]}}', "does not hold"),
        (b'{"outputs": {"translation": ["A"], "score": ["B"]}}', "does not hold"),
        (b'{"outputs": {"translation": {"b64": ""}, "score": [1]}}', "one row for each of 1"),
    ],
)
def test_an_answer_that_makes_no_sense_is_an_error(answer: bytes, word: str, server: RestStandIn) -> None:
    server.faults = [lambda handler: handler.send(200, answer)]
    with pytest.raises(ServerFailed, match=word):
        Client(server.url).translate(["a"], details=False)
    assert len(server.seen) == 1
    assert Client(server.url).translate(["a"], details=False)[0].text == "A"


@pytest.mark.parametrize("data", [b"SSH-2.0-OpenSSH_9.9\r\n", b"\x15\x03\x01\x00\x02\x02\x46", b"HTTP/1.1 abc\r\n\r\n"])
def test_a_port_where_something_else_listens_is_an_error(data: bytes, server: RestStandIn) -> None:
    server.faults = [raw(data)] * 9
    with pytest.raises(ServerFailed, match="cannot be read"):
        Client(server.url).translate(["a"])


def test_metadata_and_states_that_make_no_sense_are_errors(server: RestStandIn) -> None:
    for document in ({}, {"model_version_status": 3}, {"metadata": {"signature_def": []}, "model_spec": {}}):
        server.faults = [lambda handler, document=document: handler.send(200, document)] * 2
        with pytest.raises(ServerFailed):
            Client(server.url).metadata()
        with pytest.raises(ServerFailed):
            Client(server.url).ready()


def test_a_huge_answer_is_not_read(either: RestStandIn | GrpcStandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "LARGEST_ANSWER", 3_000)
    client = Client(either.url)
    assert client.translate(["a"])[0].text == "A"
    with pytest.raises(ServerFailed, match=r"more than 3,000 bytes.*fewer sentences"):
        client.translate(["word " * 30] * 10)
    assert len(either.seen) == 2


def test_a_huge_answer_without_a_length_is_not_read(server: RestStandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "LARGEST_ANSWER", 3_000)
    server.faults = [raw(b"HTTP/1.1 200 OK\r\n\r\n" + b" " * 1_000_000)]
    with pytest.raises(ServerFailed, match="more than 3,000 bytes"):
        Client(server.url).translate(["a"])


def test_a_chunked_answer_is_read(server: RestStandIn) -> None:
    data = json.dumps({"outputs": {"translation": ["A"], "score": [-1]}}).encode()
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (data[:9], data[9:])) + b"0\r\n\r\n"
    server.faults = [raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks)]
    assert Client(server.url).translate(["a"], details=False)[0].text == "A"


@pytest.mark.parametrize("fault", [sleep(3.0), drip, stall])
def test_the_deadline_holds(fault: Callable, server: RestStandIn) -> None:
    server.faults = [fault]
    began = time.monotonic()
    with pytest.raises(TimedOut, match=r"before the deadline.*Give more time"):
        Client(server.url, deadline=0.5).translate(["a"])
    assert 0.4 < time.monotonic() - began < 2


def test_the_deadline_holds_over_retries(server: RestStandIn) -> None:
    server.faults = [status(503)] * 50
    began = time.monotonic()
    with pytest.raises(ServerFailed, match="then the deadline was near"):
        Client(server.url, deadline=0.6, retries=50).translate(["a"])
    assert time.monotonic() - began < 1
    assert 2 < len(server.seen) < 10


def test_the_deadline_holds_over_grpc(rpc: GrpcStandIn) -> None:
    Client(rpc.url).ready()
    rpc.faults = [2.0]
    began = time.monotonic()
    with pytest.raises(TimedOut, match="before the deadline"):
        Client(rpc.url, deadline=0.5).translate(["a"])
    assert 0.4 < time.monotonic() - began < 1.5


# TLS.


def test_a_server_whose_certificate_is_not_trusted_is_not_asked(certificate: tuple[Path, Path]) -> None:
    with stand_in.rest(certificate=certificate) as server:
        with pytest.raises(ServerFailed, match=r"no trusted connection: self-signed certificate.*--ca"):
            Client(server.url).translate(["a"])
        assert Client(server.url, ca=certificate[0], token="secret").translate(["a"])[0].text == "A"
        assert len(server.seen) == 1


def test_a_certificate_for_another_host_is_not_trusted(certificate: tuple[Path, Path]) -> None:
    with stand_in.rest(certificate=certificate) as server:
        url = server.url.replace("localhost", "127.0.0.1")
        with pytest.raises(ServerFailed, match="no trusted connection: IP address mismatch"):
            Client(url, ca=certificate[0]).translate(["a"])
        assert server.seen == []


def test_a_server_may_ask_for_a_certificate(certificate: tuple[Path, Path]) -> None:
    with stand_in.rest(certificate=certificate, guests=certificate[0]) as server:
        with pytest.raises(ServerFailed):
            Client(server.url, ca=certificate[0], retries=0).translate(["a"])
        with Client(server.url, ca=certificate[0], certificate=certificate[0], key=certificate[1]) as client:
            assert client.translate(["a"])[0].text == "A"


def test_tls_over_grpc(certificate: tuple[Path, Path]) -> None:
    with stand_in.grpc(certificate=certificate) as server:
        assert Client(server.url, ca=certificate[0], token="secret").translate(["a"])[0].text == "A"
        with pytest.raises(ServerFailed, match="no trusted connection"):
            Client(server.url, deadline=10).translate(["a"])
        assert len(server.seen) == 1


def test_plain_http_to_a_port_with_tls_and_the_other_way_round_are_errors(
    certificate: tuple[Path, Path], server: RestStandIn
) -> None:
    with pytest.raises(ServerFailed, match="no trusted connection"):
        Client(server.url.replace("http:", "https:"), retries=0).translate(["a"])
    with stand_in.rest(certificate=certificate) as secure, pytest.raises(ServerFailed):
        Client(secure.url.replace("https:", "http:"), retries=0).translate(["a"])


# What is wrong before anything is sent.

BAD_ADDRESSES = {
    "localhost:8501": "not an address|not the address",
    "": "not an address|not the address",
    "ftp://host/v1/models/x": "not an address|not the address",
    "http://": "not an address|not the address",
    "http://host:port/v1/models/x": "not an address|not the address",
    "http://host:99999/v1/models/x": "not an address|not the address",
    "http://[::1/v1/models/x": "not an address|not the address",
    "http://host:8501": "which model",
    "http://host:8501/v1/models/": "which model|more after",
    "http://host/v1/models/x:predict": "more after",
    "http://host/v1/models/x/metadata": "more after",
    "http://host/v1/models/x/versions/new": "more after",
    "http://host/v1/models/x?y=1": "more after",
    "http://me:secret@host/v1/models/x": "a password",
}


@pytest.mark.parametrize("url", BAD_ADDRESSES)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(InputError, match=BAD_ADDRESSES[url]) as caught:
        Client(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "options", "path", "target"),
    [
        ("http://h:8501/v1/models/m", {}, "/v1/models/m", "h:8501"),
        ("http://h:8501/v1/models/m/", {}, "/v1/models/m", "h:8501"),
        ("http://h:8501", {"model": "m"}, "/v1/models/m", "h:8501"),
        ("http://h:8501/", {"model": "m", "version": 4}, "/v1/models/m/versions/4", "h:8501"),
        ("https://h/v1/models/m/versions/7", {}, "/v1/models/m/versions/7", "h:443"),
        ("https://h/behind/a/proxy/v1/models/m", {"model": "m"}, "/behind/a/proxy/v1/models/m", "h:443"),
        ("grpc://h", {"model": "m"}, "/v1/models/m", "h:8500"),
        ("http://h/v1/models/%ED%95%9C%20%EC%98%81", {}, "/v1/models/%ED%95%9C%20%EC%98%81", "h:80"),
        ("http://h/v1/models/한", {"model": "한"}, "/v1/models/%ED%95%9C", "h:80"),
        ("grpc://[::1]:9/v1/models/m", {}, "/v1/models/m", "[::1]:9"),
    ],
)
def test_an_address_says_host_model_and_version(url: str, options: dict, path: str, target: str) -> None:
    where = Address.parse(url, **options)
    assert (where.path, where.target) == (path, target)


@pytest.mark.parametrize(
    ("url", "options", "word"),
    [
        ("http://h/v1/models/m", {"model": "other"}, "Name one"),
        ("http://h/v1/models/m/versions/1", {"version": 2}, "Name one"),
        ("http://h", {"model": "a/b"}, "not a model's name"),
        ("http://h/v1/models/m", {"deadline": 0}, "at most 86,400"),
        ("http://h/v1/models/m", {"deadline": math.nan}, "at most 86,400"),
        ("http://h/v1/models/m", {"retries": -1}, "0 or more"),
        ("http://h/v1/models/m", {"batch": 0}, "1 or more"),
        ("http://h/v1/models/m", {"ca": "x.pem"}, "not encrypted"),
        ("http://h/v1/models/m", {"token": "secret"}, "could be read"),
        ("grpc://h/v1/models/m", {"token": "secret"}, "could be read"),
        ("https://h/v1/models/m", {"token": "a\nb"}, "no header"),
        ("https://h/v1/models/m", {"key": "x.pem"}, "certificate"),
        ("https://h/v1/models/m", {"ca": "nowhere.pem"}, "nowhere.pem cannot be used"),
        ("https://h/v1/models/m", {"ca": __file__}, "PEM files are needed"),
    ],
)
def test_options_that_make_no_sense_are_refused(url: str, options: dict[str, Any], word: str) -> None:
    with pytest.raises(InputError, match=word) as caught:
        Client(url, **options)
    assert "secret" not in str(caught.value)


def test_texts_that_cannot_be_sent_are_refused(server: RestStandIn) -> None:
    client = Client(server.url)
    with pytest.raises(TypeError, match="list of sentences"):
        client.translate("a")
    with pytest.raises(InputError, match="Text 2 is not valid Unicode at character 3"):
        client.translate(["a", "bc\udc80"])
    with pytest.raises(ValueError, match="do not make pairs"):
        client.score(["a"], [])
    assert server.seen == []


def test_rest_imports_neither_tensorflow_nor_numpy(server: RestStandIn) -> None:
    code = (
        "import sys\nfrom nmt.client import Client\n"
        f"print(Client({server.url!r}).translate(['a b'])[0].text)\n"
        "print([name for name in ('tensorflow', 'keras', 'numpy', 'grpc') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert result.stdout.splitlines() == ["A B", "[]"], result.stderr


def test_grpc_without_its_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow_serving", None)
    monkeypatch.setitem(sys.modules, "tensorflow_serving.apis", None)
    with pytest.raises(InputError, match="pip install tensorflow-serving-api"):
        Client("grpc://localhost:8500/v1/models/m")
