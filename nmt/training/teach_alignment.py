"""How an alignment head learns, without links drawn by people.

Word aligners read training pairs and link their words, see :mod:`nmt.linking.agreeing`. The head learns these links
from the states of the trained translator, as Garg et al. 2019, https://arxiv.org/abs/1909.02074, taught a head of a
Transformer. The translator does not change. What a head makes of pieces and their context is smoother than counts. If
the corpus comes with links, the head learns those.
"""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice, pairwise

import keras
import numpy as np
import tensorflow as tf

from nmt.config import Config, Training, has_attention
from nmt.data.corpora import Corpus
from nmt.data.evenly_spaced import evenly_spaced
from nmt.data.pipeline import Buckets, Pipeline, fitting_pairs, lengths
from nmt.data.tokenizers import EOS, PAD, Tokenizers
from nmt.errors import InputError
from nmt.evaluation.alignment_error import pharaoh
from nmt.inference.head_file import new_head, parameters
from nmt.inference.translator import Translator
from nmt.layers.alignment_head import AlignmentHead
from nmt.linking.aligner import words_of
from nmt.linking.likely_links import likely_links, linked_lines
from nmt.meanwhile import meanwhile
from nmt.models.seq2seq import Seq2Seq
from nmt.training.alignment_loss import alignment_loss
from nmt.training.batch_parts import batch_parts, join_rows, split_rows
from nmt.training.optimizers import Adam

logger = logging.getLogger(__name__)

# Pairs of which those that are linked are chosen, about how many a head sees in all its epochs, and the maximum number
# of its epochs.
_PAIRS = 100_000
_SEEN = 10_000
_EPOCHS = 30
_BATCH = 32
# Tokens that the translator reads at once: of short sentences more than the head learns from in a step, because loops
# over time take two thirds of the time for 128 sentences that they take for four times 32.
_READ = 2048
# Their time and memory grow with the product of both sentences' lengths, so the sum of these products has a limit: of
# sentences of up to 44 words on average all pairs are linked, of sentences of 100 words 2,000.
_LOOKED_AT = 20_000_000
# Pairs that a teacher links at once.
_TOGETHER = 1000
_RATE = 0.012
# Fewer pairs are linked sooner than a process begins. It gives way to the training, and uses what that leaves: a core
# while TensorFlow traces graphs, and moments between steps.
_WORTH_A_PROCESS = 1000
_NICENESS = 10

# A source, a target and their links.
Triple = tuple[str, str, str]


def wanted(config: Config) -> bool:
    """Return whether a run ends with the teaching of an alignment head."""
    words = has_attention(config.model) and config.model.source == "text"
    return config.training.alignment_head == "on" or (config.training.alignment_head == "auto" and words)


def teach(
    model: Seq2Seq,
    tokenizers: Tokenizers,
    config: Config,
    corpus: Corpus,
    teacher: Translator | None = None,
    linked: Callable[[], list[Triple]] | None = None,
) -> AlignmentHead:
    """Return a new head that has learned to link the tokens of a translator.

    The logger of this module logs its progress, with level INFO.

    Arguments:
        model: the trained translator. It does not change.
        tokenizers: those it was trained with.
        config: the whole configuration.
        corpus: the pairs it was trained on, or others of the same kind.
        teacher: a translator whose own links are learned, instead of those of the corpus or of a word aligner. It may
            be the same model, which then has no head or one of before.
        linked: from :func:`linked_meanwhile` of the same corpus, if its pairs are linked already, or will be soon.

    Raises:
        InputError: if the model has no attention, or no pair is left to learn from.
        WorkFailed: if the process that links the pairs could not.
    """
    if not model.aligned:
        raise InputError("An alignment head is taught to a model with attention, and model.attention is 'none'.")
    begun = time.monotonic()
    if linked:
        triples = linked()
    else:
        triples = (
            linked_pairs(corpus, tokenizers, config, _SEEN) if teacher is None else list(_linked_by(teacher, corpus))
        )
    if corpus.links() is None or teacher is not None:
        waited = time.monotonic() - begun
        logger.info(f"The words of {len(triples):,} pairs are linked, after {waited:.1f} s of waiting.")
    pipeline, pairs = linked_pipeline(triples, tokenizers, config, corpus.name)
    together = min(max(8, pairs // 50), _BATCH)
    keras.utils.set_random_seed(config.training.seed)
    head = new_head(model)
    epochs = min(max(1, round(_SEEN / pairs)), _EPOCHS)
    steps = epochs * -(-pairs // together)
    optimizer = Adam(keras.optimizers.schedules.PolynomialDecay(_RATE, steps, _RATE / 100), global_clipnorm=1.0)
    optimizer.build(head.trainable_variables)
    begun = time.monotonic()
    batches = pipeline.epochs(epochs)
    # Each is traced once, for batches of any shape.
    read = _reader(model, config.training).get_concrete_function(*batches.element_spec)
    learn = _learner(head, optimizer).get_concrete_function(*read.structured_outputs)
    losses = []
    for inputs, written in batches:
        found = read(inputs, written)
        ends = np.linspace(0, len(written), 1 + -(-len(written) // together)).astype(int)
        losses += [learn(*(each[first:end] for each in found)) for first, end in pairwise(ends)]
    loss = float(tf.reduce_mean(losses[-max(1, len(losses) // 10) :]))
    logger.info(
        f"Taught an alignment head of {parameters(head):,} parameters in {time.monotonic() - begun:.1f} s: "
        f"{epochs} {'epoch' if epochs == 1 else 'epochs'}, alignment loss {loss:.3f}."
    )
    return head


def linked_pairs(corpus: Corpus, tokenizers: Tokenizers, config: Config, limit: int) -> list[Triple]:
    """Return pairs with their given links or, without any, with those that word aligners find in them.

    Arguments:
        corpus: of which the first 100,000 pairs are read.
        tokenizers, config: of the model that reads them.
        limit: how many of these are returned, spread evenly; without given links, fewer, see :func:`_linkable`.

    Raises:
        InputError: if fewer than two pairs are left to find links in.
    """
    pairs = list(islice(corpus.pairs(), _PAIRS))
    if (links := corpus.links()) is not None:
        return [(*pair, line) for pair, line in evenly_spaced(list(zip(pairs, links, strict=False)), limit)]
    pairs = _linkable(pairs, tokenizers, config, limit)
    if not pairs:
        raise _nothing_left(corpus.name)
    return [(*pair, line) for pair, line in zip(pairs, linked_lines(pairs), strict=True)]


@contextmanager
def linked_meanwhile(corpus: Corpus, tokenizers: Tokenizers, config: Config) -> Iterator[Callable[[], list[Triple]]]:
    """Link the pairs that :func:`teach` reads, in a process of its own, while this one trains.

    Yields a function that returns what :func:`linked_pairs` does. A corpus with links, or a small one, has no process.

    Arguments:
        corpus: the training pairs.
        tokenizers, config: of the model that reads them.
    """
    pairs = [] if corpus.links() is not None else list(islice(corpus.pairs(), _PAIRS))
    if len(pairs) >= _WORTH_A_PROCESS:
        pairs = _linkable(pairs, tokenizers, config, _SEEN)
    if len(pairs) < _WORTH_A_PROCESS:
        yield lambda: linked_pairs(corpus, tokenizers, config, _SEEN)
        return
    with meanwhile("nmt.linking.likely_links:linked_lines", pairs, niceness=_NICENESS) as lines:
        yield lambda: [(*pair, line) for pair, line in zip(pairs, lines(), strict=True)]


def _linkable(
    pairs: list[tuple[str, str]], tokenizers: Tokenizers, config: Config, limit: int
) -> list[tuple[str, str]]:
    """Return pairs, spread evenly, which word aligners link in little time and memory.

    What is too long for the model is left out, since nothing would learn from it. There are fewer if the
    sentences are long.
    """
    pairs = fitting_pairs(evenly_spaced(pairs, limit), tokenizers, config.data.max_length)
    looked_at = sum(len(words_of(source)) * len(words_of(target)) for source, target in pairs)
    return evenly_spaced(pairs, int(len(pairs) * min(1, _LOOKED_AT / max(looked_at, 1))))


def linked_pipeline(
    triples: Sequence[Triple], tokenizers: Tokenizers, config: Config, name: str
) -> tuple[Pipeline, int]:
    """Return batches of pairs with their links, and the number of pairs that are in them.

    Arguments:
        triples: sources, targets and links.
        tokenizers, config: of the model that reads them.
        name: of the corpus.

    Raises:
        InputError: if no pair is left.
    """
    measured = lengths(triples, tokenizers, config.data.max_length)
    if not len(measured):
        raise _nothing_left(name)
    pipeline = Pipeline(
        tf.data.Dataset.from_tensor_slices(tuple(map(list, zip(*triples, strict=True)))),
        tokenizers,
        Buckets.fit(measured, config.data.buckets, config.data.max_length + 1),
        max_length=config.data.max_length,
        batch_size=_READ,
        batch_unit="tokens",
        seed=config.training.seed,
    )
    return pipeline, len(measured)


def _nothing_left(name: str) -> InputError:
    return InputError(f"No pair of {name} is left to learn links from: all are empty or too long.")


def _linked_by(teacher: Translator, corpus: Corpus) -> Iterator[Triple]:
    """Yield the pairs with the links that a translator finds: of each target word those that are likely."""
    pairs = iter(evenly_spaced(list(islice(corpus.pairs(), _PAIRS)), _SEEN))
    while some := list(islice(pairs, _TOGETHER)):
        found = teacher.score([source for source, _ in some], [target for _, target in some])
        for (source, target), each in zip(some, found, strict=True):
            yield source, target, pharaoh(likely_links(each.words().weights))


def _reader(model: Seq2Seq, training: Training) -> tf.types.experimental.PolymorphicFunction:
    """Return the function that returns what a head is called with, from the translator, and the links of a batch.

    It reads the batch in parts, see :mod:`nmt.training.batch_parts`.
    """
    parts = batch_parts(dataclasses.replace(training, batch_size=_READ, batch_unit="tokens"))

    def read_part(part: dict[str, tf.Tensor]) -> tuple[tf.Tensor, ...]:
        encoded = model.run_encoder(part["source"])
        readouts, _ = model.read_target(part["target"], encoded)
        return readouts, model.target_embedding(part["written"]), encoded.annotations, encoded.mask

    @tf.function(autograph=False)
    def read(inputs: dict[str, tf.Tensor], written: tf.Tensor) -> tuple[tf.Tensor, ...]:
        ids = {"source": inputs["source"], "target": inputs["target"], "written": written}
        found = join_rows([read_part(part) for part in split_rows(ids, parts)])
        return *found, _with_end(inputs, written)

    return read


def _learner(head: AlignmentHead, optimizer: Adam) -> tf.types.experimental.PolymorphicFunction:
    """Return the function that takes a step of learning from what a reader has found, and returns its loss."""

    @tf.function(autograph=False)
    def learn(*found: tf.Tensor) -> tf.Tensor:
        *states, links = found
        with tf.GradientTape() as tape:
            loss = alignment_loss(links, head(*states))
        variables = head.trainable_variables
        optimizer.apply(tape.gradient(loss, variables), variables)
        return loss

    return learn


def _with_end(inputs: dict[str, tf.Tensor], written: tf.Tensor) -> tf.Tensor:
    """Return the links ``(batch, target, source)`` with those of words that come from no source word.

    Their pieces are linked to the end of the source. A sentence without any link tells nothing.
    """
    links = inputs["links"]
    told = tf.reduce_any(links > 0, [1, 2], keepdims=True)
    alone = ~tf.reduce_any(links > 0, 2, keepdims=True) & tf.expand_dims((written != PAD) & (written != EOS), 2)
    end = tf.expand_dims(inputs["source"] == EOS, 1)
    return links + tf.cast(told & alone & end, links.dtype)
