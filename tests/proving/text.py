"""Hostile lines through every door: each gets one answer, in order, with memory and time bounded.

The doors are the commands translate, score, align, complete and data, `nmt serve`, and the programs for a device, of
ids and of strings. Among the lines are sentences whose answers are known, so that an answer that moved is seen.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from command_line import PAIRS
from servers import serving

from proving.hostile_lines import broken, lines
from proving.proof import Proof, options

# The device's model of strings needs unigram pieces; the language model has those of BPE.
TRANSLATOR = ["--set", "text.kind=unigram", "--set", "text.vocabulary_size=52"]
LANGUAGE = ["--set", "model.architecture=language-model", "--set", "text.kind=bpe", "--set", "text.vocabulary_size=60"]
SMALL = [
    "--set", "model.units=32", "--set", "model.embedding=32", "--set", "training.batch_size=8", "--set",
    "training.learning_rate=0.01", "--set", "training.warmup_steps=5", "--set", "training.epochs=25", "--set",
    "training.early_stopping=25", "--set", "decoding.max_length=16",
]  # fmt: skip
# The share of the lines that each door gets, in percent.
SHARES = {"translate": 30, "score": 10, "align": 10, "complete": 10, "data": 20, "serve": 10, "ids": 5, "strings": 5}
MEMORY = 2_500_000_000
START, PER_LINE, PER_LONG_LINE, PER_REQUEST = 120.0, 0.02, 2.0, 30.0
# Sentences of a request, and the bytes of one, that the server accepts.
REQUEST, SENTENCE = 64, 20_000
BOM = "\ufeff"


@dataclass(frozen=True)
class Done:
    """How a command ended: its code, its output, what it said, and its largest memory in bytes (0: not measured)."""

    code: int
    output: bytes
    news: str
    memory: int = 0


Run = Callable[[Sequence[object], bytes], Done]


def installed(arguments: Sequence[object], stdin: bytes = b"") -> Done:
    """Run a command, or a program's file, in a process of its own and measure it."""
    words = [str(each) for each in arguments]
    command = [sys.executable, *words] if words[0].endswith(".py") else [sys.executable, "-m", "nmt.cli", *words]
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        given.write(stdin)
        given.seek(0)
        process = subprocess.Popen(command, stdin=given, stdout=out, stderr=err)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = code = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        scale = 1 if sys.platform == "darwin" else 1024
        return Done(code, out.read(), err.read().decode("utf-8", "replace"), used.ru_maxrss * scale)


def make_models(folder: Path) -> None:
    """Train a translator and a language model into ``folder``, and export the translator for a device."""
    pairs, text = folder / "pairs.tsv", folder / "text.txt"
    pairs.write_text("".join(f"{ko}\t{en}\n" for ko, en in PAIRS), encoding="utf-8")
    text.write_text("".join(f"{en}\n" for _, en in PAIRS), encoding="utf-8")
    model, language = folder / "model", folder / "language"
    for command in (
        ["train", "--pairs", pairs, "--dev-pairs", pairs, *TRANSLATOR, "--to", model, *SMALL],
        ["train", "--text", text, "--dev-text", text, *LANGUAGE, "--to", language, *SMALL],
        ["export", model, "--tflite", "--to", folder / "ids"],
        ["export", model, "--tflite", "--strings", "--to", folder / "strings"],
    ):
        done = installed(command)
        assert done.code == 0, done.news


class Doors:
    """The doors of a translator and a language model, and what each may do with a line.

    Arguments:
        proof: counts lines and keeps faults.
        folder: with ``model``, ``language``, ``ids`` and ``strings``.
        place: for the files of lines.
        run: runs a command.
        long_every: one line in so many has 100,000 characters.
        known_every: one line in so many is a sentence whose answer is known.
    """

    def __init__(
        self,
        proof: Proof,
        folder: Path,
        place: Path,
        run: Run = installed,
        *,
        long_every: int = 5000,
        known_every: int = 97,
    ) -> None:
        self.proof, self.folder, self.place, self.run = proof, folder, place, run
        self.long_every, self.known_every = long_every, known_every
        # Each known sentence, and its known translation beside it.
        self.known = dict(PAIRS[::5])

    def lines(self, door: str, count: int) -> list[str]:
        """Draw the lines of a door, known sentences among them."""
        drawn = list(lines(count, _seed(self.proof.seed, door), self.long_every))
        known = list(self.known)
        for number in range(0, count, self.known_every):
            drawn[number] = known[number // self.known_every % len(known)]
        return drawn

    def command(self, door: str, arguments: Sequence[object], given: list[str], stdin: bytes = b"") -> list[str]:
        """Run a command on lines, check code, memory and time, and return the lines of its output."""
        began = time.monotonic()
        done = self.run(arguments, stdin)
        seconds, size = time.monotonic() - began, sum(len(line) > 50_000 for line in given)
        self.proof.add(door, len(given))
        if done.code != 0 or "Traceback" in done.news:
            self.proof.fault(door, f"code {done.code}: {done.news[-2000:]}")
        if done.memory > MEMORY:
            self.proof.fault(door, f"{done.memory:,} bytes of memory")
        if seconds > START + PER_LINE * len(given) + PER_LONG_LINE * size:
            self.proof.fault(door, f"{seconds:,.0f} seconds for {len(given):,} lines")
        print(f"text: {door}: {len(given):,} lines, {seconds:,.0f} seconds, {done.memory:,} bytes", file=sys.stderr)
        try:
            *output, rest = done.output.decode("utf-8").split("\n")
        except UnicodeDecodeError as error:
            self.proof.fault(door, f"the output is not UTF-8: {error}")
            return []
        if rest:
            self.proof.fault(door, f"the last line has no end: {rest[:80]!r}")
        return output

    def compare(self, door: str, given: list[str], found: list[str], right: Callable[[str, str], str]) -> None:
        """Check that there is an answer for each line, and that ``right`` finds nothing wrong with it."""
        if len(given) != len(found):
            self.proof.fault(door, f"{len(given):,} lines have {len(found):,} answers")
        answers: dict[str, str] = {}
        for number, (line, answer) in enumerate(zip(given, found, strict=False)):
            wrong = right(line, answer)
            if number % self.known_every == 0 and answers.setdefault(line, answer) != answer:
                wrong = f"{line} was {answers[line]!r} and is {answer!r}"
            if wrong:
                self.proof.fault(f"{door}, line {number + 1} {line[:60]!r}", wrong)
                return
        if len(given) > 3 * self.known_every and len(set(answers.values())) < 2:
            self.proof.fault(door, "all known sentences have the same answer: an answer that moved would not be seen")

    def translate(self, count: int) -> None:
        """``nmt translate``, from standard input."""
        given = self.lines("translate", count)
        found = self.command("translate", ["translate", self.folder / "model"], given, _text(given))
        self.compare("translate", given, found, _translation)
        self.refuses(given[:50])

    def refuses(self, given: list[str]) -> None:
        """A line that is not UTF-8 is named, after the answers to those before it."""
        for number in range(3):
            raw = broken(random.Random(_seed(self.proof.seed, f"broken {number}")))
            done = self.run(["translate", self.folder / "model"], _text(given) + raw + b"\n" + _text(given))
            answers = done.output.count(b"\n")
            self.proof.add("translate, not UTF-8")
            if done.code != 2 or f"line {len(given) + 1}" not in done.news or answers != len(given):
                self.proof.fault(f"translate {raw!r}", f"code {done.code}, {answers} answers: {done.news[-500:]}")

    def files(self, door: str, count: int) -> tuple[list[str], list[object]]:
        """Write two parallel files of lines and return those of the first, and the options that name them."""
        sources, targets = self.lines(door, count), self.lines(f"{door}, targets", count)
        for number in range(0, count, self.known_every):
            targets[number] = self.known[sources[number]]
        options: list[object] = []
        for side, given in (("source", sources), ("target", targets)):
            (self.place / f"{door}.{side}").write_bytes(_text(given))
            options += [f"--{side}", self.place / f"{door}.{side}"]
        return sources, options

    def score(self, count: int) -> None:
        """``nmt score``."""
        given, named = self.files("score", count)
        found = self.command("score", ["score", self.folder / "model", *named], given)
        # The last digit may depend on the batch.
        self.compare("score", given, [re.sub(r"(\.\d)\d*", r"\1", line) for line in found], _matches(_SCORE))

    def align(self, count: int) -> None:
        """``nmt align``."""
        given, named = self.files("align", count)
        found = self.command("align", ["align", self.folder / "model", *named], given)
        self.compare("align", given, found, _matches(_LINKS))

    def complete(self, count: int) -> None:
        """``nmt complete``: every answer begins with its line."""
        given = self.lines("complete", count)
        found = self.command("complete", ["complete", self.folder / "language"], given, _text(given))
        self.compare("complete", given, found, _completion)

    def data(self, count: int) -> None:
        """``nmt data``: the report counts all pairs."""
        sources, targets = self.lines("data", count), self.lines("data, targets", count)
        file = self.place / "hostile.tsv"
        file.write_bytes(_text(f"{a.replace(chr(9), ' ')}\t{b}" for a, b in zip(sources, targets, strict=True)))
        output = self.command("data", ["data", file, "--json"], sources)
        try:
            pairs = json.loads("\n".join(output))["splits"][0]["pairs"]
        except (ValueError, KeyError, IndexError, TypeError) as error:
            self.proof.fault("data", f"no report: {error!r}")
            return
        if pairs != count:
            self.proof.fault("data", f"{count:,} pairs were counted as {pairs:,}")

    def device(self, kind: str, count: int) -> None:
        """The program of an export for a device: bytes that are not UTF-8 are answered, too."""
        rng = random.Random(_seed(self.proof.seed, kind))
        given = self.lines(kind, count)
        raw = [broken(rng) if number % 10 == 9 and line not in self.known else line.encode()
               for number, line in enumerate(given)]  # fmt: skip
        program = self.folder / kind / "translate.py"
        found = self.command(kind, [program], given, b"".join(line + b"\n" for line in raw))
        shown = [line.decode("utf-8", "replace") for line in raw]
        self.compare(kind, shown, found, lambda line, answer: "" if _plain(answer) else f"controls in {answer!r}")

    def serve(self, count: int) -> None:
        """`nmt serve`: rows of text and of base64 in requests; a sentence that is too long is refused with 413."""
        rng = random.Random(_seed(self.proof.seed, "serve"))
        given = self.lines("serve", count)
        with serving(self.folder / "model", self.place / "news", installed=True) as server:
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PER_REQUEST)
            found: list[str] = []
            for start in range(0, count, REQUEST):
                for part in _fitting(given[start : start + REQUEST]):
                    instances = [
                        line if line in self.known or rng.random() < 0.8
                        else {"b64": base64.b64encode(broken(rng)).decode()} for line in part
                    ]  # fmt: skip
                    too_long = len(part[0].encode()) > SENTENCE and isinstance(instances[0], str)
                    body = json.dumps({"instances": instances}).encode()
                    connection.request("POST", "/v1/models/model:predict", body)
                    answer = connection.getresponse()
                    read = answer.read()
                    self.proof.add("serve", len(part))
                    if (answer.status, too_long) == (413, True):
                        found.append("")
                    elif answer.status == 200:
                        found += [each["translation"] for each in json.loads(read)["predictions"]]
                    else:
                        self.proof.fault(f"serve, lines from {start + 1}", f"{answer.status} {read[:500]!r}")
                        return
            memory = peak(server.process.pid)
            connection.close()
            code = server.stop()
        print(f"text: serve: {count:,} lines, {memory:,} bytes", file=sys.stderr)
        self.compare("serve", given, found, lambda line, answer: "" if _plain(answer) else f"controls in {answer!r}")
        if code or memory > MEMORY or "Traceback" in server.news:
            self.proof.fault("serve", f"code {code}, {memory:,} bytes: {server.news[-2000:]}")


def peak(process: int) -> int:
    """Return the largest memory of a process so far, in bytes; 0 where the system does not say."""
    try:
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text())
    except OSError:
        return 0
    return int(found[1]) * 1024 if found else 0


_NUMBER = r"-?(\d+(\.\d+)?(e[+-]?\d+)?|inf)"
_SCORE = re.compile(rf"{_NUMBER}\t({_NUMBER}|nan)")
_LINKS = re.compile(r"(\d+-\d+( \d+-\d+)*)?")


def _seed(seed: int, door: str) -> int:
    return seed * 1_000_003 + sum(door.encode())


def _text(given: Sequence[str] | Iterator[str]) -> bytes:
    return "".join(f"{line}\n" for line in given).encode()


def _fitting(given: list[str]) -> Iterator[list[str]]:
    """Yield the sentences that fit together, and each that is too long alone."""
    together: list[str] = []
    for line in given:
        if len(line.encode()) > SENTENCE:
            if together:
                yield together
            yield [line]
            together = []
        else:
            together.append(line)
    if together:
        yield together


def _plain(answer: str) -> bool:
    return not any(unicodedata.category(c) in ("Cc", "Zl", "Zp") for c in answer)


def _translation(line: str, answer: str) -> str:
    if not line.strip() and answer:
        return f"a blank line has the answer {answer!r}"
    return "" if _plain(answer) else f"controls in {answer!r}"


def _completion(line: str, answer: str) -> str:
    # What the readers of files drop, and what would end a line of the answer.
    kept = "".join(" " if not _plain(c) else c for c in line.replace("\r", ""))
    return "" if answer.startswith(kept) and _plain(answer) else f"the answer {answer[:200]!r} does not begin with it"


def _matches(form: re.Pattern[str]) -> Callable[[str, str], str]:
    return lambda line, answer: "" if form.fullmatch(answer) else f"{answer[:200]!r} is no answer"


def prove(proof: Proof, folder: Path, place: Path, count: int, shares: dict[str, int], run: Run = installed) -> None:
    """Send ``count`` lines through the doors of ``shares``."""
    doors = Doors(proof, folder, place, run)
    for door, share in shares.items():
        size = max(1, count * share // 100)
        if door in ("ids", "strings"):
            doors.device(door, size)
        else:
            getattr(doors, door)(size)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the proof."""
    asked = options(__doc__ or "", 1_000_000, arguments, parts=SHARES)
    proof = Proof("text", "lines", asked.seed)
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        (place / "models").mkdir()
        make_models(place / "models")
        chosen = {door: share for door, share in SHARES.items() if door in (asked.only or SHARES)}
        prove(proof, folder=place / "models", place=place, count=asked.count, shares=chosen)
    return proof.end()


if __name__ == "__main__":
    sys.exit(main())
