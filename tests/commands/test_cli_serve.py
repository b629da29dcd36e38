"""`nmt serve` as a command: what it refuses before it loads, and how it ends."""

import json
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from command_line import nmt, refused
from servers import export, parsed, request, serving, tiny_model

from nmt.client import Client, RequestRefused
from nmt.commands.serve import _glossaries
from nmt.errors import InputError


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("serve") / "ko-en")


def test_what_cannot_be_served_is_told_at_once(tmp_path: Path) -> None:
    refused(nmt("serve", tmp_path / "nowhere"), "There is no folder", "saved_models/NAME")
    refused(nmt("serve", tmp_path), "neither a model's folder")
    (tmp_path / "model.tflite").write_bytes(b"")
    refused(nmt("serve", tmp_path), "is for a device")
    refused(nmt("serve", tmp_path, "--port", "70000"), "--port")


def test_each_model_has_its_glossary() -> None:
    assert _glossaries(["terms.tsv"], ["m"]) == {"m": Path("terms.tsv")}
    assert _glossaries(["a=b.tsv"], ["m"]) == {"m": Path("a=b.tsv")}
    both = {"ko-en": Path("a"), "en-ko": Path("b")}
    assert _glossaries(["en-ko=b", "ko-en=a"], ["ko-en", "en-ko"]) == both
    with pytest.raises(InputError, match="ko-en=terms"):
        _glossaries(["terms.tsv"], ["ko-en", "en-ko"])
    with pytest.raises(InputError, match="two glossaries"):
        _glossaries(["a", "b"], ["m"])


def test_a_port_in_use_is_told_before_tensorflow_is_imported(folder: Path) -> None:
    probe = "import sys; from nmt.cli import main\ntry: main()\nfinally: print('tensorflow' in sys.modules)"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        result = subprocess.run(
            [sys.executable, "-c", probe, "serve", str(folder), "--port", port], capture_output=True, timeout=60
        )
    assert result.returncode == 2
    assert f"Port {port} of 127.0.0.1 cannot be used" in result.stderr.decode()
    assert "--port" in result.stderr.decode() and "Traceback" not in result.stderr.decode()
    assert result.stdout == b"False\n"


def test_an_address_of_another_machine(folder: Path) -> None:
    refused(nmt("serve", folder, "--host", "192.0.2.1"), "192.0.2.1", "cannot be used")
    for name in ("no.such.host.invalid", "my..host", f"{'a' * 64}.b"):
        refused(nmt("serve", folder, "--host", name), f"There is no address '{name}'", "--host")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_it_when_all_is_answered(folder: Path, tmp_path: Path, number: signal.Signals) -> None:
    body = json.dumps({"instances": ["나는 밥을 " * 20] * 128}).encode()
    answers: list[bytes] = []
    with serving(folder, tmp_path / "news", installed=True) as server:
        threads = [
            threading.Thread(
                target=lambda: answers.append(server.say(request("POST", "/v1/models/ko-en:predict", body)))
            )
            for _ in range(3)
        ]
        idle = socket.create_connection(("127.0.0.1", server.port))
        for thread in threads:
            thread.start()
        while "nmt_sentences_total 384.0" not in server.ask("GET", "/metrics")[2]:
            time.sleep(0.01)
        assert server.stop(number) == 0
        for thread in threads:
            thread.join(10)
        idle.close()
        assert [parsed(answer)[0] for answer in answers] == [200] * 3
        assert server.news.endswith("Stopped.\n") and "Traceback" not in server.news
        with pytest.raises(ConnectionRefusedError):
            server.say(b"GET / HTTP/1.1\r\n\r\n")


def test_an_export_is_served_without_its_model(tmp_path: Path) -> None:
    for version in (9, 10):
        export(tmp_path / "upper" / str(version))
    (tmp_path / "current").symlink_to(tmp_path / "upper")
    with serving(tmp_path / "current", tmp_path / "news", "--name", "upper", "--trust") as server:
        code, _, answer = server.ask("POST", "/v1/models/upper/versions/10:predict", {"instances": ["a b"]})
        assert (code, answer) == (200, {"predictions": [{"translation": "A B", "score": -3.0}]})
        assert server.ask("POST", "/v1/models/upper/versions/9:predict", {"instances": ["a b"]})[0] == 404
        code, _, answer = server.ask("POST", "/page/translate", {"text": "a b", "how": "beam"})
        assert code == 400 and "was fixed" in answer["error"]
        (best, second) = server.ask("POST", "/page/translate", {"text": "a b"})[2]["sentences"][0]["translations"]
        assert (best["text"], best["weights"]) == ("B A", [[0.0, 1.0], [1.0, 0.0]])
        assert (second["text"], second["weights"]) == ("SECOND", None)
        # It has no signature `score`.
        code, _, answer = server.ask(
            "POST", "/v1/models/upper:predict", {"instances": ["a"], "signature_name": "score"}
        )
        assert code == 400 and "Known: serving_default, translate" in answer["error"]


def test_several_models_are_named_by_their_languages(tmp_path: Path) -> None:
    export(tmp_path / "upper" / "1")
    refused(nmt("serve", tmp_path / "upper", tmp_path / "upper"), "ko-en=")
    refused(nmt("serve", f"ko-en={tmp_path / 'upper'}", f"ko-en={tmp_path / 'upper'}"), "is named twice")
    refused(nmt("serve", f"ko-en={tmp_path / 'upper'}", "--pivot", "fr"), "--pivot fr needs")
    models = f"ko-en={tmp_path / 'upper'}", f"en-ko={tmp_path / 'upper'}"
    with serving(models[0], tmp_path / "news", models[1], "--trust") as server:  # type: ignore[arg-type]
        assert server.ask("POST", "/v1/models/en-ko:predict", {"instances": ["a b"]})[0] == 200
        code, _, answer = server.ask(
            "POST", "/translate", {"q": "rice bread. Tea milk.", "source": "en", "target": "ko"}
        )
        assert (code, answer) == (200, {"translatedText": "BREAD. RICE MILK. TEA"})


def test_where_others_reach_it_a_token_is_needed(folder: Path) -> None:
    refused(nmt("serve", folder, "--host", "0.0.0.0", "--port", "0"), "NMT_TOKEN", "--open")
    refused(nmt("serve", folder, "--port", "0", "--allow-origin", "*"), "--allow-origin", "http://HOST:PORT")


def test_the_token_lets_in_and_is_told_to_nobody(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NMT_TOKEN", "a-secret")
    with serving(folder, tmp_path / "news", "--allow-origin", "https://example.org") as server:
        url = f"{server.url}/v1/models/ko-en"
        with Client(url, token="a-secret") as client:
            assert client.ready() and client.translate(["나는 밥을 먹었다"])[0].tokens
        for token in (None, "a-secrets"):
            with Client(url, token=token) as client, pytest.raises(RequestRefused, match="token") as error:
                client.translate(["나는"])
            assert "a-secret" not in str(error.value)
        assert server.ask("GET", "/readyz")[0] == 200 and server.ask("GET", "/metrics")[0] == 401
        head = request("OPTIONS", "/v1/models/ko-en:predict").replace(
            b"\r\n\r\n", b"\r\nOrigin: https://example.org\r\n\r\n"
        )
        assert parsed(server.say(head))[1]["access-control-allow-origin"] == "https://example.org"
        assert parsed(server.say(head.replace(b"localhost", b"evil.example")))[0] == 421
        assert "a-secret" not in server.news
