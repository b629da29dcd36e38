"""The output layer and its loss, a chunk of tokens at a time: the logits of a whole batch never exist.

With 80 sentences of 15 tokens and a vocabulary of 64,000, the logits of a batch fill 300 MB, and the plain loss and its
gradient hold four or five such matrices. Here a loop holds one chunk of them: it computes logits, loss and gradient for
some tokens, adds up the gradients, and forgets the chunk. Padding is left out before. The numbers are those of
:class:`~nmt.training.losses.MaskedCrossEntropy` on the logits themselves; a test holds the two equal.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf

# Logits in a chunk. Fewer are more work, because each chunk adds a whole matrix of gradients; more are more memory.
CHUNK = 8_000_000


class TokenScores(NamedTuple):
    """What loss and metrics read of the logits.

    Attributes:
        total: the sum over all real tokens of their cross-entropy with label smoothing, a scalar with a gradient.
        minus_log_p: ``-log p(target)`` of every token, ``(batch, target)``; 0 at padding.
        likeliest: the token with the highest logit, ``(batch, target)``; 0 at padding.
    """

    total: tf.Tensor
    minus_log_p: tf.Tensor
    likeliest: tf.Tensor


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

    @tf.custom_gradient
    def with_gradient(rows: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor) -> tuple[tuple, Any]:
        scores, gradients = _in_chunks(rows, OutputLayer(kernel, bias, output.tied), ids, smoothing, True, chunk)

        def backward(upstream: tf.Tensor, *_: Any) -> tuple[tf.Tensor, ...]:
            return tuple(
                tf.cast(tf.cast(upstream, g.dtype) * g, x.dtype)
                for g, x in zip(gradients, (rows, kernel, bias), strict=True)
            )

        return scores, backward

    if training:
        total, minus_log_p, likeliest = with_gradient(rows, output.kernel, output.bias)
    else:
        (total, minus_log_p, likeliest), _ = _in_chunks(rows, output, ids, smoothing, False, chunk)
    size = [tf.size(targets)]
    return TokenScores(
        total,
        tf.reshape(tf.scatter_nd(places, tf.stop_gradient(minus_log_p), size), tf.shape(targets)),
        tf.reshape(tf.scatter_nd(places, likeliest, size), tf.shape(targets)),
    )


def _in_chunks(
    rows: tf.Tensor, output: OutputLayer, ids: tf.Tensor, smoothing: float, training: bool, chunk: int
) -> tuple[tuple[tf.Tensor, tf.Tensor, tf.Tensor], tuple[tf.Tensor, ...]]:
    """Return the three values of :class:`TokenScores` for rows ``(tokens, readout)``, and the gradients of the first.

    With ``p`` the softmax of a row's logits, ``y`` its target and ``V`` the size of the vocabulary, the gradient of its
    loss to its logits is ``p - (1 - e) onehot(y) - e / V``. The last term is the same for all logits, so it is added to
    the sums and not to each logit.
    """
    kernel, bias, tied = output
    vocabulary, (tokens, width) = tf.size(bias), tf.unstack(tf.shape(rows))
    # Chunks of equal size, at most one row of padding each.
    chunks = tf.maximum(-(-tokens // tf.maximum(chunk // vocabulary, 1)), 1)
    size = -(-tokens // chunks)
    padding = chunks * size - tokens
    real = tf.cast(tf.pad(ids, [[0, padding]]) != 0, rows.dtype)
    rows = tf.pad(rows, [[0, padding], [0, 0]]) * real[:, None]
    ids = tf.pad(ids, [[0, padding]])

    # In half precision a sum over the vocabulary is too coarse.
    dtype = tf.float32 if rows.dtype.size < 4 else rows.dtype
    share = tf.cast(smoothing / tf.cast(vocabulary, tf.float32), dtype)
    words = 0 if tied else 1
    mean_kernel, mean_bias = tf.reduce_mean(tf.cast(kernel, dtype), words), tf.reduce_mean(tf.cast(bias, dtype))

    def body(i: tf.Tensor, written: tuple, sums: tuple) -> tuple:
        x, y = tf.slice(rows, [i * size, 0], [size, width]), tf.slice(ids, [i * size], [size])
        weight = tf.cast(tf.slice(real, [i * size], [size]), dtype)
        logits = tf.cast(tf.nn.bias_add(tf.matmul(x, kernel, transpose_b=tied), bias), dtype)
        likeliest = tf.argmax(logits, -1, output_type=tf.int32)
        p = tf.nn.softmax(logits)
        here = tf.range(size)
        highest, target = tf.stack([here, likeliest], 1), tf.stack([here, y], 1)
        # The highest p is never too small for its logarithm.
        normaliser = tf.gather_nd(logits, highest) - tf.math.log(tf.gather_nd(p, highest))
        of_target = tf.gather_nd(logits, target)
        mean = tf.linalg.matvec(tf.cast(x, dtype), mean_kernel) + mean_bias
        losses = normaliser - (1 - smoothing) * of_target - smoothing * mean
        values: tuple = (losses * weight, (normaliser - of_target) * weight, tf.where(y != 0, likeliest, 0))
        if training:
            p = tf.tensor_scatter_nd_sub(p, target, tf.fill([size], tf.cast(1 - smoothing, dtype)))
            half = tf.cast(p, x.dtype)
            d_rows = tf.cast(tf.matmul(half, kernel, transpose_b=not tied), dtype) - smoothing * mean_kernel
            d_kernel = tf.matmul(half, x, transpose_a=True) if tied else tf.matmul(x, half, transpose_a=True)
            values += (d_rows * weight[:, None],)
            sums = (sums[0] + tf.cast(d_kernel, dtype), sums[1] + tf.linalg.matvec(p, weight, transpose_a=True))
        return i + 1, tuple(array.write(i, value) for array, value in zip(written, values, strict=True)), sums

    shapes: list[tuple[Any, list]] = [(dtype, [None]), (dtype, [None]), (tf.int32, [None])]
    sums: tuple = ()
    if training:
        shapes.append((dtype, [None, rows.shape[-1]]))
        total_row = tf.expand_dims(tf.reduce_sum(tf.cast(rows, dtype), 0), words)
        sums = (
            tf.zeros(tf.shape(kernel), dtype) - share * total_row,
            tf.fill([vocabulary], -share * tf.reduce_sum(tf.cast(real, dtype))),
        )
    arrays = tuple(tf.TensorArray(kind, chunks, element_shape=shape) for kind, shape in shapes)
    _, arrays, sums = tf.while_loop(
        lambda i, *_: i < chunks, body, (0, arrays, sums), parallel_iterations=1, maximum_iterations=chunks
    )
    losses, minus_log_p, likeliest, *d_rows = (
        tf.reshape(stacked, tf.concat([[-1], tf.shape(stacked)[2:]], 0))[:tokens]
        for stacked in (array.stack() for array in arrays)
    )
    return (tf.reduce_sum(losses), minus_log_p, likeliest), (*d_rows, *sums)
