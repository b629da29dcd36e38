"""Beam search: the best hypotheses are kept at each step, and what has ended is kept apart.

Graves 2012, https://arxiv.org/abs/1211.3711; the penalties of Wu et al. 2016, https://arxiv.org/abs/1609.08144,
section 7.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf

from nmt.decoding.demands import PADDING, Demands
from nmt.decoding.largest import largest
from nmt.decoding.search import Hypotheses, Step, put, repeated

_NEVER = -float("inf")


class Penalties(NamedTuple):
    """What a hypothesis is ranked by, beside its log-probability::

        rank = log p(Y) / lp(Y) + b * sum_j log(min(sum_i a_ij, 1))
        lp(Y) = ((5 + |Y|) / 6) ** a          gnmt, equation 14 of Wu et al. 2016
        lp(Y) = |Y| ** a                      plain; with a = 1 the mean of the words

    ``|Y|`` counts the words and, where it was written, the end token. The second term, the coverage, is zero when every
    word of the source was looked at, and the smaller the more were left out.

    Attributes:
        length: ``a``; 0 ranks by the log-probability alone, which favours what is short.
        plain: whether ``lp`` is the plain one.
        coverage: ``b``.
    """

    length: float = 0.0
    plain: bool = False
    coverage: float = 0.0

    def divisor(self, words: tf.Tensor) -> tf.Tensor:
        """Return ``lp`` for so many words.

        >>> round(float(Penalties(length=1.0).divisor(tf.constant(7))), 3)  # (5 + 7) / 6
        2.0
        """
        words = tf.cast(words, tf.float32)
        return words**self.length if self.plain else ((5.0 + words) / 6.0) ** self.length

    def uncovered(self, covered: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        """Return the coverage term: ``(…,)`` from what each source word got, ``(…, source)``."""
        # The smallest normal number: a word that was never looked at must not make everything minus infinity.
        logs = tf.math.log(tf.clip_by_value(covered, 1e-30, 1.0))
        return self.coverage * tf.reduce_sum(tf.where(mask, logs, 0.0), -1)


class _History(NamedTuple):
    """How hypotheses came about.

    Attributes:
        tokens: ``(rows, longest)``.
        scores: ``(rows, longest)``, of each word.
        places: ``(rows, longest)``, the place in the beam that each word was written from, and so the row that looked.
    """

    tokens: tf.Tensor
    scores: tf.Tensor
    places: tf.Tensor


class _Live(NamedTuple):
    """The hypotheses that go on: ``beam`` of them for each row of the batch, the best first.

    Attributes:
        last: ``(rows,)``, the last words; ``rows`` is ``batch * beam``.
        scores: ``(batch, beam)``.
        history: of ``rows``.
        covered: ``(rows, source)``, what each source word got so far.
        state: of the step, ``(rows, …)``.
    """

    last: tf.Tensor
    scores: tf.Tensor
    history: _History
    covered: tf.Tensor
    state: Any


class _Finished(NamedTuple):
    """The best hypotheses that are complete, the best first; ranked ``-inf`` where there is none yet.

    Attributes:
        ranks, scores: ``(batch, beam)``.
        lengths: ``(batch, beam)``, words before the end token.
        history: ``(batch, beam, longest)`` each.
    """

    ranks: tf.Tensor
    scores: tf.Tensor
    lengths: tf.Tensor
    history: _History


def beam(
    step: Step,
    state: Any,
    memory: Any,
    mask: tf.Tensor,
    demands: Demands,
    start: int,
    end: int,
    size: int,
    n_best: int = 1,
    penalties: Penalties | None = None,
) -> Hypotheses:
    """Search with a beam of ``size`` hypotheses a row.

    At each step the live hypotheses are continued by every word. Of all continuations the best ``size`` that did not
    end live on; one that ended is complete if it is among the best ``size`` of all, and goes to the finished ones. So a
    finished hypothesis takes no place from the others, and a beam of one, ranked by the log-probability, is greedy
    search. At its limit a live hypothesis is complete as it is. The best that a live one could still become is
    ``log p / lp(limit)``, since log-probabilities only fall: where that does not beat the ``n_best``-th finished one
    it is not continued. The step runs on those that are, so a sentence that cannot become better costs nothing more.

    Arguments:
        step, state, memory, start, end: as of :func:`~nmt.decoding.search.greedy`.
        mask: ``(batch, source)``, true at real source words; no columns if there is no alignment.
        demands: what each row must be.
        size: hypotheses kept at each step.
        n_best: hypotheses returned, at most ``size``.
        penalties: what they are ranked by; the log-probability alone if not given.

    Raises:
        ValueError: if ``n_best`` is not between 1 and ``size``.

    >>> def fair(tokens, state, memory):  # word 2 at .6, then the end at .5; word 3 at .4, then the end at .9
    ...     after = tf.constant([[0, .0, .6, .4, 0], [1, 0, 0, 0, 0], [0, .5, .5, 0, 0], [0, .9, .0, .1, 0]])
    ...     return tf.math.log(tf.gather(after, tokens)), state, tf.zeros([2, 0])
    >>> nothing, limit = tf.zeros([1, 0], tf.bool), Demands(tf.constant([2]))
    >>> beam(fair, (), (), nothing, limit, start=0, end=1, size=2).tokens.numpy().tolist()  # .36 is more than .30
    [[[3, 0]]]
    """
    if not 1 <= n_best <= size:
        raise ValueError(f"n_best must lie between 1 and the beam's size, {size}, not {n_best}.")
    penalties = penalties or Penalties()
    most = tf.cast(demands.most, tf.int32)
    batch, source = tf.shape(most)[0], tf.shape(mask)[1]
    longest = tf.reduce_max(tf.concat([most, [0]], 0))
    wide = repeated(mask, size)

    def going(t: tf.Tensor, scores: tf.Tensor, ranks: tf.Tensor) -> tf.Tensor:
        """Say which hypotheses ``(batch, beam)`` are continued."""
        reachable = scores / tf.expand_dims(penalties.divisor(most), 1)
        return tf.expand_dims(t < most, 1) & (ranks[:, n_best - 1 : n_best] < reachable)

    def more(t: tf.Tensor, live: _Live, finished: _Finished, looks: tf.Tensor) -> tf.Tensor:
        return (t < longest) & tf.reduce_any(going(t, live.scores, finished.ranks))

    def body(t: tf.Tensor, live: _Live, finished: _Finished, looks: tf.Tensor) -> tuple:
        goes = tf.reshape(going(t, live.scores, finished.ranks), [-1])
        rows = tf.cast(tf.reshape(tf.where(goes), [-1]), tf.int32)
        # Where each row is among those that were taken; for one that was not it does not matter.
        places = tf.minimum(tf.cumsum(tf.cast(goes, tf.int32), exclusive=True), tf.size(rows) - 1)
        taken = _taken(rows, live, memory, demands, size)
        logits, state, looked = step(taken.last, taken.state, taken.memory)
        values, words = _next_words(tf.cast(logits, tf.float32), taken, t, start, end, size)
        looked = _spread(tf.cast(looked, tf.float32), goes, places, 0.0)
        choices = _choices(_spread(values, goes, places, _NEVER), _spread(words, goes, places, 0), live, size)
        ended = choices.words == end
        # Complete are those of the best that ended, and at the limit those that live on.
        done = _complete(live, choices, t, wide, penalties, ended, size)
        live = _continued(live, state, places, choices, t, looked, ended, size)
        cut = _cut(live, t, wide, penalties, t + 1 == most, size)
        return t + 1, live, _best([finished, done, cut], size), put(looks, t, looked)

    first = _Live(
        tf.fill([batch * size], start),
        # All but one of the beam are still the same nothing.
        tf.zeros([batch, size]) + tf.where(tf.range(size) == 0, 0.0, _NEVER),
        _no_history([batch * size, longest]),
        tf.zeros([batch * size, source]),
        repeated(state, size),
    )
    # A row that may have no words is complete before it begins.
    blank = tf.expand_dims(most == 0, 1) & (tf.range(size) == 0)
    none = _Finished(
        tf.where(blank, 0.0, _NEVER),
        tf.zeros([batch, size]),
        tf.zeros([batch, size], tf.int32),
        _no_history([batch, size, longest]),
    )
    looks = tf.zeros([longest, batch * size, source])
    _, _, finished, looks = tf.while_loop(more, body, (0, first, none, looks), maximum_iterations=longest)
    best = tf.nest.map_structure(lambda part: part[:, :n_best], finished)
    return Hypotheses(
        best.history.tokens,
        best.lengths,
        best.scores,
        best.ranks,
        best.history.scores,
        _alignment(looks, best.history.places, best.lengths, size),
    )


class _Choices(NamedTuple):
    """The best continuations of each row of the batch, the best first: ``(batch, choices)`` each.

    Attributes:
        scores: of the whole hypothesis.
        places: the place in the beam of what is continued.
        words: the word it is continued by.
        word_scores: that word's.
    """

    scores: tf.Tensor
    places: tf.Tensor
    words: tf.Tensor
    word_scores: tf.Tensor


class _Taken(NamedTuple):
    """What the step needs of the rows that are continued: ``(rows, …)`` each."""

    last: tf.Tensor
    tokens: tf.Tensor
    state: Any
    memory: Any
    demands: Demands


def _taken(rows: tf.Tensor, live: _Live, memory: Any, demands: Demands, size: int) -> _Taken:
    """Take some rows of ``batch * size`` from what is live, and with them the memory and demands of their sentences."""
    last, tokens, state = tf.nest.map_structure(
        lambda part: tf.gather(part, rows), (live.last, live.history.tokens, live.state)
    )
    sentences = rows // size
    least, prefix = (None if part is None else tf.gather(part, sentences) for part in (demands.least, demands.prefix))
    memory = tf.nest.map_structure(lambda part: tf.gather(part, sentences), memory)
    return _Taken(last, tokens, state, memory, demands._replace(least=least, prefix=prefix))


def _spread(part: tf.Tensor, goes: tf.Tensor, places: tf.Tensor, other: float) -> tf.Tensor:
    """Put the rows that were taken back to where they were, the others filled with ``other``."""
    return tf.where(tf.expand_dims(goes, 1), tf.gather(part, places), tf.constant(other, part.dtype))


def _next_words(
    logits: tf.Tensor, taken: _Taken, t: tf.Tensor, start: int, end: int, size: int
) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the log-probabilities of the best next words, and the words.

    No hypothesis has more than ``size`` continuations that live on, and one that ends.
    """
    allowed = taken.demands.allowed(logits, taken.tokens, t, start, end)
    values, words = largest(allowed, tf.minimum(size + 1, tf.shape(logits)[1]), without=(PADDING, start))
    return values - tf.reduce_logsumexp(logits, -1, keepdims=True), words


def _choices(word_scores: tf.Tensor, words: tf.Tensor, live: _Live, size: int) -> _Choices:
    """Return twice as many continuations as live on, for at most every second one can be an end."""
    each = tf.shape(words)[1]
    batch = tf.shape(live.scores)[0]
    scores = tf.reshape(live.scores, [-1, 1]) + word_scores
    scores, chosen = tf.math.top_k(tf.reshape(scores, [batch, size * each]), tf.minimum(2 * size, size * each))

    def taken(part: tf.Tensor) -> tf.Tensor:
        return tf.gather(tf.reshape(part, [batch, size * each]), chosen, axis=1, batch_dims=1)

    return _Choices(scores, chosen // each, taken(words), taken(word_scores))


def _continued(
    live: _Live,
    state: Any,
    places: tf.Tensor,
    choices: _Choices,
    t: tf.Tensor,
    looked: tf.Tensor,
    ended: tf.Tensor,
    size: int,
) -> _Live:
    """Return the best continuations that did not end, whose new ``state`` is at ``places`` of their rows."""
    scores, chosen = tf.math.top_k(tf.where(ended, _NEVER, choices.scores), size)
    kept = _Choices(*(tf.gather(part, chosen, axis=1, batch_dims=1) for part in choices))
    rows = tf.reshape(_rows(kept.places, size), [-1])
    history = _appended(live.history, rows, kept, t, with_words=True)
    covered = tf.gather(live.covered + looked, rows)
    came_from = tf.gather(places, rows)
    state = tf.nest.map_structure(lambda part: tf.gather(part, came_from), state)
    return _Live(tf.reshape(kept.words, [-1]), scores, history, covered, state)


def _complete(
    live: _Live,
    choices: _Choices,
    t: tf.Tensor,
    mask: tf.Tensor,
    penalties: Penalties,
    ended: tf.Tensor,
    size: int,
) -> _Finished:
    """Return the best continuations as finished hypotheses, those that did not end ranked ``-inf``."""
    best = _Choices(*(part[:, :size] for part in choices))
    rows = _rows(best.places, size)
    ranks = best.scores / penalties.divisor(t + 1)
    if penalties.coverage:
        ranks += tf.gather(penalties.uncovered(live.covered, mask), rows)
    history = _appended(live.history, tf.reshape(rows, [-1]), best, t, with_words=False)
    return _Finished(
        tf.where(ended[:, :size], ranks, _NEVER),
        best.scores,
        tf.fill(tf.shape(rows), t),
        _folded(history, size),
    )


def _cut(live: _Live, t: tf.Tensor, mask: tf.Tensor, penalties: Penalties, full: tf.Tensor, size: int) -> _Finished:
    """Return the live hypotheses of the rows that are ``full`` as finished ones, the others ranked ``-inf``."""
    ranks = live.scores / penalties.divisor(t + 1)
    if penalties.coverage:
        ranks += tf.reshape(penalties.uncovered(live.covered, mask), tf.shape(ranks))
    return _Finished(
        tf.where(tf.expand_dims(full, 1), ranks, _NEVER),
        live.scores,
        tf.fill(tf.shape(live.scores), t + 1),
        _folded(live.history, size),
    )


def _best(groups: list[_Finished], size: int) -> _Finished:
    """Return the best of several groups of finished hypotheses."""
    ranks, chosen = tf.math.top_k(tf.concat([group.ranks for group in groups], 1), size)
    taken = tf.nest.map_structure(lambda *parts: tf.gather(tf.concat(parts, 1), chosen, axis=1, batch_dims=1), *groups)
    return taken._replace(ranks=ranks)


def _rows(places: tf.Tensor, size: int) -> tf.Tensor:
    """Turn places in the beams ``(batch, n)`` into rows of ``batch * size``."""
    return places + tf.expand_dims(tf.range(tf.shape(places)[0]) * size, 1)


def _appended(history: _History, rows: tf.Tensor, choices: _Choices, t: tf.Tensor, with_words: bool) -> _History:
    """Return the histories of ``rows``, each with what was chosen at time ``t``; an end token is no word."""
    now = (choices.words if with_words else tf.zeros_like(choices.words), choices.word_scores, choices.places)
    return _History(*(_written(tf.gather(old, rows), t, new) for old, new in zip(history, now, strict=True)))


def _written(buffer: tf.Tensor, t: tf.Tensor, now: tf.Tensor) -> tf.Tensor:
    """Return a buffer ``(rows, longest)`` with ``now`` at time ``t``."""
    return tf.concat([buffer[:, :t], tf.reshape(now, [-1, 1]), buffer[:, t + 1 :]], 1)


def _folded(history: _History, size: int) -> _History:
    """Turn ``(batch * size, longest)`` into ``(batch, size, longest)``."""
    return _History(*(tf.reshape(part, [-1, size, tf.shape(part)[1]]) for part in history))


def _no_history(shape: list) -> _History:
    return _History(tf.zeros(shape, tf.int32), tf.zeros(shape), tf.zeros(shape, tf.int32))


def _alignment(looks: tf.Tensor, places: tf.Tensor, lengths: tf.Tensor, size: int) -> tf.Tensor:
    """Gather ``(batch, best, target, source)`` from what each row looked at, ``(target, rows, source)``."""
    longest, all_rows = tf.shape(looks)[0], tf.shape(looks)[1]
    rows = places + tf.reshape(tf.range(tf.shape(places)[0]) * size, [-1, 1, 1])
    flat = tf.reshape(looks, [longest * all_rows, tf.shape(looks)[2]])
    seen = tf.gather(flat, tf.range(longest) * all_rows + rows)
    written = tf.range(longest) < tf.expand_dims(lengths, 2)
    return tf.where(tf.expand_dims(written, 3), seen, 0.0)
