"""The output layer and its loss, a chunk of tokens at a time: the logits of a whole batch never exist.

With 80 sentences of 15 tokens and a vocabulary of 64,000, the logits of a batch fill 300 MB, and the plain loss and its
gradient hold four or five such matrices. Here a loop holds one chunk of them: it computes logits, loss and gradient for
some tokens, adds up the gradients, and forgets the chunk. Padding is left out before. The numbers are those of
:class:`~nmt.training.losses.MaskedCrossEntropy` on the logits themselves; a test holds the two equal.

The gradient of the output matrix is as large as the matrix, so there is one of it, however many cores share a batch. It
is not left to the tape, which would add the rows of an embedding that is tied to it by copying both into one list.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf

# Logits in a chunk. Fewer are more work, because each chunk adds a whole matrix of gradients; more are more memory.
CHUNK = 8_000_000
# Numbers of the output matrix whose gradients in a chunk exist before they are added up.
_STRIPE = 4_000_000


class OutputGradient(NamedTuple):
    """The gradient of ``TokenScores.total`` to the weights of the output layer.

    Attributes:
        kernel: with the shape of the kernel.
        bias: ``(vocabulary,)``.
    """

    kernel: tf.Tensor
    bias: tf.Tensor


class TokenScores(NamedTuple):
    """What loss and metrics read of the logits.

    Attributes:
        total: the sum over all real tokens of their cross-entropy with label smoothing, a scalar. In training it has a
            gradient to the readouts; that to the weights is the last of these attributes.
        minus_log_p: ``-log p(target)`` of every token, ``(batch, target)``; 0 at padding.
        likeliest: the token with the highest logit, ``(batch, target)``; 0 at padding.
        gradient: of the total to the weights of the output layer; ``None`` if there is no training.
    """

    total: tf.Tensor
    minus_log_p: tf.Tensor
    likeliest: tf.Tensor
    gradient: OutputGradient | None = None


class OutputLayer(NamedTuple):
    """The weights of an output layer.

    Attributes:
        kernel: ``(readout, vocabulary)``, or ``(vocabulary, readout)`` if it is tied to the embeddings.
        bias: ``(vocabulary,)``.
        tied: which of the two.
    """

    kernel: tf.Tensor
    bias: tf.Tensor
    tied: bool


def score_tokens(
    readouts: tf.Tensor,
    output: OutputLayer,
    targets: tf.Tensor,
    *,
    smoothing: float = 0.0,
    training: bool = False,
    fixed_shapes: bool = False,
    chunk: int = CHUNK,
    parts: int = 1,
) -> TokenScores:
    """Compute what loss and metrics need, without the logits of the whole batch.

    Arguments:
        readouts: what the output layer reads, ``(batch, target, readout)``.
        output: its weights.
        targets: ids ``(batch, target)``, 0 at padding.
        smoothing: ``e`` of :class:`~nmt.training.losses.MaskedCrossEntropy`.
        training: whether there is a gradient. It is then computed together with the loss.
        fixed_shapes: whether padding is computed as well and then ignored, because XLA needs shapes that do not depend
            on the data.
        chunk: the number of logits that may exist at once.
        parts: in how many parts a chunk is computed, which do not depend on each other, so each core can have one.

    >>> output = OutputLayer(tf.eye(3), tf.zeros([3]), tied=False)
    >>> scores = score_tokens(tf.constant([[[0.0, 2.0, 1.0], [5.0, 0.0, 0.0]]]), output, tf.constant([[2, 0]]))
    >>> round(float(scores.total), 4), scores.likeliest.numpy().tolist()  # log(1 + e + e^2) - 1
    (1.4076, [[1, 0]])
    """
    ids = tf.reshape(tf.cast(targets, tf.int32), [-1])
    rows = tf.reshape(readouts, [-1, readouts.shape[-1]])
    places = tf.expand_dims(tf.range(tf.size(ids)), 1) if fixed_shapes else tf.cast(tf.where(ids != 0), tf.int32)
    if not fixed_shapes:
        rows, ids = tf.gather_nd(rows, places), tf.gather_nd(ids, places)

    detached = OutputLayer(tf.stop_gradient(output.kernel), tf.stop_gradient(output.bias), output.tied)
    scores, gradients = _in_chunks(
        tf.stop_gradient(rows),
        output=detached,
        ids=ids,
        smoothing=smoothing,
        training=training,
        chunk=chunk,
        parts=parts,
    )
    total, minus_log_p, likeliest = scores
    gradient = None
    if training:
        d_rows, gradient = gradients[0], OutputGradient(*gradients[1:])

        @tf.custom_gradient
        def of_rows(rows: tf.Tensor) -> tuple[tf.Tensor, Any]:
            def backward(upstream: tf.Tensor) -> tf.Tensor:
                return tf.cast(tf.cast(upstream, d_rows.dtype) * d_rows, rows.dtype)

            return tf.identity(total), backward

        total = of_rows(rows)
    size = [tf.size(targets)]
    return TokenScores(
        total,
        tf.reshape(tf.scatter_nd(places, minus_log_p, size), tf.shape(targets)),
        tf.reshape(tf.scatter_nd(places, likeliest, size), tf.shape(targets)),
        gradient,
    )


def _in_chunks(
    rows: tf.Tensor, output: OutputLayer, ids: tf.Tensor, smoothing: float, training: bool, chunk: int, parts: int
) -> tuple[tuple[tf.Tensor, tf.Tensor, tf.Tensor], tuple[tf.Tensor, ...]]:
    """Return three values of :class:`TokenScores` for rows ``(tokens, readout)``, and the gradients of the first one.

    With ``p`` the softmax of a row's logits, ``y`` its target and ``V`` the size of the vocabulary, the gradient of its
    loss to its logits is ``p - (1 - e) onehot(y) - e / V``. The last term is the same for all logits, so it is added to
    the sums and not to each logit.
    """
    kernel, bias, tied = output
    vocabulary, (tokens, width) = tf.size(bias), tf.unstack(tf.shape(rows))
    # Chunks of equal size, at most one row of padding in each part of each.
    chunks = tf.maximum(-(-tokens // tf.maximum(chunk // vocabulary, 1)), 1)
    size = -(-tokens // (chunks * parts))
    padding = chunks * parts * size - tokens
    real = tf.cast(tf.pad(ids, [[0, padding]]) != 0, rows.dtype)
    rows = tf.pad(rows, [[0, padding], [0, 0]]) * real[:, None]
    ids = tf.pad(ids, [[0, padding]])

    # In half precision a sum over the vocabulary is too coarse.
    dtype = tf.float32 if rows.dtype.size < 4 else rows.dtype
    share = tf.cast(smoothing / tf.cast(vocabulary, tf.float32), dtype)
    axis = 0 if tied else 1  # of the tokens
    mean_kernel, mean_bias = tf.reduce_mean(tf.cast(kernel, dtype), axis), tf.reduce_mean(tf.cast(bias, dtype))
    stripes = _stripes(bias.shape[0], rows.shape[-1])

    def scored(x: tf.Tensor, y: tf.Tensor, weight: tf.Tensor) -> tuple[tuple, tf.Tensor]:
        """Return what is kept of each token of a part, and the gradient to its logits."""
        logits = tf.cast(tf.nn.bias_add(tf.matmul(x, kernel, transpose_b=tied), bias), dtype)
        likeliest = tf.argmax(logits, -1, output_type=tf.int32)
        here = tf.range(size)
        highest, target = tf.stack([here, likeliest], 1), tf.stack([here, y], 1)
        of_highest, of_target = tf.gather_nd(logits, highest), tf.gather_nd(logits, target)
        # Once nothing else reads a matrix, an operation may write over it.
        with tf.control_dependencies([of_highest, of_target]):
            p = tf.nn.softmax(logits)
        # The highest p is never too small for its logarithm.
        normaliser = of_highest - tf.math.log(tf.gather_nd(p, highest))
        mean = tf.linalg.matvec(tf.cast(x, dtype), mean_kernel) + mean_bias
        losses = normaliser - (1 - smoothing) * of_target - smoothing * mean
        values: tuple = (losses * weight, (normaliser - of_target) * weight, tf.where(y != 0, likeliest, 0))
        if not training:
            return values, p
        with tf.control_dependencies([normaliser]):
            p = tf.tensor_scatter_nd_sub(p, target, tf.fill([size], tf.cast(1 - smoothing, dtype)))
        d_rows = tf.cast(tf.matmul(tf.cast(p, x.dtype), kernel, transpose_b=not tied), dtype) - smoothing * mean_kernel
        return (*values, d_rows * weight[:, None]), p

    def body(i: tf.Tensor, written: tuple, d_kernel: tuple, d_bias: tuple) -> tuple:
        for part in range(parts):
            place = i * parts + part
            x, y = tf.slice(rows, [place * size, 0], [size, width]), tf.slice(ids, [place * size], [size])
            weight = tf.cast(tf.slice(real, [place * size], [size]), dtype)
            values, p = scored(x, y, weight)
            written = tuple(array.write(place, value) for array, value in zip(written, values, strict=True))
            if training:
                half = tf.cast(p, x.dtype)
                d_kernel = tuple(
                    total + tf.cast(_product(x, half[:, begin:end], tied), dtype)
                    for total, (begin, end) in zip(d_kernel, stripes, strict=True)
                )
                d_bias = (d_bias[0] + tf.linalg.matvec(p, weight, transpose_a=True),)
        return i + 1, written, d_kernel, d_bias

    shapes: list[tuple[Any, list]] = [(dtype, [None]), (dtype, [None]), (tf.int32, [None])]
    d_kernel: tuple = ()
    d_bias: tuple = ()
    if training:
        shapes.append((dtype, [None, rows.shape[-1]]))
        total_row = -share * tf.reduce_sum(tf.cast(rows, dtype), 0)
        for begin, end in stripes:
            columns = vocabulary if end is None else end - begin
            shape = [columns, width] if tied else [width, columns]
            d_kernel += (tf.broadcast_to(tf.expand_dims(total_row, axis), shape),)
        d_bias = (tf.fill([vocabulary], -share * tf.reduce_sum(tf.cast(real, dtype))),)
    arrays = tuple(tf.TensorArray(kind, chunks * parts, element_shape=shape) for kind, shape in shapes)
    _, arrays, d_kernel, d_bias = tf.while_loop(
        lambda i, *_: i < chunks,
        body,
        (0, arrays, d_kernel, d_bias),
        parallel_iterations=1,
        maximum_iterations=chunks,
    )
    losses, minus_log_p, likeliest, *d_rows = (
        tf.reshape(stacked, tf.concat([[-1], tf.shape(stacked)[2:]], 0))[:tokens]
        for stacked in (array.stack() for array in arrays)
    )
    gradients = (*d_rows, tf.concat(d_kernel, axis), *d_bias) if training else ()
    return (tf.reduce_sum(losses), minus_log_p, likeliest), gradients


def _stripes(vocabulary: int | None, width: int) -> list[tuple[int, int | None]]:
    """Return where the stripes of an output matrix begin and end among the tokens.

    >>> _stripes(None, 2), _stripes(64_000, 100)
    ([(0, None)], [(0, 32000), (32000, 64000)])
    """
    if vocabulary is None:
        return [(0, None)]
    count = -(-vocabulary * width // _STRIPE)
    return [(vocabulary * i // count, vocabulary * (i + 1) // count) for i in range(count)]


def _product(x: tf.Tensor, d_logits: tf.Tensor, tied: bool) -> tf.Tensor:
    """Return the gradient of some of the output matrix, with its shape."""
    return tf.matmul(d_logits, x, transpose_a=True) if tied else tf.matmul(x, d_logits, transpose_a=True)
