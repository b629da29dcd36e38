"""A server as a user starts it, a model small enough for it, and sockets that say anything to it."""

import hashlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import tensorflow as tf
from command_line import PAIRS, TINY, _command, nmt, once, warm_process

# A model that has learned a little.
TWELVE = ("--set", "training.epochs=12", "--set", "training.early_stopping=12")


def tiny_model(folder: Path, *settings: str) -> Path:
    """Put a trained model into a new folder."""

    def train(place: Path) -> None:
        pairs = place.with_name(f"{place.name}.tsv")
        pairs.write_text("".join(f"{ko}\t{en}\n" for ko, en in PAIRS), encoding="utf-8")
        result = nmt("train", "--pairs", pairs, "--dev-pairs", pairs, "--to", place, *TINY, *settings)
        assert result.returncode == 0, result.stderr.decode()

    return once(folder, f"tiny-{hashlib.sha256(repr(settings).encode()).hexdigest()[:8]}", train)


class Upper(tf.Module):
    """What has the signatures of an export and is none: it writes in capitals, from right to left."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "text")])
    def serving_default(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"translation": tf.strings.upper(text), "score": -tf.cast(tf.strings.length(text), tf.float32)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "text")])
    def translate(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        words = tf.strings.split(text)
        source = tf.concat([words, tf.fill([words.nrows(), 1], "</s>")], 1).to_tensor("")
        target = tf.ragged.map_flat_values(tf.strings.upper, tf.reverse(words, [1])).to_tensor("")
        lengths = tf.cast(words.row_lengths(), tf.int32)
        alignment = tf.one_hot(lengths[:, None] - 1 - tf.range(tf.shape(target)[1]), tf.shape(source)[1])
        score = -tf.cast(tf.strings.length(text), tf.float32)
        # The second of two words is all it finds beside.
        second = tf.where(lengths > 1, "SECOND", "")
        return {
            "translations": tf.stack([tf.strings.strip(tf.strings.reduce_join(target, 1, separator=" ")), second], 1),
            "scores": tf.stack([score, tf.where(lengths > 1, score - 1, tf.float32.min)], 1),
            "source_tokens": tf.where(source == "", "", tf.where(source == "</s>", source, "▁" + source)),
            "target_tokens": tf.where(target == "", "", "▁" + target),
            "alignment": alignment,
        }

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, each) for each in ("source", "target")])
    def score(self, source: tf.Tensor, target: tf.Tensor) -> dict[str, tf.Tensor]:
        words = tf.strings.split(target).to_tensor("")
        scores = -tf.cast(tf.strings.length(target), tf.float32)
        return {"log_probability": scores, "tokens": words, "token_scores": tf.zeros(tf.shape(words))}


class Rated(Upper):
    """One that has a confidence: 0.75 of all it writes."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "text")])
    def translate(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        found = super().translate(text)
        words = tf.strings.regex_replace(found["target_tokens"], "^▁", "")
        whole = 0.75 * tf.cast(tf.strings.length(text) > 0, tf.float32)
        return {**found, "confidence": whole, "words": words, "word_confidences": tf.fill(tf.shape(words), 0.5)}


def export(folder: Path, scores: bool = False) -> Path:
    """Save a version of an export; one with scores has a confidence, too."""
    module = Rated() if scores else Upper()
    signatures = {name: getattr(module, name) for name in ("serving_default", "translate", *(["score"] * scores))}
    tf.saved_model.save(module, str(folder), signatures=signatures)
    return folder


class Installed(subprocess.Popen[bytes]):
    """`nmt serve` exactly as a user starts it, from an interpreter that has just started to one that has ended."""

    def __init__(self, arguments: list[str], news: Path) -> None:
        with news.open("wb") as errors:
            super().__init__([sys.executable, "-m", "nmt.cli", *arguments], stdout=errors, stderr=errors)

    def join(self, seconds: float) -> None:
        self.wait(seconds)

    @property
    def exitcode(self) -> int | None:
        return self.poll()


def forked(arguments: list[str], news: Path) -> Any:
    """`nmt serve` in a process that is forked from one in which TensorFlow has been imported."""
    news.touch()
    streams = [os.devnull, os.devnull, str(news)]
    process = warm_process(_command, (["nmt", *arguments], streams, dict(os.environ), os.getcwd()))
    process.start()
    return process


class Serving:
    """A server process, and where it is."""

    def __init__(self, process: Any, news: Path) -> None:
        self.process = process
        self._news = news
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def news(self) -> str:
        return self._news.read_text(encoding="utf-8")

    def started(self) -> None:
        deadline = time.monotonic() + 120
        while not (said := re.search(r"at http://127\.0\.0\.1:(\d+)\. Ctrl-C", self.news)):
            assert self.process.exitcode is None, self.news
            assert time.monotonic() < deadline, self.news
            time.sleep(0.02)
        self.port = int(said[1])

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        os.kill(self.process.pid, number)
        self.process.join(60)
        return self.process.exitcode

    def say(self, *parts: bytes, half_close: bool = False, pause: float = 0.0) -> bytes:
        """Send parts over a connection of their own and return all that comes back."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as connection:
            for part in parts:
                connection.sendall(part)
                time.sleep(pause)
            if half_close:
                connection.shutdown(socket.SHUT_WR)
            answer = b""
            # A reset is an answer, too: what was said before it counts.
            with suppress(ConnectionResetError):
                while part := connection.recv(65536):
                    answer += part
            return answer

    def ask(self, method: str, path: str, body: bytes | Any = b"") -> tuple[int, dict[str, str], Any]:
        """Send a request and return status, headers and the JSON of the answer, or its text."""
        raw = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        return parsed(self.say(request(method, path, raw)))


def request(method: str, path: str, body: bytes = b"", length: int | None = None) -> bytes:
    """Return the bytes of a request."""
    size = len(body) if length is None else length
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {size}\r\n\r\n"
    return head.encode() + body


def parsed(answer: bytes) -> tuple[int, dict[str, str], Any]:
    """Return status, lower-case headers and the JSON of an answer, or its text."""
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    is_json = headers.get("content-type", "").startswith("application/json")
    return int(first.split()[1]), headers, json.loads(body) if is_json else body.decode()


@contextmanager
def serving(model: Path | str, news: Path, *options: object, installed: bool = False) -> Iterator[Serving]:
    """Run `nmt serve` on a free port, until the block ends."""
    arguments = ["serve", str(model), "--port", "0", *map(str, options)]
    server = Serving(Installed(arguments, news) if installed else forked(arguments, news), news)
    try:
        server.started()
        yield server
    finally:
        server.process.kill()
        server.process.join(60)
