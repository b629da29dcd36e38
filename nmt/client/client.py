"""A client for an export on TF Serving, or on any server that speaks as it does, over REST or gRPC.

Over REST it needs the standard library and nothing else: no TensorFlow, no numpy. Over gRPC it needs the stubs of
``tensorflow-serving-api``.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from nmt.client.rest import Rest
from nmt.client.transport import (
    Address,
    Metadata,
    Passing,
    RequestRefused,
    ServerFailed,
    TimedOut,
    Transport,
    Trust,
    UnknownModel,
    unreadable,
)
from nmt.errors import InputError, WorkFailed
from nmt.signatures import SIGNATURES

# Sentences in a request: the serving kit allows as many in a batch, and refuses a request with more.
BATCH = 64

# Seconds that a request may take, if nothing else is said, and at most.
DEADLINE, LONGEST = 60.0, 86_400

# Seconds before the second try and, as they double, at most between two.
_SHORTEST, _LONGEST = 0.1, 5.0

# An export gives this score, the smallest number there is, to a translation that the search did not find.
_NOT_FOUND = -3.0e38

_T = TypeVar("_T")


@dataclass(frozen=True)
class Translation:
    """One translation, as a server gives it.

    Attributes:
        text: the best translation, always one line.
        score: its log-probability.
        translations, scores: the n best, the best first; how many was settled by the export.
        source_tokens, tokens: the pieces that were read and written, without the ends.
        alignment: ``len(tokens)`` rows of ``len(source_tokens) + 1`` weights: each row a piece written, how much it
            looked at each piece read and, last, at the source's end. ``None`` from a model that looks at nothing, and
            where no details were wanted.
    """

    text: str
    score: float
    translations: tuple[str, ...] = ()
    scores: tuple[float, ...] = ()
    source_tokens: tuple[str, ...] = ()
    tokens: tuple[str, ...] = ()
    alignment: list[list[float]] | None = None


@dataclass(frozen=True)
class Score:
    """How likely a given translation is.

    Attributes:
        log_probability: of the whole translation, its end included.
        tokens: its pieces, and the end.
        token_scores: the log-probability of each.
    """

    log_probability: float
    tokens: tuple[str, ...]
    token_scores: tuple[float, ...]


_BLANK = Translation("", 0.0, ("",), (0.0,), alignment=[])


class Client:
    """Translates on a server.

    >>> client = Client("http://localhost:8501/v1/models/ko-en")          # doctest: +SKIP
    >>> client.translate(["나는 밥을 먹었다"])[0].text                      # doctest: +SKIP
    'I ate rice'

    What may pass is tried again, after pauses that double and are drawn at random, so that many clients do not come
    back together: a server that does not answer, or is busy. What it refuses is not.

    Arguments:
        url: ``http://HOST:8501`` or ``https://`` for REST, ``grpc://HOST:8500`` or ``grpcs://`` for gRPC. The model
            and its version may follow as ``/v1/models/NAME/versions/3``.
        model: its name, where the address has none.
        version: which version; the newest that is served, without it.
        deadline: seconds that each request may take, its retries included.
        retries: how often a request is tried again, at most.
        batch: sentences in a request, at most. Longer lists are sent in several, one after the other.
        ca: a PEM file of the authorities to trust, instead of those of the system.
        certificate, key: PEM files to come with, where the server asks for them.
        token: sent as a bearer token. Not over an open connection to another machine, where all could read it.

    Raises:
        InputError: if the address, a file or a number makes no sense.
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
        if not 0 < deadline <= LONGEST:
            raise InputError(f"A deadline is more than 0 and at most {LONGEST:,} seconds, not {deadline}.")
        if retries < 0 or batch < 1:
            raise InputError("There are 0 or more retries, and 1 or more sentences in a request.")
        trust = Trust(*(None if path is None else Path(path) for path in (ca, certificate, key)))
        _check(self.address, trust, token)
        self.deadline, self.retries, self.batch = deadline, retries, batch
        self._transport = _transport(self.address, trust, token)

    def translate(self, texts: Sequence[str], details: bool = True) -> list[Translation]:
        """Translate sentences, in order. A blank one is not sent: its translation is blank.

        Arguments:
            texts: sentences.
            details: without them the answer holds the best text and its score, and is much smaller.

        Raises:
            ServerFailed: if the server cannot be reached, or fails; :class:`TimedOut` if it takes too long.
            RequestRefused: if it does not know the model, or wants no such request.
        """
        _check_texts(texts)
        results = [_BLANK] * len(texts)
        waiting = [i for i, text in enumerate(texts) if text.strip()]
        for chosen in _parts(waiting, self.batch):
            sources = [texts[i] for i in chosen]
            found = self._details(sources) if details else self._texts(sources)
            for i, translation in zip(chosen, found, strict=True):
                results[i] = translation
        return results

    def score(self, sources: Sequence[str], targets: Sequence[str]) -> list[Score]:
        """Say how likely given translations are.

        Raises:
            ValueError: if there are not as many of one as of the other.
            ServerFailed, RequestRefused: as :meth:`translate` does.
        """
        _check_texts(sources)
        _check_texts(targets)
        if len(sources) != len(targets):
            raise ValueError(f"{len(sources)} sources and {len(targets)} targets are no pairs.")
        results: list[Score] = []
        for chosen in _parts(range(len(sources)), self.batch):
            inputs = {"source": [sources[i] for i in chosen], "target": [targets[i] for i in chosen]}
            for log_probability, padded, token_scores in self._predict("score", inputs):
                tokens = _unpadded(padded)
                results.append(Score(log_probability, tokens, tuple(token_scores[: len(tokens)])))
        return results

    def ready(self) -> bool:
        """Say whether the model can be asked now. Tried once: who waits for a server asks again."""
        try:
            return "AVAILABLE" in self._transport.states(self.deadline)
        except (Passing, TimedOut, UnknownModel):
            return False  # A server that is coming up does not know its models yet.

    def metadata(self) -> Metadata:
        """Return which version answers, and its signatures, to be held against those of an export.

        >>> client.metadata().signatures["score"] == SIGNATURES["score"]   # doctest: +SKIP
        True
        """
        return self._persist(self._transport.metadata)

    def close(self) -> None:
        """Let go of the connections. ``with Client(...) as client:`` does it by itself."""
        self._transport.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _texts(self, texts: list[str]) -> list[Translation]:
        rows = self._predict("serving_default", {"text": texts})
        return [Translation(text, score, (text,), (score,)) for text, score in rows]

    def _details(self, texts: list[str]) -> list[Translation]:
        return [_translation(*row) for row in self._predict("translate", {"text": texts})]

    def _predict(self, signature: str, inputs: dict[str, list[str]]) -> Iterator[tuple]:
        """Ask the server, and yield the outputs of each sentence, in the order of the signature."""
        outputs = self._persist(lambda seconds: self._transport.predict(signature, inputs, seconds))
        wanted = SIGNATURES[signature].outputs
        sentences = len(next(iter(inputs.values())))
        for name, part in wanted.items():
            if name not in outputs:
                raise unreadable(self.address, f"'{signature}' gave no '{name}'")
            given = outputs[name]
            if not isinstance(given, list) or len(given) != sentences:
                raise unreadable(self.address, f"'{name}' has not one row for each of {sentences} sentences")
            if not _is(given, len(part.shape), str if part.dtype == "string" else (int, float)):
                raise unreadable(self.address, f"'{name}' does not hold what an export gives")
        return zip(*(outputs[name] for name in wanted), strict=True)

    def _persist(self, ask: Callable[[float], _T]) -> _T:
        """Ask until there is an answer, a refusal, or no time left."""
        until = time.monotonic() + self.deadline
        tried = 0
        while True:
            try:
                return ask(until - time.monotonic())
            except Passing as failure:
                pause = random.uniform(0.5, 1.0) * min(_LONGEST, _SHORTEST * 2**tried)
                pause = max(pause, failure.after)
                tried += 1
                if tried > self.retries:
                    raise _tired(failure.error, f"tried {_times(tried)}") from None
                if time.monotonic() + pause >= until:
                    raise _tired(failure.error, f"tried {_times(tried)}, then the deadline was near") from None
                time.sleep(pause)


def _check(address: Address, trust: Trust, token: str | None) -> None:
    if not address.secure and any(trust):
        raise InputError(f"{address} is not encrypted, so certificates do nothing there. Use https:// or grpcs://.")
    if trust.key and not trust.certificate:
        raise InputError("A key needs its certificate: name both.")
    if token and not (address.secure or address.near):
        raise InputError(f"A token sent to {address} could be read on its way. Use https:// or grpcs://.")
    if token and not (token.isascii() and token.isprintable()):
        raise InputError("The token has characters that no header can hold.")


def _transport(address: Address, trust: Trust, token: str | None) -> Transport:
    if address.rest:
        return Rest(address, trust, token)
    # It imports TensorFlow, which takes seconds: only who speaks gRPC waits for it.
    from nmt.client.grpc import Grpc

    return Grpc(address, trust, token)


def _check_texts(texts: Sequence[str]) -> None:
    if isinstance(texts, str):
        raise TypeError("Give a list of sentences, not one string.")
    for number, text in enumerate(texts, 1):
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise InputError(f"Text {number} is no valid Unicode at character {error.start + 1}.") from None


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


def _translation(
    texts: list[str], scores: list[float], source: list[str], target: list[str], alignment: list[list[float]]
) -> Translation:
    """Return a row of the outputs without what fills it up to the length of its neighbours."""
    best = list(zip(texts, scores, strict=False))
    best = best[:1] + [each for each in best[1:] if each[1] > _NOT_FOUND]
    if not best:
        return _BLANK
    read, written = _unpadded(source), _unpadded(target)
    rows = [row[: len(read)] for row in alignment[: len(written)]]
    texts_found, scores_found = zip(*best, strict=True)
    return Translation(
        text=texts_found[0],
        score=scores_found[0],
        translations=texts_found,
        scores=scores_found,
        source_tokens=read[:-1],  # the last one is the end
        tokens=written,
        alignment=None if rows and not rows[0] else rows,
    )


def _tired(error: WorkFailed, how: str) -> WorkFailed:
    return type(error)(f"{error} It was {how}.")


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


__all__ = [
    "BATCH",
    "DEADLINE",
    "Address",
    "Client",
    "Metadata",
    "RequestRefused",
    "Score",
    "ServerFailed",
    "TimedOut",
    "Translation",
    "UnknownModel",
]
