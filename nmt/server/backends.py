"""What a server asks for translations: a model's folder or an export, behind one interface."""

from __future__ import annotations

import dataclasses
import os
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from nmt.config import BEAM_KEYS, ENCODER_ALONE, LABELLING, SAMPLING_KEYS, beam_size
from nmt.errors import InputError, as_typed
from nmt.export.opening import open_export
from nmt.model_folder import CONFIG, read_config
from nmt.signatures import ADDED_OUTPUTS, CONFIDENCE_OUTPUTS, SIGNATURES, UNRATED, Signature, TensorInfo
from nmt.translation import Translation

if TYPE_CHECKING:
    from nmt.inference.glossary import Glossary
    from nmt.inference.translator import Translator

# The inputs of one sentence, in the order of the signature, and its outputs by name, without a batch and padding.
Row = tuple[str, ...]
Answer = dict[str, np.ndarray]

# The score that an export writes for a translation that was not found: JSON has no infinity.
_NONE = np.finfo(np.float32).min
_END = "</s>"
_EXPORT_BATCH = 64


class SearchSettings(NamedTuple):
    """How to search: what a user of the page may choose from the config's section ``decoding``.

    What the strategy does not use has no effect.
    """

    strategy: Literal["greedy", "beam", "sample"] = "greedy"
    beam: int = 5
    n_best: int = 1
    length_penalty: float = 0.0
    temperature: float = 1.0

    def decoding(self) -> dict[str, Any]:
        """Return the keys of the section that this strategy uses.

        >>> SearchSettings("sample", n_best=3, temperature=0.5).decoding()
        {'beam': 1, 'n_best': 3, 'temperature': 0.5, 'sample': True}
        """
        beam, sample = self.strategy == "beam", self.strategy == "sample"
        unused = (*(() if beam else BEAM_KEYS), *(() if sample else SAMPLING_KEYS))
        used = {key: value for key, value in self._asdict().items() if key not in ("strategy", *unused)}
        return {**used, "beam": self.beam if beam else 1, "sample": sample}


class Backend(ABC):
    """A model that can be asked.

    Attributes:
        name, version: under which it is served.
        signatures: the signatures that it answers.
        batch_size: the best number of sentences to translate at a time.
        search: how it searches by default; ``None`` if that is unknown.
        weak: the confidence below which a word is marked; ``None`` without a confidence.
        linked: whether its alignments are links, and not what its decoder attends to; ``None`` if that is unknown.
        fixed: why the search cannot be chosen; empty if it can.
        stand_ins: words for placeholders, see :func:`nmt.markup.placeholders.keeping`.
    """

    name: str
    version: int
    signatures: dict[str, Signature]
    batch_size: int
    search: SearchSettings | None = None
    weak: float | None = None
    linked: bool | None = None
    fixed: str = ""
    stand_ins: Sequence[str] = ()

    def predict(self, signature: str, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Answer a batch, as :data:`~nmt.signatures.SIGNATURES` says.

        Arguments:
            signature: its name.
            inputs: arrays of strings, ``str`` or ``bytes``, by name; they may be empty.

        Returns:
            Arrays by name; strings are ``bytes`` in arrays of objects.

        Raises:
            InputError: if there is no such signature, or it has other inputs.
        """
        if signature not in self.signatures:
            raise InputError(f'Serving signature name: "{signature}" not found in signature def')
        return stacked(self.signatures[signature], self.answers(signature, rows(self.signatures[signature], inputs)))

    @abstractmethod
    def answers(self, signature: str, rows: Sequence[Row]) -> list[Answer]:
        """Answer each row. The answer to a row does not depend on the other rows."""

    @abstractmethod
    def shown(
        self, texts: Sequence[str], search: SearchSettings | None = None, first: int = 0
    ) -> list[list[Translation]]:
        """Return the translations of each text, the best first.

        Arguments:
            texts: sentences.
            search: how to search; ``None`` for the backend's default.
            first: the number of the first text, which the draws of sampling depend on.
        """

    def check(self, search: SearchSettings) -> None:
        """Make sure that the backend can search with these settings.

        Raises:
            InputError: if not.
        """
        if self.fixed:
            raise InputError(self.fixed)


class ModelBackend(Backend):
    """A model's folder.

    Arguments:
        translator: the opened model.
        name, version: under which it is served.
        glossary: used by all searches, but not where translations are drawn.
    """

    def __init__(self, translator: Translator, name: str, version: int = 1, glossary: Glossary | None = None) -> None:
        self.name, self.version = name, version
        self.signatures = dict(SIGNATURES)
        self.stand_ins = translator.stand_ins()
        self.linked = translator.linked
        self._translator, self._glossary = translator, glossary
        own = translator.config.decoding
        self._rated = translator.confidence is not None and not own.sample
        if self._rated and translator.confidence:
            self.weak = translator.confidence.weak
            plain = SIGNATURES["translate"]
            self.signatures["translate"] = Signature(plain.inputs, {**plain.outputs, **CONFIDENCE_OUTPUTS})
        self.batch_size = own.batch_size
        self.search = SearchSettings(
            strategy="sample" if own.sample else "beam" if beam_size(own) > 1 else "greedy",
            beam=beam_size(own),
            n_best=own.n_best,
            length_penalty=own.length_penalty,
            temperature=own.temperature,
        )

    def answers(self, signature: str, rows: Sequence[Row]) -> list[Answer]:
        if signature == "score":
            scored = self._translator.score([source for source, _ in rows], [target for _, target in rows])
            return [_scored(each) for each in scored]
        found = self._hypotheses([text for (text,) in rows])
        if signature == "serving_default":
            return [
                {
                    "translation": _strings(best.text),
                    "score": np.array(best.score, np.float32),
                    "source_truncated": np.array(best.source_truncated),
                    "unfinished": np.array(best.unfinished),
                }
                for best, *_ in found
            ]
        n_best, aligned = self._translator.config.decoding.n_best, self._translator.aligned
        answers = [_translated(best, n_best, aligned) for best in found]
        if self._rated:
            for answer, (best, *_) in zip(answers, found, strict=True):
                answer |= _confident(best)
        return answers

    def shown(
        self, texts: Sequence[str], search: SearchSettings | None = None, first: int = 0
    ) -> list[list[Translation]]:
        if search is None:
            return self._hypotheses(texts)
        glossary = None if search.strategy == "sample" else self._glossary
        return self._translator.hypotheses(texts, first=first, glossary=glossary, **search.decoding())

    def check(self, search: SearchSettings) -> None:
        self._translator.decoding(**search.decoding())

    def _hypotheses(self, texts: Sequence[str]) -> list[list[Translation]]:
        """Search as the folder's config says."""
        if self._translator.config.decoding.sample:
            # Draws depend on the number of a line, and here each line is the first.
            return [self._translator.hypotheses([text])[0] for text in texts]
        return self._translator.hypotheses(texts, glossary=self._glossary)


class ExportBackend(Backend):
    """A version of an export: a SavedModel with the signatures of this package and a fixed search.

    Arguments:
        folder: the folder with ``saved_model.pb``.
        name, version: under which it is served.
        trust: whether to run it whatever its operations are.
        glossary: used for all that it answers: the words that are linked to a term are replaced, see
            :func:`nmt.inference.terms.apply_glossary`. A changed text has one translation.

    Raises:
        InputError: if it cannot be opened, holds operations that no export needs, has none of the signatures, or
            lacks one that a glossary needs.
    """

    fixed = (
        "The search was fixed when this export was written. Serve the model's folder instead, or export it again "
        "with another --beam."
    )

    def __init__(
        self, folder: Path, name: str, version: int, trust: bool = False, glossary: Glossary | None = None
    ) -> None:
        self.name, self.version, self._glossary = name, version, glossary
        self._saved = open_export(folder, trust)
        offered = {key: _offered(self._saved.signatures.get(key), signature) for key, signature in SIGNATURES.items()}
        self.signatures = {key: signature for key, signature in offered.items() if signature}
        if not self.signatures:
            raise InputError(
                f"{folder} has none of the signatures {', '.join(SIGNATURES)} with the inputs and outputs of a "
                "translator, so it is not an export of one."
            )
        if glossary and (lacking := {"translate", "score"} - set(self.signatures)):
            raise InputError(f"{folder} lacks the signature {min(lacking)!r}, so it cannot use a glossary.")
        self.batch_size = _EXPORT_BATCH

    def answers(self, signature: str, rows: Sequence[Row]) -> list[Answer]:
        answers = self._answers(signature, rows)
        if not self._glossary or signature == "score":
            return answers
        for i, found in self._with_terms([text for (text,) in rows]).items():
            if signature == "serving_default":
                answers[i] |= {"translation": _strings(found.text), "score": np.array(found.score, np.float32)}
                continue
            n_best, aligned = len(answers[i]["scores"]), bool(answers[i]["alignment"].shape[-1])
            changed = {**_translated([found], n_best, aligned), **_confident(found)}
            answers[i] |= {name: changed[name] for name in answers[i]}
        return answers

    def _with_terms(self, texts: Sequence[str]) -> dict[int, Translation]:
        """Return the translations that the glossary changes."""
        from nmt.inference.terms import apply_glossary

        assert self._glossary
        with_terms = [i for i, text in enumerate(texts) if self._glossary.find(text)]
        sources = [texts[i] for i in with_terms]
        free = [_found_by_export(each)[0] for each in self._answers("translate", [(text,) for text in sources])]

        def score(sources: list[str], targets: list[str]) -> list[float]:
            given = list(zip(sources, targets, strict=True))
            return [float(each["log_probability"]) for each in self._answers("score", given)]

        applied = apply_glossary(sources, free, self._glossary, score=score)
        return {i: one for i, one, other in zip(with_terms, applied, free, strict=True) if one is not other}

    def _answers(self, signature: str, rows: Sequence[Row]) -> list[Answer]:
        import tensorflow as tf

        if not rows:
            return []
        columns = zip(self.signatures[signature].inputs, zip(*rows, strict=True), strict=True)
        outputs = self._saved.signatures[signature](**{name: tf.constant(_strings(column)) for name, column in columns})
        found = {name: outputs[name].numpy() for name in self.signatures[signature].outputs}
        return [
            _trimmed({name: np.asarray(array[i], array.dtype) for name, array in found.items()})
            for i in range(len(rows))
        ]

    def shown(
        self, texts: Sequence[str], search: SearchSettings | None = None, first: int = 0
    ) -> list[list[Translation]]:
        if search is not None:
            self.check(search)
        given = [(text,) for text in texts]
        if "translate" in self.signatures:
            return [_found_by_export(each) for each in self.answers("translate", given)]
        answers = self.answers("serving_default", given)
        return [[_unaligned(each["translation"], each["score"], *map(each.get, ADDED_OUTPUTS))] for each in answers]


class ServedFolder(NamedTuple):
    """What a folder holds, known before TensorFlow is imported."""

    folder: Path
    kind: Literal["model", "export"]
    name: str
    version: int


def find(folder: Path) -> ServedFolder:
    """Find out what a folder holds: a model, an export with numbered versions, or one of those versions.

    Raises:
        InputError: if it holds nothing that can be served.
    """
    try:
        if not folder.is_dir():
            raise InputError(f"There is no folder {folder}. Name a model's folder or an export, saved_models/NAME.")
        whole = folder.resolve()
        # A link is served under its own name: that is what the user has typed.
        typed = Path(os.path.abspath(folder))
        if (whole / CONFIG).is_file():
            architecture = read_config(folder).model.architecture
            if architecture in ENCODER_ALONE:
                instead = " Use `nmt label`." if architecture in LABELLING else ""
                if architecture == "classifier":
                    instead += (
                        " If its labels are languages, a server finds those of texts with --detector "
                        f"{as_typed(folder)}."
                    )
                raise InputError(
                    f"{folder} is a {architecture}, which writes no text, and a server translates.{instead}"
                )
            if architecture == "language-model":
                raise InputError(f"{folder} is a language model: it has no source to translate. Use `nmt complete`.")
            return ServedFolder(folder, "model", typed.name, 1)
        if (whole / "saved_model.pb").is_file():
            name = typed.parent.name if typed.name.isdecimal() else typed.name
            return ServedFolder(folder, "export", name, int(whole.name) if whole.name.isdecimal() else 1)
        versions = [place for place in whole.iterdir() if place.name.isdecimal() and place.is_dir()]
        device = (whole / "model.tflite").is_file()
    except OSError as error:
        raise InputError(f"The folder {folder} cannot be read: {error.strerror}.") from None
    if versions:
        # The server reads 007 as 7.
        newest = folder / max(versions, key=lambda place: int(place.name)).name
        if not (newest / "saved_model.pb").is_file():
            raise InputError(f"{newest}, the newest version, has no saved_model.pb. Write it again with `nmt export`.")
        return ServedFolder(newest, "export", typed.name, int(newest.name))
    if device:
        raise InputError(f"{folder} is for a device. Serve the model it was made from; `nmt translate` runs this one.")
    raise InputError(f"{folder} is neither a model's folder, with {CONFIG}, nor an export, with numbered versions.")


def open_backend(place: ServedFolder, trust: bool = False, glossary: Path | None = None, workers: int = 1) -> Backend:
    """Open a model or an export.

    Arguments:
        place: what :func:`find` found.
        trust: whether to run an export whatever its operations are.
        glossary: the file of one, see :meth:`nmt.inference.glossary.Glossary.read`.
        workers: the number of batches that it is asked at once.

    Raises:
        InputError: if it is damaged, or it cannot use the glossary.
    """
    if place.kind == "export":
        return ExportBackend(
            place.folder, name=place.name, version=place.version, trust=trust, glossary=_read(glossary)
        )
    from nmt.inference.translator import Translator

    terms = _read(glossary)
    # Each worker searches its own batch, and they share the memory.
    translator = Translator.load(place.folder, parallel_batches=1, callers=workers)
    if terms:
        if translator.config.decoding.sample:
            raise InputError(f"{place.folder} draws its translations by chance, so it cannot use {glossary}.")
        translator.check_glossary(terms)
    return ModelBackend(translator, place.name, place.version, terms)


def _read(glossary: Path | None) -> Glossary | None:
    from nmt.inference.glossary import Glossary

    return Glossary.read(glossary) if glossary else None


def as_text(value: Any) -> str:
    """Return a string that was given as ``str`` or ``bytes``, or in an array of no dimension.

    What is no UTF-8 becomes U+FFFD, and half of a surrogate pair a question mark.
    """
    value = value.item() if isinstance(value, np.ndarray) else value
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value.encode("utf-8", "replace").decode()


def rows(signature: Signature, inputs: Mapping[str, np.ndarray]) -> list[Row]:
    """Turn arrays of strings, ``str`` or ``bytes``, into a row for each sentence.

    Raises:
        InputError: if one is missing, unknown, not a list of strings, or of another length.
    """
    for name in signature.inputs:
        if name not in inputs:
            raise InputError(f"Missing named input: {name} in 'inputs' object.")
    if unknown := sorted(set(inputs) - set(signature.inputs)):
        raise InputError(f"There is no input {unknown[0]}. Known: {', '.join(signature.inputs)}.")
    columns = []
    for name in signature.inputs:
        array = np.asarray(inputs[name])
        if array.ndim != 1 or not all(isinstance(value, str | bytes) for value in array):
            raise InputError(f"The input {name} must be a list of strings.")
        columns.append([as_text(value) for value in array])
    if len({len(column) for column in columns}) > 1:
        sizes = ", ".join(f"{len(column)} of {name}" for name, column in zip(signature.inputs, columns, strict=True))
        raise InputError(f"Each sentence needs one value of every input, but there are {sizes}.")
    return list(zip(*columns, strict=True))


def stacked(signature: Signature, answers: Sequence[Answer]) -> dict[str, np.ndarray]:
    """Join answers to a batch, padded with empty strings and zeros to the longest.

    >>> one, two = {"tokens": np.array([b"a"], object)}, {"tokens": np.array([b"b", b"c"], object)}
    >>> stacked(Signature({}, {"tokens": TensorInfo("string", (None, None))}), [one, two])["tokens"].tolist()
    [[b'a', b''], [b'b', b'c']]
    """
    return {name: _stacked(part, [answer[name] for answer in answers]) for name, part in signature.outputs.items()}


def _stacked(part: TensorInfo, arrays: list[np.ndarray]) -> np.ndarray:
    rank = len(part.shape) - 1
    shape = [max((array.shape[axis] for array in arrays), default=0) for axis in range(rank)]
    whole: np.ndarray = (
        np.full([len(arrays), *shape], b"", object)
        if part.dtype == "string"
        else np.zeros([len(arrays), *shape], part.dtype)
    )
    for i, array in enumerate(arrays):
        where: tuple[int | slice, ...] = (i, *(slice(size) for size in array.shape))
        whole[where] = array[()]  # of no dimension: the value itself
    return whole


def _scored(given: Translation) -> Answer:
    end = [_END] * (len(given.token_scores) - len(given.tokens))
    return {
        "log_probability": np.array(given.score, np.float32),
        "tokens": _strings([*given.tokens, *end]),
        "token_scores": np.array(given.token_scores, np.float32),
    }


def _translated(found: Sequence[Translation], n_best: int, aligned: bool) -> Answer:
    best, lacking = found[0], n_best - len(found)
    weights = best.alignment if aligned and best.alignment is not None else np.zeros([len(best.tokens), 0])
    return {
        "translations": _strings([each.text for each in found] + [""] * lacking),
        "scores": np.array([each.score for each in found] + [_NONE] * lacking, np.float32),
        "source_tokens": _strings([*best.source_tokens, _END]),
        "target_tokens": _strings(best.tokens),
        "alignment": np.asarray(weights, np.float32),
        "source_truncated": np.array(best.source_truncated),
        "unfinished": np.array([each.unfinished for each in found] + [False] * lacking),
    }


def _confident(best: Translation) -> Answer:
    return {
        "confidence": np.array(_confidence(best), np.float32),
        "words": _strings([word for word, _ in best.word_confidences]),
        "word_confidences": np.array([share for _, share in best.word_confidences], np.float32),
    }


def _confidence(best: Translation) -> float:
    if best.confidence is None and best.tokens:
        return UNRATED
    return best.confidence or 0.0


def _found_by_export(answer: Answer) -> list[Translation]:
    """Return the translations that an export found. It has the alignment of the best one only."""
    source, target = (tuple(map(as_text, answer[f"{side}_tokens"])) for side in ("source", "target"))
    weights = answer["alignment"] if answer["alignment"].shape[-1] else None
    truncated = bool(answer["source_truncated"]) if "source_truncated" in answer else None
    ends = answer["unfinished"].tolist() if "unfinished" in answer else [None] * len(answer["scores"])
    scored = zip(answer["translations"], answer["scores"], ends, strict=True)
    best, *others = [_unaligned(line, score, truncated, end) for line, score, end in scored if score > _NONE]
    known: dict[str, Any] = {}
    if target and all(name in answer for name in CONFIDENCE_OUTPUTS) and answer["confidence"] != UNRATED:
        sure = zip(map(as_text, answer["words"]), answer["word_confidences"].tolist(), strict=False)
        known = {"confidence": float(answer["confidence"]), "word_confidences": tuple(each for each in sure if each[0])}
    # The last source piece is the end token.
    return [dataclasses.replace(best, source_tokens=source[:-1], tokens=target, alignment=weights, **known), *others]


def _unaligned(line: Any, score: Any, truncated: Any = None, unfinished: Any = None) -> Translation:
    source_truncated, without_end = (None if each is None else bool(each) for each in (truncated, unfinished))
    return Translation(
        as_text(line), float(score), rank=float(score), source_truncated=source_truncated, unfinished=without_end
    )


def _trimmed(answer: Answer) -> Answer:
    """Remove the padding of a row, which comes from longer rows in its batch."""
    lengths = {name: _length(answer[name]) for name in answer if name.endswith("tokens")}
    for name, length in lengths.items():
        answer[name] = answer[name][:length]
    if "token_scores" in answer:
        answer["token_scores"] = answer["token_scores"][: lengths["tokens"]]
    if "words" in answer:
        number = _length(answer["words"])
        answer |= {name: answer[name][:number] for name in ("words", "word_confidences")}
    if "alignment" in answer:
        answer["alignment"] = answer["alignment"][: lengths["target_tokens"], : lengths["source_tokens"]]
    return answer


def _length(pieces: np.ndarray) -> int:
    return 1 + max((i for i, piece in enumerate(pieces) if piece), default=-1)


def _offered(function: Any, signature: Signature) -> Signature | None:
    """Return what a function of a SavedModel has of a signature; ``None`` if it lacks something that is needed."""
    if function is None or set(function.structured_input_signature[1]) != set(signature.inputs):
        return None
    known = {**signature.outputs, **CONFIDENCE_OUTPUTS}
    outputs = {name: part for name, part in known.items() if name in function.structured_outputs}
    return Signature(signature.inputs, outputs) if set(signature.outputs) - set(outputs) <= set(ADDED_OUTPUTS) else None


def _strings(texts: str | Sequence[str]) -> np.ndarray:
    """Return strings as TensorFlow does: bytes in an array of objects."""
    if isinstance(texts, str):
        return np.array(texts.encode("utf-8", "replace"), object)
    return np.array([text.encode("utf-8", "replace") for text in texts], object)
