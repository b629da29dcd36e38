"""Beam search: at each step the best hypotheses are kept, and those that are finished are kept apart.

Graves 2012, https://arxiv.org/abs/1211.3711; the penalties of Wu et al. 2016, https://arxiv.org/abs/1609.08144,
section 7.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf

from nmt.decoding.constraints import Constraints, append
from nmt.decoding.history import ARRAYS, Buffers, History
from nmt.decoding.search import NOTHING, Hypotheses, Recorder, Step, repeat_rows
from nmt.decoding.top_k import top_k

_NEVER = -float("inf")


class Penalties(NamedTuple):
    """What a hypothesis is ranked by, beside its log-probability::

        rank = log p(Y) / lp(Y) + b * sum_j log(min(sum_i a_ij, 1))
        lp(Y) = ((5 + |Y|) / 6) ** a          gnmt, equation 14 of Wu et al. 2016
        lp(Y) = |Y| ** a                      plain; with a = 1 the mean of the tokens

    ``|Y|`` counts the tokens and, where it was written, EOS. The second term, the coverage, is zero when every source
    token has received a total weight of one or more, and negative otherwise.

    Attributes:
        length: ``a``; 0 ranks by the log-probability alone, which favours short hypotheses.
        plain: whether ``lp`` is the plain one.
        coverage: ``b``.
    """

    length: float = 0.0
    plain: bool = False
    coverage: float = 0.0

    def divisor(self, tokens: tf.Tensor) -> tf.Tensor:
        """Return ``lp`` for these numbers of tokens.

        >>> round(float(Penalties(length=1.0).divisor(tf.constant(7))), 3)  # (5 + 7) / 6
        2.0
        """
        tokens = tf.cast(tokens, tf.float32)
        return tokens**self.length if self.plain else ((5.0 + tokens) / 6.0) ** self.length

    def uncovered(self, coverage: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        """Return the coverage term ``(…,)`` from the sum of the weights of each source token, ``(…, source)``."""
        # The smallest normal number: one source token without a weight must not make the whole sum minus infinity.
        logs = tf.math.log(tf.clip_by_value(coverage, 1e-30, 1.0))
        return self.coverage * tf.reduce_sum(tf.where(mask, logs, 0.0), -1)


class Pruning(NamedTuple):
    """What is dropped for speed, although it could still have won. The defaults drop nothing.

    Attributes:
        margin: an active hypothesis whose log-probability is further than this below that of the best active one of
            its row is not extended: the threshold pruning of Freitag and Al-Onaizan 2017,
            https://arxiv.org/abs/1702.01806, section 3.
        patience: a row is done when ``patience * size`` of its hypotheses are finished: Kasai et al. 2022,
            https://arxiv.org/abs/2204.05424, algorithm 1. With 1 it is the search of most toolkits.
    """

    margin: float = float("inf")
    patience: float = float("inf")


class Active(NamedTuple):
    """The hypotheses that are not finished: ``size`` of them for each row of the batch, the best first.

    The index of a hypothesis among them is its *slot*; slot ``k`` of row ``b`` is row ``b * size + k`` of ``rows``,
    which is ``batch * size``.

    Attributes:
        last_tokens: ``(rows,)``.
        scores: ``(batch, size)``, log-probabilities.
        tokens: ``(rows, max_steps)`` if repetitions matter; otherwise without columns.
        coverage: ``(rows, source)``, the sum of the weights of each source token, if it counts; otherwise without
            columns.
        state: of the step, ``(rows, …)``.
    """

    last_tokens: tf.Tensor
    scores: tf.Tensor
    tokens: tf.Tensor
    coverage: tf.Tensor
    state: Any


class Extensions(NamedTuple):
    """The tokens that may extend each hypothesis: ``(rows, each)`` each.

    Attributes:
        scores: the log-probability of each token.
        tokens: the tokens.
        gains: what is added to the log-probability of the hypothesis beside it; 0 here.
        phrases: the number of the phrase that the token continues, from 1, see :mod:`nmt.decoding.phrase_beam`; 0
            here.
    """

    scores: tf.Tensor
    tokens: tf.Tensor
    gains: tf.Tensor
    phrases: tf.Tensor


class Candidates(NamedTuple):
    """The best extensions of each row's active hypotheses by one token, the best first: ``(batch, candidates)`` each.

    Attributes:
        scores: log-probabilities of the whole hypotheses, with their gains.
        parents: the slot of the hypothesis that is extended.
        tokens: the token it is extended by.
        token_scores: the log-probability of that token.
        phrases: as of :class:`Extensions`.
        banks: how many tokens of phrases the hypothesis has then; 0 here.
    """

    scores: tf.Tensor
    parents: tf.Tensor
    tokens: tf.Tensor
    token_scores: tf.Tensor
    phrases: tf.Tensor
    banks: tf.Tensor


class _Finished(NamedTuple):
    """The best finished hypotheses, the best first; ranked ``-inf`` where there is none yet: ``(batch, size)`` each.

    Attributes:
        ranks, scores: what they are ordered by, and their log-probabilities.
        lengths: tokens before EOS.
        slots: where the back-pointers begin: the slot of the last token, at step ``lengths - 1``.
        eos_scores: the log-probability of EOS; 0 where it was not written.
    """

    ranks: tf.Tensor
    scores: tf.Tensor
    lengths: tf.Tensor
    slots: tf.Tensor
    eos_scores: tf.Tensor


class _BeamLoop(NamedTuple):
    """The variables of the loop.

    Attributes:
        t: the number of the step, ``()``.
        active, finished: the hypotheses.
        finished_count: ``(batch,)``, how many have finished so far, kept or not.
        history: see :class:`_Steps`. No hypothesis is copied on the way.
    """

    t: tf.Tensor
    active: Active
    finished: _Finished
    finished_count: tf.Tensor
    history: Buffers


class _Steps(NamedTuple):
    """All that was written, a row for each slot at each step: ``(max_steps, rows)`` each.

    Attributes:
        tokens, token_scores: what was written into the slot, and its log-probability.
        back_pointers: the slot that it extends, one step before.
        alignment: ``(max_steps, rows, source)``, the weights of each slot *before* the step: of those that extend it;
            or ``(max_steps, rows, width)``, what is recorded in their place.
    """

    tokens: tf.Tensor
    token_scores: tf.Tensor
    back_pointers: tf.Tensor
    alignment: tf.Tensor


class _Selection(NamedTuple):
    """The rows that the step runs on, of ``rows`` in all.

    Attributes:
        selected: ``(rows,)``, true for those.
        rows: ``(selected,)``, the numbers of those, or of all.
        positions: ``(rows,)``, the index of each row in ``rows``; without meaning for rows that are not selected.
    """

    selected: tf.Tensor
    rows: tf.Tensor
    positions: tf.Tensor

    @classmethod
    def of(cls, selected: tf.Tensor, fixed_shapes: bool) -> _Selection:
        """Return the selected rows; all of them if their number must not depend on values."""
        if fixed_shapes:
            rows = tf.range(tf.size(selected))
            return cls(selected, rows, rows)
        rows = tf.cast(tf.reshape(tf.where(selected), [-1]), tf.int32)
        positions = tf.minimum(tf.cumsum(tf.cast(selected, tf.int32), exclusive=True), tf.size(rows) - 1)
        return cls(selected, rows, positions)

    def scatter(self, part: tf.Tensor, other: float) -> tf.Tensor:
        """Return ``(rows, n)`` from ``(selected, n)``, the other rows filled with ``other``."""
        return tf.where(
            tf.expand_dims(self.selected, 1), tf.gather(part, self.positions), tf.constant(other, part.dtype)
        )


class BeamSearch:
    """A beam search over one batch.

    At each step the active hypotheses are extended by every token. The best ``size`` extensions that did not end stay
    active; one that ended is finished if it is among the best ``size`` of all. So a finished hypothesis takes no slot
    from the others, and a beam of one, ranked by the log-probability, is greedy search. At its maximum length an active
    hypothesis is finished as it is.

    The best rank that an active hypothesis can still reach is ``log p / lp(max_length)``, since log-probabilities only
    fall. It is not extended if that does not beat the ``n_best``-th finished one, or if ``pruning`` drops it. The step
    runs only on hypotheses that are extended, so a row that cannot improve costs nothing more.

    Arguments:
        step, memory, constraints, bos, eos, history, recorder: as of :func:`~nmt.decoding.search.greedy`.
        mask: ``(batch, source)``, true at source tokens that should be covered; no columns if there is no alignment.
        size: hypotheses kept at each step.
        n_best: hypotheses returned, at most ``size``.
        penalties: what hypotheses are ranked by; by default the log-probability alone.
        pruning: what is dropped; by default nothing.

    Raises:
        ValueError: if ``n_best`` is not between 1 and ``size``.

    >>> def fair(tokens, state, memory):  # token 2 at .6, then EOS at .5; token 3 at .4, then EOS at .9
    ...     after = tf.constant([[0, .0, .6, .4, 0], [1, 0, 0, 0, 0], [0, .5, .5, 0, 0], [0, .9, .0, .1, 0]])
    ...     return tf.math.log(tf.gather(after, tokens)), state, tf.zeros([2, 0])
    >>> unaligned, limit = tf.zeros([1, 0], tf.bool), Constraints(tf.constant([2]))
    >>> search = BeamSearch(fair, (), unaligned, limit, bos=0, eos=1, size=2)
    >>> search.run(state=()).tokens.numpy().tolist()  # .36 is more than .30
    [[[3, 0]]]
    """

    def __init__(
        self,
        step: Step,
        memory: Any,
        mask: tf.Tensor,
        constraints: Constraints,
        *,
        bos: int,
        eos: int,
        size: int,
        n_best: int = 1,
        penalties: Penalties | None = None,
        pruning: Pruning | None = None,
        history: History = ARRAYS,
        recorder: Recorder = NOTHING,
    ) -> None:
        if not 1 <= n_best <= size:
            raise ValueError(f"n_best must lie between 1 and the beam's size, {size}, not {n_best}.")
        self.step, self.memory, self.constraints, self.history = step, memory, constraints, history
        self.bos, self.eos, self.size, self.n_best = bos, eos, size, n_best
        self.penalties, self.pruning = penalties or Penalties(), pruning or Pruning()
        self.mask = repeat_rows(mask, size)  # (rows, source)
        self.max_length, self.max_steps = (
            tf.cast(constraints.max_length, tf.int32),
            history.bound(constraints.max_steps),
        )
        self.batch, self.source = tf.shape(mask)[0], tf.shape(mask)[1]
        self.rows = self.batch * size
        self.recorder, self.kept = recorder, recorder.size(self.source)

    def run(self, state: Any) -> Hypotheses:
        """Search from the initial state ``(batch, …)``."""
        first = (self._start(state),)
        (last,) = tf.while_loop(self._continues, self._advance, first, maximum_iterations=self.max_steps)
        best = _Finished(*(part[:, : self.n_best] for part in last.finished))
        return self._trace_back(best, _Steps(*self.history.stack(last.history, self.max_steps)), last.t)

    def _start(self, state: Any) -> _BeamLoop:
        """Return the loop's variables before the first step."""
        batch, rows = self.batch, self.rows
        active = Active(
            last_tokens=tf.fill([rows], self.bos),
            # All hypotheses of a row are still the same, so one of them is enough.
            scores=tf.zeros([batch, self.size]) + tf.where(tf.range(self.size) == 0, 0.0, _NEVER),
            tokens=tf.zeros([rows, self.max_steps if self.constraints.no_repeat else 0], tf.int32),
            coverage=tf.zeros([rows, self.source if self.penalties.coverage else 0]),
            state=repeat_rows(state, self.size),
        )
        # A row that may have no token is finished before it begins.
        empty = tf.expand_dims(self.max_length == 0, 1) & (tf.range(self.size) == 0)
        integers, floats = tf.zeros([batch, self.size], tf.int32), tf.zeros([batch, self.size])
        finished = _Finished(
            ranks=tf.where(empty, 0.0, _NEVER), scores=floats, lengths=integers, slots=integers, eos_scores=floats
        )
        zeros = _Steps(
            tokens=tf.zeros([rows], tf.int32),
            token_scores=tf.zeros([rows]),
            back_pointers=tf.zeros([rows], tf.int32),
            alignment=tf.zeros([rows, self.kept]),
        )
        return _BeamLoop(
            t=tf.constant(0),
            active=active,
            finished=finished,
            finished_count=integers[:, 0],
            history=self.history.empty(self.max_steps, zeros),
        )

    def _continues(self, loop: _BeamLoop) -> tf.Tensor:
        """Return whether there is another step, ``()``."""
        return (loop.t < self.max_steps) & tf.reduce_any(self._extended(loop))

    def _extended(self, loop: _BeamLoop) -> tf.Tensor:
        """Return which active hypotheses are extended, ``(batch, size)``."""
        scores = loop.active.scores
        reachable = scores / tf.expand_dims(self.penalties.divisor(self.max_length), 1)
        patient = tf.cast(loop.finished_count, tf.float32) < self.pruning.patience * self.size
        beaten = loop.finished.ranks[:, self.n_best - 1 : self.n_best]
        return tf.expand_dims((loop.t < self.max_length) & patient, 1) & self._near(scores) & (beaten < reachable)

    def _near(self, scores: tf.Tensor) -> tf.Tensor:
        """Return which active hypotheses are not too far behind the best one, ``(batch, size)``."""
        return scores >= scores[:, :1] - self.pruning.margin

    def _advance(self, loop: _BeamLoop) -> tuple[_BeamLoop]:
        """Take one step: extend, finish what ended, keep the best of the rest, finish what is at its limit."""
        t, active = loop.t, loop.active
        selection = _Selection.of(tf.reshape(self._extended(loop), [-1]), self.history.fixed_shapes)
        sentences = selection.rows // self.size
        last_tokens = tf.gather(active.last_tokens, selection.rows)
        logits, state, alignment = self.step(
            last_tokens,
            _gather(active.state, selection.rows),
            _gather(self.memory, sentences),
        )
        written = tf.gather(active.tokens, selection.rows)
        extensions = self._extensions(
            tf.cast(logits, tf.float32), written, last_tokens, sentences=sentences, state=state, t=t
        )
        extensions = Extensions(
            scores=selection.scatter(extensions.scores, _NEVER),
            tokens=selection.scatter(extensions.tokens, 0),
            gains=selection.scatter(extensions.gains, 0.0),
            phrases=selection.scatter(extensions.phrases, 0),
        )
        recorded = selection.scatter(self.recorder.keep(alignment, state), 0.0)
        alignment = selection.scatter(tf.cast(alignment, tf.float32), 0.0) if self.penalties.coverage else recorded
        candidates = self._candidates(active, extensions)
        kept = self._not_ended(candidates)
        state = _gather(state, self._of_parents(selection.positions, kept))
        extended = self._extend(active, kept, t, alignment=alignment, state=state)
        ended, cut = self._ended(active, candidates, t), self._at_limit(extended, kept, t)
        now = _Steps(
            tokens=tf.reshape(kept.tokens, [-1]),
            token_scores=tf.reshape(kept.token_scores, [-1]),
            back_pointers=tf.reshape(kept.parents, [-1]),
            alignment=recorded,
        )
        return (
            _BeamLoop(
                t=t + 1,
                active=extended,
                finished=self._best(loop.finished, ended, cut),
                finished_count=loop.finished_count + tf.reduce_sum(tf.cast(ended.ranks > _NEVER, tf.int32), 1),
                history=self.history.write(loop.history, t, now),
            ),
        )

    def _extensions(
        self,
        logits: tf.Tensor,
        written: tf.Tensor,
        last_tokens: tf.Tensor,
        *,
        sentences: tf.Tensor,
        state: Any,
        t: tf.Tensor,
    ) -> Extensions:
        """Return the tokens that extend each hypothesis, ``(selected, each)``.

        Arguments:
            logits: ``(selected, vocabulary)``.
            written: ``(selected, max_steps)``, the tokens of each hypothesis, or no columns.
            last_tokens: ``(selected,)``.
            sentences: ``(selected,)``, their rows in the batch.
            state: of the step, after it.
            t: the number of the step.
        """
        allowed = self.constraints.gather(sentences).allowed(logits, written, t, bos=self.bos, eos=self.eos)
        return self._likeliest(logits, allowed, last_tokens, t)

    def _likeliest(self, logits: tf.Tensor, allowed: tf.Tensor, last_tokens: tf.Tensor, t: tf.Tensor) -> Extensions:
        """Return the best ``size + 1`` next tokens: of these at most ``size`` can stay active, and one ends."""
        count = tf.minimum(self.size + 1, tf.shape(logits)[1])
        values, tokens = top_k(allowed, count, self.constraints.excluded(t, last_tokens, self.bos, self.eos))
        scores = values - tf.reduce_logsumexp(logits, -1, keepdims=True)
        return Extensions(scores, tokens, tf.zeros_like(scores), tf.zeros_like(tokens))

    def _candidates(self, active: Active, extensions: Extensions) -> Candidates:
        """Return the best ``2 * size`` extensions of each row: at most every second one can end."""
        count = tf.minimum(2 * self.size, self.size * tf.shape(extensions.tokens)[1])
        return self._best_extensions(active, extensions, count)

    def _best_extensions(self, active: Active, extensions: Extensions, count: tf.Tensor) -> Candidates:
        """Return the best ``count`` extensions of the active hypotheses of each row."""
        each = tf.shape(extensions.tokens)[1]
        # From a tensor of the loop, whose static shape may be known: so that of the result is.
        flat = [tf.shape(active.scores)[0], self.size * each]
        totals = tf.reshape(active.scores, [-1, 1]) + (extensions.scores + extensions.gains)  # (rows, each)
        scores, chosen = tf.math.top_k(tf.reshape(totals, flat), count)
        tokens, token_scores, phrases = (
            tf.gather(tf.reshape(part, flat), chosen, axis=1, batch_dims=1)
            for part in (extensions.tokens, extensions.scores, extensions.phrases)
        )
        return Candidates(
            scores,
            parents=chosen // each,
            tokens=tokens,
            token_scores=token_scores,
            phrases=phrases,
            banks=tf.zeros_like(tokens),
        )

    def _not_ended(self, candidates: Candidates) -> Candidates:
        """Return the best ``size`` candidates that did not end, with scores of ``-inf`` where there are too few."""
        scores = tf.where(candidates.tokens == self.eos, _NEVER, candidates.scores)
        scores, chosen = tf.math.top_k(scores, self.size)
        kept = Candidates(*(tf.gather(part, chosen, axis=1, batch_dims=1) for part in candidates))
        return kept._replace(scores=scores)

    def _extend(self, active: Active, kept: Candidates, t: tf.Tensor, *, alignment: tf.Tensor, state: Any) -> Active:
        """Return the hypotheses that stay active, each its parent with one token more.

        Arguments:
            active: the hypotheses before the step.
            kept: ``(batch, size)`` each, the candidates that stay active.
            t: the number of the step, ``()``.
            alignment: ``(rows, source)``, the weights of the step, in the rows of the parents.
            state: ``(rows, …)``, already in the rows of ``kept``.
        """
        last_tokens = tf.reshape(kept.tokens, [-1])
        tokens, coverage = active.tokens, active.coverage
        if self.constraints.no_repeat:
            tokens = append(self._of_parents(tokens, kept), t, last_tokens)
        if self.penalties.coverage:
            coverage = self._of_parents(coverage + alignment, kept)
        return Active(last_tokens=last_tokens, scores=kept.scores, tokens=tokens, coverage=coverage, state=state)

    def _of_parents(self, part: tf.Tensor, kept: Candidates) -> tf.Tensor:
        """Return for each candidate what its parent has: ``(rows, …)`` from ``(rows, …)``."""
        return tf.gather(part, tf.reshape(self._rows(kept.parents), [-1]))

    def _ended(self, active: Active, candidates: Candidates, t: tf.Tensor) -> _Finished:
        """Return the best ``size`` candidates as finished hypotheses, those that did not end ranked ``-inf``.

        Arguments:
            active: the hypotheses that the candidates extend.
            candidates: ``(batch, candidates)`` each, the best first.
            t: the number of the step, ``()``.

        Returns:
            ``(batch, size)`` each.
        """
        best = self._may_finish(candidates)
        ranks = best.scores / self.penalties.divisor(t + 1)
        if self.penalties.coverage:
            uncovered = self.penalties.uncovered(active.coverage, self.mask)
            ranks += tf.gather(uncovered, self._rows(best.parents))
        ranks = tf.where(best.tokens == self.eos, ranks, _NEVER)
        lengths = tf.fill(tf.shape(ranks), t)
        return _Finished(
            ranks=ranks, scores=best.scores, lengths=lengths, slots=best.parents, eos_scores=best.token_scores
        )

    def _may_finish(self, candidates: Candidates) -> Candidates:
        """Return the best ``size`` candidates: one that ended is finished if it is among them."""
        return Candidates(*(part[:, : self.size] for part in candidates))

    def _missing(self, kept: Candidates) -> tf.Tensor | float:
        """Return what is added to the ranks of hypotheses at their maximum length for what they lack."""
        return 0.0

    def _at_limit(self, active: Active, kept: Candidates, t: tf.Tensor) -> _Finished:
        """Return the active hypotheses of rows at their maximum length as finished ones, the others ranked ``-inf``.

        Arguments:
            active: the hypotheses after the step, whose slots are the indices of the result.
            kept: the candidates that they were made of.
            t: the number of the step, ``()``.

        Returns:
            ``(batch, size)`` each.
        """
        ranks = active.scores / self.penalties.divisor(t + 1)
        if self.penalties.coverage:
            ranks += tf.reshape(self.penalties.uncovered(active.coverage, self.mask), tf.shape(ranks))
        ranks = tf.where(tf.expand_dims(t + 1 == self.max_length, 1), ranks + self._missing(kept), _NEVER)
        lengths = tf.fill(tf.shape(ranks), t + 1)
        slots = tf.zeros_like(lengths) + tf.range(self.size)
        return _Finished(
            ranks=ranks, scores=active.scores, lengths=lengths, slots=slots, eos_scores=tf.zeros_like(ranks)
        )

    def _best(self, *groups: _Finished) -> _Finished:
        """Return the best ``size`` of several groups of finished hypotheses."""
        _, chosen = tf.math.top_k(tf.concat([group.ranks for group in groups], 1), self.size)
        parts = (tf.concat(part, 1) for part in zip(*groups, strict=True))
        return _Finished(*(tf.gather(part, chosen, axis=1, batch_dims=1) for part in parts))

    def _rows(self, slots: tf.Tensor) -> tf.Tensor:
        """Turn slots ``(batch, n)`` into numbers of rows."""
        return slots + tf.expand_dims(tf.range(tf.shape(slots)[0]) * self.size, 1)

    def _trace_back(self, best: _Finished, steps: _Steps, count: tf.Tensor) -> Hypotheses:
        """Follow the back-pointers of each finished hypothesis, from its last token to its first.

        Arguments:
            best: ``(batch, n_best)`` each.
            steps: what was written.
            count: the number of steps.
        """
        shape = tf.shape(best.lengths)

        def continues(t: tf.Tensor, slots: tf.Tensor, traced: Buffers) -> tf.Tensor:
            return t >= 0

        def back(t: tf.Tensor, slots: tf.Tensor, traced: Buffers) -> tuple:
            inside = t < best.lengths
            rows = self._rows(slots)
            token, score, parent = (
                tf.gather(part[t], rows) for part in (steps.tokens, steps.token_scores, steps.back_pointers)
            )
            score = tf.where(inside, score, tf.where(t == best.lengths, best.eos_scores, 0.0))
            values = (tf.where(inside, token, 0), score, parent)
            return t - 1, tf.where(inside, parent, slots), self.history.write(traced, t, values)

        zeros = (tf.zeros(shape, tf.int32), tf.zeros(shape), tf.zeros(shape, tf.int32))
        first = (count - 1, best.slots, self.history.empty(self.max_steps, zeros))
        _, _, traced = tf.while_loop(continues, back, first)
        tokens, token_scores, parents = (
            tf.transpose(part, [1, 2, 0]) for part in self.history.stack(traced, self.max_steps)
        )
        # The weights of a token are stored in the row of its parent: (batch, n_best, max_steps, source).
        rows = parents + tf.reshape(tf.range(self.batch) * self.size, [-1, 1, 1])
        by_row = tf.reshape(steps.alignment, [self.max_steps * self.rows, self.kept])
        alignment = tf.gather(by_row, tf.range(self.max_steps) * self.rows + rows)
        inside = tf.range(self.max_steps) < tf.expand_dims(best.lengths, 2)
        alignment = tf.where(tf.expand_dims(inside, 3), alignment, 0.0)
        return Hypotheses(
            tokens=tokens,
            lengths=best.lengths,
            scores=best.scores,
            ranks=best.ranks,
            token_scores=token_scores,
            alignment=alignment,
        )


def _gather(parts: Any, rows: tf.Tensor) -> Any:
    """Take rows of each tensor of a nest."""
    return tf.nest.map_structure(lambda part: tf.gather(part, rows), parts)
