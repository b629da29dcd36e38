"""A lexical shortlist: of the whole vocabulary, a search looks only at the tokens that its sources call for.

Jean et al. 2015, https://arxiv.org/abs/1412.2007, section 3.3. Each source token has candidates, the target tokens that
are most often linked to it, and some target tokens are frequent enough to be candidates of every source. The product of
the output layer, and everything that is computed from its logits, is then made for the tokens that the sentences of a
batch call for: some hundred for one sentence, thousands for many.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from nmt.decoding.constraints import PAD, Constraints
from nmt.decoding.ensemble import Ensemble
from nmt.decoding.search import Hypotheses, recorder

# Source tokens that call for nothing: PAD, UNK, BOS and EOS. As target tokens they are on every list, so that they keep
# their ids: a list is sorted.
SPECIAL = 4
# Selections are padded to a multiple of this.
_MULTIPLE = 128


class Shortlist(NamedTuple):
    """Which target tokens a translation may have, for each source token.

    Attributes:
        candidates: ``(source vocabulary, best)``, target tokens, the best first, zeros where there are fewer.
        frequent: ``(number,)``, the target tokens that every translation may have.
        vocabulary: the number of target tokens.
    """

    candidates: np.ndarray
    frequent: np.ndarray
    vocabulary: int

    def select(self, source: tf.Tensor, constraints: Constraints) -> Selection:
        """Return the tokens that translations of these sources may have.

        Arguments:
            source: ids ``(batch, source)``.
            constraints: on the translations. The tokens of a prefix and of phrases are added to the list of their row.

        >>> shortlist = Shortlist(np.array([[0], [0], [0], [0], [8], [6]], np.int32), np.array([5], np.int32), 9)
        >>> selection = shortlist.select(tf.constant([[4, 3], [5, 3]]), Constraints(tf.constant([7, 7])))
        >>> selection.tokens.numpy()[:7].tolist()
        [0, 1, 2, 3, 5, 6, 8]
        >>> selection.listed.numpy()[:, 4:7].tolist()  # 6 is not for the first, and 8 not for the second
        [[True, False, True], [True, True, False]]
        """
        batch = tf.shape(source)[0]
        called = tf.reshape(tf.gather(self.candidates, source), [batch, -1])
        if constraints.prefix is not None:
            called = tf.concat([called, tf.cast(constraints.prefix, tf.int32)], 1)
        if constraints.phrases is not None:
            called = tf.concat([called, tf.reshape(constraints.phrases.tokens, [batch, -1])], 1)
        rows = tf.broadcast_to(tf.expand_dims(tf.range(batch), 1), tf.shape(called))
        counts = tf.scatter_nd(
            tf.stack([rows, called], -1), tf.fill(tf.shape(called), 1), tf.stack([batch, self.vocabulary])
        )
        always = np.zeros([1, self.vocabulary], bool)
        always[0, [*range(SPECIAL), *self.frequent]] = True
        listed = (counts > 0) | always
        tokens = tf.cast(tf.reshape(tf.where(tf.reduce_any(listed, 0)), [-1]), tf.int32)
        count = tf.size(tokens)
        # Few different sizes, because a product of a new size has to be prepared first, which takes longer than itself.
        padding = tf.fill([-count % _MULTIPLE], self.vocabulary - 1)
        tokens = tf.concat([tokens, padding], 0)
        return Selection(tokens, tf.gather(listed, tokens, axis=1) & (tf.range(tf.size(tokens)) < count))


class Selection(NamedTuple):
    """The tokens that the translations of a batch may have. The *place* of a token is its index among them.

    Attributes:
        tokens: ``(selected,)``, in ascending order: all tokens that some row may have, and after them the last token
            of the vocabulary as padding, which no row has listed.
        listed: ``(batch, selected)``, whether this row may have them. So a row does not depend on its neighbours.
    """

    tokens: tf.Tensor
    listed: tf.Tensor

    def restrict(self, model: Any, memory: Any) -> tuple[Any, Any]:
        """Return a model that reads and writes places instead of tokens, and its memory.

        Its probabilities are those of the listed tokens among themselves: others have none.

        Arguments:
            model: has ``initial_state``, ``token_weights`` and ``step``, or is an ensemble of such.
            memory: from ``model.encode``.
        """
        if isinstance(model, Ensemble):
            parts = [self.restrict(*each) for each in zip(model.models, memory, strict=True)]
            models, memories = zip(*parts, strict=True)
            return Ensemble(models), memories
        return _Restricted(model, self.tokens), (memory, self.listed)

    def constraints(self, given: Constraints) -> Constraints:
        """Return constraints whose prefix, phrases and space consist of places."""
        if not (isinstance(given.space, int) and given.space == PAD):
            place = tf.math.count_nonzero(self.tokens < given.space, dtype=tf.int32)
            listed = tf.reduce_any(self.tokens == given.space)
            given = given._replace(space=tf.where(listed, place, -1))
        if given.phrases is not None:
            wanted = given.phrases
            # PAD has place 0.
            tokens, starts = self._places(wanted.tokens), tf.gather(wanted.starts, self.tokens)
            given = given._replace(phrases=wanted._replace(tokens=tokens, starts=starts))
        return given if given.prefix is None else given._replace(prefix=self._places(given.prefix))

    def _places(self, tokens: tf.Tensor) -> tf.Tensor:
        """Return the places of listed tokens, in the same shape."""
        flat = tf.reshape(tf.cast(tokens, tf.int32), [-1])
        return tf.reshape(tf.searchsorted(self.tokens, flat), tf.shape(tokens))

    def spelled(self, found: Hypotheses) -> Hypotheses:
        """Return hypotheses of tokens for hypotheses of places."""
        return found._replace(tokens=tf.gather(self.tokens, found.tokens))


class _Restricted:
    """A model whose step reads and writes places in a selection."""

    def __init__(self, model: Any, tokens: tf.Tensor) -> None:
        self.aligned = model.aligned
        self._model, self._weights = model, model.token_weights(tokens)
        self.record_width = recorder(model).width

    def initial_state(self, memory: Any, max_steps: int | tf.Tensor | None = None) -> Any:
        return self._model.initial_state(memory[0], max_steps)

    def record(self, state: Any) -> tf.Tensor:
        return self._model.record(state)

    def stepped(self, memory: Any) -> Any:
        return memory

    def step(self, tokens: tf.Tensor, state: Any, memory: Any) -> tuple[tf.Tensor, Any, tf.Tensor]:
        memory, listed = memory
        logits, state, alignment = self._model.step(tokens, state, memory, self._weights)
        return tf.where(listed, logits, tf.constant(-float("inf"), logits.dtype)), state, alignment
