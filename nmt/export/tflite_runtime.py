"""A model on a device: a program for a TFLite model that needs nothing else of this package.

`nmt export --tflite` writes a folder with a copy of this file: ``translate.py``, ``complete.py`` for a language model,
``label.py`` for a classifier or a tagger, or ``caption.py`` for a model that describes numbers. It needs two packages,
or another one if the export was written with `--strings`::

    pip install ai-edge-litert sentencepiece    # or tensorflow-text
    echo "나는 밥을 먹었다" | python FOLDER/translate.py

or, in your own program, with the folder on its path::

    from translate import Translator
    Translator("FOLDER").translate(["나는 밥을 먹었다"])[0].text

    from complete import Completer
    Completer("FOLDER").complete(["once upon"], sample=True, seed=7)[0].text

    from label import Labeller
    Labeller("FOLDER").label(["a lovely book"])[0].labels

    from caption import Captioner
    Captioner("FOLDER").caption(numpy.load("pictures.npy"))[0].text
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import re
import sys
import threading
import unicodedata
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

CONTENTS = "edge.json"
FORMAT = 1
_UNKNOWN, _END = 1, 3
# Sentences translated at a time.
_BATCH = 16
# More carriage returns than these in the first line are ends of lines.
_RETURNS = 20


@dataclass(frozen=True)
class Translation:
    """One translation.

    Attributes:
        text: the translation, always one line.
        score: its log-probability.
        source_tokens, tokens: the pieces that were read and written.
        alignment: ``(len(tokens), len(source_tokens) + 1)``: each row holds the attention weights of a target piece, on
            each source piece and, last, on the source's end; ``None`` from a model without attention.
        source_truncated: whether the source was longer than the model reads.
        unfinished: whether the translation has no end token, because it reached its maximum length; ``None`` from an
            export of an earlier version, which does not say.
    """

    text: str
    score: float
    source_tokens: tuple[str, ...]
    tokens: tuple[str, ...]
    alignment: np.ndarray | None
    source_truncated: bool = False
    unfinished: bool | None = False

    @property
    def truncated(self) -> bool | None:
        """Whether something is missing at the end, of the source or of the translation."""
        return self.source_truncated or self.unfinished


class Translator:
    """A model on a device. Several threads may use it; they take turns.

    Arguments:
        folder: what `nmt export --tflite` wrote, with --strings or without.
        threads: of the interpreter.

    Raises:
        ValueError: if a file is missing or was changed, or a needed package is missing.
    """

    def __init__(self, folder: str | Path, threads: int = 1) -> None:
        files, contents = _opened(Path(folder), "translate")
        self.max_length: int = contents["max_length"]
        self.aligned: bool = contents["aligned"]
        # The most frequent words of the target language, for a glossary; exports of earlier versions do not know them.
        self.frequent = frozenset(contents["frequent"]) if "frequent" in contents else None
        kind = _Strings if contents.get("takes") == "strings" else _Ids
        self._model = kind(files, contents, threads)

    def translate(self, texts: Sequence[str]) -> list[Translation]:
        """Translate, in the order given. A blank text has a blank translation."""
        return [best[0] for best in self.hypotheses(texts)]

    def hypotheses(self, texts: Sequence[str]) -> list[list[Translation]]:
        """Return the n best translations of each text, the best first. The export fixed their number."""
        if isinstance(texts, str):
            raise TypeError("Give a list of sentences, not one string.")
        empty = np.zeros([0, 1], np.float32) if self.aligned else None
        found = [[Translation("", 0.0, source_tokens=(), tokens=(), alignment=empty)] for _ in texts]
        there = [i for i, text in enumerate(texts) if text.strip()]
        for i, best in self._model.translate([_clean(texts[i]) for i in there]):
            found[there[i]] = best
        return found


@dataclass(frozen=True)
class Completion:
    """A text with its continuation.

    Attributes:
        text: the beginning as it was given and the continuation, one line.
        score: its log-probability, the sum over its pieces and the end.
        tokens: its pieces.
        truncated: whether the beginning was longer than the model reads, so that nothing was added.
        unfinished: whether the continuation has no end token, because the text reached its maximum length.
    """

    text: str
    score: float
    tokens: tuple[str, ...]
    truncated: bool = False
    unfinished: bool = False


class Completer:
    """A language model on a device. Several threads may use it; they take turns.

    Arguments:
        folder: what `nmt export --tflite` wrote.
        threads: of the interpreter.

    Raises:
        ValueError: if a file is missing or was changed, or the export is that of another kind of model.
    """

    def __init__(self, folder: str | Path, threads: int = 1) -> None:
        from ai_edge_litert.interpreter import Interpreter

        files, contents = _opened(Path(folder), "complete")
        self.max_length: int = contents["max_length"]
        self._tokenizer = _tokenizer(files[contents["target"]])
        self._interpreter = Interpreter(model_content=files["model.tflite"], num_threads=threads)
        self._runs = [_in_turn(self._interpreter.get_signature_runner(name)) for name in ("complete", "sample")]

    def complete(
        self, beginnings: Sequence[str], first: int = 0, *, sample: bool = False, seed: int = 1
    ) -> list[Completion]:
        """Continue each beginning, in the order given: the likeliest way, or one that is drawn.

        Arguments:
            beginnings: the texts to continue; one may be empty.
            first: the number of the first beginning, which a draw depends on.
            sample: whether the continuation is drawn, as the export says.
            seed: of the draw.
        """
        if isinstance(beginnings, str):
            raise TypeError("Give a list of beginnings, not one string.")
        return [self._completed(_clean(text), first + i, sample, seed) for i, text in enumerate(beginnings)]

    def _completed(self, text: str, line: int, sample: bool, seed: int) -> Completion:
        given = self._tokenizer.encode(text)
        read = given[: self.max_length - 1]
        # An interpreter takes no input without columns; a zero is no beginning.
        inputs: dict[str, np.ndarray] = {"source": np.array([[*read, 0]], np.int32)}
        if sample:
            generator = np.random.Generator(np.random.Philox(key=[seed, line]))
            inputs["numbers"] = generator.random(self.max_length).astype(np.float32)[None]
        outputs = self._runs[sample](**inputs)
        ids = outputs["tokens"][0, 0, : int(outputs["lengths"][0, 0])].tolist()
        truncated = len(given) > len(read)
        added = "" if truncated else self._tokenizer.decode(ids)[len(self._tokenizer.decode(read)) :]
        return Completion(
            text=_line(text + (added.removeprefix(" ") if text[-1:].isspace() else added)),
            score=float(outputs["scores"][0, 0]),
            tokens=tuple(self._tokenizer.id_to_piece(ids)),
            truncated=truncated,
            unfinished=bool(outputs["unfinished"][0, 0]) and not truncated,
        )


@dataclass(frozen=True)
class Labelled:
    """A text with its label, or with a label for each of its tokens.

    Attributes:
        tokens: the pieces that a classifier has read, the end last; or the words or characters that a tagger labels.
        labels: the one label of a classifier; or that of each token.
        probabilities: of all labels in the order of the labeller's ``names``: ``(1, labels)`` or ``(tokens, labels)``.
        attention: the weight of each token in a classifier's decision; ``None`` of a tagger.
        truncated: whether the text was longer than the model reads.
    """

    tokens: tuple[str, ...]
    labels: tuple[str, ...]
    probabilities: np.ndarray
    attention: np.ndarray | None = None
    truncated: bool = False


class Labeller:
    """A classifier or a tagger on a device. Several threads may use it; they take turns.

    Arguments:
        folder: what `nmt export --tflite` wrote.
        threads: of the interpreter.

    Raises:
        ValueError: if a file is missing or was changed, or the export is that of another kind of model.
    """

    def __init__(self, folder: str | Path, threads: int = 1) -> None:
        from ai_edge_litert.interpreter import Interpreter

        files, contents = _opened(Path(folder), "label")
        self.max_length: int = contents["max_length"]
        self.names: tuple[str, ...] = tuple(contents["names"])
        self.tags: bool = contents["tags"]
        self._characters = contents["characters"]
        self._tokenizer = _tokenizer(files[contents["source"]])
        self._interpreter = Interpreter(model_content=files["model.tflite"], num_threads=threads)
        self._run = _in_turn(self._interpreter.get_signature_runner("label"))

    def label(self, texts: Sequence[str]) -> list[Labelled]:
        """Label each text, in the order given."""
        if isinstance(texts, str):
            raise TypeError("Give a list of texts, not one string.")
        return [(self._tagged if self.tags else self._classified)(_clean(text)) for text in texts]

    def _classified(self, text: str) -> Labelled:
        ids = self._tokenizer.encode(text)
        read = [*ids[: self.max_length], _END]
        outputs = self._run(source=np.array([read], np.int32))
        (chances,) = outputs["probabilities"]
        return Labelled(
            tokens=tuple(self._tokenizer.id_to_piece(read)),
            labels=(self.names[int(np.argmax(chances))],),
            probabilities=chances[None].copy(),
            attention=outputs["attention"][0].copy(),
            truncated=len(ids) >= len(read),
        )

    def _tagged(self, text: str) -> Labelled:
        tokens = list(text) if self._characters else [part for part in re.split(r"[ \t\n\v\f\r]+", text) if part]
        ids: list[int] = []
        places = []
        for token in tokens:
            places.append(len(ids))
            ids += self._pieces(token)
        read = [place for place in places if place < self.max_length]
        outputs = self._run(source=np.array([[*ids[: self.max_length], _END]], np.int32))
        chances = outputs["probabilities"][0, read]
        return Labelled(
            tokens=tuple(tokens[: len(read)]),
            labels=tuple(self.names[number] for number in np.argmax(chances, -1)),
            probabilities=chances.copy(),
            truncated=len(read) < len(tokens),
        )

    def _pieces(self, token: str) -> list[int]:
        """Return the ids of a word, or the one of a character; the unknown token of what no piece spells."""
        found: list[int] = self._tokenizer.encode(token)
        if not self._characters:
            return found or [_UNKNOWN]
        return found[-1:] or [self._tokenizer.piece_to_id("▁")]


@dataclass(frozen=True)
class Caption:
    """One caption.

    Attributes:
        text: the caption, always one line.
        score: its log-probability.
        tokens: its pieces.
        attention: ``(len(tokens), cells)``: the weight of each cell for each piece; ``None`` from a model without
            attention.
        unfinished: whether the caption has no end token, because it reached its maximum length.
    """

    text: str
    score: float
    tokens: tuple[str, ...]
    attention: np.ndarray | None
    unfinished: bool = False


class Captioner:
    """A model of features on a device. Several threads may use it; they take turns.

    Arguments:
        folder: what `nmt export --tflite` wrote.
        threads: of the interpreter.

    Raises:
        ValueError: if a file is missing or was changed, or the export is that of another kind of model.
    """

    def __init__(self, folder: str | Path, threads: int = 1) -> None:
        from ai_edge_litert.interpreter import Interpreter

        files, contents = _opened(Path(folder), "caption")
        self.max_length: int = contents["max_length"]
        self.cells: int = contents["cells"]
        self.width: int = contents["width"]
        self.aligned: bool = contents["aligned"]
        self._n_best: int = contents["n_best"]
        self._tokenizer = _tokenizer(files[contents["target"]])
        self._interpreter = Interpreter(model_content=files["model.tflite"], num_threads=threads)
        self._run = _in_turn(self._interpreter.get_signature_runner("caption"))

    def caption(self, features: np.ndarray) -> list[Caption]:
        """Describe each example, in the order given; see :meth:`hypotheses`."""
        return [best[0] for best in self.hypotheses(features)]

    def hypotheses(self, features: np.ndarray) -> list[list[Caption]]:
        """Return the n best captions of each example, the best first. The export fixed their number.

        Arguments:
            features: ``(n, cells, width)``, ``(n, rows, columns, width)``, or ``(n, cells * width)``.

        Raises:
            ValueError: for an array of another shape, or with a number that is not finite.
        """
        return list(self.each(features))

    def each(self, features: np.ndarray) -> Iterator[list[Caption]]:
        """Check all examples, then yield what :meth:`hypotheses` returns, so that a file may be larger than memory."""
        values = self._checked(np.asanyarray(features))
        starts = range(0, len(values), _BATCH)
        for start in starts:
            if not (finite := np.isfinite(_float32(values, start)).all((1, 2))).all():
                number = start + int(np.argmin(finite)) + 1
                raise ValueError(f"example {number} has a value that is no finite number, such as NaN.")
        for start in starts:
            yield from self._captions(self._run(features=_float32(values, start)))

    def _checked(self, values: np.ndarray) -> np.ndarray:
        """Return features ``(n, cells, width)``."""
        if values.dtype.kind not in "fiub":
            raise ValueError(f"features are real numbers, and these have the type {values.dtype}.")
        cells, width = self.cells, self.width
        shape = values.shape[1:]
        grid = len(shape) == 3 and (shape[0] * shape[1], shape[2]) == (cells, width)
        if not grid and shape not in ((cells, width), (cells * width,)):
            raise ValueError(f"features have the shape (n, {cells}, {width}), and these have {values.shape}.")
        return values.reshape(len(values), cells, width)

    def _captions(self, outputs: dict[str, np.ndarray]) -> Iterator[list[Caption]]:
        for row in range(len(outputs["ranks"])):
            best: dict[str, Caption] = {}
            for place in np.flatnonzero(np.isfinite(outputs["ranks"][row])):
                length = int(outputs["lengths"][row, place])
                written = outputs["tokens"][row, place, :length].tolist()
                text = self._tokenizer.decode(written)
                if text in best or len(best) == self._n_best:
                    continue
                best[text] = Caption(
                    text=_line(text),
                    score=float(outputs["scores"][row, place]),
                    tokens=tuple(self._tokenizer.id_to_piece(written)),
                    attention=outputs["alignment"][row, place, :length].copy() if self.aligned else None,
                    unfinished=bool(outputs["unfinished"][row, place]),
                )
            yield list(best.values())


class _Ids:
    """A model of ids, between two tokenizers."""

    def __init__(self, files: dict[str, bytes], contents: dict[str, Any], threads: int) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self._max_length, self._aligned = contents["max_length"], contents["aligned"]
        self._n_best = contents.get("n_best")  # earlier versions kept all that the model returns
        self._source = _tokenizer(files[contents["source"]])
        self._target = _tokenizer(files[contents["target"]])
        self._interpreter = Interpreter(model_content=files["model.tflite"], num_threads=threads)
        self._search = _in_turn(self._interpreter.get_signature_runner("translate"))

    def translate(self, texts: list[str]) -> Iterator[tuple[int, list[Translation]]]:
        """Yield the number of a text and its translations; a text without pieces is left out."""
        read = [self._source.encode(text) for text in texts]
        # Sentences of similar length waste no work on padding.
        waiting = sorted((i for i, ids in enumerate(read) if ids), key=lambda i: len(read[i]))
        for start in range(0, len(waiting), _BATCH):
            chosen = waiting[start : start + _BATCH]
            yield from zip(chosen, self._searched([read[i] for i in chosen]), strict=True)

    def _searched(self, sources: list[list[int]]) -> Iterator[list[Translation]]:
        kept = [ids[: self._max_length] for ids in sources]
        batch = np.zeros([len(kept), max(map(len, kept)) + 1], np.int32)
        for row, ids in enumerate(kept):
            batch[row, : len(ids) + 1] = [*ids, _END]
        outputs = self._search(source=batch)
        for row, ids in enumerate(kept):
            source_tokens = tuple(self._source.id_to_piece(ids))
            best: list[Translation] = []
            texts: set[str] = set()
            for place in np.flatnonzero(np.isfinite(outputs["ranks"][row])):
                length = int(outputs["lengths"][row, place])
                written = outputs["tokens"][row, place, :length].tolist()
                text = self._target.decode(written)
                if text in texts or len(best) == self._n_best:
                    continue
                texts.add(text)
                weights = outputs["alignment"][row, place, :length, : len(ids) + 1].copy() if self._aligned else None
                best.append(
                    Translation(
                        text=_line(text),
                        score=float(outputs["scores"][row, place]),
                        source_tokens=source_tokens,
                        tokens=tuple(self._target.id_to_piece(written)),
                        alignment=weights,
                        source_truncated=len(sources[row]) > len(ids),
                        unfinished=bool(outputs["unfinished"][row, place]) if "unfinished" in outputs else None,
                    )
                )
            yield best


class _Strings:
    """A model of strings, a sentence at a time."""

    def __init__(self, files: dict[str, bytes], contents: dict[str, Any], threads: int) -> None:
        try:
            # Both must be of one release: these operations are compiled against that interpreter.
            from tensorflow.lite.python.interpreter import InterpreterWithCustomOps
            from tensorflow_text import tflite_registrar
        except ImportError as error:
            raise ValueError(f"This export needs tensorflow-text, pip install tensorflow-text: {error}.") from None
        self._aligned = contents["aligned"]
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*tf.lite.Interpreter is deprecated")
            self._interpreter = InterpreterWithCustomOps(
                model_content=files["model.tflite"],
                num_threads=threads,
                custom_op_registerers=tflite_registrar.SELECT_TFTEXT_OPS,
            )
        self._search = _in_turn(self._interpreter.get_signature_runner("translate"))

    def translate(self, texts: list[str]) -> Iterator[tuple[int, list[Translation]]]:
        """Yield the number of a text and its translations; a text without pieces is left out."""
        for i, text in enumerate(texts):
            outputs = self._search(text=np.array([text.encode()], object))
            # After the pieces comes the end of the source, or an empty string in the target.
            source_tokens, tokens = (_strings(outputs[f"{side}_tokens"][0, :-1]) for side in ("source", "target"))
            if source_tokens:
                (line,) = _strings(outputs["translation"])
                weights = outputs["alignment"][0, :-1].copy() if self._aligned else None
                found = Translation(
                    text=_line(line),
                    score=float(outputs["score"][0]),
                    source_tokens=source_tokens,
                    tokens=tokens,
                    alignment=weights,
                    source_truncated=bool(outputs["truncated"][0]),
                    unfinished=bool(outputs["unfinished"][0]) if "unfinished" in outputs else None,
                )
                yield i, [found]


def _in_turn(run: Callable[..., dict[str, np.ndarray]]) -> Callable[..., dict[str, np.ndarray]]:
    """Let one thread at a time run an interpreter: two at once would end the process."""
    lock = threading.Lock()

    def one_at_a_time(**inputs: np.ndarray) -> dict[str, np.ndarray]:
        with lock:
            return run(**inputs)

    return one_at_a_time


def _opened(folder: Path, task: str) -> tuple[dict[str, bytes], dict[str, Any]]:
    """Return the files of an export, by name, and its description.

    Raises:
        ValueError: if a file is missing or was changed, or the export is for another task.
    """
    contents = read_contents(folder)
    other = contents.get("task", "translate")
    if other != task:
        raise ValueError(f"{folder} is an export that can {other}, and this is to {task}.")
    # An interpreter ends the whole process when a file is cut short, so changed files are not opened.
    return {name: _checked(folder, name, digest) for name, digest in contents["files"].items()}, contents


def read_contents(folder: Path) -> dict[str, Any]:
    """Read the description of an export.

    Raises:
        ValueError: if it is not an export for a device, or one that another version wrote.
    """
    try:
        contents = json.loads(_inside(folder, CONTENTS).read_text(encoding="utf-8"))
        known = contents["format"] == FORMAT
        # Earlier versions wrote no digest.
        if contents.pop("digest", None) not in (None, description_checksum(contents)) and known:
            raise ValueError
        sides = set() if contents.get("takes") == "strings" else {"source", "target"}
        whole = {"files", "max_length", "aligned"} | sides <= set(contents)
        whole = whole and {"model.tflite", *(contents[side] for side in sides)} <= set(contents["files"])
        whole = whole and type(contents["max_length"]) is int and contents["max_length"] > 0
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise ValueError(f"{folder} is not an export for a device: {CONTENTS} is missing or damaged.") from None
    if not known or not whole:
        raise ValueError(f"{folder / CONTENTS} was written by another version: export the model again.")
    return contents


def description_checksum(contents: dict[str, Any]) -> str:
    """Return the checksum of a description."""
    return hashlib.sha256(json.dumps(contents, sort_keys=True).encode()).hexdigest()


def _inside(folder: Path, name: str) -> Path:
    """Return a file of a folder. Whatever a list or a link says, nothing outside the folder is read."""
    place = folder / Path(name).name
    target = Path(os.path.realpath(place))
    if not target.is_relative_to(os.path.realpath(folder)) or (target.exists() and not target.is_file()):
        raise ValueError(f"{place} is no file of this folder. Copy the whole export again.")
    return place


def _checked(folder: Path, name: str, digest: str) -> bytes:
    """Read a file that must not have changed since the export."""
    place = _inside(folder, name)
    try:
        content = place.read_bytes()
    except OSError as error:
        raise ValueError(f"{place} cannot be read: {error.strerror}. The export is incomplete.") from None
    if hashlib.sha256(content).hexdigest() != digest:
        raise ValueError(f"{place} is not as it was exported: it was cut short, changed or replaced. Copy it again.")
    return content


def _tokenizer(model: bytes) -> Any:
    import sentencepiece

    tokenizer = sentencepiece.SentencePieceProcessor()
    tokenizer.LoadFromSerializedProto(model)
    return tokenizer


def _clean(text: str) -> str:
    """Return the text as UTF-8 can hold it."""
    return text.encode("utf-8", "replace").decode()


def _strings(raw: np.ndarray) -> tuple[str, ...]:
    return tuple(each.decode("utf-8", "replace") for each in raw)


def _line(text: str) -> str:
    """Replace characters that may end a line or control a terminal by a space."""
    return "".join(" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in text)


def _lines(file: str | None) -> Iterator[str]:
    """Read lines of UTF-8, without a byte order mark.

    Raises:
        ValueError: if the first line is in another encoding, or is all of a file whose lines end otherwise.
    """
    with contextlib.nullcontext(sys.stdin.buffer) if file is None else open(file, "rb") as opened:
        for number, line in enumerate(opened):
            line = line.rstrip(b"\r\n")
            if number == 0:
                line = _first(line, file or "standard input")
            yield line.decode("utf-8", "replace")


def _first(line: bytes, name: str) -> bytes:
    """Check the first line, and take a byte order mark away."""
    start = line[:4]
    # Without a mark, the zeros beside the first letters show another encoding.
    wide = any(start) and b"\0\0" in (start[::2], start[1::2])
    if wide or start.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ValueError(f"{name} is in UTF-16 or UTF-32. Convert it to UTF-8: iconv -f UTF-16 -t UTF-8 OLD > NEW")
    if line.count(b"\r") > _RETURNS:
        raise ValueError(f"{name}: its lines end in a carriage return alone. Convert it: tr '\\r' '\\n' < OLD > NEW")
    return line.removeprefix(b"\xef\xbb\xbf")


def main() -> None:
    """Read lines and write their translations, or what a language model makes of them."""
    parser = argparse.ArgumentParser(description="Run the model of this folder on lines.")
    parser.add_argument(
        "file", nargs="?", help="sentences, one per line; by default standard input. For captions a .npy or .csv file"
    )
    parser.add_argument("--folder", default=Path(__file__).parent, help="another folder of an export")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="one object per line, with score, tokens and alignment")
    parser.add_argument("--sample", action="store_true", help="of a language model: draw each piece by its probability")
    parser.add_argument("--seed", type=int, default=1, help="with --sample: another seed draws other pieces")
    arguments = parser.parse_args()
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    try:
        task = read_contents(Path(arguments.folder)).get("task")
        if task == "complete":
            _complete_lines(arguments)
        elif task == "label" and not arguments.sample:
            _label_lines(arguments)
        elif task == "caption" and not arguments.sample:
            _caption_examples(arguments)
        elif arguments.sample:
            raise ValueError("--sample is for a language model, and this is none.")
        else:
            _translate_lines(arguments)
    except BrokenPipeError:
        # The reader has closed the pipe; without this, Python would print an error when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        sys.exit(130)
    except (OSError, ValueError) as error:
        print(f"{Path(__file__).stem}: {error}", file=sys.stderr)
        sys.exit(2)


def _translate_lines(arguments: argparse.Namespace) -> None:
    translator = Translator(arguments.folder, arguments.threads)
    for number, line in enumerate(_lines(arguments.file), 1):
        (best,) = translator.hypotheses([line])
        print(record(best) if arguments.json else best[0].text, flush=True)
        if best[0].source_truncated:
            print(f"translate: line {number}: only {translator.max_length} pieces of it were read", file=sys.stderr)
        if any(each.unfinished for each in (best if arguments.json else best[:1])):
            print(f"translate: line {number}: its translation has no end, it reached its limit", file=sys.stderr)
        if line.strip() and not best[0].text.strip():
            print(f"translate: line {number} is not blank, but its translation is", file=sys.stderr)


def _complete_lines(arguments: argparse.Namespace) -> None:
    completer = Completer(arguments.folder, arguments.threads)
    for number, line in enumerate(_lines(arguments.file)):
        (found,) = completer.complete([line], number, sample=arguments.sample, seed=arguments.seed)
        values = {**vars(found), "score": round(found.score, 4)}
        print(json.dumps(values, ensure_ascii=False) if arguments.json else found.text, flush=True)
        if found.truncated:
            print(f"complete: line {number + 1} is longer than {completer.max_length - 1} pieces", file=sys.stderr)


def _label_lines(arguments: argparse.Namespace) -> None:
    labeller = Labeller(arguments.folder, arguments.threads)
    for number, line in enumerate(_lines(arguments.file), 1):
        (found,) = labeller.label([line])
        numbers = {"probabilities": found.probabilities.round(4).tolist()}
        if found.attention is not None:
            numbers["attention"] = found.attention.round(4).tolist()
        values = {"tokens": found.tokens, "labels": found.labels, "names": labeller.names, **numbers}
        blank = not line.strip()
        print(
            json.dumps(values, ensure_ascii=False) if arguments.json else "" if blank else " ".join(found.labels),
            flush=True,
        )
        if found.truncated:
            print(f"label: line {number}: only {labeller.max_length} pieces of it were read", file=sys.stderr)


def _caption_examples(arguments: argparse.Namespace) -> None:
    captioner = Captioner(arguments.folder, arguments.threads)
    if arguments.file is None:
        raise ValueError("name a .npy file, or a .csv with the numbers of an example on each line.")
    for number, best in enumerate(captioner.each(_numbers(arguments.file)), 1):
        found, *others = (_caption_values(each) for each in best)
        values = {**found, "n_best": [found, *others]} if others else found
        print(json.dumps(values, ensure_ascii=False) if arguments.json else best[0].text, flush=True)
        if any(each.unfinished for each in (best if arguments.json else best[:1])):
            print(f"caption: example {number}: its caption has no end, it reached its limit", file=sys.stderr)


def _caption_values(found: Caption) -> dict[str, Any]:
    rows = None if found.attention is None else [[round(float(each), 4) for each in row] for row in found.attention]
    return {**vars(found), "score": round(found.score, 4), "attention": rows}


def _float32(values: np.ndarray, start: int) -> np.ndarray:
    """Return the examples of a batch."""
    with np.errstate(over="ignore"):  # a number that is too large is no finite number here
        return values[start : start + _BATCH].astype(np.float32)


def _numbers(file: str) -> np.ndarray:
    """Read a file of features."""
    try:
        if file.lower().endswith(".npy"):
            found = np.load(file, mmap_mode="r", allow_pickle=False)
            if isinstance(found, np.ndarray):
                return found
            found.close()
            raise ValueError("it holds several arrays")
        return np.loadtxt(file, np.float32, delimiter=",", ndmin=2, encoding="utf-8", comments=None)
    except OSError:
        raise
    except Exception as error:  # a damaged header raises anything
        raise ValueError(f"{file} is no file of numbers: {error}") from None


def record(best: list[Translation]) -> str:
    """Return the best translation of a sentence as a JSON object, with all of them if there are several."""
    found, *others = (_values(each) for each in best)
    return json.dumps({**found, "n_best": [found, *others]} if others else found, ensure_ascii=False)


def _values(found: Translation) -> dict[str, Any]:
    rows = None if found.alignment is None else [[round(float(each), 4) for each in row] for row in found.alignment]
    return {
        "text": found.text,
        "score": round(found.score, 4),
        "source_tokens": found.source_tokens,
        "tokens": found.tokens,
        "alignment": rows,
        "truncated": found.truncated,
        "unfinished": found.unfinished,
    }


if __name__ == "__main__":
    main()
