"""Beam search for hypotheses that contain given phrases: dynamic beam allocation, with the alignment deciding where.

Post and Vilar 2018, https://arxiv.org/abs/1804.06609. Without help, a beam would be full of hypotheses that put the
phrases off, because these are likelier for now. So hypotheses compete only with those that have as many tokens of the
phrases: they share a *bank*, and each bank has its part of the beam.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf

from nmt.decoding.beam import Active, BeamSearch, Candidates, Extensions
from nmt.decoding.constraints import Constraints
from nmt.decoding.phrases import attended
from nmt.decoding.search import Hypotheses, Recorder, Step

_NEVER = -float("inf")
# The weight that a step must put on the source of a phrase to begin it.
_ATTENDED = 0.3
# The weight that all other tokens together may put on it, as an article does, and what more of it costs.
_ELSEWHERE, _AGAIN = 1.0, 5.0
# How much of the log-probability of a phrase a rank leaves out.
_GIVEN = 0.9
# Added to a rank for each token of a phrase that is missing at the maximum length.
_MISSING = -1e6


class _PhraseState(NamedTuple):
    """What is known of each hypothesis, ``(rows, …)``.

    Attributes:
        inner: the state of the step.
        progress: ``(rows, phrases)``, see :class:`~nmt.decoding.phrases.Phrases`.
        elsewhere: ``(rows, phrases)``, the weight that tokens outside of each phrase have put on its source.
        attended: ``(rows, phrases)``, the weight that the next token puts on it.
    """

    inner: Any
    progress: tf.Tensor
    elsewhere: tf.Tensor
    attended: tf.Tensor


class PhraseBeamSearch(BeamSearch):
    """A beam search whose hypotheses contain the phrases of their row, ``constraints.phrases``.

    A hypothesis is extended by its likeliest tokens, and by the next token of each phrase. With ``C`` tokens in the
    phrases of a row there are ``C + 1`` banks; each keeps its best ``size // (C + 1)`` candidates. What the division
    leaves goes to the banks with the most tokens, a place each; places that a bank cannot fill go to the best of all
    others. Only what has all phrases may end; at its maximum length a hypothesis comes behind all that lack fewer
    tokens. A row without phrases is searched as without this class.

    A phrase is given and not guessed, so its own probability says nothing about where it belongs. The alignment does:

    - It begins only at a step that attends to the source tokens it translates, after Hasler et al. 2018,
      https://arxiv.org/abs/1805.03750, or where the translation would end without it.
    - The rank of a hypothesis leaves out the log-probabilities of the tokens of phrases.
    - Tokens outside of the phrase that attend there, too, are about to translate the same source a second time. Weight
      above 1, which an article may have, costs rank.

    Arguments:
        step, memory, mask, constraints: as of :class:`~nmt.decoding.beam.BeamSearch`. The beam should be larger than
            the number of tokens in the phrases of any row, or some banks stay empty.
        more: its further arguments.

    Raises:
        ValueError: if there are no phrases.

    >>> def fair(tokens, state, memory):  # token 3 at .6, token 2 at .4, then the end
    ...     after = tf.constant([[0, .0, .4, .6, 0], [1, 0, 0, 0, 0], [0, .9, .0, .1, 0], [0, .9, .0, .1, 0]])
    ...     return tf.math.log(tf.gather(after, tokens)), state, tf.zeros([tf.size(tokens), 0])
    >>> from nmt.decoding.phrases import phrases_of
    >>> wanted = Constraints(tf.constant([2]), phrases=phrases_of([[([2], (0, 0))]], [True] * 5))
    >>> search = PhraseBeamSearch(fair, (), tf.zeros([1, 0], tf.bool), wanted, bos=0, eos=1, size=2)
    >>> search.run(()).tokens.numpy().tolist()
    [[[2, 0]]]
    """

    def __init__(self, step: Step, memory: Any, mask: tf.Tensor, constraints: Constraints, **more: Any) -> None:
        phrases = constraints.phrases
        if phrases is None:
            raise ValueError("There are no phrases: use BeamSearch.")
        super().__init__(_attending(step), (memory, phrases.spans), mask, constraints, **more)
        self.phrases, inner = phrases, self.recorder
        self.recorder = Recorder(inner.width, lambda state: inner.record(state.inner), inner.stepped)

    def run(self, state: Any) -> Hypotheses:
        progress = self.phrases.start()
        weights = tf.zeros(tf.shape(progress))
        found = super().run(_PhraseState(state, progress, weights, weights))
        # Ranks leave out some of them, scores do not.
        return found._replace(scores=tf.reduce_sum(found.token_scores, 2))

    def _near(self, scores: tf.Tensor) -> tf.Tensor:
        # Hypotheses of different banks cannot be compared.
        return super()._near(scores) | tf.expand_dims(self.phrases.total > 0, 1)

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
        phrases, constraints = self.phrases.gather(sentences), self.constraints.gather(sentences)
        allowed = constraints.allowed(logits, written, t, bos=self.bos, eos=self.eos)
        begun = phrases.is_begun(state.progress)
        inside = tf.reduce_any(begun, 1, keepdims=True)
        lacks = tf.reduce_any(state.progress < phrases.lengths, 1, keepdims=True)
        found = self._likeliest(logits, tf.where(lacks & self._is_eos(logits), _NEVER, allowed), last_tokens, t)
        # The next token of a phrase that has begun, and of others where they belong.
        likeliest = tf.argmax(logits, -1, output_type=tf.int32)
        ends = tf.expand_dims(likeliest == self.eos, 1)
        late = tf.expand_dims(t >= constraints.max_length - phrases.total, 1)
        unknown = (phrases.spans[:, :, 0] == phrases.spans[:, :, 1]) | (self.source == 0)
        begins = (
            ends
            | late
            | (unknown | (state.attended >= _ATTENDED)) & tf.expand_dims(tf.gather(phrases.starts, likeliest), 1)
        )
        begins &= (state.progress == 0) & ~inside
        wanted = tf.where(begun | begins, phrases.following(state.progress), 0)
        scores = tf.gather(allowed, wanted, axis=1, batch_dims=1) - tf.reduce_logsumexp(logits, -1, keepdims=True)
        excess = tf.maximum(state.elsewhere + state.attended - _ELSEWHERE, 0.0)
        excess -= tf.maximum(state.elsewhere - _ELSEWHERE, 0.0)
        costs = _AGAIN * tf.reduce_sum(excess, 1, keepdims=True)
        numbers = tf.broadcast_to(tf.range(1, tf.shape(wanted)[1] + 1), tf.shape(wanted))
        return Extensions(
            scores=tf.concat([tf.where(inside, _NEVER, found.scores), tf.where(wanted > 0, scores, _NEVER)], 1),
            tokens=tf.concat([found.tokens, wanted], 1),
            gains=tf.concat(
                [
                    tf.where(found.tokens == self.eos, 0.0, -costs),
                    tf.where(wanted > 0, -_GIVEN * tf.maximum(scores, tf.float32.min), 0.0),
                ],
                1,
            ),
            phrases=tf.concat([found.phrases, numbers], 1),
        )

    def _is_eos(self, logits: tf.Tensor) -> tf.Tensor:
        return tf.range(tf.shape(logits)[1]) == self.eos

    def _candidates(self, active: Active, extensions: Extensions) -> Candidates:
        """Return all extensions of each row, the best first, each with its bank."""
        banks = tf.reshape(tf.reduce_sum(active.state.progress, 1), tf.shape(active.scores))
        found = self._best_extensions(active, extensions, self.size * tf.shape(extensions.tokens)[1])
        banks = tf.gather(banks, found.parents, axis=1, batch_dims=1) + tf.cast(found.phrases > 0, tf.int32)
        # Those that cannot be have no bank of their own.
        return found._replace(banks=tf.minimum(banks, tf.expand_dims(self.phrases.total, 1)))

    def _not_ended(self, candidates: Candidates) -> Candidates:
        """Return the ``size`` candidates that stay active: the best of each bank, then the best of all others."""
        scores = tf.where(candidates.tokens == self.eos, _NEVER, candidates.scores)
        banks = tf.expand_dims(self.phrases.total + 1, 1)
        # What the division leaves goes to the banks with the most tokens.
        share = self.size // banks + tf.cast(candidates.banks >= banks - self.size % banks, tf.int32)
        first = (self._places(candidates.banks, scores > _NEVER) < share) & (scores > _NEVER)
        # Whatever is chosen by its bank comes before any other.
        _, chosen = tf.math.top_k(tf.where(first, scores - _MISSING, scores), self.size)
        # The best first, as all else expects it; of equal ones that which was first.
        chosen = tf.sort(chosen, axis=1)
        scores, order = tf.math.top_k(tf.gather(scores, chosen, axis=1, batch_dims=1), self.size)
        return _taken(candidates, tf.gather(chosen, order, axis=1, batch_dims=1))._replace(scores=scores)

    def _places(self, banks: tf.Tensor, counted: tf.Tensor) -> tf.Tensor:
        """Return how many of those counted come before each candidate in its bank, ``(batch, candidates)``."""
        member = tf.one_hot(banks, tf.reduce_max(self.phrases.total) + 1, dtype=tf.int32)
        before = tf.cumsum(member * tf.expand_dims(tf.cast(counted, tf.int32), 2), 1, exclusive=True)
        return tf.gather(before, banks, axis=2, batch_dims=2)

    def _may_finish(self, candidates: Candidates) -> Candidates:
        """Return ``size`` candidates, first those that end and are among the best ``size`` of their bank."""
        finite = candidates.scores > _NEVER
        ends = (candidates.tokens == self.eos) & finite & (self._places(candidates.banks, finite) < self.size)
        _, chosen = tf.math.top_k(tf.where(ends, candidates.scores, _NEVER), self.size)
        best = _taken(candidates, chosen)
        return best._replace(tokens=tf.where(tf.gather(ends, chosen, axis=1, batch_dims=1), best.tokens, 0))

    def _extend(self, active: Active, kept: Candidates, t: tf.Tensor, *, alignment: tf.Tensor, state: Any) -> Active:
        number = tf.reshape(kept.phrases, [-1])
        grows = tf.one_hot(number - 1, tf.shape(state.progress)[1], dtype=tf.int32)
        outside = tf.expand_dims(tf.cast(number == 0, tf.float32), 1)
        state = state._replace(progress=state.progress + grows, elsewhere=state.elsewhere + outside * state.attended)
        return super()._extend(active, kept, t, alignment=alignment, state=state)

    def _missing(self, kept: Candidates) -> tf.Tensor:
        missing = tf.expand_dims(self.phrases.total, 1) - kept.banks
        return tf.cast(missing, tf.float32) * _MISSING


def _taken(candidates: Candidates, chosen: tf.Tensor) -> Candidates:
    return Candidates(*(tf.gather(part, chosen, axis=1, batch_dims=1) for part in candidates))


def _attending(step: Step) -> Step:
    """Return a step that also tells how much it attends to the source of each phrase."""

    def attending(tokens: tf.Tensor, state: Any, memory: Any) -> tuple[tf.Tensor, Any, tf.Tensor]:
        inside, spans = memory
        logits, inner, alignment = step(tokens, state.inner, inside)
        return logits, state._replace(inner=inner, attended=attended(spans, alignment)), alignment

    return attending
