"""Attention: at each target position, a weighted mean of the whole source.

All kinds share two equations and differ only in the score function::

    a_ij = exp(e_ij) / sum_k exp(e_ik)    the weights: they sum to one over the source
    c_i  = sum_j a_ij h_j                 the context: the values averaged with these weights

    e_ij = v' tanh(W s + U h_j)           bahdanau     Bahdanau, Cho and Bengio 2015, https://arxiv.org/abs/1409.0473
    e_ij = s' h_j                         dot          Luong, Pham and Manning 2015, https://arxiv.org/abs/1508.04025
    e_ij = s' W h_j                       general      the same
    e_ij = v' tanh(W [s ; h_j])           concat       the same
    e_ij = (Q s)' (K h_j) / sqrt(d)       scaled_dot   Vaswani et al. 2017, https://arxiv.org/abs/1706.03762
    e_ij = b cos(s, h_j)                  cosine       Graves et al. 2014, https://arxiv.org/abs/1410.5401
"""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import keras
import tensorflow as tf

from nmt.attention_kinds import ATTENTION_KINDS
from nmt.layers.recurrence import dense


class Memory(NamedTuple):
    """The source as the decoder reads it, computed once for each sentence.

    Attributes:
        values: ``(batch, source, units)``, the vectors whose weighted sum is a context.
        keys: ``(batch, source, attention units)``, the vectors that a query is compared with.
        mask: ``(batch, source)``, true at real tokens; ``()`` for :class:`FixedContext` and for a language model.
        initial_state: the initial state ``s_0`` of a recurrent decoder, a tuple with a tuple of tensors
            ``(batch, units)`` for each layer; empty for a Transformer.
        recurrent_masks: the units of its states that training drops, ``(batch, units)`` for each layer, see
            :mod:`nmt.layers.recurrent_dropout`; empty where none are dropped.

    With several heads, ``values`` and ``keys`` are ``(batch, heads, source, units / heads)``. A Transformer's decoder
    has a tuple of each, with one element for each layer.
    """

    values: Any
    keys: Any
    mask: Any
    initial_state: Any = ()
    recurrent_masks: tuple[tf.Tensor, ...] = ()

    def recurrent_mask(self, layer: int) -> tf.Tensor | None:
        """Return the units of a recurrent layer, counted from 0, that are dropped; ``None`` if none are."""
        return self.recurrent_masks[layer] if self.recurrent_masks else None


class Attention(keras.layers.Layer):
    """The base class of all kinds: weights and contexts from the scores that a kind defines.

    A new kind is a subclass with a :meth:`score`, and one line in :mod:`nmt.attention_kinds`. It overrides :meth:`key`,
    :meth:`value` and :meth:`context_width` if keys, values or contexts have other widths, and sets those attributes
    below that differ.
    The weights are exactly zero where the mask is false.

    Attributes:
        needs_equal_width: whether queries and values must have the same width.
        has_units: whether it has an argument ``units``, ``model.attention_units`` in the config.
        has_heads: whether it has an argument ``heads``, ``model.heads`` in the config.
        aligned: whether its weights say which source tokens it attends to.

    Call arguments:
        query: ``s``, shape ``(batch, query width)``, or ``(batch, target, query width)`` for many steps at once.
        values: ``h``, shape ``(batch, source, width)``.
        values_mask: ``(batch, source)``, true at real tokens; Keras fills it in from a masked embedding.

    Returns:
        The context ``(batch, context width)`` and the weights ``(batch, source)``, with a target dimension in second
        place if the query has one.
    """

    needs_equal_width: ClassVar[bool] = False
    has_units: ClassVar[bool] = False
    has_heads: ClassVar[bool] = False
    aligned: ClassVar[bool] = True

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(
        self, query: tf.Tensor, values: tf.Tensor, values_mask: tf.Tensor | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        return self.attend(query, self.remember(values, values_mask))

    def remember(self, values: tf.Tensor, mask: tf.Tensor | None = None) -> Memory:
        """Return the memory of ``values``: all that does not depend on the query, computed once.

        Arguments:
            values: ``h``, shape ``(batch, source, width)``.
            mask: ``(batch, source)``, true at real tokens; without it all are real.
        """
        if mask is None:
            mask = tf.ones(tf.shape(values)[:2], tf.bool)
        return Memory(self.value(values), self.key(values), tf.cast(mask, tf.bool))

    def attend(self, query: tf.Tensor, memory: Memory) -> tuple[tf.Tensor, tf.Tensor]:
        """Return context and weights for a query, as the call does, from the memory of :meth:`remember`."""
        mask = tf.expand_dims(memory.mask, 1) if query.shape.rank == 3 else memory.mask
        weights = masked_softmax(self.score(query, memory.keys), mask)
        return dense(weights, memory.values), weights

    def key(self, values: tf.Tensor) -> tf.Tensor:
        """Return the keys ``(batch, source, key width)`` of values ``(batch, source, width)``."""
        return values

    def value(self, values: tf.Tensor) -> tf.Tensor:
        """Return the vectors ``(batch, source, context width)`` that a context is a weighted sum of.

        Arguments:
            values: ``(batch, source, width)``.
        """
        return values

    def score(self, query: tf.Tensor, keys: tf.Tensor) -> tf.Tensor:
        """Return the scores ``e``.

        Arguments:
            query: ``(batch, query width)`` or ``(batch, target, query width)``.
            keys: from :meth:`key`, ``(batch, source, key width)``.

        Returns:
            ``(batch, source)``, or ``(batch, target, source)`` for a query with a target dimension.
        """
        raise TypeError("Attention is the base class of ATTENTIONS. Use one of them.")

    def context_width(self, values_width: int) -> int:
        """Return the width of a context, for values of a given width."""
        return values_width

    def compute_mask(self, *_: Any, **__: Any) -> None:
        """Return nothing: contexts and weights do not have the mask of the source."""


class AttentionWithUnits(Attention):
    """The base class of the kinds that have a hidden layer or projections, ``units`` wide.

    Arguments:
        units: that width.

    Raises:
        ValueError: if ``units`` is not positive.
    """

    has_units = True

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if units < 1:
            raise ValueError(f"units must be 1 or more, not {units}.")
        self.units = units

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units}


class _Additive(AttentionWithUnits):
    """``e = v' tanh(W s + U h_j)``: Bahdanau writes two matrices, Luong one of both side by side."""

    def _matrices(self) -> tuple[tf.Tensor, tf.Tensor]:
        """Return ``W``, ``(query width, units)``, and ``U``, ``(values width, units)``."""
        raise TypeError("Use BahdanauAttention or ConcatAttention.")

    def _add_score_vector(self) -> None:
        self.score_vector = self.add_weight(
            (self.units,), keras.initializers.RandomNormal(stddev=0.1), name="score_vector"
        )

    def key(self, values: tf.Tensor) -> tf.Tensor:
        return dense(values, self._matrices()[1])

    def score(self, query: tf.Tensor, keys: tf.Tensor) -> tf.Tensor:
        if query.shape.rank == 3:
            keys = tf.expand_dims(keys, 1)
        hidden = tf.tanh(tf.expand_dims(dense(query, self._matrices()[0]), -2) + keys)
        return tf.reduce_sum(hidden * self.score_vector, -1)


@keras.saving.register_keras_serializable("nmt")
class BahdanauAttention(_Additive):
    """Additive attention, Bahdanau et al. 2015, section 3.1 and appendix A.1.2::

        e_ij = v' tanh(W s_{i-1} + U h_j)                  how well source token j fits target token i
        a_ij = exp(e_ij) / sum_k exp(e_ik)    (equation 6) the weights: they sum to one over the source
        c_i  = sum_j a_ij h_j                 (equation 5) the context: the annotations averaged with these weights

    Arguments:
        units: width of the hidden layer in which queries and keys are compared.

    Call arguments and results are those of :class:`Attention`.

    Raises:
        ValueError: if ``units`` is not positive.

    >>> attention = BahdanauAttention(7)
    >>> context, weights = attention(tf.ones([2, 3]), tf.ones([2, 5, 11]), tf.sequence_mask([5, 4]))
    >>> context.shape, weights.shape
    (TensorShape([2, 11]), TensorShape([2, 5]))
    >>> print(weights.numpy().round(2))
    [[0.2  0.2  0.2  0.2  0.2 ]
     [0.25 0.25 0.25 0.25 0.  ]]
    """

    def build(self, query_shape: tuple, values_shape: tuple) -> None:
        self.query_kernel = self.add_weight((query_shape[-1], self.units), "glorot_uniform", name="query_kernel")
        self.key_kernel = self.add_weight((values_shape[-1], self.units), "glorot_uniform", name="key_kernel")
        self._add_score_vector()

    def _matrices(self) -> tuple[tf.Tensor, tf.Tensor]:
        return self.query_kernel, self.key_kernel


@keras.saving.register_keras_serializable("nmt")
class ConcatAttention(_Additive):
    """``e_ij = v' tanh(W [s ; h_j])``, Luong et al. 2015, equation 8.

    It is Bahdanau's score with ``W`` and ``U`` side by side in one matrix, and is computed in the same way. Two things
    differ: its usual query is the state after the step, and its initial weights have another scale.

    Arguments:
        units: width of the hidden layer.

    Raises:
        ValueError: if ``units`` is not positive.

    >>> ConcatAttention(7)(tf.ones([2, 3]), tf.ones([2, 5, 11]))[0].shape
    TensorShape([2, 11])
    """

    def build(self, query_shape: tuple, values_shape: tuple) -> None:
        self.widths = [query_shape[-1], values_shape[-1]]
        self.kernel = self.add_weight((sum(self.widths), self.units), "glorot_uniform", name="kernel")
        self._add_score_vector()

    def _matrices(self) -> tuple[tf.Tensor, tf.Tensor]:
        return tf.split(tf.convert_to_tensor(self.kernel), self.widths)


@keras.saving.register_keras_serializable("nmt")
class DotAttention(Attention):
    """``e_ij = s_i' h_j``, Luong et al. 2015, equation 8. It has no weights.

    Call arguments and results are those of :class:`Attention`, with queries ``(batch, width)`` and values
    ``(batch, source, width)``.

    Raises:
        ValueError: if queries and values differ in width.

    >>> context, weights = DotAttention()(tf.constant([[0.8, 0.2]]), tf.constant([[[0.7, 0.3], [0.2, 0.8]]]))
    >>> print(weights.numpy().round(3))  # the scores are 0.62 and 0.32
    [[0.574 0.426]]
    """

    needs_equal_width = True

    def build(self, query_shape: tuple, values_shape: tuple) -> None:
        _check_equal_width(query_shape, values_shape)

    def score(self, query: tf.Tensor, keys: tf.Tensor) -> tf.Tensor:
        return dense(query, keys, transpose=True)


@keras.saving.register_keras_serializable("nmt")
class GeneralAttention(Attention):
    """``e_ij = s_i' W h_j``, Luong et al. 2015, equation 8. ``W h_j`` is computed once.

    Call arguments and results are those of :class:`Attention`; ``W`` is ``(query width, width)``.

    >>> GeneralAttention()(tf.ones([2, 3]), tf.ones([2, 5, 11]))[1].shape
    TensorShape([2, 5])
    """

    def build(self, query_shape: tuple, values_shape: tuple) -> None:
        self.kernel = self.add_weight((query_shape[-1], values_shape[-1]), "glorot_uniform", name="kernel")

    def key(self, values: tf.Tensor) -> tf.Tensor:
        return dense(values, self.kernel, transpose=True)

    def score(self, query: tf.Tensor, keys: tf.Tensor) -> tf.Tensor:
        return dense(query, keys, transpose=True)


@keras.saving.register_keras_serializable("nmt")
class CosineAttention(Attention):
    """``e_ij = b cos(s_i, h_j)``, Graves et al. 2014, *Neural Turing Machines*, equations 5 and 6.

    A cosine lies between -1 and 1, too little for a sharp softmax, so the factor ``b`` is learned. It begins at 8.

    Raises:
        ValueError: if queries and values differ in width.

    >>> CosineAttention()(tf.ones([2, 3]), tf.ones([2, 5, 3]))[1].shape
    TensorShape([2, 5])
    """

    needs_equal_width = True

    def build(self, query_shape: tuple, values_shape: tuple) -> None:
        _check_equal_width(query_shape, values_shape)
        self.strength = self.add_weight((), keras.initializers.Constant(8.0), name="strength")

    def key(self, values: tf.Tensor) -> tf.Tensor:
        return _unit_length(values)

    def score(self, query: tf.Tensor, keys: tf.Tensor) -> tf.Tensor:
        return self.strength * dense(_unit_length(query), keys, transpose=True)


@keras.saving.register_keras_serializable("nmt")
class ScaledDotAttention(AttentionWithUnits):
    """Scaled dot-product attention with one or several heads, Vaswani et al. 2017, section 3.2::

        q, k, v = W_q s + b_q, W_k h + b_k, W_v h + b_v    each cut into heads of d = units / heads
        a = softmax(q' k / sqrt(d))           (equation 1) for each head
        c = W_o [a_1 v_1 ; … ; a_n v_n] + b_o

    Arguments:
        units: width of queries, keys and values, all heads together, and of the context.
        heads: number of heads; it must divide ``units``.
        head: the head whose weights are returned, from 0; the mean of all if not given.

    The mask of its memory may also be ``(batch, target, source)``, with a row for each query, as causal self-attention
    needs.

    Raises:
        ValueError: if ``units`` is not positive, the heads do not divide it, or there is no such ``head``.

    >>> attention = ScaledDotAttention(6, heads=2)
    >>> context, weights = attention(tf.ones([2, 4, 3]), tf.ones([2, 5, 11]))
    >>> context.shape, weights.shape
    (TensorShape([2, 4, 6]), TensorShape([2, 4, 5]))
    """

    has_heads = True

    def __init__(self, units: int, heads: int = 1, head: int | None = None, **kwargs: Any) -> None:
        super().__init__(units, **kwargs)
        if heads < 1 or units % heads:
            raise ValueError(f"{heads} heads do not divide {units} units.")
        if head is not None and not 0 <= head < heads:
            raise ValueError(f"There is no head {head}: they are numbered from 0 to {heads - 1}.")
        self.heads = heads
        self.head = head

    def build(self, query_shape: tuple, values_shape: tuple) -> None:
        for name, width in (("query", query_shape[-1]), ("key", values_shape[-1]), ("value", values_shape[-1])):
            setattr(
                self, f"{name}_kernel", self.add_weight((width, self.units), "glorot_uniform", name=f"{name}_kernel")
            )
            setattr(self, f"{name}_bias", self.add_weight((self.units,), "zeros", name=f"{name}_bias"))
        self.output_kernel = self.add_weight((self.units, self.units), "glorot_uniform", name="output_kernel")
        self.output_bias = self.add_weight((self.units,), "zeros", name="output_bias")

    def key(self, values: tf.Tensor) -> tf.Tensor:
        """Return ``k`` of every head, ``(batch, heads, source, units / heads)``."""
        return self._split(dense(values, self.key_kernel) + self.key_bias)

    def value(self, values: tf.Tensor) -> tf.Tensor:
        """Return ``v`` of every head, ``(batch, heads, source, units / heads)``."""
        return self._split(dense(values, self.value_kernel) + self.value_bias)

    def attend(self, query: tf.Tensor, memory: Memory) -> tuple[tf.Tensor, tf.Tensor]:
        if query.shape.rank == 2:
            context, weights = self.attend(tf.expand_dims(query, 1), memory)
            return tf.squeeze(context, 1), tf.squeeze(weights, 1)
        weights = self.weights_of_heads(query, memory)
        mixed = tf.transpose(tf.matmul(weights, memory.values), [0, 2, 1, 3])
        context = dense(_merge(mixed, self.units), self.output_kernel) + self.output_bias
        return context, tf.reduce_mean(weights, 1) if self.head is None else tf.gather(weights, self.head, axis=1)

    def weights_of_heads(self, query: tf.Tensor, memory: Memory) -> tf.Tensor:
        """Return the weights of every head, ``(batch, heads, target, source)``.

        Arguments:
            query: ``(batch, target, query width)``.
            memory: from :meth:`remember`.
        """
        # The scale goes into the query, which is smaller than the scores.
        scale = (self.units // self.heads) ** -0.5
        queries = self._split((dense(query, self.query_kernel) + self.query_bias) * scale)
        mask = memory.mask if memory.mask.shape.rank == 3 else tf.expand_dims(memory.mask, 1)
        return masked_softmax(tf.matmul(queries, memory.keys, transpose_b=True), tf.expand_dims(mask, 1))

    def _split(self, tensor: tf.Tensor) -> tf.Tensor:
        """Cut ``(batch, time, units)`` into heads, ``(batch, heads, time, units / heads)``."""
        batch, time = tf.unstack(tf.shape(tensor)[:2])
        return tf.transpose(tf.reshape(tensor, [batch, time, self.heads, self.units // self.heads]), [0, 2, 1, 3])

    def context_width(self, values_width: int) -> int:
        return self.units

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "heads": self.heads, "head": self.head}


def _merge(tensor: tf.Tensor, units: int) -> tf.Tensor:
    """Put heads side by side: ``(batch, time, heads, width)`` to ``(batch, time, units)``."""
    batch, time = tf.unstack(tf.shape(tensor)[:2])
    return tf.reshape(tensor, [batch, time, units])


def _check_equal_width(query_shape: tuple, values_shape: tuple) -> None:
    if query_shape[-1] != values_shape[-1]:
        raise ValueError(
            f"This score multiplies query and memory number by number, so both must have the same width, but they are "
            f"{query_shape[-1]} and {values_shape[-1]} wide."
        )


def _unit_length(vectors: tf.Tensor) -> tf.Tensor:
    return vectors * tf.math.rsqrt(tf.reduce_sum(tf.square(vectors), -1, keepdims=True) + 1e-6)


@keras.saving.register_keras_serializable("nmt")
class FixedContext(AttentionWithUnits):
    """No attention: the whole sentence in one vector, the same context at every step.

    Sutskever et al. 2014, https://arxiv.org/abs/1409.3215, and Cho et al. 2014, https://arxiv.org/abs/1406.1078, where
    the vector also enters every step. Attention was invented to remove this bottleneck: the vector has the same width
    for a short sentence and for a long one.

    Its values are that vector, ``(batch, units)``. There are no source positions, so the weights have width 0.

    Arguments:
        units: width of the vector.

    >>> context, weights = FixedContext(3)(tf.zeros([2, 5, 7]), tf.ones([2, 3]))
    >>> context.shape, weights.shape
    (TensorShape([2, 5, 3]), TensorShape([2, 5, 0]))
    """

    aligned = False

    def build(self, query_shape: tuple, values_shape: tuple) -> None:
        """Create nothing: there are no weights."""

    def remember(self, values: tf.Tensor, mask: tf.Tensor | None = None) -> Memory:
        return Memory(values, (), ())

    def attend(self, query: tf.Tensor, memory: Memory) -> tuple[tf.Tensor, tf.Tensor]:
        context = memory.values
        if query.shape.rank == 3:
            context = tf.tile(tf.expand_dims(context, 1), [1, tf.shape(query)[1], 1])
        return context, tf.zeros_like(query[..., :0])

    def context_width(self, values_width: int) -> int:
        return self.units


# The class of each kind by its name, which is a value of model.attention in the config. A program may add its own.
ATTENTIONS: dict[str, type[Attention]] = {name: globals()[kind.layer] for name, kind in ATTENTION_KINDS.items()}


def make_attention(kind: str, units: int, heads: int = 1) -> Attention:
    """Return a new attention by its name in ``ATTENTIONS``; ``units`` and ``heads`` are ignored if it has none.

    Raises:
        ValueError: for a kind that does not exist.

    >>> make_attention("bahdanau", 7).units, make_attention("scaled_dot", 6, heads=2).heads
    (7, 2)
    """
    if kind not in ATTENTIONS:
        raise ValueError(f"There is no attention '{kind}'. Known: {', '.join(ATTENTIONS)}.")
    attention = ATTENTIONS[kind]
    options = {"units": units} if attention.has_units else {}
    return attention(**options, **({"heads": heads} if attention.has_heads else {}))


def masked_softmax(scores: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """Return the softmax over the last dimension, exactly zero where ``mask`` is false, even if it is false everywhere.

    Arguments:
        scores: ``(…, source)``.
        mask: booleans of a shape that broadcasts to that of the scores.

    >>> masked_softmax(tf.constant([[1.0, 1.0, 9.0]]), tf.constant([[True, True, False]])).numpy().tolist()
    [[0.5, 0.5, 0.0]]
    """
    weights = tf.nn.softmax(tf.where(mask, scores, scores.dtype.min))
    return tf.where(mask, weights, tf.zeros([], weights.dtype))
