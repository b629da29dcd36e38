"""A client for an export on TF Serving, or on any server that speaks as it does, over REST or gRPC.

Over REST it needs urllib3 and nothing else: no TensorFlow, no numpy. Over gRPC it needs the stubs of
``tensorflow-serving-api``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from types import TracebackType
from typing import Any

from nmt.client.rest import Rest
from nmt.client.transport import (
    Address,
    Metadata,
    TimedOut,
    Transport,
    Trust,
    Unavailable,
    UnknownModel,
    unreadable,
)
from nmt.errors import InputError
from nmt.signatures import ADDED_OUTPUTS, CONFIDENCE_OUTPUTS, SIGNATURES, UNRATED
from nmt.translation import Translation

# Sentences in a request. TF Serving, as the serving kit sets it up, refuses a request with more.
BATCH = 64

# Seconds for a request: the default, and the most that can be asked for.
DEADLINE, _LONGEST_DEADLINE = 60.0, 86_400

# The Python types of the values in an answer.
_KINDS: dict[str, type | tuple] = {"string": str, "float32": (int, float), "bool": bool}

# An export gives a lower score than this, the smallest float32, to a translation that the search did not find.
_NOT_FOUND = -3.0e38


_BLANK = Translation("", 0.0, alignment=[])


class Client:
    """Translates on a server.

    >>> client = Client("http://localhost:8501/v1/models/ko-en")          # doctest: +SKIP
    >>> client.translate(["나는 밥을 먹었다"])[0].text                      # doctest: +SKIP
    'I ate rice'

    While the server cannot be reached or is busy, a request is tried again. The pauses between the tries double, and
    are partly random so that many clients do not return at the same moment. A request that the server refuses is not
    tried again.

    Arguments:
        url: ``http://HOST:8501`` or ``https://`` for REST, ``grpc://HOST:8500`` or ``grpcs://`` for gRPC. The model
            and its version may follow as ``/v1/models/NAME/versions/3``.
        model: its name, if the address has none.
        version: by default the newest that is served.
        deadline: seconds that each request may take, its retries included.
        retries: the largest number of further tries of a request; over gRPC at most 4.
        batch: the largest number of sentences in a request. Longer lists are sent in several, one after the other.
        ca: a PEM file of the authorities to trust, instead of those of the system.
        certificate, key: PEM files of the client's own certificate, if the server asks for one.
        token: sent as a bearer token, but not unencrypted to another machine, where others could read it.

    Raises:
        InputError: if the address, a file or a number is not valid.
    """

    def __init__(
        self,
        url: str,
        model: str | None = None,
        version: int | None = None,
        *,
        deadline: float = DEADLINE,
        retries: int = 4,
        batch: int = BATCH,
        ca: Path | str | None = None,
        certificate: Path | str | None = None,
        key: Path | str | None = None,
        token: str | None = None,
    ) -> None:
        self.address = Address.parse(url, model, version)
        if not 0 < deadline <= _LONGEST_DEADLINE:
            raise InputError(
                f"A deadline must be more than 0 and at most {_LONGEST_DEADLINE:,} seconds, not {deadline}."
            )
        if retries < 0 or batch < 1:
            raise InputError("retries must be 0 or more, and batch, the sentences in a request, 1 or more.")
        trust = Trust(*(None if path is None else Path(path) for path in (ca, certificate, key)))
        _check(self.address, trust, token)
        self.deadline, self.batch = deadline, batch
        self._transport = _transport(self.address, trust, token, retries)

    def translate(self, texts: Sequence[str], details: bool = True) -> list[Translation]:
        """Translate sentences, in order. A blank one is not sent: its translation is blank.

        Arguments:
            texts: sentences.
            details: without them the answer has no tokens and no alignment, and is much smaller.

        Raises:
            ServerFailed: if the server fails; :class:`Unavailable` if it cannot be reached or stays busy,
                :class:`TimedOut` if it takes too long.
            RequestRefused: if it refuses the request; :class:`UnknownModel` if it does not have the model.
        """
        return [best for best, *_ in (self.hypotheses(texts) if details else self._each(texts, self._best))]

    def hypotheses(self, texts: Sequence[str]) -> list[list[Translation]]:
        """Translate as :meth:`translate` does, and return the n best translations of each text, the best first.

        The export fixed their number. A server returns only the text and the score of all but the best.
        """
        return self._each(texts, self._n_best)

    def score(self, sources: Sequence[str], targets: Sequence[str]) -> list[Translation]:
        """Score given translations by teacher forcing.

        Each is returned with its text, its score, its tokens, the last of which is the end, and the score of each
        token. Whether one was cut is not known.

        Raises:
            ValueError: if their numbers differ.
            ServerFailed, RequestRefused: as :meth:`translate` does.
        """
        _check_texts(sources)
        _check_texts(targets)
        if len(sources) != len(targets):
            raise ValueError(f"{len(sources)} sources and {len(targets)} targets do not make pairs.")
        results: list[Translation] = []
        for chosen in _parts(range(len(sources)), self.batch):
            inputs = {"source": [sources[i] for i in chosen], "target": [targets[i] for i in chosen]}
            for log_probability, padded, token_scores in self._predict("score", inputs):
                tokens = _unpadded(padded)
                results.append(
                    Translation(
                        targets[len(results)],
                        log_probability,
                        tokens=tokens,
                        source_truncated=None,
                        unfinished=None,
                        token_scores=tuple(token_scores[: len(tokens)]),
                    )
                )
        return results

    def ready(self) -> bool:
        """Return whether the model can be asked now. This is tried once."""
        try:
            return "AVAILABLE" in self._transport.states(self.deadline)
        except (Unavailable, TimedOut, UnknownModel):
            return False  # A server that is starting does not know its models yet.

    def metadata(self) -> Metadata:
        """Return the version that answers, and its signatures.

        >>> client.metadata().signatures["score"] == SIGNATURES["score"]   # doctest: +SKIP
        True
        """
        return self._transport.metadata(self.deadline)

    def close(self) -> None:
        """Close the connections. ``with Client(...) as client:`` does this at its end."""
        self._transport.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _each(
        self, texts: Sequence[str], ask: Callable[[list[str]], Iterable[list[Translation]]]
    ) -> list[list[Translation]]:
        """Ask for the texts that are not blank, in parts."""
        _check_texts(texts)
        results = [[_BLANK] for _ in texts]
        waiting = [i for i, text in enumerate(texts) if text.strip()]
        for chosen in _parts(waiting, self.batch):
            for i, found in zip(chosen, ask([texts[i] for i in chosen]), strict=True):
                results[i] = found
        return results

    def _best(self, texts: list[str]) -> Iterable[list[Translation]]:
        answers = self._predict("serving_default", {"text": texts})
        return (
            [Translation(text, score, source_truncated=truncated, unfinished=unfinished)]
            for text, score, truncated, unfinished in answers
        )

    def _n_best(self, texts: list[str]) -> Iterable[list[Translation]]:
        return (_hypotheses(*row) for row in self._predict("translate", {"text": texts}))

    def _predict(self, signature: str, inputs: dict[str, list[str]]) -> Iterator[tuple]:
        """Ask the server, and yield the outputs of each sentence, in the order of the signature.

        Those of "translate" are followed by the outputs of a confidence, each ``None`` if the model has none.
        """
        outputs = self._transport.predict(signature, inputs, self.deadline)
        wanted = SIGNATURES[signature].outputs
        if signature == "translate":
            wanted = {**wanted, **CONFIDENCE_OUTPUTS}
        sentences = len(next(iter(inputs.values())))
        for name, part in wanted.items():
            if name not in outputs and name in ADDED_OUTPUTS:
                outputs[name] = [[] if len(part.shape) > 1 else None for _ in range(sentences)]
                continue
            if name not in outputs and name in CONFIDENCE_OUTPUTS:
                outputs[name] = [None] * sentences
                continue
            if name not in outputs:
                raise unreadable(self.address, f"'{signature}' gave no '{name}'")
            given = outputs[name]
            if not isinstance(given, list) or len(given) != sentences:
                raise unreadable(self.address, f"'{name}' does not have one row for each of {sentences} sentences")
            if not _is(given, len(part.shape), _KINDS[part.dtype]):
                raise unreadable(self.address, f"'{name}' does not hold what an export gives")
        return zip(*(outputs[name] for name in wanted), strict=True)


def _check(address: Address, trust: Trust, token: str | None) -> None:
    if not address.secure and any(trust):
        raise InputError(f"{address} is not encrypted, so certificates have no use there. Use https:// or grpcs://.")
    if trust.key and not trust.certificate:
        raise InputError("A key needs its certificate: name both.")
    if token and not (address.secure or address.near):
        raise InputError(
            f"A token sent to {address} could be read on its way. Use https:// or grpcs://, with a proxy for TLS "
            "before the server, or a tunnel that begins on this machine. To send none, unset NMT_TOKEN, or leave out "
            "token=."
        )
    if token and not (token.isascii() and token.isprintable()):
        raise InputError("The token has characters that no header can hold.")


def _transport(address: Address, trust: Trust, token: str | None, retries: int) -> Transport:
    if address.rest:
        return Rest(address, trust, token, retries)
    # Its stubs import TensorFlow, which takes seconds.
    from nmt.client.grpc import Grpc

    return Grpc(address, trust, token, retries)


def _check_texts(texts: Sequence[str]) -> None:
    if isinstance(texts, str):
        raise TypeError("Give a list of sentences, not one string.")
    for number, text in enumerate(texts, 1):
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise InputError(f"Text {number} is not valid Unicode at character {error.start + 1}.") from None


def _parts(items: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _is(value: Any, rank: int, kind: type | tuple) -> bool:
    if rank == 0:
        return isinstance(value, kind)
    return isinstance(value, list) and all(_is(each, rank - 1, kind) for each in value)


def _unpadded(tokens: list[str]) -> tuple[str, ...]:
    """Return pieces without the empty strings that make the rows of a request equally long."""
    length = len(tokens)
    while length and not tokens[length - 1]:
        length -= 1
    return tuple(tokens[:length])


def _hypotheses(
    texts: list[str],
    scores: list[float],
    source: list[str],
    target: list[str],
    alignment: list[list[float]],
    source_truncated: bool | None,
    unfinished: list[bool],
    confidence: float | None,
    words: list[str] | None,
    word_confidences: list[float] | None,
) -> list[Translation]:
    """Return the translations in a row of the outputs, without the padding."""
    if not texts or not scores:
        return [_BLANK]
    read, written = _unpadded(source), _unpadded(target)
    rows = [row[: len(read)] for row in alignment[: len(written)]]
    best = Translation(
        text=texts[0],
        score=scores[0],
        source_tokens=read[:-1],  # the last one is the end
        tokens=written,
        alignment=None if rows and not rows[0] else rows,
        source_truncated=source_truncated,
        unfinished=unfinished[0] if unfinished else None,
        confidence=confidence if written and confidence != UNRATED else None,  # one without words has none
        word_confidences=tuple(zip(_unpadded(words or []), word_confidences or [], strict=False)),
    )
    others = zip_longest(texts[1:], scores[1:], unfinished[1:])
    return [
        best,
        *(
            Translation(text, score, source_truncated=source_truncated, unfinished=ends)
            for text, score, ends in others
            if score > _NOT_FOUND
        ),
    ]
