"""From sentence pairs to batches: functions from Dataset to Dataset, with Python in between only for what is drawn.

    pairs -> shuffle -> tokenize and filter -> bucket -> batch -> shift -> guide -> prefetch

A bucket is a shape of batches: pairs whose target and source fit into it, and into no smaller one, are padded to that
shape and batched together. So little of a batch is padding, and a model meets only a few shapes.

Everything streams: memory holds the shuffle buffer and one batch for each bucket, whatever the size of the corpus. A
batch is what ``model.fit`` takes: ``({"source": ids, "target": ids}, ids)``. With word links there is a third input,
``links``, the alignment that each piece should have, see :mod:`nmt.data.alignment_targets`.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import tensorflow as tf

from nmt.data.alignment_targets import Guide
from nmt.data.framing import fitting_rows, framed
from nmt.data.tokenizers import BOS, EOS, PAD, Tokenizers
from nmt.errors import InputError
from nmt.tf_import import as_written, without_autotuning

# SentencePiece is about five times faster on batches than on single sentences.
_TOGETHER = 256
# What the seed of noise ends with, where those of the pieces that are drawn end with the number of a side.
_NOISE = 2
# Pairs that lengths are learned from, and how many of them are counted in one call.
SAMPLE, COUNTED = 50_000, 4096


@as_written
def tokenize(
    pairs: tf.data.Dataset,
    tokenizers: Tokenizers,
    max_length: int,
    sourceless: bool = False,
    sampling: float = 0.0,
    noise: float = 0.0,
    seed: tuple[int | tf.Tensor, ...] = (),
) -> tf.data.Dataset:
    """Strings ``(source, target)`` become ids: ``x1 … xn </s>`` and ``<s> y1 … yn </s>``.

    Pairs with an empty side, or one of more than ``max_length`` pieces, are left out; in plain text, which is
    ``sourceless``, every source is empty. The source ends in ``</s>``, so that attention has a place to go when no
    source token is relevant. Many pairs are handled in one call: a call for each would take longer than the training.

    From ``(source, target, links)`` it also makes the indices of linked words, ``i j i j …``.

    With ``sampling`` the pieces are drawn, see :meth:`nmt.data.tokenizers.Tokenizer.sample`, and with ``noise`` some
    sources are changed first, see :func:`nmt.data.source_noise.noisy`: in the same way for the same ``seed``.

    Arguments:
        pairs: strings ``(batch,)`` for each side, and for the links if there are any.
        tokenizers: of both sides.
        max_length: the maximum number of pieces on either side.
        sourceless: whether the pairs are plain text.
        sampling: ``text.sampling`` of the config; 0 draws nothing.
        noise: ``data.noise`` of the config, the share of the sources that are to change.
        seed: whole numbers, such as that of the run and that of the epoch.
    """
    encode = _encoder(tokenizers, max_length, sourceless, sampling, noise)
    if not (sampling or noise):
        seed = ()  # one of another length would be another trace
    return encode_examples(pairs, encode, seed)


@as_written
def encode_examples(
    rows: tf.data.Dataset, encode: Callable[..., tuple[Any, ...]], seed: tuple[int | tf.Tensor, ...] = ()
) -> tf.data.Dataset:
    """Turn rows of strings into examples, many rows in a call, in their order.

    Arguments:
        rows: tuples of strings.
        encode: from a seed and each column of some rows, ``(rows,)``, to tensors or ragged tensors of examples, which
            may be fewer.
        seed: whole numbers that a call's seed begins with; its last is the number of the call.
    """

    def read(number: tf.Tensor, columns: tuple[tf.Tensor, ...]) -> tuple[Any, ...]:
        return encode(tf.stack([*(tf.cast(part, tf.int64) for part in seed), number]), *columns)

    made = rows.batch(_TOGETHER).enumerate().map(as_written(read), num_parallel_calls=2, deterministic=True).unbatch()
    # A row of a ragged tensor is still called ragged, which padded_batch refuses.
    return made.map(as_written(lambda *parts: tuple(tf.convert_to_tensor(part) for part in parts)))


@as_written
def bucket_by_length(
    examples: tf.data.Dataset,
    length: Callable[..., tf.Tensor],
    *,
    bounds: np.ndarray,
    batch_size: int,
    batch_unit: str,
    shapes: Callable[[tf.Tensor], tuple[list[Any], ...]],
    padding: tuple[Any, ...],
) -> tf.data.Dataset:
    """Group examples of similar length into padded batches.

    Arguments:
        examples: tuples of tensors.
        length: of an example, from its parts. It goes to the first bound that holds it.
        bounds: ``(buckets,)``, rising.
        batch_size, batch_unit: the sentences of a batch, or its tokens.
        shapes: of each part in a batch, from its bound.
        padding: the value that each part is padded with.
    """
    limits = tf.constant(bounds, tf.int64)

    def place(*parts: tf.Tensor) -> tf.Tensor:
        return tf.cast(tf.searchsorted(limits, [length(*parts)])[0], tf.int64)

    def size(key: tf.Tensor) -> tf.Tensor:
        return _rows(limits[key], batch_size, batch_unit)

    def batch(key: tf.Tensor, group: tf.data.Dataset) -> tf.data.Dataset:
        return group.padded_batch(size(key), shapes(limits[key]), padding)

    return examples.group_by_window(as_written(place), as_written(batch), window_size_func=as_written(size))


def _first_bound(bounds: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
    """Return the place of the first of some sorted bounds that holds a length."""
    return tf.reduce_sum(tf.cast(bounds < length, tf.int64))


def _rows(length: tf.Tensor, batch_size: int, batch_unit: str) -> tf.Tensor:
    """Return the number of rows of a batch in which each has ``length`` tokens."""
    if batch_unit == "sentences":
        return tf.constant(batch_size, tf.int64)
    return tf.maximum(batch_size // length, 1)


@functools.lru_cache(maxsize=2)
def _encoder(tokenizers: Tokenizers, max_length: int, sourceless: bool, sampling: float, noise: float) -> Callable:
    """Return the function of ``tokenize`` for many pairs, cached so that the three pipelines of a run trace it once."""
    guide = Guide(tokenizers)

    @tf.function(autograph=False)
    def encode(seed: tf.Tensor, source: tf.Tensor, target: tf.Tensor, *lines: tf.Tensor) -> tuple[tf.RaggedTensor, ...]:
        if noise:
            drawn = tf.concat([seed, [_NOISE]], 0)
            source = tokenizers.source.noisy(source, noise, drawn, max_length, same_words=bool(lines))
        if sampling:
            x, y = (
                tokenizer.sample(texts, sampling, tf.concat([seed, [side]], 0))
                for side, (tokenizer, texts) in enumerate([(tokenizers.source, source), (tokenizers.target, target)])
            )
        else:
            x, y = tokenizers.source.encode(source), tokenizers.target.encode(target)
        rows = fitting_rows(max_length, y) if sourceless else fitting_rows(max_length, x, y)
        links = [tf.gather(guide.read(line, source=source, target=target, x=x, y=y)[0], rows) for line in lines]
        return framed(x, after=[EOS], rows=rows), framed(y, before=[BOS], after=[EOS], rows=rows), *links

    return encode


def shift(source: tf.Tensor, target: tf.Tensor, *links: tf.Tensor) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
    """Make the input and the output of teacher forcing from a padded batch.

    The decoder reads ``<s> y1 … yn`` and must write ``y1 … yn </s>``.

    >>> inputs, output = shift(tf.constant([[7, 3]]), tf.constant([[2, 5, 3, 0]]))
    >>> inputs["target"].numpy().tolist(), output.numpy().tolist()
    ([[2, 5, 0]], [[5, 3, 0]])
    """
    output = target[:, 1:]
    inputs = {"source": source, "target": tf.where(output == PAD, PAD, target[:, :-1])}
    return ({**inputs, "links": links[0]} if links else inputs), output


@as_written
def linked(pairs: tf.data.Dataset, links: tf.data.Dataset) -> tf.data.Dataset:
    """Add a line of links to each pair of strings."""
    return tf.data.Dataset.zip((pairs, links)).map(lambda pair, line: (*pair, line))


@dataclass(frozen=True)
class Buckets:
    """The few shapes that a batch can have, chosen so that padding is small.

    A pair of target length ``m`` and source length ``n`` goes to bucket ``(r, c)``: ``r`` is the first with
    ``m <= targets[r]``, and ``c`` the first with ``n <= sources[r, c]``. Lengths count the end token.

    Attributes:
        targets: ``(buckets,)``, rising.
        sources: ``(buckets, widths)``, each row rising.
    """

    targets: np.ndarray
    sources: np.ndarray

    @classmethod
    def fit(cls, lengths: np.ndarray, count: int, longest: int) -> Buckets:
        """Choose bounds for ``lengths`` ``(pairs, 2)`` of source and target, none above ``longest``.

        There are ``count`` target bounds, and half as many source bounds for each of them. The last bounds are
        ``longest``, since a pair may be longer than any in the sample.

        Arguments:
            lengths: ``(pairs, 2)``, the end token counted.
            count: the number of target bounds, before that of ``longest``.
            longest: the maximum length of either side.
        """
        targets = bounds(lengths[:, 1], count)
        bucket = np.searchsorted(targets, lengths[:, 1])
        widths = -(-count // 2)
        sources = np.stack([bounds(lengths[bucket == i, 0], widths) for i in range(len(targets))])
        # A bucket for targets, and a width for sources, longer than any seen.
        sources = np.concatenate([sources, np.full([len(sources), 1], longest)], 1)
        return cls(np.append(targets, longest), np.concatenate([sources, sources[-1:]]))

    def padding(self, lengths: np.ndarray) -> float:
        """Return the share of padding in the batches that ``bucket`` makes of pairs of these lengths.

        >>> buckets = Buckets(np.array([3, 5]), np.array([[2, 4], [7, 11]]))
        >>> share = buckets.padding(np.array([[2, 3], [1, 1], [2, 2], [6, 5]]))
        >>> round(share, 3)  # three rows of 2 + 3 and one of 7 + 5, of which 22 are pieces
        0.185
        """
        keys, counts = self._filled(lengths)
        tokens = counts @ (self.targets[keys[:, 0]] + self.sources[keys[:, 0], keys[:, 1]])
        return float(1 - lengths.sum() / tokens)

    def batches(self, lengths: np.ndarray, pairs: float, batch_size: int, batch_unit: str = "sentences") -> int:
        """Return about how many batches ``bucket`` makes of a number of pairs whose lengths are spread as these are.

        Each bucket ends with a short batch, so twice the pairs are fewer than twice the batches.

        Arguments:
            lengths: ``(n, 2)``, of source and target, of some pairs.
            pairs: the number of all pairs.
            batch_size, batch_unit: of :class:`nmt.config.Training`.

        >>> buckets = Buckets(np.array([3, 5]), np.array([[2, 4], [7, 11]]))
        >>> lengths = np.array([[2, 3], [1, 1], [2, 2], [6, 5]])
        >>> [buckets.batches(lengths, pairs, batch_size=2) for pairs in (0.3, 4, 8)]
        [1, 3, 4]
        """
        read = min(len(lengths), max(1, round(pairs)))
        # Fewer than these are an evenly spaced part of them, more are all of them several times.
        keys, counts = self._filled(lengths[np.arange(read) * len(lengths) // read])
        size = batch_size if batch_unit == "sentences" else np.maximum(batch_size // self.targets[keys[:, 0]], 1)
        return int(np.sum(np.ceil(counts * max(1.0, pairs / read) / size)))

    def _filled(self, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the row and the column of each bucket that pairs of these lengths go to, and how many go there."""
        rows = np.searchsorted(self.targets, lengths[:, 1])
        columns = np.sum(self.sources[rows] < lengths[:, :1], 1)
        return np.unique(np.stack([rows, columns], 1), axis=0, return_counts=True)

    @as_written
    def bucket(self, examples: tf.data.Dataset, batch_size: int, batch_unit: str = "sentences") -> tf.data.Dataset:
        """Group examples of ``tokenize`` into padded batches of ``batch_size`` sentences or target tokens, shifted.

        Arguments:
            examples: ids ``(source,)`` and ``(target,)``, and the indices of linked words if there are any.
            batch_size, batch_unit: of :class:`nmt.config.Training`.
        """
        targets = tf.constant(self.targets, tf.int64)
        sources = tf.constant(self.sources, tf.int64)
        flat, widths = tf.reshape(sources, [-1]), self.sources.shape[1]
        # Word 0 may be linked, so a row of links is padded with -1.
        links = len(examples.element_spec) == 3

        def place(source: tf.Tensor, target: tf.Tensor, *_: tf.Tensor) -> tf.Tensor:
            row = _first_bound(targets, tf.size(target, tf.int64) - 1)
            return row * widths + _first_bound(tf.gather(sources, row), tf.size(source, tf.int64))

        def size(key: tf.Tensor) -> tf.Tensor:
            return _rows(tf.gather(targets, key // widths), batch_size, batch_unit)

        def batch(key: tf.Tensor, group: tf.data.Dataset) -> tf.data.Dataset:
            target = tf.gather(targets, key // widths)
            shapes = ([tf.gather(flat, key)], [target + 1])
            if links:
                return group.padded_batch(_rows(target, batch_size, batch_unit), (*shapes, [None]), (PAD, PAD, -1))
            return group.padded_batch(_rows(target, batch_size, batch_unit), shapes)

        return examples.group_by_window(place, batch, window_size_func=size).map(shift)


def bounds(lengths: np.ndarray, count: int) -> np.ndarray:
    """Return the bounds that pad ``lengths`` least, when each is padded to the first bound that holds it.

    Dynamic programming over the distinct lengths ``v_1 < … < v_m``, of which ``n_i`` pairs have length ``v_i``. The
    least number of padded tokens for the shortest ``k`` lengths and ``b`` bounds is::

        C(1, k) = v_k (n_1 + … + n_k)
        C(b, k) = min over j < k of C(b - 1, j) + v_k (n_{j+1} + … + n_k),      C(b, 0) = 0

    ``j`` is where the last group begins, and the bounds are the last lengths of the groups of ``C(count, m)``. It takes
    ``count m^2`` steps. With fewer distinct lengths than bounds, the longest is repeated.

    Arguments:
        lengths: whole numbers ``(pairs,)``.
        count: of bounds, at least 1.

    Returns:
        ``(count,)``, sorted; the last may repeat.

    >>> bounds(np.array([1, 1, 1, 5, 6, 6]), 2)
    array([1, 6])
    """
    values, counts = np.unique(lengths, return_counts=True)
    if len(values) <= count:
        return np.pad(values, (0, count - len(values)), mode="edge") if len(values) else np.ones(count, int)
    number = np.concatenate([[0], np.cumsum(counts)])
    # cost[k] is C(b, k), and chosen[b - 2][k - 1] the j of its minimum.
    cost = np.concatenate([[0], values * number[1:]]).astype(float)
    chosen = []
    for _ in range(count - 1):
        options = cost[:-1, None] + values[None, :] * (number[None, 1:] - number[:-1, None])
        options[np.tril_indices(len(values), -1)] = np.inf
        chosen.append(np.argmin(options, 0))
        cost = np.concatenate([[0], np.min(options, 0)])
    ends = [len(values)]
    for starts in reversed(chosen):
        ends.append(int(starts[ends[-1] - 1]))
    return values[np.array(ends[::-1]) - 1]


def length_blocks(
    pairs: Iterable[Sequence[Any]], tokenizers: Tokenizers, max_length: int, sourceless: bool = False
) -> Iterator[np.ndarray]:
    """Yield source and target lengths ``(pairs, 2)``, with the end token, of the pairs that pass the filter.

    The pairs are counted in Python, thousands at a time, so no graph is built for them.

    Arguments:
        pairs: ``(source, target)``, each str or bytes, perhaps with more after them.
        tokenizers, max_length, sourceless: see :func:`tokenize`.
    """
    for _, found, fits in _counted(pairs, tokenizers, max_length, sourceless):
        yield found[fits] + 1


def fitting_pairs(pairs: Iterable[Sequence[Any]], tokenizers: Tokenizers, max_length: int) -> list[Any]:
    """Return the pairs that pass the filter of :func:`tokenize`, as they are.

    Arguments:
        pairs, tokenizers, max_length: see :func:`length_blocks`.
    """
    blocks = _counted(pairs, tokenizers, max_length, False)
    return [row for rows, _, fits in blocks for row in itertools.compress(rows, fits)]


def _counted(
    pairs: Iterable[Sequence[Any]], tokenizers: Tokenizers, max_length: int, sourceless: bool
) -> Iterator[tuple[list[Sequence[Any]], np.ndarray, np.ndarray]]:
    """Yield thousands of pairs at a time, their lengths ``(pairs, 2)``, and which of them pass the filter."""
    pairs = iter(pairs)
    while rows := list(itertools.islice(pairs, COUNTED)):
        sources, targets, *_ = zip(*rows, strict=True)
        source, target = tokenizers.source.lengths(sources), tokenizers.target.lengths(targets)
        sides = [target] if sourceless else [source, target]
        yield rows, np.stack([source, target], 1), (np.min(sides, 0) > 0) & (np.max(sides, 0) <= max_length)


def lengths(
    pairs: Iterable[Sequence[Any]], tokenizers: Tokenizers, max_length: int, sourceless: bool = False
) -> np.ndarray:
    """Return all blocks of :func:`length_blocks` as one array, which is empty without pairs."""
    return np.concatenate([np.zeros([0, 2], np.int32), *length_blocks(pairs, tokenizers, max_length, sourceless)])


def prefetched(batches: tf.data.Dataset) -> tf.data.Dataset:
    """Return the same batches, with the next ones made while a step runs.

    Their number is fixed. TensorFlow's autotuning keeps a model of every window that was ever grouped. On two cores,
    computing with that model stops the training for seconds at the end of each epoch.
    """
    return without_autotuning(batches.prefetch(4))


def worker_seed(seed: int, worker: int) -> int:
    """Return the seed of what a worker draws for its own rows, as dropout: that of the run for the first worker.

    >>> worker_seed(7, 0), worker_seed(7, 1), worker_seed(7, 2)
    (7, 369571992, 1009178997)
    """
    return int(np.random.SeedSequence([seed, worker]).generate_state(1)[0]) if worker else seed


@dataclass(frozen=True)
class Pipeline:
    """Batches of a corpus for training, the same ones in the same order for the same seed and epoch.

    Attributes:
        pairs: a Dataset of ``(source, target)`` strings, or of ``(source, target, links)``; or a function that
            returns that of an epoch, from its number, see :func:`~nmt.data.mixing.mixed_rows`.
        tokenizers: those of both sides.
        buckets: the shapes of the batches.
        sourceless: whether it is plain text.
        sampling: of training pairs, see :meth:`nmt.data.tokenizers.Tokenizer.sample`.
        noise: of training pairs, see :func:`tokenize`.
        worker: whose rows these are, of several that train together; see :func:`worker_seed`.
        full_batches: whether the last batches of an epoch get blank rows, so that those of a shape have the same
            number. XLA compiles a step for each number of rows.
    """

    pairs: tf.data.Dataset | Callable[[tf.Tensor], tf.data.Dataset]
    tokenizers: Tokenizers
    buckets: Buckets
    max_length: int = 100
    batch_size: int = 80
    batch_unit: str = "sentences"
    shuffle_buffer: int = 100_000
    seed: int = 1
    sourceless: bool = False
    sampling: float = 0.0
    noise: float = 0.0
    worker: int = 0
    full_batches: bool = False
    # What a batch has at a place where there is nothing to write.
    nothing: ClassVar[int] = PAD

    def epoch(self, number: int | tf.Tensor, first_batch: int | tf.Tensor = 0) -> tf.data.Dataset:
        """Return the shuffled batches of one epoch, from ``first_batch`` on."""
        number = tf.cast(number, tf.int64)
        pairs = self.pairs(number) if callable(self.pairs) else self.pairs
        pairs = pairs.shuffle(self.shuffle_buffer, seed=self.seed * 1_000_003 + number, reshuffle_each_iteration=False)
        batches = self._filled(pairs, self.sampling, (worker_seed(self.seed, self.worker), number))
        return prefetched(batches.skip(tf.cast(first_batch, tf.int64)))

    def epochs(self, number: int) -> tf.data.Dataset:
        """Return the batches of the first epochs as one Dataset, as making one takes longer than a small epoch."""
        return prefetched(tf.data.Dataset.range(number).flat_map(as_written(self.epoch)))

    @property
    def shapes(self) -> int:
        """The number of shapes that a batch can have."""
        return int(self.buckets.sources.size)

    def shape_of(self, batch: Any) -> int:
        """Return the number of a batch's shape, below ``shapes``."""
        inputs, output = batch
        row = int(np.searchsorted(self.buckets.targets, output.shape[1]))
        return row * self.buckets.sources.shape[1] + int(
            np.searchsorted(self.buckets.sources[row], inputs["source"].shape[1])
        )

    def blank(self, spec: Any) -> Any:
        """Return a batch of one row with nothing to write, so that it has no loss and no gradient.

        Arguments:
            spec: of all batches, as :meth:`epoch` has it.
        """
        inputs, output = spec
        rows = {name: tf.zeros([1] * spec.shape.rank, spec.dtype) for name, spec in inputs.items()}
        # Attention needs a place to go.
        source = tf.constant([[EOS]], inputs["source"].dtype)
        return {**rows, "source": source}, tf.fill([1] * output.shape.rank, tf.cast(self.nothing, output.dtype))

    def in_order(self) -> tf.data.Dataset:
        """Return unshuffled batches, for measuring the loss on a development set."""
        return prefetched(self._filled(self.pairs, 0.0))

    def bound(self, inputs: dict[str, tf.Tensor], output: tf.Tensor) -> tf.Tensor:
        """Return the length by which the rows of a batch are counted, see :func:`bucket_by_length`."""
        return tf.shape(output, tf.int64)[1]

    @as_written
    def _filled(self, *given: Any) -> tf.data.Dataset:
        """Return batches, the last ones with blank rows if ``full_batches`` asks for them."""

        def filled(inputs: dict[str, tf.Tensor], output: tf.Tensor) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
            rows = _rows(self.bound(inputs, output), self.batch_size, self.batch_unit)
            more = tf.maximum(rows - tf.shape(output, tf.int64)[0], 0)

            def fill(part: tf.Tensor, value: int = 0) -> tf.Tensor:
                return tf.pad(part, [[0, more], *[[0, 0]] * (part.shape.rank - 1)], constant_values=value)

            padded = {name: fill(part) for name, part in inputs.items()}
            if inputs["source"].shape.rank == 2:
                # Attention needs a place to go.
                width = tf.shape(inputs["source"], tf.int64)[1]
                blank = tf.pad(tf.fill([more, 1], tf.cast(EOS, tf.int32)), [[0, 0], [0, width - 1]])
                padded["source"] = tf.concat([inputs["source"], tf.cast(blank, inputs["source"].dtype)], 0)
            return padded, fill(output, self.nothing)

        made = self._batches(*given)
        return made.map(as_written(filled)) if self.full_batches else made

    @as_written
    def _batches(
        self, pairs: tf.data.Dataset, sampling: float, seed: tuple[int | tf.Tensor, ...] = ()
    ) -> tf.data.Dataset:
        examples = tokenize(
            pairs,
            self.tokenizers,
            max_length=self.max_length,
            sourceless=self.sourceless,
            sampling=sampling,
            # What is measured is read as it stands.
            noise=self.noise if seed else 0.0,
            seed=seed,
        )
        batches = self.buckets.bucket(examples, self.batch_size, self.batch_unit)
        return batches.map(Guide(self.tokenizers)) if "links" in batches.element_spec[0] else batches


def batches(
    pairs: tf.data.Dataset,
    tokenizers: Tokenizers,
    batch_size: int = 80,
    batch_unit: str = "sentences",
    max_length: int = 100,
    buckets: int = 8,
    shuffle_buffer: int = 100_000,
    seed: int = 1,
) -> tf.data.Dataset:
    """Return an ordinary Dataset of batches for ``model.fit``, shuffled anew each time it is read.

    Arguments:
        pairs: strings ``(source, target)``.
        tokenizers: those of both sides.
        batch_size: sentences or target tokens in a batch, as ``batch_unit`` says.
        max_length: pairs with more pieces on a side are left out.
        buckets: target lengths that batches can have.
        shuffle_buffer: pairs held in memory to be shuffled.
        seed: of the shuffling.

    Raises:
        InputError: if no pair is left.
    """
    measured = lengths(pairs.take(SAMPLE).as_numpy_iterator(), tokenizers, max_length)
    if not len(measured):
        raise InputError(f"No pair is left: every one has an empty side or more than {max_length} pieces.")
    fitted = Buckets.fit(measured, buckets, max_length + 1)
    shuffled = pairs.shuffle(shuffle_buffer, seed=seed)
    return prefetched(fitted.bucket(tokenize(shuffled, tokenizers, max_length), batch_size, batch_unit))
