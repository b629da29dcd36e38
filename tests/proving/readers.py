"""A fuzzer led by coverage for everything that reads a file or a body: only the documented error may come out.

Needs `atheris`, `pip install -e '.[prove]'`. Each reader is fuzzed in a process of its own, from the small files in
``corpus/READER/``; what breaks a reader is kept there, and the tests read all of it again without `atheris`.
"""

from __future__ import annotations

import functools
import importlib.util
import random
import re
import subprocess
import sys
import tempfile
import tomllib
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import nmt.errors
from proving.proof import Proof, options

CORPUS = Path(__file__).parent / "corpus"
# Megabytes of memory and seconds that one input may take.
MEMORY, SECONDS = 3000, 20
LONGEST = 8192
# Of each hundred inputs: readers that build a model for each are slow.
SHARES = {
    "tsv": 10, "files": 5, "toml": 10, "folder": 5, "links": 10, "gold": 5, "journal": 5, "records": 5, "results": 5,
    "edge": 10, "rest": 20, "pieces": 5, "state": 5,
}  # fmt: skip
# Readers that begin with the files of another.
_ALIKE = {"files": "tsv", "folder": "toml", "gold": "links", "records": "journal"}


class Readers:
    """The readers: each takes bytes, and ends with nothing or a documented error.

    Arguments:
        place: a folder for files.
    """

    def __init__(self, place: Path) -> None:
        self.place = place

    def reader(self, name: str) -> Callable[[bytes], None]:
        """Return a reader that lets nothing out but faults."""
        read, documented = getattr(self, name), _documented(name)

        def reads(data: bytes) -> None:
            try:
                read(bytes(data))
            except documented as error:
                if not str(error).strip() or "\n" in str(error).strip():
                    raise AssertionError(f"the message is not one line: {error!s}") from error

        return reads

    def _file(self, name: str, data: bytes) -> Path:
        file = self.place / name
        file.write_bytes(data)
        return file

    def tsv(self, data: bytes) -> None:
        """Pairs in columns, plain or compressed."""
        from nmt.data import corpora

        name = "pairs.tsv.gz" if data[:2] == b"\x1f\x8b" else "pairs.tsv"
        corpus = corpora.from_tsv(self._file(name, data))
        assert sum(1 for _ in corpus.pairs()) == corpus.size

    def files(self, data: bytes) -> None:
        """The same bytes as two files of lines."""
        from nmt.data import corpora

        half = len(data) // 2
        corpora.from_files(self._file("a.txt", data[:half]), self._file("b.txt", data[half:]))

    def toml(self, data: bytes) -> None:
        """A config as a file of settings."""
        from nmt import config

        found = config.from_file(self._file("config.toml", data))
        assert config.from_dict(tomllib.loads(config.to_toml(found))) == found

    def folder(self, data: bytes) -> None:
        """A config in a model's folder."""
        from nmt import config, model_folder

        self._file(model_folder.CONFIG, data)
        found = model_folder.read_config(self.place)
        assert config.from_dict(tomllib.loads(config.to_toml(found))) == found

    def links(self, data: bytes) -> None:
        """Word links that guide a training."""
        from nmt.data import corpora, word_links

        pairs = self._file("linked.tsv", b"a b c\td e f\n" * 3)
        file = self._file("links.txt", data)
        list(word_links.with_links(corpora.from_tsv(pairs), file).links() or ())

    def gold(self, data: bytes) -> None:
        """Word links that others are scored by."""
        from nmt.data import corpora
        from nmt.evaluation import alignment_error

        file = self._file("links.txt", data)
        list(alignment_error.read(corpora.read_lines(file), str(file)))

    def journal(self, data: bytes) -> None:
        """The records of a run that is resumed."""
        from nmt import config, model_folder
        from nmt.training import callbacks

        self._file(model_folder.CONFIG, model_folder.config_text(config.Config()))
        file = self._file(model_folder.JOURNAL, data)
        _ = callbacks.Journal(file, min(3, data.count(b"\n"))).qualities

    def records(self, data: bytes) -> None:
        """The records of a run for a picture."""
        from nmt import config, model_folder

        self._file(model_folder.CONFIG, model_folder.config_text(config.Config()))
        self._file(model_folder.JOURNAL, data)
        model_folder.read_journal(self.place)

    def results(self, data: bytes) -> None:
        """The record of a comparison."""
        from nmt.comparison import results, spec

        place = self.place / "comparison"
        place.mkdir(exist_ok=True)
        (place / results.RECORD).write_bytes(data)
        found = results.Results(place, [], _Material(), spec.ComparisonBudget(steps=1))
        found.done("a")

    def edge(self, data: bytes) -> None:
        """The description of an export for a device."""
        from nmt.export import tflite_runtime

        self._file(tflite_runtime.CONTENTS, data)
        tflite_runtime.Translator(self.place)

    def rest(self, data: bytes) -> None:
        """A method and a path, a line break, and a body."""
        from nmt.server import rest_protocol

        line, _, body = data.partition(b"\n")
        path = rest_protocol.parse_path("POST", line.decode("latin-1"))
        asked = rest_protocol.read(_backend(), path, body, 4)
        assert 0 <= len(asked.rows) <= 4 and all(text.encode() is not None for row in asked.rows for text in row)

    def pieces(self, data: bytes) -> None:
        """A SentencePiece model."""
        from nmt.data import tokenizers

        # Messages are joined by joining their bytes: the large table of the normaliser is the same for all.
        (self.place / "joint.spm.model").write_bytes(data + normaliser())
        found = tokenizers.Tokenizers.load(self.place, joint=True).source
        ids = found.encode(["a b", "", "\u200b나는"])
        found.decode(ids)
        found.pieces(ids.flat_values.numpy())

    def state(self, data: bytes) -> None:
        """The state of a run."""
        checkpoint(self._file("state.npz", data)).load()


class _Material:
    """What a comparison's record says about its corpus."""

    def identity(self) -> dict[str, object]:
        return {"pairs": [], "dev": []}


def _backend():
    from nmt.server.backends import Backend
    from nmt.signatures import SIGNATURES

    class Named(Backend):
        """A name, a version and signatures: nothing is translated."""

        name, version, signatures, batch_size = "m", 1, SIGNATURES, 4

        def answers(self, signature, rows):
            raise NotImplementedError

        def shown(self, texts, search=None, first=0):
            raise NotImplementedError

    return Named()


@functools.cache
def normaliser() -> bytes:
    """Return the part of a SentencePiece model that normalises, as bytes."""
    from sentencepiece import sentencepiece_model_pb2

    from nmt.data import tokenizers

    model = tokenizers.train_tokenizers([("a", "b")], "char").source.model
    whole = sentencepiece_model_pb2.ModelProto.FromString(model)
    return sentencepiece_model_pb2.ModelProto(normalizer_spec=whole.normalizer_spec).SerializePartialToString()


def checkpoint(path: Path):
    """Return the checkpoint of a small compiled model."""
    import keras

    from nmt.training.checkpoint import Checkpoint, Fingerprints

    model = keras.Sequential([keras.layers.Input([2]), keras.layers.Dense(3)])
    model.compile("sgd", "mse")
    return Checkpoint(path, model, Fingerprints(corpus=1, dev=3, earlier=1), 2)


def _documented(name: str) -> type[Exception] | tuple[type[Exception], ...]:
    if name == "rest":
        from nmt.server.rest_protocol import Refused

        return Refused
    # The program for a device knows nothing of this package.
    return ValueError if name == "edge" else nmt.errors.InputError


def seeds(name: str) -> list[bytes]:
    """Return the small files that a reader begins with."""
    return [file.read_bytes() for file in sorted((CORPUS / _ALIKE.get(name, name)).iterdir())]


def fuzz(name: str, count: int, seed: int, place: Path) -> None:
    """Fuzz a reader in this process, which ends with it."""
    import atheris

    with atheris.instrument_imports(include=["nmt", "tomllib", "json", "gzip", "zipfile"]):
        readers = Readers(place)
        read = readers.reader(name)
        for data in seeds(name):
            read(data)
    arguments = ["readers", f"-runs={count}", f"-seed={seed}", f"-max_len={LONGEST}", f"-timeout={SECONDS}"]
    arguments += [f"-rss_limit_mb={MEMORY}", f"-artifact_prefix={place}/found-", "-print_final_stats=1"]
    grown = place / "grown"
    grown.mkdir()
    atheris.Setup([*arguments, str(grown), str(CORPUS / _ALIKE.get(name, name))], read)
    atheris.Fuzz()


def mutated(name: str, count: int, seed: int) -> list[bytes]:
    """Change the seeds at random, without coverage: what the tests try beside the seeds themselves."""
    rng, given = random.Random(seed), seeds(name)
    found = []
    for _ in range(count):
        data = bytearray(rng.choice(given))
        for _ in range(rng.randrange(1, 4)):
            place = rng.randrange(len(data) + 1)
            match rng.randrange(4):
                case 0:
                    data[place : place + 1] = rng.randbytes(1)
                case 1:
                    del data[place : place + rng.randrange(1, 9)]
                case 2:
                    data[place:place] = rng.choice(given)[: rng.randrange(1, 99)]
                case _:
                    data[place:] = b""
        found.append(bytes(data))
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the proof."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words[:1] == ["--reader"]:
        warnings.simplefilter("ignore")
        with tempfile.TemporaryDirectory() as place:
            Path(place, "in").mkdir()
            fuzz(words[1], int(words[2]), int(words[3]), Path(words[4]))
    asked = options(__doc__ or "", 100_000, words)
    if importlib.util.find_spec("atheris") is None:
        print("readers: this proof needs atheris, which is not installed: pip install -e '.[prove]'.", file=sys.stderr)
        return 1
    proof = Proof("readers", "inputs", asked.seed)
    for name, share in SHARES.items():
        with tempfile.TemporaryDirectory() as folder:
            count = max(1, asked.count * share // 100)
            command = [sys.executable, "-m", "proving.readers", "--reader", name, str(count), str(asked.seed), folder]
            done = subprocess.run(command, capture_output=True, text=True, errors="replace")
            ran = re.search(r"stat::number_of_executed_units:\s*(\d+)", done.stderr)
            proof.add(name, int(ran[1]) if ran else 0)
            crashes = list(Path(folder).glob("found-*"))
            if done.returncode or crashes:
                kept = [f"{len(data)} bytes {data[:300]!r}" for data in (file.read_bytes() for file in crashes)]
                proof.fault(f"{name} {kept}", f"code {done.returncode}: {_last(done.stderr)}")
                for file in crashes:
                    (CORPUS / name / file.name).write_bytes(file.read_bytes())
    return proof.end()


def _last(news: str) -> str:
    """Return the traceback in what the fuzzer said, or its end."""
    start = news.find("=== Uncaught Python exception")
    return news[start : start + 3000] if start >= 0 else news[-2000:]


if __name__ == "__main__":
    sys.exit(main())
