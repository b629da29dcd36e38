"""The Transformer: attention instead of recurrence.

Vaswani et al. 2017, *Attention Is All You Need*, https://arxiv.org/abs/1706.03762, with the normalisation before each
sublayer (Xiong et al. 2020, https://arxiv.org/abs/2002.04745), which needs no long warm-up::

    x = x + dropout(sublayer(norm(x)))

The sublayers are self-attention, cross-attention to the source, and a feed-forward network of two layers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from nmt.layers.attention import Memory, ScaledDotAttention


@keras.saving.register_keras_serializable("nmt")
class Positions(keras.layers.Layer):
    """Positional encoding: scaled token vectors plus their positions, Vaswani et al. 2017, sections 3.4 and 3.5::

        x_t = sqrt(units) y_t + PE_t
        PE_(t, 2i)     = sin(t / 10000^(2i / units))
        PE_(t, 2i + 1) = cos(t / 10000^(2i / units))

    Learned positions are one row of weights for each position instead.

    Arguments:
        learned: number of learned positions; 0 for the formula, which has no limit.

    Call arguments:
        inputs: ``y``, shape ``(batch, time, units)`` or ``(batch, units)``.
        positions: ``t``, shape ``(time,)`` or ``(batch,)``.

    Returns:
        ``x``, of the shape of ``inputs``.

    >>> print(Positions()(tf.zeros([1, 2, 4]), tf.range(2)).numpy().round(3)[0])
    [[0.    1.    0.    1.   ]
     [0.841 0.54  0.01  1.   ]]
    """

    def __init__(self, learned: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.learned = learned

    def build(self, inputs_shape: tuple, positions_shape: Any = None) -> None:
        self.units = inputs_shape[-1]
        if self.learned:
            self.table = self.add_weight(
                (self.learned, self.units), keras.initializers.RandomNormal(stddev=0.02), name="table"
            )

    def call(self, inputs: tf.Tensor, positions: tf.Tensor) -> tf.Tensor:
        added = tf.gather(self.table, positions) if self.learned else tf.cast(self._waves(positions), inputs.dtype)
        return inputs * self.units**0.5 + added

    def _waves(self, positions: tf.Tensor) -> tf.Tensor:
        """Return ``PE_t``, shape ``(time, units)`` or ``(batch, units)``."""
        column = tf.range(self.units)
        rates = tf.pow(10_000.0, -tf.cast(column // 2 * 2, tf.float32) / self.units)
        angles = tf.expand_dims(tf.cast(positions, tf.float32), -1) * rates
        return tf.where(column % 2 == 0, tf.sin(angles), tf.cos(angles))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "learned": self.learned}


class _Stack(keras.layers.Layer):
    """The base class of both stacks: the sublayers of each layer, each with a normalisation before it."""

    def __init__(
        self,
        units: int,
        heads: int,
        feed_forward: int,
        layers: int,
        dropout: float = 0.0,
        positions: int = 0,
        head: int | None = None,
        attentions: tuple[str, ...] = ("self_attention",),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if layers < 1:
            raise ValueError(f"layers must be 1 or more, not {layers}.")
        self.supports_masking = True
        self.attentions = attentions
        self.units = units
        self.heads = heads
        self.feed_forward = feed_forward
        self.layers = layers
        self.dropout = dropout
        self.positions = positions
        # Files of weights name these attributes.
        self.places = Positions(positions, dtype=self.dtype_policy)
        self.looks = [
            [
                ScaledDotAttention(
                    units,
                    heads,
                    head if kind == "cross_attention" else None,
                    name=f"{kind}_{i}",
                    dtype=self.dtype_policy,
                )
                for kind in self.attentions
            ]
            for i in range(layers)
        ]
        self.networks = [
            (
                keras.layers.Dense(feed_forward, activation="relu", name=f"inner_{i}", dtype=self.dtype_policy),
                keras.layers.Dense(units, name=f"outer_{i}", dtype=self.dtype_policy),
            )
            for i in range(layers)
        ]
        self.norms = [
            [
                keras.layers.LayerNormalization(epsilon=1e-5, name=f"norm_{i}_{j}", dtype=self.dtype_policy)
                for j in range(self._sublayers)
            ]
            for i in range(layers)
        ]
        self.last_norm = keras.layers.LayerNormalization(epsilon=1e-5, name="last_norm", dtype=self.dtype_policy)
        self.drop = keras.layers.Dropout(dropout, dtype=self.dtype_policy)

    @property
    def _sublayers(self) -> int:
        return len(self.attentions) + 1

    def _build(self, memory: tuple) -> None:
        shape = (None, None, self.units)
        self.places.build(shape)
        for attentions, (inner, outer), norms in zip(self.looks, self.networks, self.norms, strict=True):
            for kind, attention in zip(self.attentions, attentions, strict=True):
                attention.build(shape, memory if kind == "cross_attention" else shape)
            inner.build(shape)
            outer.build((None, None, self.feed_forward))
            for norm in norms:
                norm.build(shape)
        self.last_norm.build(shape)

    def _network(self, i: int, x: tf.Tensor, training: bool) -> tf.Tensor:
        """Return ``x + W_2 max(0, W_1 norm(x) + b_1) + b_2``, equation 2, for layer i and ``x`` ``(…, units)``."""
        inner, outer = self.networks[i]
        return x + self.drop(outer(inner(self.norms[i][-1](x))), training=training)

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        return previous_mask

    def get_config(self) -> dict[str, Any]:
        own = ("units", "heads", "feed_forward", "layers", "dropout", "positions")
        return {**super().get_config(), **{name: getattr(self, name) for name in own}}


@keras.saving.register_keras_serializable("nmt")
class TransformerEncoder(_Stack):
    """A stack of self-attention and feed-forward layers over the source.

    Arguments:
        units: width of token vectors, of every layer and of the annotations.
        heads: heads of each attention; their number must divide ``units``.
        feed_forward: width of the inner layer of the feed-forward network.
        layers: number of layers.
        dropout: share of units dropped from what each sublayer adds.
        positions: number of learned positions, or 0 for sine and cosine.

    Call arguments:
        inputs: token vectors, shape ``(batch, source, units)``.
        mask: ``(batch, source)``, true at real tokens.

    Returns:
        The annotations ``(batch, source, units)``, and an empty initial state.

    Raises:
        ValueError: if there is no layer, or the heads do not divide the units.

    >>> TransformerEncoder(units=6, heads=2, feed_forward=13, layers=2)(tf.ones([3, 5, 6]))[0].shape
    TensorShape([3, 5, 6])
    """

    @property
    def width(self) -> int:
        """Width of an annotation."""
        return self.units

    def build(self, input_shape: tuple) -> None:
        self._build(input_shape)

    def call(
        self, inputs: tf.Tensor, mask: tf.Tensor | None = None, training: bool = False
    ) -> tuple[tf.Tensor, tuple[()]]:
        x = self.drop(self.places(inputs, tf.range(tf.shape(inputs)[1])), training=training)
        for i in range(self.layers):
            x = self._layer(i, x, mask, training)
        return self.last_norm(x), ()

    def self_attention(self, inputs: tf.Tensor, mask: tf.Tensor | None = None) -> list[tf.Tensor]:
        """Return the self-attention weights of every head of every layer, for pictures.

        Arguments:
            inputs, mask: as in the call.

        Returns:
            For each layer ``(batch, heads, source, source)``. A row belongs to the token that attends, and sums to one.

        >>> encoder = TransformerEncoder(units=6, heads=2, feed_forward=13, layers=3)
        >>> encoder.build((None, None, 6))
        >>> weights = encoder.self_attention(tf.ones([7, 5, 6]))
        >>> len(weights), weights[0].shape
        (3, TensorShape([7, 2, 5, 5]))
        """
        x = self.places(inputs, tf.range(tf.shape(inputs)[1]))
        found = []
        for i, ((attention,), norms) in enumerate(zip(self.looks, self.norms, strict=True)):
            normed = norms[0](x)
            found.append(attention.weights_of_heads(normed, attention.remember(normed, mask)))
            x = self._layer(i, x, mask, training=False)
        return found

    def _layer(self, i: int, x: tf.Tensor, mask: tf.Tensor | None, training: bool) -> tf.Tensor:
        """Return ``x`` ``(batch, source, units)`` after both sublayers of layer i."""
        (attention,) = self.looks[i]
        normed = self.norms[i][0](x)
        context, _ = attention.attend(normed, attention.remember(normed, mask))
        return self._network(i, x + self.drop(context, training=training), training)


class KeyValueCache(NamedTuple):
    """The state of a Transformer's decoder: keys and values of the tokens read so far, each computed once.

    Attributes:
        count: ``(batch,)``, the number of tokens read so far.
        keys, values: for each layer ``(batch, heads, max_steps, units / heads)``.
    """

    count: tf.Tensor
    keys: tuple[tf.Tensor, ...]
    values: tuple[tf.Tensor, ...]


@keras.saving.register_keras_serializable("nmt")
class TransformerDecoder(_Stack):
    """A stack of layers. Each attends to the target so far, then to the source.

    The call reads a whole target at once: each token attends to those before it and to itself. :meth:`step` reads one
    more token and keeps the keys and values of those before in its state. A test holds the two equal.

    Without cross-attention it is a language model, as in Radford et al. 2018, *Improving Language Understanding by
    Generative Pre-Training*: each layer has self-attention and a feed-forward network alone.

    Arguments:
        units, heads, feed_forward, layers, dropout, positions: as those of :class:`TransformerEncoder`.
        layer: the layer whose cross-attention is the alignment, from 0; the last if not given.
        head: the head of that layer, from 0; the mean of all if not given.
        cross_attention: whether there is a source to attend to.

    Call arguments:
        inputs: token vectors, shape ``(batch, target, units)``.
        values: annotations, shape ``(batch, source, width)``; ``None`` without cross-attention.
        state: the encoder's initial state, not used.
        values_mask: ``(batch, source)``, true at real tokens.

    Returns:
        The readouts ``(batch, target, units)`` and the alignment ``(batch, target, source)``. Without cross-attention
        the last dimension of the alignment is 0.

    Raises:
        ValueError: if there is no layer, no such ``layer`` or ``head``, the heads do not divide the units, or ``layer``
            or ``head`` is given without cross-attention.

    >>> decoder = TransformerDecoder(units=6, heads=2, feed_forward=13, layers=2)
    >>> readouts, alignment = decoder(tf.ones([3, 4, 6]), tf.ones([3, 5, 6]))
    >>> readouts.shape, alignment.shape
    (TensorShape([3, 4, 6]), TensorShape([3, 4, 5]))
    """

    def __init__(
        self,
        units: int,
        heads: int,
        feed_forward: int,
        layers: int,
        dropout: float = 0.0,
        positions: int = 0,
        layer: int | None = None,
        head: int | None = None,
        cross_attention: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            units=units,
            heads=heads,
            feed_forward=feed_forward,
            layers=layers,
            dropout=dropout,
            positions=positions,
            head=head,
            attentions=("self_attention", "cross_attention") if cross_attention else ("self_attention",),
            **kwargs,
        )
        if not cross_attention and (layer, head) != (None, None):
            raise ValueError("Without cross-attention there is no layer or head whose attention is an alignment.")
        if layer is not None and not 0 <= layer < self.layers:
            raise ValueError(f"There is no layer {layer}: they are numbered from 0 to {self.layers - 1}.")
        self.layer = layer
        self.head = head
        self.cross_attention = cross_attention

    @property
    def aligned(self) -> bool:
        """Whether there is an alignment."""
        return self.cross_attention

    @property
    def readout(self) -> int:
        """Width of a readout."""
        return self.units

    def build(self, inputs_shape: tuple, values_shape: tuple | None = None, state_shape: Any = None) -> None:
        self._build(values_shape or inputs_shape)

    def zero_state(self, like: tf.Tensor) -> tuple[tuple[tf.Tensor, ...], ...]:
        """Return what a language model begins with, for the batch of ``like``, ``(batch, …)``: nothing but the batch.

        It is a tuple with a tuple of one tensor ``(batch, 1)``, from which :meth:`initial_state` makes empty caches.
        """
        return ((tf.zeros_like(like[:, :1]),),)

    def remember(
        self, values: tf.Tensor | None, mask: tf.Tensor | None, initial_state: Any = (), training: bool = False
    ) -> Memory:
        """Return the memory that :meth:`step` attends to: keys and values of the source, for each layer.

        Arguments:
            values: annotations, shape ``(batch, source, width)``; ``None`` without cross-attention.
            mask: ``(batch, source)``, true at real tokens.
            initial_state: without cross-attention, from :meth:`zero_state`.
            training: not used; a recurrent decoder needs it.
        """
        if not self.cross_attention:
            return Memory(values=(), keys=(), mask=(), initial_state=initial_state)
        layers = [attentions[1].remember(values, mask) for attentions in self.looks]
        return Memory(tuple(m.values for m in layers), tuple(m.keys for m in layers), layers[0].mask)

    def initial_state(self, memory: Memory, max_steps: int | tf.Tensor | None = None) -> KeyValueCache:
        """Return the state before the first step: an empty cache for at most ``max_steps`` tokens.

        Raises:
            ValueError: if ``max_steps`` is not given.
        """
        if max_steps is None:
            raise ValueError("A Transformer's state needs max_steps, the largest number of tokens that will be read.")
        like = memory.keys[0] if self.cross_attention else memory.initial_state[0][0]
        batch = tf.shape(like)[0]
        empty = tf.zeros([batch, self.heads, max_steps, self.units // self.heads], like.dtype)
        return KeyValueCache(tf.zeros([batch], tf.int32), (empty,) * self.layers, (empty,) * self.layers)

    def step(
        self, inputs: tf.Tensor, state: KeyValueCache, memory: Memory, training: bool = False
    ) -> tuple[tf.Tensor, KeyValueCache, tf.Tensor]:
        """Compute one step.

        Arguments:
            inputs: the vector of the last token, shape ``(batch, units)``.
            state: from :meth:`initial_state`, then from the step before.
            memory: from :meth:`remember`.
            training: whether units are dropped.

        Returns:
            The readout ``(batch, units)``, the next state, and the alignment ``(batch, source)``.
        """
        places = tf.expand_dims(tf.range(tf.shape(state.keys[0])[2]), 0)
        count = tf.expand_dims(state.count, 1)
        read = places <= count
        new = tf.expand_dims(tf.expand_dims(places == count, 1), -1)
        keys, values = [], []

        def cache(i: int, normed: tf.Tensor) -> Memory:
            """Write keys and values of the new token into the cache of layer i, and return the cache."""
            token = self.looks[i][0].remember(tf.expand_dims(normed, 1))
            keys.append(tf.where(new, token.keys, state.keys[i]))
            values.append(tf.where(new, token.values, state.values[i]))
            return Memory(values[i], keys[i], read)

        readout, alignment = self._run_layers(self.places(inputs, state.count), cache, memory, training)
        return readout, KeyValueCache(state.count + 1, tuple(keys), tuple(values)), alignment

    def call(
        self,
        inputs: tf.Tensor,
        values: tf.Tensor | None,
        state: Any = (),
        values_mask: tf.Tensor | None = None,
        training: bool = False,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        places = tf.range(tf.shape(inputs)[1])
        memory = self.remember(values, values_mask)
        return self._run_layers(self.places(inputs, places), self._whole_target(places), memory, training)

    def _whole_target(self, places: tf.Tensor) -> Callable[[int, tf.Tensor], Memory]:
        """Return what a layer attends to in a whole target: each token, and those before it."""
        causal = _causal(places)
        return lambda i, normed: self.looks[i][0].remember(normed)._replace(mask=causal)

    def read_whole(self, inputs: tf.Tensor, memory: Memory) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """Read a whole target, and return the cross-attention of every head of every layer, too.

        Arguments:
            inputs: as in the call, ``(batch, target, units)``.
            memory: of the source, from :meth:`remember`.

        Returns:
            The readouts ``(batch, target, units)``, and for each layer ``(batch, heads, target, source)``. A row
            belongs to the token that attends, sums to one, and is zero on padding.

        >>> decoder = TransformerDecoder(units=6, heads=2, feed_forward=13, layers=3)
        >>> _ = decoder(tf.ones([1, 4, 6]), tf.ones([1, 5, 6]))
        >>> readouts, weights = decoder.read_whole(tf.ones([1, 4, 6]), decoder.remember(tf.ones([1, 5, 6]), None))
        >>> readouts.shape, len(weights), weights[0].shape
        (TensorShape([1, 4, 6]), 3, TensorShape([1, 2, 4, 5]))
        """
        places = tf.range(tf.shape(inputs)[1])
        found: list[tf.Tensor] = []

        def keep(i: int, query: tf.Tensor, source: Memory) -> None:
            found.append(self.looks[i][1].weights_of_heads(query, source))

        target = self._whole_target(places)
        readouts, _ = self._run_layers(
            self.places(inputs, places), target=target, memory=memory, training=False, keep=keep
        )
        return readouts, found

    def _run_layers(
        self,
        x: tf.Tensor,
        target: Callable[[int, tf.Tensor], Memory],
        memory: Memory,
        training: bool,
        keep: Callable[[int, tf.Tensor, Memory], None] = lambda i, query, source: None,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Run all layers, for one step or a whole target.

        Arguments:
            x: vectors of tokens with their positions, ``(batch, units)`` or ``(batch, target, units)``.
            target: returns what self-attention of a layer attends to, given the number of the layer and the
                normalised ``x``.
            memory: of the source, from :meth:`remember`.
            training: whether units are dropped.
            keep: is told what each layer asks its source, given the number of the layer, the query and the memory.

        Returns:
            The readouts, of the shape of ``x``, and the alignment, ``(batch, source)`` or ``(batch, target, source)``.
        """
        x = self.drop(x, training=training)
        aligning = self.layers - 1 if self.layer is None else self.layer
        alignment = x[..., :0]
        for i, (self_attention, *cross_attention) in enumerate(self.looks):
            normed = self.norms[i][0](x)
            context, _ = self_attention.attend(normed, target(i, normed))
            x += self.drop(context, training=training)
            for attention in cross_attention:
                source = Memory(memory.values[i], memory.keys[i], memory.mask)
                query = self.norms[i][1](x)
                context, weights = attention.attend(query, source)
                keep(i, query, source)
                x += self.drop(context, training=training)
                alignment = weights if i == aligning else alignment
            x = self._network(i, x, training)
        return self.last_norm(x), alignment

    def causal_attention(self, inputs: tf.Tensor) -> list[tf.Tensor]:
        """Return the self-attention weights of every head of every layer of a language model, for pictures.

        Arguments:
            inputs: as in the call.

        Returns:
            For each layer ``(batch, heads, target, target)``. A row belongs to the token that attends, sums to one, and
            is zero at the tokens after it.

        Raises:
            ValueError: with cross-attention, without whose source the layers cannot run.

        >>> decoder = TransformerDecoder(units=6, heads=2, feed_forward=13, layers=1, cross_attention=False)
        >>> decoder.build((None, None, 6))
        >>> print(decoder.causal_attention(tf.ones([1, 2, 6]))[0][0, 0].numpy()[0])
        [1. 0.]
        """
        if self.cross_attention:
            raise ValueError("causal_attention is for a decoder without cross-attention.")
        places = tf.range(tf.shape(inputs)[1])
        found = []

        def kept(i: int, normed: tf.Tensor) -> Memory:
            memory = self.looks[i][0].remember(normed)._replace(mask=_causal(places))
            found.append(self.looks[i][0].weights_of_heads(normed, memory))
            return memory

        self._run_layers(self.places(inputs, places), kept, self.remember(None, None), training=False)
        return found

    def get_config(self) -> dict[str, Any]:
        own = ("layer", "head", "cross_attention")
        return {**super().get_config(), **{name: getattr(self, name) for name in own}}


def _causal(places: tf.Tensor) -> tf.Tensor:
    """Return the mask ``(1, target, target)``: a row for each token, true at those before it and at itself."""
    return tf.expand_dims(tf.expand_dims(places, 0) <= tf.expand_dims(places, 1), 0)
