"""From strings to hypotheses in one graph. A translator or a completer runs it, and an export stores it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache, partial
from threading import Lock

import tensorflow as tf

from nmt.config import Decoding
from nmt.data.framing import framed
from nmt.data.tokenizers import BOS, EOS, PAD, UNK, Tokenizers
from nmt.decoding.constraints import Constraints
from nmt.decoding.ensemble import Ensemble
from nmt.decoding.phrases import Phrases
from nmt.decoding.repetition import stop_repetition
from nmt.decoding.search import Hypotheses
from nmt.decoding.shortlist import Shortlist
from nmt.decoding.strategies import constraints_for, graph_settings, search, selection_for, with_spares
from nmt.errors import InputError
from nmt.inference.compiled_search import search_compiled
from nmt.models.language_model import LanguageModel
from nmt.models.linked import LinkedModel
from nmt.models.seq2seq import Seq2Seq
from nmt.models.shifted import ShiftedModel

Outputs = dict[str, tf.Tensor]

# A translator as it is searched.
Searched = Seq2Seq | LinkedModel | ShiftedModel | Ensemble

XLA_WITHOUT_TERMS = "A glossary needs a search that XLA does not compile. Set decoding.xla=false."


class TranslationGraph:
    """What a translator does, on tensors of strings.

    Both methods return the fields of :class:`~nmt.decoding.search.Hypotheses`, and with them:

    - ``source`` ``(batch, source)``: the ids that were read, each row with EOS, then zeros;
    - ``source_lengths`` ``(batch,)``: how many there are before EOS;
    - ``truncated`` ``(batch,)``: whether a text has more pieces than were read;
    - ``unfinished`` ``(batch, n_best)``: whether a hypothesis has no EOS, because it reached its maximum length.

    Arguments:
        model: the trained model, perhaps with an alignment head, or several that are searched as one.
        tokenizers: those it was trained with.
        shortlist: what ``decoding.shortlist`` limits a search to.
    """

    def __init__(self, model: Searched, tokenizers: Tokenizers, shortlist: Shortlist | None = None) -> None:
        self.model = model
        self.tokenizers = tokenizers
        self.shortlist = shortlist

    def translate(
        self,
        settings: Decoding,
        prefixed: bool,
        texts: tf.Tensor,
        prefixes: tf.Tensor,
        numbers: tf.Tensor,
        *phrases: tf.Tensor,
    ) -> Outputs:
        """Translate strings ``(batch,)``.

        Arguments:
            settings: the section ``decoding`` of a config.
            prefixed: whether translations begin with ``prefixes``.
            texts, prefixes: ``(batch,)``.
            numbers: the random numbers of sampling, see :func:`~nmt.decoding.strategies.numbers_for`.
            phrases: the fields of the :class:`~nmt.decoding.phrases.Phrases` that translations must contain, or none.

        Returns:
            Also ``text`` ``(batch, n_best)``, different texts in each row unless they are drawn, and ``begun``
            ``(batch,)``, the prefixes as their pieces spell them.
        """
        source, lengths, truncated = self._read(texts, settings.max_length)
        prefix = self.tokenizers.target.encode(prefixes) if prefixed else None
        constraints = constraints_for(
            settings,
            lengths,
            prefix,
            unknown=UNK,
            space=self.tokenizers.target.space,
            phrases=Phrases(*phrases) if phrases else None,
        )
        found = self._searched(settings, source, constraints, numbers)
        return {
            **written_texts(settings, self.tokenizers, found, constraints),
            "source": source,
            "source_lengths": lengths,
            "truncated": truncated,
            "begun": self.tokenizers.target.decode(prefix) if prefixed else tf.fill(tf.shape(texts), ""),
        }

    def _searched(
        self, settings: Decoding, source: tf.Tensor, constraints: Constraints, numbers: tf.Tensor
    ) -> Hypotheses:
        settings = with_spares(settings)
        if settings.xla:
            if constraints.phrases is not None:
                raise InputError(XLA_WITHOUT_TERMS)
            return search_compiled(
                self.model, settings=settings, source=source, constraints=constraints, numbers=numbers
            )
        # The attention may rest on EOS when no source token is relevant, so EOS need not be covered.
        mask = (source != PAD) & (source != EOS)
        return search_tokens(
            self.model,
            settings,
            self.model.encode(source),
            mask=mask if self.model.aligned else mask[:, :0],
            constraints=constraints,
            numbers=numbers,
            selection=selection_for(settings, self.shortlist, source, constraints),
        )

    def score(self, sources: tf.Tensor, targets: tf.Tensor, max_length: tf.Tensor) -> Outputs:
        """Score ``targets`` as the translations of ``sources``, ``(batch,)`` each.

        ``max_length``, ``()``, is the maximum number of pieces read of each side.
        """
        source, lengths, truncated = self._read(sources, max_length)
        pieces = self.tokenizers.target.encode(targets)
        scored = score_pieces(partial(self.model.score_pairs, source), pieces, max_length)
        return {**scored, "source": source, "source_lengths": lengths, "truncated": truncated}

    def _read(self, texts: tf.Tensor, max_length: int | tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Return source ids with EOS, the numbers of pieces before it, and whether a text was truncated."""
        pieces = self.tokenizers.source.encode(texts)
        read = pieces[:, :max_length]
        source = _padded(framed(read, after=[EOS]))
        return source, tf.cast(read.row_lengths(), tf.int32), pieces.row_lengths() > read.row_lengths()


class CompletionGraph:
    """What a completer does, on tensors of strings.

    Arguments:
        model: the trained language model.
        tokenizers: those it was trained with.
    """

    def __init__(self, model: LanguageModel, tokenizers: Tokenizers) -> None:
        self.model = model
        self.tokenizers = tokenizers

    def complete(self, settings: Decoding, texts: tf.Tensor, numbers: tf.Tensor) -> Outputs:
        """Continue strings ``(batch,)``.

        Arguments:
            settings: the section ``decoding`` of a config.
            texts: the beginnings.
            numbers: the random numbers of sampling, see :func:`~nmt.decoding.strategies.numbers_for`.

        Returns:
            ``text``, ``scores``, ``lengths``, ``truncated`` and ``unfinished`` ``(batch,)``, ``tokens``
            ``(batch, target)``, and ``begun`` ``(batch,)``, the beginnings as their pieces spell them.
        """
        given = self.tokenizers.target.encode(texts)
        read = given[:, : settings.max_length - 1]
        prefix = read.to_tensor(PAD)
        rows = tf.shape(texts)[0]
        limits = tf.fill([rows], settings.max_length)
        constraints = Constraints(limits, prefix=prefix, no_repeat=settings.no_repeat, unknown=UNK)
        memory, mask = self.model.encode(prefix), tf.zeros([rows, 0], tf.bool)
        found = search_tokens(self.model, settings, memory, mask=mask, constraints=constraints, numbers=numbers)
        found, cut_off = stop_repetition(found, constraints)
        tokens, lengths = found.tokens[:, 0], found.lengths[:, 0]
        return {
            "text": self.tokenizers.target.decode(tf.RaggedTensor.from_tensor(tokens, lengths=lengths)),
            "begun": self.tokenizers.target.decode(read),
            "scores": found.scores[:, 0],
            "tokens": tokens,
            "lengths": lengths,
            "truncated": given.row_lengths() > read.row_lengths(),
            "unfinished": cut_off[:, 0],
        }

    def score(self, texts: tf.Tensor, max_length: tf.Tensor) -> Outputs:
        """Score strings ``(batch,)``, of which ``max_length``, ``()``, pieces are read.

        Returns:
            ``scores`` and ``lengths`` ``(batch,)``: log-probabilities and numbers of pieces. EOS is included, except
            where a text has more pieces than were read.
        """
        read, written, _ = teacher_forced(self.tokenizers.target.encode(texts), max_length)
        logits, _ = self.model.teacher_forcing(None, read)
        scores = tf.reduce_sum(token_scores(logits, written), 1)
        return {"scores": scores, "lengths": tf.math.count_nonzero(written != PAD, 1)}


class GraphCache:
    """The graphs of the most recent searches. Each takes some megabytes.

    Threads that ask for the same settings get the same function, which TensorFlow traces when it is first called.

    Arguments:
        make: returns the function for settings and further hashable arguments.
        size: the number of graphs that are kept.

    >>> graphs = GraphCache(lambda settings, prefixed: object(), size=2)
    >>> graphs(Decoding(sample=True, seed=1), False) is graphs(Decoding(sample=True, seed=2, batch_size=7), False)
    True
    """

    def __init__(self, make: Callable[..., Callable[..., Outputs]], size: int = 12) -> None:
        # Without it two threads could make a function each for the same settings, and both would be traced. That one
        # function is traced once is up to tf.function.
        self._lock = Lock()
        self._kept = lru_cache(size)(make)

    def __call__(self, settings: Decoding, *more: bool) -> Callable[..., Outputs]:
        with self._lock:
            return self._kept(graph_settings(settings), *more)

    def __len__(self) -> int:
        return self._kept.cache_info().currsize


def traced(function: Callable[..., Outputs], signature: list[tf.TensorSpec]) -> Callable[..., Outputs]:
    """Return a function on tensors of this signature, which is traced when it is first called.

    A ``tf.function`` would look for the trace that fits at each call, which takes as long as two tokens of a sentence.
    """
    trace = cache(tf.function(function, input_signature=signature, autograph=False).get_concrete_function)
    return lambda *inputs: trace()(*inputs)


# The search of both graphs: BOS and EOS are those of every tokenizer.
search_tokens = partial(search, bos=BOS, eos=EOS)


def spelled(tokenizers: Tokenizers, found: Hypotheses) -> tf.Tensor:
    """Return the texts ``(batch, n_best)`` of hypotheses."""
    shape = tf.shape(found.lengths)
    flat = tf.reshape(found.tokens, [shape[0] * shape[1], tf.shape(found.tokens)[2]])
    written = tf.RaggedTensor.from_tensor(flat, lengths=tf.reshape(found.lengths, [-1]))
    return tf.reshape(tokenizers.target.decode(written), shape)


def written_texts(settings: Decoding, tokenizers: Tokenizers, found: Hypotheses, constraints: Constraints) -> Outputs:
    """Return the fields of the hypotheses of a search with their ``text`` and ``unfinished``, ``(batch, n_best)`` each.

    A hypothesis ends before it repeats itself. Those of a row have different texts, unless they are drawn.
    """
    found, cut_off = stop_repetition(found, constraints)
    text = spelled(tokenizers, found)
    if settings.n_best > 1 and not settings.sample:
        found, text, cut_off = distinct(found, text, cut_off, settings.n_best)
    return {**found._asdict(), "text": text, "unfinished": cut_off}


def score_pieces(
    score_pairs: Callable[[tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]],
    pieces: tf.RaggedTensor,
    max_length: tf.Tensor,
) -> Outputs:
    """Return the fields of given hypotheses, one of each row, and ``unfinished``, ``(batch, 1)``.

    Arguments:
        score_pairs: from what the decoder reads and writes, ids ``(batch, target)``, to logits and alignment.
        pieces: ids ``(batch, None)``.
        max_length: ``()``, the number of pieces that are read.
    """
    kept = pieces[:, :max_length]
    read, written, whole = teacher_forced(pieces, max_length)
    logits, alignment = score_pairs(read, written)
    each = token_scores(logits, written)
    scores = tf.reduce_sum(each, 1)
    parts = (kept.to_tensor(PAD), kept.row_lengths(), scores, scores, each, alignment)
    found = Hypotheses(*(tf.expand_dims(part, 1) for part in parts))
    return {**found._asdict(), "unfinished": tf.expand_dims(~whole, 1)}


def distinct(
    found: Hypotheses, text: tf.Tensor, cut_off: tf.Tensor, n_best: int
) -> tuple[Hypotheses, tf.Tensor, tf.Tensor]:
    """Keep the best ``n_best`` of each row whose texts differ.

    Arguments:
        found: the best of each row first.
        text: what they spell, ``(batch, hypotheses)``.
        cut_off: whether each reached its maximum length, likewise.
        n_best: how many to keep. Where there are fewer, the rest is ranked ``-inf``.
    """
    places = tf.range(tf.shape(text)[1])
    same = tf.expand_dims(text, 2) == tf.expand_dims(text, 1)
    repeated = tf.reduce_any(same & (places < tf.expand_dims(places, 1)), 2)
    found = found._replace(ranks=tf.where(repeated, -float("inf"), found.ranks))
    _, order = tf.math.top_k(found.ranks, n_best)
    *kept, text, cut_off = (tf.gather(part, order, axis=1, batch_dims=1) for part in (*found, text, cut_off))
    return Hypotheses(*kept), text, cut_off


def teacher_forced(pieces: tf.RaggedTensor, max_length: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Return what a decoder reads and must write, ids ``(batch, target)``, and which texts are whole, ``(batch,)``."""
    kept = pieces[:, :max_length]
    whole = pieces.row_lengths() == kept.row_lengths()
    # A truncated text does not end here, so it gets no EOS.
    end = tf.RaggedTensor.from_row_lengths(
        tf.fill([tf.math.count_nonzero(whole, dtype=tf.int32)], EOS), tf.cast(whole, tf.int64)
    )
    written = _padded(tf.concat([kept, end], 1))
    read = _padded(framed(kept, before=[BOS]))[:, : tf.shape(written)[1]]
    return read, written, whole


def token_scores(logits: tf.Tensor, written: tf.Tensor) -> tf.Tensor:
    """Return the log-probability of each token ``(batch, target)``; 0 at padding."""
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(written, tf.cast(logits, tf.float32))
    return tf.where(written != PAD, -losses, 0.0)


def _padded(ids: tf.RaggedTensor) -> tf.Tensor:
    """Return ids ``(batch, None)`` as a tensor with at least one column, even without rows."""
    tensor = ids.to_tensor(PAD)
    return tf.pad(tensor, [[0, 0], [0, tf.maximum(1 - tf.shape(tensor)[1], 0)]])
