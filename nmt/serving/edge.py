"""Translate on a device: a TFLite model and SentencePiece, and nothing else of this package.

`nmt export --tflite` writes a folder with a copy of this file, as ``translate.py``. It needs two packages::

    pip install ai-edge-litert sentencepiece
    echo "나는 밥을 먹었다" | python FOLDER/translate.py

or, in a program of one's own that has the folder on its path::

    from translate import Translator
    Translator("FOLDER").translate(["나는 밥을 먹었다"])[0].text
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import sentencepiece

CONTENTS = "edge.json"
FORMAT = 1
_END = 3
# Sentences translated at a time.
_BATCH = 16


@dataclass(frozen=True)
class Translation:
    """One translation.

    Attributes:
        text: the translation, always one line.
        score: its log-probability.
        source_tokens, tokens: the pieces that were read and written.
        alignment: ``(len(tokens), len(source_tokens) + 1)``: each row a piece written, how much it looked at each piece
            read and, last, at the source's end; ``None`` from a model that looks at nothing.
        truncated: whether the source was longer than the model reads.
    """

    text: str
    score: float
    source_tokens: tuple[str, ...]
    tokens: tuple[str, ...]
    alignment: np.ndarray | None
    truncated: bool = False


class Translator:
    """A model on a device.

    Arguments:
        folder: what `nmt export --tflite` wrote.
        threads: of the interpreter.

    Raises:
        ValueError: if the folder lacks a file, or one is not as it was written.
    """

    def __init__(self, folder: str | Path, threads: int = 1) -> None:
        folder = Path(folder)
        contents = read_contents(folder)
        # Interpreters end the whole process over a file that is cut short: what is not as it was written is not opened.
        files = {name: _checked(folder, name, digest) for name, digest in contents["files"].items()}
        from ai_edge_litert.interpreter import Interpreter

        self.most: int = contents["max_length"]
        self.aligned: bool = contents["aligned"]
        self._source = _tokenizer(files[contents["source"]])
        self._target = _tokenizer(files[contents["target"]])
        self._interpreter = Interpreter(model_content=files["model.tflite"], num_threads=threads)
        self._search = self._interpreter.get_signature_runner("translate")

    def translate(self, texts: Sequence[str]) -> list[Translation]:
        """Translate, in the order given. A blank text has a blank translation."""
        return [best[0] for best in self.hypotheses(texts)]

    def hypotheses(self, texts: Sequence[str]) -> list[list[Translation]]:
        """Return the best translations of each text, as many as the export was told to find, the best first."""
        if isinstance(texts, str):
            raise TypeError("Give a list of sentences, not one string.")
        read = [self._source.encode(_clean(text)) for text in texts]
        empty = np.zeros([0, 1], np.float32) if self.aligned else None
        found = [[Translation("", 0.0, (), (), empty)] for _ in texts]
        # Sentences of about one length waste no work on padding.
        waiting = sorted((i for i, text in enumerate(texts) if text.strip() and read[i]), key=lambda i: len(read[i]))
        for start in range(0, len(waiting), _BATCH):
            chosen = waiting[start : start + _BATCH]
            for i, best in zip(chosen, self._searched([read[i] for i in chosen]), strict=True):
                found[i] = best
        return found

    def _searched(self, sources: list[list[int]]) -> Iterator[list[Translation]]:
        kept = [ids[: self.most] for ids in sources]
        batch = np.zeros([len(kept), max(map(len, kept)) + 1], np.int32)
        for row, ids in enumerate(kept):
            batch[row, : len(ids) + 1] = [*ids, _END]
        outputs = self._search(source=batch)
        for row, ids in enumerate(kept):
            source_tokens = tuple(self._source.id_to_piece(ids))
            best = []
            for place in np.flatnonzero(np.isfinite(outputs["ranks"][row])):
                length = int(outputs["lengths"][row, place])
                written = outputs["tokens"][row, place, :length].tolist()
                looked = outputs["alignment"][row, place, :length, : len(ids) + 1].copy() if self.aligned else None
                score, tokens = float(outputs["scores"][row, place]), tuple(self._target.id_to_piece(written))
                cut = len(sources[row]) > len(ids)
                best.append(Translation(_line(self._target.decode(written)), score, source_tokens, tokens, looked, cut))
            yield best


def read_contents(folder: Path) -> dict[str, Any]:
    """Read what a folder says of itself.

    Raises:
        ValueError: if it is no folder of an export for a device, or one that a newer version wrote.
    """
    try:
        contents = json.loads((folder / CONTENTS).read_text(encoding="utf-8"))
        known = contents["format"] == FORMAT
        whole = {"files", "source", "target", "max_length", "aligned"} <= set(contents)
        whole = whole and {"model.tflite", contents["source"], contents["target"]} <= set(contents["files"])
    except (OSError, ValueError, TypeError, KeyError):
        raise ValueError(f"{folder} is no export for a device: {CONTENTS} is missing or damaged.") from None
    if not known or not whole:
        raise ValueError(f"{folder / CONTENTS} was written by another version: export the model again.")
    return contents


def _checked(folder: Path, name: str, digest: str) -> bytes:
    """Read a file that must be as it was written."""
    # Whatever stands in the list, nothing outside the folder is read.
    place = folder / Path(name).name
    try:
        content = place.read_bytes()
    except OSError as error:
        raise ValueError(f"{place} cannot be read: {error.strerror}. The export is incomplete.") from None
    if hashlib.sha256(content).hexdigest() != digest:
        raise ValueError(f"{place} is not as it was exported: it was cut short, changed or exchanged. Copy it again.")
    return content


def _tokenizer(model: bytes) -> sentencepiece.SentencePieceProcessor:
    tokenizer = sentencepiece.SentencePieceProcessor()
    tokenizer.LoadFromSerializedProto(model)
    return tokenizer


def _clean(text: str) -> str:
    """Return the text as UTF-8 can hold it."""
    return text.encode("utf-8", "replace").decode()


def _line(text: str) -> str:
    """Replace what might be taken for a line's end, or for a command to a terminal, by a space."""
    return "".join(" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in text)


def _lines(file: str | None) -> Iterable[str]:
    if file is None:
        yield from (line.decode("utf-8", "replace").rstrip("\n") for line in sys.stdin.buffer)
        return
    with open(file, "rb") as opened:
        yield from (line.decode("utf-8", "replace").rstrip("\n") for line in opened)


def main() -> None:
    """Read lines and write their translations."""
    parser = argparse.ArgumentParser(description="Translate lines with the model of this folder.")
    parser.add_argument("file", nargs="?", help="sentences, one a line; standard input without it")
    parser.add_argument("--folder", default=Path(__file__).parent, help="another folder of an export")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="an object a line, with score, tokens and alignment")
    arguments = parser.parse_args()
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    try:
        translator = Translator(arguments.folder, arguments.threads)
        for number, line in enumerate(_lines(arguments.file), 1):
            (best,) = translator.hypotheses([line])
            print(record(best) if arguments.json else best[0].text, flush=True)
            if best[0].truncated:
                print(f"translate: line {number}: only {translator.most} pieces of it were read", file=sys.stderr)
    except BrokenPipeError:
        # Whoever read it has enough, and Python would complain once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        sys.exit(130)
    except (OSError, ValueError) as error:
        print(f"translate: {error}", file=sys.stderr)
        sys.exit(2)


def record(best: list[Translation]) -> str:
    """Return the best translation of a sentence as a JSON object, with all that were found if there are several."""
    found, *others = (_values(each) for each in best)
    return json.dumps({**found, "n_best": [found, *others]} if others else found, ensure_ascii=False)


def _values(found: Translation) -> dict[str, Any]:
    alignment = None if found.alignment is None else np.round(found.alignment.astype(float), 4).tolist()
    return {**vars(found), "score": round(found.score, 4), "alignment": alignment}


if __name__ == "__main__":
    main()
