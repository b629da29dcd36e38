"""Beam search: the best hypotheses are kept at each step, and what has ended is kept apart.

Graves 2012, https://arxiv.org/abs/1211.3711; the penalties of Wu et al. 2016, https://arxiv.org/abs/1609.08144,
section 7.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf

from nmt.decoding.constraints import PADDING, Constraints
from nmt.decoding.search import Hypotheses, Step, put, repeated
from nmt.decoding.top_k import largest

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


class Pruning(NamedTuple):
    """What is given up although it could still have won, for speed. The defaults give up nothing.

    Attributes:
        margin: a live hypothesis whose log-probability is further than this below that of the best live one of its
            sentence is not continued: the threshold pruning of Freitag and Al-Onaizan 2017,
            https://arxiv.org/abs/1702.01806, section 3.
        patience: a sentence is done when ``patience * size`` of its hypotheses are complete: Kasai et al. 2022,
            https://arxiv.org/abs/2204.05424, algorithm 1. With 1 it is the search of most toolkits.
    """

    margin: float = float("inf")
    patience: float = float("inf")


class _Written(NamedTuple):
    """All that was written, time first, for no hypothesis is copied on the way: ``(longest, rows)`` each.

    Attributes:
        words: the word at each time; a hypothesis' row is its place in the beam at that time.
        scores: of each word.
        places: the place in the beam that each word was written from: where its beginning is found, one time before.
        looks: ``(longest, rows, source)``, where each row looked to write what came next.
    """

    words: tf.Tensor
    scores: tf.Tensor
    places: tf.Tensor
    looks: tf.Tensor


class _Live(NamedTuple):
    """The hypotheses that go on: ``beam`` of them for each row of the batch, the best first.

    Attributes:
        last: ``(rows,)``, the last words; ``rows`` is ``batch * beam``.
        scores: ``(batch, beam)``.
        tokens: ``(rows, longest)``, if repetitions are to be seen; otherwise without columns.
        covered: ``(rows, source)``, what each source word got so far, if that counts; otherwise without columns.
        state: of the step, ``(rows, …)``.
    """

    last: tf.Tensor
    scores: tf.Tensor
    tokens: tf.Tensor
    covered: tf.Tensor
    state: Any


class _Finished(NamedTuple):
    """The best hypotheses that are complete, the best first; ranked ``-inf`` where there is none yet.

    Attributes:
        ranks, scores: ``(batch, beam)``.
        lengths: ``(batch, beam)``, words before the end token.
        places: ``(batch, beam)``, the place in the beam of the last word, at the time ``lengths - 1``.
        end_scores: ``(batch, beam)``, of the end token; 0 where it was not written.
    """

    ranks: tf.Tensor
    scores: tf.Tensor
    lengths: tf.Tensor
    places: tf.Tensor
    end_scores: tf.Tensor


def beam(
    step: Step,
    state: Any,
    memory: Any,
    mask: tf.Tensor,
    constraints: Constraints,
    start: int,
    end: int,
    size: int,
    n_best: int = 1,
    penalties: Penalties | None = None,
    pruning: Pruning | None = None,
) -> Hypotheses:
    """Search with a beam of ``size`` hypotheses a row.

    At each step the live hypotheses are continued by every word. Of all continuations the best ``size`` that did not
    end live on; one that ended is complete if it is among the best ``size`` of all, and goes to the finished ones. So a
    finished hypothesis takes no place from the others, and a beam of one, ranked by the log-probability, is greedy
    search. At its limit a live hypothesis is complete as it is. The best that a live one could still become is
    ``log p / lp(limit)``, since log-probabilities only fall: where that does not beat the ``n_best``-th finished one
    it is not continued, nor what ``pruning`` gives up. The step runs on those that are continued, so a sentence that
    cannot become better costs nothing more.

    Arguments:
        step, state, memory, start, end: as of :func:`~nmt.decoding.search.greedy`.
        mask: ``(batch, source)``, true at real source words; no columns if there is no alignment.
        demands: what each row must be.
        size: hypotheses kept at each step.
        n_best: hypotheses returned, at most ``size``.
        penalties: what they are ranked by; the log-probability alone if not given.
        pruning: what is given up; nothing if not given.

    Raises:
        ValueError: if ``n_best`` is not between 1 and ``size``.

    >>> def fair(tokens, state, memory):  # word 2 at .6, then the end at .5; word 3 at .4, then the end at .9
    ...     after = tf.constant([[0, .0, .6, .4, 0], [1, 0, 0, 0, 0], [0, .5, .5, 0, 0], [0, .9, .0, .1, 0]])
    ...     return tf.math.log(tf.gather(after, tokens)), state, tf.zeros([2, 0])
    >>> nothing, limit = tf.zeros([1, 0], tf.bool), Constraints(tf.constant([2]))
    >>> beam(fair, (), (), nothing, limit, start=0, end=1, size=2).tokens.numpy().tolist()  # .36 is more than .30
    [[[3, 0]]]
    """
    if not 1 <= n_best <= size:
        raise ValueError(f"n_best must lie between 1 and the beam's size, {size}, not {n_best}.")
    penalties, pruning = penalties or Penalties(), pruning or Pruning()
    most = tf.cast(constraints.most, tf.int32)
    batch, source = tf.shape(most)[0], tf.shape(mask)[1]
    longest = tf.reduce_max(tf.concat([most, [0]], 0))
    wide = repeated(mask, size)

    def going(t: tf.Tensor, scores: tf.Tensor, finished: _Finished, completed: tf.Tensor) -> tf.Tensor:
        """Say which hypotheses ``(batch, beam)`` are continued."""
        reachable = scores / tf.expand_dims(penalties.divisor(most), 1)
        open_rows = (t < most) & (tf.cast(completed, tf.float32) < pruning.patience * size)
        near = scores >= scores[:, :1] - pruning.margin
        return tf.expand_dims(open_rows, 1) & near & (finished.ranks[:, n_best - 1 : n_best] < reachable)

    def more(t: tf.Tensor, live: _Live, finished: _Finished, completed: tf.Tensor, written: _Written) -> tf.Tensor:
        return (t < longest) & tf.reduce_any(going(t, live.scores, finished, completed))

    def body(t: tf.Tensor, live: _Live, finished: _Finished, completed: tf.Tensor, written: _Written) -> tuple:
        goes = tf.reshape(going(t, live.scores, finished, completed), [-1])
        rows = tf.cast(tf.reshape(tf.where(goes), [-1]), tf.int32)
        # Where each row is among those that were taken; for one that was not it does not matter.
        places = tf.minimum(tf.cumsum(tf.cast(goes, tf.int32), exclusive=True), tf.size(rows) - 1)
        taken = _taken(rows, live, memory, constraints, size)
        logits, state, looked = step(taken.last, taken.state, taken.memory)
        values, words = _next_words(tf.cast(logits, tf.float32), taken, t, start, end, size)
        looked = _spread(tf.cast(looked, tf.float32), goes, places, 0.0)
        choices = _choices(_spread(values, goes, places, _NEVER), _spread(words, goes, places, 0), live, size)
        ended = choices.words == end
        # Complete are those of the best that ended, and at the limit those that live on.
        done = _complete(live, choices, t, wide, penalties, ended, size)
        scores, kept = _best_choices(choices, ended, size)
        live = _continued(live, state, places, scores, kept, t, looked, size)
        cut = _cut(live, t, wide, penalties, t + 1 == most, size)
        now = (*(tf.reshape(part, [-1]) for part in (kept.words, kept.word_scores, kept.places)), looked)
        written = _Written(*(put(old, t, new) for old, new in zip(written, now, strict=True)))
        completed += tf.reduce_sum(tf.cast(done.ranks > _NEVER, tf.int32), 1)
        return t + 1, live, _best([finished, done, cut], size), completed, written

    first = _Live(
        tf.fill([batch * size], start),
        # All but one of the beam are still the same nothing.
        tf.zeros([batch, size]) + tf.where(tf.range(size) == 0, 0.0, _NEVER),
        tf.zeros([batch * size, longest if constraints.no_repeat else 0], tf.int32),
        tf.zeros([batch * size, source if penalties.coverage else 0]),
        repeated(state, size),
    )
    # A row that may have no words is complete before it begins.
    blank = tf.expand_dims(most == 0, 1) & (tf.range(size) == 0)
    zeros = tf.zeros([batch, size], tf.int32)
    no_scores = tf.zeros([batch, size])
    none = _Finished(tf.where(blank, 0.0, _NEVER), no_scores, zeros, zeros, no_scores)
    nothing = _Written(
        tf.zeros([longest, batch * size], tf.int32),
        tf.zeros([longest, batch * size]),
        tf.zeros([longest, batch * size], tf.int32),
        tf.zeros([longest, batch * size, source]),
    )
    begin = (0, first, none, zeros[:, 0], nothing)
    _, _, finished, _, written = tf.while_loop(more, body, begin, maximum_iterations=longest)
    return _traced(tf.nest.map_structure(lambda part: part[:, :n_best], finished), written, size)


def _traced(finished: _Finished, written: _Written, size: int) -> Hypotheses:
    """Follow each finished hypothesis back from its last word to its first."""
    longest, all_rows = tf.shape(written.words)[0], tf.shape(written.words)[1]
    shape = tf.shape(finished.lengths)

    def before(t: tf.Tensor, places: tf.Tensor, *_: tf.Tensor) -> tf.Tensor:
        return t >= 0

    def back(t: tf.Tensor, places: tf.Tensor, words: tf.Tensor, scores: tf.Tensor, origins: tf.Tensor) -> tuple:
        there = t < finished.lengths
        rows = _rows(places, size)
        word, score, origin = (tf.gather(part[t], rows) for part in written[:3])
        score = tf.where(there, score, tf.where(t == finished.lengths, finished.end_scores, 0.0))
        return (
            t - 1,
            tf.where(there, origin, places),
            put(words, t, tf.where(there, word, 0)),
            put(scores, t, score),
            put(origins, t, origin),
        )

    buffer = tf.concat([[longest], shape], 0)
    nothing = (tf.zeros(buffer, tf.int32), tf.zeros(buffer), tf.zeros(buffer, tf.int32))
    _, _, words, scores, origins = tf.while_loop(before, back, (longest - 1, finished.places, *nothing))
    words, scores, origins = (tf.transpose(part, [1, 2, 0]) for part in (words, scores, origins))
    # What was looked at stands where a word was written from.
    rows = origins + tf.reshape(tf.range(shape[0]) * size, [-1, 1, 1])
    looks = tf.reshape(written.looks, [longest * all_rows, tf.shape(written.looks)[2]])
    seen = tf.gather(looks, tf.range(longest) * all_rows + rows)
    wrote = tf.range(longest) < tf.expand_dims(finished.lengths, 2)
    alignment = tf.where(tf.expand_dims(wrote, 3), seen, 0.0)
    return Hypotheses(words, finished.lengths, finished.scores, finished.ranks, scores, alignment)


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
    constraints: Constraints


def _taken(rows: tf.Tensor, live: _Live, memory: Any, constraints: Constraints, size: int) -> _Taken:
    """Take some rows of ``batch * size`` from what is live, and with them the memory and demands of their sentences."""
    last, tokens, state = tf.nest.map_structure(
        lambda part: tf.gather(part, rows), (live.last, live.tokens, live.state)
    )
    sentences = rows // size
    least, prefix = (
        None if part is None else tf.gather(part, sentences) for part in (constraints.least, constraints.prefix)
    )
    memory = tf.nest.map_structure(lambda part: tf.gather(part, sentences), memory)
    return _Taken(last, tokens, state, memory, constraints._replace(least=least, prefix=prefix))


def _spread(part: tf.Tensor, goes: tf.Tensor, places: tf.Tensor, other: float) -> tf.Tensor:
    """Put the rows that were taken back to where they were, the others filled with ``other``."""
    return tf.where(tf.expand_dims(goes, 1), tf.gather(part, places), tf.constant(other, part.dtype))


def _next_words(
    logits: tf.Tensor, taken: _Taken, t: tf.Tensor, start: int, end: int, size: int
) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the log-probabilities of the best next words, and the words.

    No hypothesis has more than ``size`` continuations that live on, and one that ends.
    """
    allowed = taken.constraints.allowed(logits, taken.tokens, t, start, end)
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


def _best_choices(choices: _Choices, ended: tf.Tensor, size: int) -> tuple[tf.Tensor, _Choices]:
    """Return the best continuations that did not end, with scores of ``-inf`` where there are too few."""
    scores, chosen = tf.math.top_k(tf.where(ended, _NEVER, choices.scores), size)
    return scores, _Choices(*(tf.gather(part, chosen, axis=1, batch_dims=1) for part in choices))


def _continued(
    live: _Live,
    state: Any,
    places: tf.Tensor,
    scores: tf.Tensor,
    kept: _Choices,
    t: tf.Tensor,
    looked: tf.Tensor,
    size: int,
) -> _Live:
    """Return what lives on: the ``kept`` continuations, whose new ``state`` is at ``places`` of their rows."""
    rows = tf.reshape(_rows(kept.places, size), [-1])
    last = tf.reshape(kept.words, [-1])
    tokens, covered = live.tokens, live.covered
    if tokens.shape[1] != 0:
        here = tf.range(tf.shape(tokens)[1]) == t
        tokens = tf.where(here, tf.expand_dims(last, 1), tf.gather(tokens, rows))
    if covered.shape[1] != 0:
        covered = tf.gather(covered + looked, rows)
    came_from = tf.gather(places, rows)
    return _Live(last, scores, tokens, covered, tf.nest.map_structure(lambda part: tf.gather(part, came_from), state))


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
    ranks = best.scores / penalties.divisor(t + 1)
    if penalties.coverage:
        ranks += tf.gather(penalties.uncovered(live.covered, mask), _rows(best.places, size))
    ranks = tf.where(ended[:, :size], ranks, _NEVER)
    lengths = tf.fill(tf.shape(ranks), t)
    return _Finished(ranks, best.scores, lengths, best.places, best.word_scores)


def _cut(live: _Live, t: tf.Tensor, mask: tf.Tensor, penalties: Penalties, full: tf.Tensor, size: int) -> _Finished:
    """Return the live hypotheses of the rows that are ``full`` as finished ones, the others ranked ``-inf``."""
    ranks = live.scores / penalties.divisor(t + 1)
    if penalties.coverage:
        ranks += tf.reshape(penalties.uncovered(live.covered, mask), tf.shape(ranks))
    ranks = tf.where(tf.expand_dims(full, 1), ranks, _NEVER)
    lengths = tf.fill(tf.shape(ranks), t + 1)
    places = tf.zeros_like(lengths) + tf.range(size)
    return _Finished(ranks, live.scores, lengths, places, tf.zeros_like(ranks))


def _best(groups: list[_Finished], size: int) -> _Finished:
    """Return the best of several groups of finished hypotheses."""
    _, chosen = tf.math.top_k(tf.concat([group.ranks for group in groups], 1), size)

    def taken(*parts: tf.Tensor) -> tf.Tensor:
        return tf.gather(tf.concat(parts, 1), chosen, axis=1, batch_dims=1)

    return tf.nest.map_structure(taken, *groups)


def _rows(places: tf.Tensor, size: int) -> tf.Tensor:
    """Turn places in the beams ``(batch, n)`` into rows of ``batch * size``."""
    return places + tf.expand_dims(tf.range(tf.shape(places)[0]) * size, 1)
