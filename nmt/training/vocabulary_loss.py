"""The output layer and its loss, a chunk of tokens at a time: the logits of a whole batch never exist.

With 80 sentences of 15 tokens and a vocabulary of 64,000, the logits of a batch fill 300 MB, and the plain loss and its
gradient hold four or five such matrices. Here a loop holds one chunk of them: it computes logits, loss and gradient for
some tokens, adds up the gradients, and forgets the chunk. Padding is left out before. The numbers are those of
:class:`~nmt.training.losses.MaskedCrossEntropy` on the logits themselves; a test holds the two equal.

R-Drop (Liang et al. 2021, https://arxiv.org/abs/2106.14448) reads every batch twice, each time with other units
dropped, and asks both passes for the same distribution of every token. With ``p1`` and ``p2`` the two distributions, ``l1`` and
``l2`` their cross-entropies and ``a`` the weight of the second term, the loss of a token is::

    (l1 + l2) / 2 + a / 4 * (KL(p1 || p2) + KL(p2 || p1))

This is half of equation 4 of the paper, so that the two terms keep their ratio, and the loss without the second term is
that of a single pass.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf

# Logits in a chunk. Fewer are more work, because each chunk adds a whole matrix of gradients; more are more memory.
CHUNK = 8_000_000


class TokenScores(NamedTuple):
    """What loss and metrics read of the logits.

    Attributes:
        total: the sum over all real tokens of their loss: the cross-entropy with label smoothing, and the second term
            of R-Drop. A scalar with a gradient.
        minus_log_p: ``-log p(target)`` of every token, ``(batch, target)``; 0 at padding. Of two passes the mean.
        likeliest: the token with the highest logit, ``(batch, target)``; 0 at padding. Of two passes the first's.
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
    r_drop: float = 0.0,
    training: bool = False,
    fixed_shapes: bool = False,
    chunk: int = CHUNK,
) -> TokenScores:
    """Compute what loss and metrics need, without the logits of the whole batch.

    Arguments:
        readouts: what the output layer reads, ``(batch, target, readout)``; with ``r_drop`` that of two passes over the
            batch, one after the other, ``(2 batch, target, readout)``.
        output: its weights.
        targets: ids ``(batch, target)``, 0 at padding.
        smoothing: ``e`` of :class:`~nmt.training.losses.MaskedCrossEntropy`.
        r_drop: ``a`` of R-Drop, the weight of the divergence between the two passes; 0 for a single pass.
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
    # (tokens, passes, readout)
    rows = tf.transpose(tf.reshape(readouts, [2 if r_drop else 1, -1, readouts.shape[-1]]), [1, 0, 2])
    places = tf.expand_dims(tf.range(tf.size(ids)), 1) if fixed_shapes else tf.cast(tf.where(ids != 0), tf.int32)
    if not fixed_shapes:
        rows, ids = tf.gather_nd(rows, places), tf.gather_nd(ids, places)

    @tf.custom_gradient
    def with_gradient(rows: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor) -> tuple[tuple, Any]:
        scores, gradients = _in_chunks(
            rows, OutputLayer(kernel, bias, output.tied), ids, smoothing, r_drop, True, chunk
        )

        def backward(upstream: tf.Tensor, *_: Any) -> tuple[tf.Tensor, ...]:
            return tuple(
                tf.cast(tf.cast(upstream, g.dtype) * g, x.dtype)
                for g, x in zip(gradients, (rows, kernel, bias), strict=True)
            )

        return scores, backward

    if training:
        total, minus_log_p, likeliest = with_gradient(rows, output.kernel, output.bias)
    else:
        (total, minus_log_p, likeliest), _ = _in_chunks(rows, output, ids, smoothing, r_drop, False, chunk)
    size = [tf.size(targets)]
    return TokenScores(
        total,
        tf.reshape(tf.scatter_nd(places, tf.stop_gradient(minus_log_p), size), tf.shape(targets)),
        tf.reshape(tf.scatter_nd(places, likeliest, size), tf.shape(targets)),
    )


def _in_chunks(
    rows: tf.Tensor,
    output: OutputLayer,
    ids: tf.Tensor,
    smoothing: float,
    r_drop: float,
    training: bool,
    chunk: int,
) -> tuple[tuple[tf.Tensor, tf.Tensor, tf.Tensor], tuple[tf.Tensor, ...]]:
    """Return the three values of :class:`TokenScores`, and the gradients of the first, for rows.

    The rows are ``(tokens, passes, readout)``.

    With ``p`` the softmax of a row's logits, ``y`` its target and ``V`` the size of the vocabulary, the gradient of its
    loss to its logits is ``p - (1 - e) onehot(y) - e / V``. The last term is the same for all logits, so it is added to
    the sums and not to each logit. With ``r = log p1 - log p2`` the gradient of ``KL(p1 || p2) + KL(p2 || p1)`` to the
    logits of the first pass is ``p1 (r - KL(p1 || p2)) + p1 - p2``; the other pass has the same with the two exchanged.
    """
    kernel, bias, tied = output
    vocabulary, (tokens, passes, width) = tf.size(bias), tf.unstack(tf.shape(rows))
    # Chunks of equal size, at most one row of padding each.
    chunks = tf.maximum(-(-tokens // tf.maximum(chunk // (vocabulary * passes), 1)), 1)
    size = -(-tokens // chunks)
    padding = chunks * size - tokens
    real = tf.cast(tf.pad(ids, [[0, padding]]) != 0, rows.dtype)
    rows = tf.pad(rows, [[0, padding], [0, 0], [0, 0]]) * real[:, None, None]
    ids = tf.pad(ids, [[0, padding]])

    # In half precision a sum over the vocabulary is too coarse.
    dtype = tf.float32 if rows.dtype.size < 4 else rows.dtype
    share = tf.cast(smoothing / tf.cast(vocabulary, tf.float32), dtype)
    words = 0 if tied else 1
    mean_kernel, mean_bias = tf.reduce_mean(tf.cast(kernel, dtype), words), tf.reduce_mean(tf.cast(bias, dtype))

    def body(i: tf.Tensor, written: tuple, sums: tuple) -> tuple:
        x = tf.reshape(tf.slice(rows, [i * size, 0, 0], [size, passes, width]), [-1, rows.shape[-1]])
        y = tf.repeat(tf.slice(ids, [i * size], [size]), passes)
        weight = tf.repeat(tf.cast(tf.slice(real, [i * size], [size]), dtype), passes) / tf.cast(passes, dtype)
        logits = tf.cast(tf.nn.bias_add(tf.matmul(x, kernel, transpose_b=tied), bias), dtype)
        likeliest = tf.argmax(logits, -1, output_type=tf.int32)
        p = tf.nn.softmax(logits)
        here = tf.range(size * passes)
        highest, target = tf.stack([here, likeliest], 1), tf.stack([here, y], 1)
        # The highest p is never too small for its logarithm.
        normaliser = tf.gather_nd(logits, highest) - tf.math.log(tf.gather_nd(p, highest))
        of_target = tf.gather_nd(logits, target)
        mean = tf.linalg.matvec(tf.cast(x, dtype), mean_kernel) + mean_bias
        losses = normaliser - (1 - smoothing) * of_target - smoothing * mean
        d_logits = p
        if r_drop:
            divergence, d_divergence = _divergence(p, logits - normaliser[:, None])
            losses += r_drop / 2 * divergence
            d_logits = p + r_drop / 2 * d_divergence

        def of_token(values: tf.Tensor) -> tf.Tensor:
            return tf.reduce_sum(tf.reshape(values, [size, passes]), 1)

        values: tuple = (
            of_token(losses * weight),
            of_token((normaliser - of_target) * weight),
            tf.where(y != 0, likeliest, 0)[::passes],
        )
        if training:
            shares = tf.fill([size * passes], tf.cast(1 - smoothing, dtype))
            d_logits = tf.tensor_scatter_nd_sub(d_logits, target, shares)
            half, weighted = tf.cast(d_logits, x.dtype), x * tf.cast(weight, x.dtype)[:, None]
            d_rows = tf.cast(tf.matmul(half, kernel, transpose_b=not tied), dtype) - smoothing * mean_kernel
            d_kernel = (
                tf.matmul(half, weighted, transpose_a=True) if tied else tf.matmul(weighted, half, transpose_a=True)
            )
            values += (tf.reshape(d_rows * weight[:, None], [size, passes, rows.shape[-1]]),)
            sums = (sums[0] + tf.cast(d_kernel, dtype), sums[1] + tf.linalg.matvec(d_logits, weight, transpose_a=True))
        return i + 1, tuple(array.write(i, value) for array, value in zip(written, values, strict=True)), sums

    shapes: list[tuple[Any, list]] = [(dtype, [None]), (dtype, [None]), (tf.int32, [None])]
    sums: tuple = ()
    if training:
        shapes.append((dtype, [None, rows.shape[1], rows.shape[-1]]))
        total_row = tf.expand_dims(tf.reduce_sum(tf.cast(rows, dtype), [0, 1]) / tf.cast(passes, dtype), words)
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


def _divergence(p: tf.Tensor, log_p: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Return ``KL(p1 || p2)`` and ``KL(p2 || p1)`` of each two neighbours, and the gradient of their sum to the logits.

    Arguments:
        p, log_p: the distributions of two passes in turn, ``(2 tokens, vocabulary)``, and their logarithms.

    Returns:
        ``(2 tokens,)`` and ``(2 tokens, vocabulary)``.
    """
    pairs = tf.reshape(p, [-1, 2, tf.shape(p)[1]])
    ratio = tf.reshape(log_p, tf.shape(pairs))
    ratio -= ratio[:, ::-1]  # log p1 - log p2, then log p2 - log p1
    divergence = tf.reduce_sum(pairs * ratio, 2, keepdims=True)  # KL(p1 || p2), KL(p2 || p1)
    gradient = pairs * (ratio - divergence) + pairs - pairs[:, ::-1]
    return tf.reshape(divergence, [-1]), tf.reshape(gradient, tf.shape(p))
