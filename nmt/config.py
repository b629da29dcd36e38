"""Every setting of a model and its training, as frozen dataclasses that are read from TOML and written to it.

A config file holds only what differs from the defaults::

    [model]
    units = 128

    [training]
    epochs = 5

An unknown key or value is an error that names the nearest known one. A key of ``[model]`` or ``[decoding]`` that would
have no effect is an error, too; :func:`nmt.training.setup.idle_plateau` warns of two of ``[training]``.
"""

from __future__ import annotations

import dataclasses
import logging
import math
import tomllib
import types
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin, get_type_hints

import tomli_w

from nmt.attention_kinds import ATTENTION_KINDS
from nmt.errors import InputError, nearest
from nmt.text_encoding import decode_start

logger = logging.getLogger(__name__)


def option(default: Any, about: str, minimum: float = -math.inf, maximum: float = math.inf) -> Any:
    """Declare a field: its default, what it is for, and the range of its values."""
    return field(default=default, metadata={"about": about, "minimum": minimum, "maximum": maximum})


@dataclass(frozen=True)
class Text:
    """How text is split into pieces."""

    kind: Literal["unigram", "bpe", "char", "word"] = option("unigram", "the SentencePiece model")
    vocabulary_size: int | Literal["auto"] = option("auto", "pieces in the vocabulary; auto: fitted to the data", 8)
    joint: bool = option(True, "one vocabulary for both languages")
    normalization: Literal["auto", "nfc", "nfkc", "none", "nmt_nfkc"] = option(
        "auto",
        "what is done to characters first; nfc: letters and their marks are joined; nfkc: wide letters become plain, "
        "too, and 10² becomes 102; none: nothing; nmt_nfkc: SentencePiece's rules, which lose joiners; auto: nfkc if "
        "letters or digits of the pairs come in two widths, else nfc",
    )
    sampling: float = option(
        0.0,
        "split words differently in each epoch; bpe: share of merges left out; unigram: alpha, more varied when "
        "smaller; 0 is off",
        0.0,
        1.0,
    )


@dataclass(frozen=True)
class Data:
    """How pairs become batches."""

    max_length: int = option(100, "pairs with more pieces than this on either side are left out of training", 1, 4096)
    shuffle_buffer: int = option(100_000, "pairs held in memory to be shuffled", 1, 10**9)
    buckets: int = option(8, "target lengths that a batch can have; each has a few source lengths", 1, 64)
    term_annotations: float = option(
        0.0,
        "share of training pairs that have translations of terms annotated in their source, so that the model learns "
        "to follow a glossary and to inflect; 0 is off",
        0.0,
        1.0,
    )
    noise: float = option(
        0.0,
        "share of training sources that each epoch writes as in a hurry: in lower case, in capitals, without the mark "
        "at the end, or with a typing error, where that leaves them readable; 0 is off",
        0.0,
        1.0,
    )


# The architectures that are an encoder alone, and write labels instead of text.
LABELLING = ("classifier", "tagger")
# These and the one that names masked tokens, from which they can begin.
MASKED = "masked-language-model"
ENCODER_ALONE = (*LABELLING, MASKED)
if TYPE_CHECKING:
    AttentionName = str  # mypy reads no names from a table
else:
    AttentionName = Literal[(*ATTENTION_KINDS, "none")]
# The attentions without model.attention_units, and those with model.heads. One that a program adds is in neither.
_WITHOUT_UNITS = [name for name, kind in ATTENTION_KINDS.items() if not kind.units]
_WITH_HEADS = [name for name, kind in ATTENTION_KINDS.items() if kind.heads]


@dataclass(frozen=True)
class Model:
    """The shape of the network."""

    architecture: Literal[
        "recurrent", "transformer", "language-model", "classifier", "tagger", "masked-language-model"
    ] = option(
        "recurrent",
        "the kind of network; a language-model reads no source, a classifier gives a text a label, a tagger each of "
        "its tokens; a masked-language-model is a transformer's encoder, from which a classifier or tagger can begin",
    )
    source: Literal["text", "features"] = option(
        "text",
        "what a recurrent model or a transformer translates; features: vectors of numbers, one for each cell of a "
        "picture, which its decoder attends to",
    )
    source_cells: int = option(
        0,
        "cells of each example of features; 0: as many as the file has; a line of a CSV is divided into them",
        0,
        65_536,
    )
    source_width: int = option(0, "numbers of each cell; 0: as many as the file has", 0, 65_536)
    encoder: Literal["recurrent", "transformer"] = option(
        "recurrent", "the network of a classifier or tagger, which is an encoder alone"
    )
    decoder: Literal["recurrent", "transformer"] = option(
        "recurrent", "the network of a language-model, which is a decoder alone"
    )
    cell: Literal["gru", "lstm", "rnn"] = option("gru", "the recurrent cell")
    attention: AttentionName = option("bahdanau", "the score function; none: the whole source in one fixed vector")
    context: Literal["input", "output", "feed"] = option(
        "input", "where the context enters: the recurrence, the readout, or the readout with input feeding"
    )
    units: int = option(256, "width of a layer; of a recurrent layer, in each direction", 1, 16_384)
    embedding: int = option(256, "width of an embedding vector", 1, 16_384)
    attention_units: int = option(256, "width of the attention's hidden layer or projections", 1, 16_384)
    pooling: Literal["attention", "mean", "last"] = option(
        "attention",
        "how a classifier makes one vector of a text: weighted by an attention, the mean, or the last state",
    )
    heads: int = option(4, "heads of scaled_dot attention and of a transformer", 1, 256)
    encoder_layers: int = option(1, "layers of the encoder", 1, 32)
    decoder_layers: int = option(1, "layers of the decoder", 1, 32)
    bidirectional: bool = option(True, "the recurrent encoder reads in both directions")
    layer_norm: bool = option(
        False, "layer normalisation of each recurrent layer's output; a transformer always has it"
    )
    residual: bool = option(False, "recurrent layers add their input to their output; a transformer's always do")
    feed_forward: int = option(1024, "width of the inner layers of a transformer", 1, 65_536)
    positions: Literal["sinusoidal", "learned"] = option("sinusoidal", "position encodings of a transformer")
    max_positions: int = option(256, "positions that can be learned", 2, 100_000)
    alignment_layer: int | Literal["last"] = option(
        "last", "the transformer layer whose attention is the alignment, from 1", 1
    )
    alignment_head: int | Literal["mean"] = option("mean", "the head of that layer, from 1, or the mean of all", 1)
    tied: Literal["none", "output", "all"] = option(
        "output", "output: the output layer shares the target embedding; all: so does the source, with text.joint"
    )
    dropout: float = option(
        0.2,
        "share of units dropped between recurrent layers, or from the output of a transformer's sublayers",
        0.0,
        0.95,
    )
    recurrent_dropout: float = option(
        0.0,
        "share of units of a recurrent state dropped at all steps of a sentence (Gal and Ghahramani 2016)",
        0.0,
        0.95,
    )
    embedding_dropout: float = option(0.2, "share of units dropped from the embeddings", 0.0, 0.95)
    context_dropout: float = option(0.2, "share of units dropped from the attention's context", 0.0, 0.95)
    output_dropout: float = option(0.2, "share of units dropped before the output layer", 0.0, 0.95)
    word_dropout: float = option(0.0, "share of tokens, on both sides, whose whole embedding is dropped", 0.0, 0.95)


@dataclass(frozen=True)
class Training:
    """How the network learns."""

    epochs: int = option(20, "maximum passes over the training pairs", 1, 10**6)
    steps: int = option(0, "maximum steps of the optimizer; 0 means no limit", 0, 10**9)
    minutes: float = option(0.0, "maximum minutes spent on steps, without scoring; 0 means no limit", 0.0, 10**6)
    batch_size: int = option(80, "sentences or target tokens in a batch", 1, 10**6)
    batch_unit: Literal["sentences", "tokens"] = option("sentences", "what batch_size counts")
    batch_parts: int | Literal["auto"] = option(
        "auto",
        "parts of a batch that are computed at the same time; auto: one for each core of a processor, if it has 16 "
        "sentences or 256 tokens, and 8 at most; 1 on a GPU, on several devices, or with xla = on",
        1,
        16,
    )
    accumulate: int = option(1, "batches whose gradients are combined for one step", 1, 10_000)
    learning_rate: float = option(0.001, "the highest learning rate of Adam", 1e-9)
    weight_decay: float = option(0.0, "AdamW's decay of the weights, except biases and normalisation", 0.0, 1.0)
    schedule: Literal["plateau", "inverse_root", "linear"] = option(
        "plateau",
        "how the learning rate falls: when the dev score stops improving, with the root of the steps, or linearly",
    )
    warmup_steps: int = option(200, "steps over which the learning rate rises from zero", 1, 10**9)
    plateau_factor: float = option(0.5, "what the learning rate is multiplied by on a plateau", 0.01, 0.99)
    plateau_patience: int = option(1, "epochs without a better dev score that make a plateau", 1)
    early_stopping: int = option(5, "epochs without a better dev score that end the training", 1)
    scheduled_sampling: float = option(
        0.0,
        "share of target tokens read from the model's own predictions; rises from 0 to this at the last epoch",
        0.0,
        1.0,
    )
    alignment_head: Literal["off", "auto", "on"] = option(
        "off",
        "after the training, teach an alignment head, which links written pieces to source pieces; auto: if the model "
        "has an attention",
    )
    confidence: Literal["off", "auto", "on"] = option(
        "off",
        "after the training, learn from the development pairs how likely a translation and its words are right; auto: "
        "if there are 100 of them",
    )
    guided_alignment: float = option(
        0.0, "weight of the loss that teaches the attention the word links of --links; 0 is none", 0.0, 1000.0
    )
    label_smoothing: float = option(0.1, "share of the probability spread over the vocabulary", 0.0, 0.99)
    clip_norm: float = option(1.0, "maximum norm of the whole gradient", 1e-6)
    average_decay: float = option(
        0.0,
        "decay of a moving average of the weights, which is kept instead of them; less in the first steps; 0 is none",
        0.0,
        0.999999,
    )
    average_epochs: int = option(1, "number of last epochs whose weights are averaged", 1, 100)
    watch: Literal["auto", "bleu", "chrf", "perplexity", "accuracy", "f1"] = option(
        "auto",
        "the dev score that chooses the best epoch; auto: bleu, chrf if targets have few words or lack spaces, "
        "perplexity for a language-model, and f1, the mean over the labels, for a classifier or tagger",
    )
    precision: Literal["auto", "float32", "bfloat16"] = option(
        "float32",
        "the type of the computation; bfloat16 keeps the weights in float32; auto: bfloat16 on a processor "
        "that has instructions for it, where it is faster",
    )
    xla: Literal["auto", "on", "off"] = option(
        "auto",
        "whether XLA compiles a step, for which all batches of a shape get the same number of rows; auto: on one GPU, "
        "and not on a CPU, where it is slower",
    )
    devices: int = option(1, "devices of this machine that share each batch", 1, 64)
    save_minutes: float = option(5.0, "minutes between two checkpoints, besides that of each epoch's end", 0.0)
    seed: int = option(1, "seed of everything random", 0, 2**31 - 1)


@dataclass(frozen=True)
class Decoding:
    """How a translation is searched for."""

    beam: int | Literal["auto"] = option(
        1,
        "hypotheses kept at each step; 1 is greedy search; auto: chosen after training, with the length penalty, by "
        "the development set, or 5 with a penalty of 1 where that has fewer than 100 pairs",
        1,
        1000,
    )
    n_best: int = option(
        1, "different translations returned for each sentence; the same one may be drawn twice", 1, 1000
    )
    length_penalty: float = option(0.0, "how much longer translations are favoured; 0 ranks by probability", 0.0, 10.0)
    length_normalization: Literal["gnmt", "plain"] = option(
        "gnmt", "what a score is divided by, to the power of the penalty: (5 + pieces) / 6, or pieces"
    )
    coverage_penalty: float = option(
        0.0, "how much a translation is penalised for leaving out source pieces", 0.0, 10.0
    )
    prune: float = option(
        0.0,
        "drop hypotheses whose log-probability is this far below the best of their sentence; 0 drops none",
        0.0,
        1000.0,
    )
    patience: float = option(
        0.0,
        "a sentence is done when this many times the beam have finished; 0 waits until no active one can win",
        0.0,
        1000.0,
    )
    no_repeat: int = option(0, "no sequence of this many pieces is written twice; 0 allows all", 0, 100)
    max_length: int = option(200, "maximum pieces read from a source, and maximum pieces written", 1, 1000)
    max_ratio: float | Literal["auto"] = option(
        "auto",
        "maximum pieces written for each piece read, plus ten; auto: what the training pairs need, at least 3",
        0.0,
        100.0,
    )
    min_length: int = option(1, "minimum pieces written; 0 lets a line be left blank", 0, 1000)
    min_ratio: float = option(0.0, "minimum pieces written for each piece read", 0.0, 100.0)
    sample: bool = option(False, "draw each piece by its probability")
    temperature: float = option(1.0, "of sampling; small is close to greedy, large is close to uniform", 0.01, 100.0)
    top_k: int = option(0, "sample from this number of likeliest pieces; 0 is all", 0, 1_000_000)
    top_p: float = option(1.0, "sample from the likeliest pieces whose probabilities add up to this", 0.001, 1.0)
    seed: int = option(
        1, "seed of sampling; what is drawn for a line depends on it and on the line's number", 0, 2**31 - 1
    )
    shortlist: bool = option(
        False, "search only among the pieces that the source calls for, from the file that `nmt shortlist` makes"
    )
    xla: bool = option(
        False,
        "let XLA compile the search of translations, for a GPU: on a CPU the first batches wait seconds for it, and "
        "rows that have ended are computed to the end",
    )
    batch_size: int = option(64, "sentences translated in one batch", 1, 4096)


@dataclass(frozen=True)
class Config:
    """The whole configuration.

    >>> Config().model.cell
    'gru'
    >>> with_settings(Config(), ["model.cell=lstm", "training.epochs=3"]).training.epochs
    3
    >>> with_settings(Config(), ["model.cel=lstm"])
    Traceback (most recent call last):
        ...
    nmt.errors.InputError: The config has no key 'model.cel'. Did you mean 'model.cell'?
    """

    text: Text = Text()
    data: Data = Data()
    model: Model = Model()
    training: Training = Training()
    decoding: Decoding = Decoding()

    def __post_init__(self) -> None:
        for key, where in {**_unused(self.model), **_idle(self.decoding, self.model)}.items():
            section = "model" if hasattr(self.model, key) else "decoding"
            value = getattr(getattr(self, section), key)
            raise InputError(f"{section}.{key} = {value!r} would do nothing with {where}. Leave it out.")
        # Contradictions: the first broken rule of a section is reported.
        for rules in (_model_rules, _text_rules, _data_rules, _training_rules):
            _refuse_broken(rules(self))
        check_decoding(self)


def is_transformer(m: Model) -> bool:
    """Return whether a network is made of a Transformer's layers.

    >>> is_transformer(Model(architecture="language-model", decoder="transformer"))
    True
    """
    if m.architecture in LABELLING:
        return m.encoder == "transformer"
    return m.architecture in ("transformer", MASKED) or (
        m.architecture == "language-model" and m.decoder == "transformer"
    )


def has_attention(m: Model) -> bool:
    """Return whether a decoder of the network attends to a source, so that words can be aligned.

    >>> has_attention(Model()), has_attention(Model(attention="none")), has_attention(Model(architecture="tagger"))
    (True, False, False)
    """
    return m.architecture == "transformer" or (m.architecture == "recurrent" and m.attention != "none")


def _unused(m: Model) -> dict[str, str]:
    """Return the keys of model that are set and would do nothing, each with the reason."""
    recurrent = m.architecture == "recurrent"
    stacks = is_transformer(m)
    which = f"model.architecture = '{m.architecture}'"
    reads_features = m.source == "features"
    source = "model.source = 'features'" if reads_features else which
    labels, alone = m.architecture in LABELLING, m.architecture in ENCODER_ALONE
    if m.architecture == "language-model":
        which += f" and model.decoder = '{m.decoder}'"
    if labels:
        which += f" and model.encoder = '{m.encoder}'"
    pools = m.architecture == "classifier" and m.pooling == "attention"
    hidden = m.attention not in (*_WITHOUT_UNITS, "none")
    # key: whether it has an effect, and where it has none
    meanings: dict[str, tuple[bool, str]] = {
        "source": (m.architecture in ("recurrent", "transformer"), which),
        "source_cells": (reads_features, f"model.source = '{m.source}'"),
        "source_width": (reads_features, f"model.source = '{m.source}'"),
        "decoder": (m.architecture == "language-model", which),
        "cell": (not stacks, which),
        "attention": (recurrent, which),
        "context": (recurrent, which),
        "encoder": (labels, which),
        "pooling": (m.architecture == "classifier", which),
        "attention_units": (
            (recurrent and hidden) or pools,
            f"model.attention = '{m.attention}'"
            if recurrent
            else f"model.pooling = '{m.pooling}'"
            if m.architecture == "classifier"
            else which,
        ),
        "heads": (
            stacks or (recurrent and m.attention in _WITH_HEADS),
            f"model.attention = '{m.attention}'" if recurrent else which,
        ),
        "bidirectional": ((recurrent and not reads_features) or (labels and not stacks), source),
        "encoder_layers": (m.architecture != "language-model" and not reads_features, source),
        "decoder_layers": (not alone, which),
        "tied": (not alone, which),
        "layer_norm": (not stacks, which),
        "residual": (not stacks, which),
        "recurrent_dropout": (not stacks, which),
        "context_dropout": (recurrent, which),
        "feed_forward": (stacks, which),
        "positions": (stacks or reads_features, which),
        "max_positions": (stacks and m.positions == "learned", "sinusoidal positions" if stacks else which),
        "alignment_layer": (m.architecture == "transformer", which),
        "alignment_head": (m.architecture == "transformer", which),
    }
    return {
        key: where for key, (used, where) in meanings.items() if not used and getattr(m, key) != getattr(Model, key)
    }


# The keys of decoding that have an effect only in a beam search with decoding.beam > 1, and only if decoding.sample.
BEAM_KEYS = ("length_penalty", "coverage_penalty", "prune", "patience")
SAMPLING_KEYS = ("temperature", "top_k", "top_p", "seed")


# The keys of decoding that a classifier or a tagger has a use for: how much it reads.
_READING_KEYS = ("max_length", "batch_size")


def _idle(d: Decoding, m: Model) -> dict[str, str]:
    """Return the keys of decoding that are set and would do nothing, each with the reason."""
    if m.architecture in ENCODER_ALONE:
        which = f"model.architecture = '{m.architecture}', which searches for nothing"
        names = [field.name for field in dataclasses.fields(d) if field.name not in _READING_KEYS]
        return {key: which for key in names if getattr(d, key) != getattr(Decoding, key)}
    keys = {
        "beam": (
            not (d.sample or (d.beam == "auto" and m.architecture == "language-model")),
            "decoding.sample = true" if d.sample else f"model.architecture = '{m.architecture}'",
        ),
        **dict.fromkeys(BEAM_KEYS, (d.beam != 1, f"decoding.beam = {d.beam}")),
        # With "auto" a penalty is chosen, too.
        "length_normalization": (d.length_penalty > 0 or d.beam == "auto", "decoding.length_penalty = 0"),
        **dict.fromkeys(SAMPLING_KEYS, (d.sample, "decoding.sample = false")),
    }
    return {key: where for key, (used, where) in keys.items() if not used and getattr(d, key) != getattr(Decoding, key)}


Rules = list[tuple[bool, str]]


def _text_rules(c: Config) -> Rules:
    return [
        (
            c.text.sampling > 0 and c.text.kind in ("char", "word"),
            f"text.sampling splits words in different ways, and with text.kind = '{c.text.kind}' there is only one. "
            "Use 'unigram' or 'bpe'.",
        ),
    ]


def _data_rules(c: Config) -> Rules:
    translates = c.model.architecture in ("recurrent", "transformer") and c.model.source == "text"
    return [
        (
            c.data.term_annotations > 0 and not translates,
            "data.term_annotations is for a translator of texts: only a source text has terms. Set it to 0.",
        ),
        (
            c.data.term_annotations > 0 and c.training.guided_alignment > 0,
            "Links of words do not fit sources with annotations: set data.term_annotations or "
            "training.guided_alignment to 0.",
        ),
        (
            c.data.noise > 0 and not translates,
            "data.noise is for a translator of texts: only a source text is written in a hurry. Set it to 0.",
        ),
    ]


def _model_rules(c: Config) -> Rules:
    m = c.model
    language_model, transformer = m.architecture == "language-model", m.architecture == "transformer"
    stacks = is_transformer(m)
    width = m.units if stacks else m.attention_units
    heads = stacks or m.attention in _WITH_HEADS
    positions = max(c.data.max_length, c.decoding.max_length) + 1
    labels = m.architecture in ENCODER_ALONE
    features = m.source == "features"
    deep = max(1 if labels else m.decoder_layers, 1 if language_model or features else m.encoder_layers) > 1
    alignment_head = 1 if m.alignment_head == "mean" else m.alignment_head
    alignment_layer = 1 if m.alignment_layer == "last" else m.alignment_layer
    return [
        (
            m.tied == "all" and not c.text.joint,
            "model.tied = 'all' shares one embedding between both languages, so it needs text.joint = true.",
        ),
        (
            language_model and (m.tied == "all" or not c.text.joint),
            "A language model has no source to share with: model.tied must be 'none' or 'output', and text.joint true.",
        ),
        (
            features and (m.tied == "all" or not c.text.joint),
            "With model.source = 'features' only one side is text: model.tied must be 'none' or 'output', and "
            "text.joint true.",
        ),
        (
            labels and not c.text.joint,
            f"A {m.architecture} reads one text, and has one vocabulary: text.joint must be true.",
        ),
        (
            m.attention == "none" and m.context == "feed",
            "model.context = 'feed' tells the decoder where it has attended, and with model.attention = 'none' it "
            "attends nowhere. Use 'input' or 'output'.",
        ),
        (
            heads and width % m.heads > 0,
            f"model.heads = {m.heads} does not divide {width}, the width that the heads share "
            f"(model.{'units' if stacks else 'attention_units'}).",
        ),
        (
            stacks and m.embedding != m.units,
            f"The embeddings of a transformer are as wide as its layers: model.embedding = {m.embedding} must equal "
            f"model.units = {m.units}.",
        ),
        (
            stacks and m.positions == "learned" and m.max_positions < positions,
            f"model.max_positions = {m.max_positions} is too small: data.max_length and decoding.max_length need "
            f"{positions}.",
        ),
        (
            transformer and alignment_head > m.heads,
            f"model.alignment_head = {alignment_head}, but there are only {m.heads} heads.",
        ),
        (
            transformer and alignment_layer > m.decoder_layers,
            f"model.alignment_layer = {alignment_layer}, but the decoder has only {m.decoder_layers} layers.",
        ),
        (
            m.residual and not deep,
            "model.residual = true adds the input of a layer to its output, from the second layer on, but there is "
            "only one. Raise model.encoder_layers or model.decoder_layers.",
        ),
    ]


def _training_rules(c: Config) -> Rules:
    t, language_model = c.training, c.model.architecture == "language-model"
    labels = c.model.architecture in ENCODER_ALONE
    features = c.model.source == "features"
    no_attention = (
        "a language model has no source to attend to. Leave it out."
        if language_model
        else f"a {c.model.architecture} translates nothing. Leave it out."
        if labels
        else "with model.attention = 'none' there is none. Choose an attention, or leave it out."
    )
    return [
        (
            t.devices > 1 and t.xla == "on",
            f"training.xla = 'on' needs one device, not training.devices = {t.devices}.",
        ),
        (
            t.batch_parts != "auto" and t.batch_parts > 1 and (t.devices > 1 or t.xla == "on"),
            f"training.batch_parts = {t.batch_parts} is for the cores of one processor, without training.xla = 'on' "
            "and with training.devices = 1. Leave it out.",
        ),
        (
            t.devices > 1 and t.accumulate > 1,
            f"training.devices = {t.devices} cannot be combined with training.accumulate = {t.accumulate}. Raise "
            "training.batch_size instead: each device gets a part of it.",
        ),
        (
            t.scheduled_sampling > 0 and t.epochs == 1,
            f"training.scheduled_sampling rises from 0 in the first epoch to {t.scheduled_sampling:g} in the last, but "
            "there is only one epoch. Raise training.epochs.",
        ),
        (
            t.scheduled_sampling > 0 and (t.steps > 0 or t.minutes > 0),
            "training.scheduled_sampling rises until the last epoch, and with training.steps or minutes that epoch is "
            "not known. Limit the training by its epochs.",
        ),
        (
            t.guided_alignment > 0 and not has_attention(c.model),
            f"training.guided_alignment = {t.guided_alignment:g} teaches an attention where to attend, and "
            f"{no_attention}",
        ),
        (
            t.alignment_head == "on" and not has_attention(c.model),
            f"training.alignment_head = 'on' teaches what an attention finds, and {no_attention}",
        ),
        (
            features and (t.guided_alignment > 0 or t.alignment_head == "on" or t.confidence == "on"),
            "training.guided_alignment, alignment_head and confidence are learned from words of a source, and "
            "model.source = 'features' has none. Leave them out.",
        ),
        (
            t.confidence == "on" and (language_model or labels),
            "training.confidence = 'on' learns how likely a translation is right, and a "
            f"{c.model.architecture.replace('-', ' ')} makes none.",
        ),
        (
            labels and t.scheduled_sampling > 0,
            f"training.scheduled_sampling is for what a decoder writes, and a {c.model.architecture} has none.",
        ),
        (
            labels and t.watch in ("bleu", "chrf"),
            f"training.watch = '{t.watch}' compares translations, and a {c.model.architecture} makes none. Use "
            + ("'perplexity'." if c.model.architecture == MASKED else "'accuracy' or 'f1'."),
        ),
        (
            c.model.architecture not in LABELLING and t.watch in ("accuracy", "f1"),
            f"training.watch = '{t.watch}' compares labels: it is for a classifier or tagger.",
        ),
        (
            language_model and t.watch in ("bleu", "chrf"),
            f"training.watch = '{t.watch}' compares translations, and a language model makes none. Use 'perplexity'.",
        ),
    ]


def _decoding_rules(c: Config, vocabulary: int | None = None, exported: bool = False) -> Rules:
    m, d = c.model, c.decoding
    beam = beam_size(d)
    language_model = m.architecture == "language-model"
    unaligned = not has_attention(m)
    return [
        (
            not d.sample and d.n_best > beam,
            f"decoding.n_best = {d.n_best} is more than decoding.beam = {d.beam}.",
        ),
        (
            0 < d.patience * beam < d.n_best,
            f"decoding.patience = {d.patience:g} ends the search before decoding.n_best = {d.n_best} translations are "
            "finished.",
        ),
        (
            language_model and d.n_best > 1,
            f"decoding.n_best = {d.n_best}: a language model gives one continuation of a beginning.",
        ),
        (
            language_model and (d.min_length > 1 or (d.min_ratio, max_ratio(d)) != (0.0, MAX_RATIO)),
            "decoding.min_length, min_ratio and max_ratio are for translations: a language model writes to its end.",
        ),
        (
            m.source == "features" and d.shortlist,
            "decoding.shortlist = true: a shortlist is of source pieces, and model.source = 'features' has none.",
        ),
        (
            unaligned and d.shortlist,
            "decoding.shortlist = true: a shortlist comes from the links of an attention, and this model has none.",
        ),
        (
            d.xla and (language_model or m.source == "features"),
            "decoding.xla = true compiles the search of translations from text, and this model makes none.",
        ),
        (
            d.xla and d.shortlist,
            "decoding.xla = true: XLA compiles no search whose size depends on the text, as with decoding.shortlist.",
        ),
        (
            d.min_length > d.max_length,
            f"decoding.min_length = {d.min_length} is more than decoding.max_length = {d.max_length}.",
        ),
        (
            d.min_ratio > max_ratio(d),
            f"decoding.min_ratio = {d.min_ratio:g} is more than decoding.max_ratio = {max_ratio(d):g}.",
        ),
        (
            d.coverage_penalty > 0 and unaligned,
            f"decoding.coverage_penalty = {d.coverage_penalty:g} counts what the attention has left out, but this "
            "model attends to no source.",
        ),
        (
            vocabulary is not None and beam > vocabulary,
            f"decoding.beam = {d.beam} is larger than the vocabulary, which has {vocabulary} pieces. Five to ten is "
            "usual.",
        ),
        (
            exported and d.xla,
            "decoding.xla = true: what runs an export, such as TensorFlow Serving, lets XLA compile nothing. Set "
            "decoding.xla = false.",
        ),
        (
            exported and d.sample and not language_model,
            "An export always gives a text the same translation, so decoding.sample cannot be true.",
        ),
    ]


# What "auto" means where no training pairs have said it. Syllables that become letters need much: with 2, one
# transliteration in twenty was cut.
MAX_RATIO = 3.0


def max_ratio(decoding: Decoding) -> float:
    """Return ``decoding.max_ratio`` as a number.

    >>> max_ratio(Decoding()), max_ratio(Decoding(max_ratio=7.5))
    (3.0, 7.5)
    """
    return MAX_RATIO if isinstance(decoding.max_ratio, str) else decoding.max_ratio


def beam_size(decoding: Decoding) -> int:
    """Return ``decoding.beam`` as a number. Before it is chosen the search is greedy.

    >>> beam_size(Decoding(beam="auto")), beam_size(Decoding(beam=5))
    (1, 5)
    """
    return 1 if isinstance(decoding.beam, str) else decoding.beam


def check_decoding(config: Config, vocabulary: int | None = None, exported: bool = False) -> None:
    """Check that the keys of ``decoding`` fit each other and the model.

    Arguments:
        config: the whole configuration.
        vocabulary: number of target pieces, where it is known.
        exported: whether the search is that of an export.

    Raises:
        InputError: if they do not.

    >>> check_decoding(with_settings(Config(), ["decoding.beam=9"]), vocabulary=7)
    Traceback (most recent call last):
    nmt.errors.InputError: decoding.beam = 9 is larger than the vocabulary, which has 7 pieces. Five to ten is usual.
    """
    _refuse_broken(_decoding_rules(config, vocabulary, exported))


def _refuse_broken(rules: Rules) -> None:
    """Raise the message of the first rule that is broken."""
    for broken, message in rules:
        if broken:
            raise InputError(message)


# Keys and values that had another name in folders of earlier versions.
_RENAMED_KEYS = {("data", "annotations"): "term_annotations"}
_RENAMED = {("text", "normalization", "identity"): "none"}


def from_dict(values: dict[str, Any], base: Config | None = None, *, resumed: bool = False) -> Config:
    """Return ``base`` with ``values`` over it.

    A key of the base that no longer has an effect returns to its default: the width of an attention when there is
    none, or the length penalty of a beam of one. Such a key in ``values`` is an error.

    Arguments:
        values: sections of keys, as in a TOML file.
        base: the defaults if it is not given.
        resumed: whether ``base`` is the config of a run that is resumed. Its search may have been chosen since the run
            began: then keys of a beam in ``values`` that have no effect any more are left out, which is logged.

    Raises:
        InputError: for a section, key or value that does not exist.
    """
    base = base or Config()
    sections = {section.name: getattr(base, section.name) for section in dataclasses.fields(Config)}
    for name, keys in values.items():
        if name not in sections:
            raise InputError(f"The config has no section '{name}'." + nearest(name, list(sections)))
        if not isinstance(keys, dict):
            raise InputError(f"'{name}' is a section of the config, so it needs keys: [{name}] and a line for each.")
        keys = {_RENAMED_KEYS.get((name, key), key): value for key, value in keys.items()}
        keys = {
            key: _RENAMED.get((name, key, value), value) if isinstance(value, str) else value
            for key, value in keys.items()
        }
        checked = {key: _check(name, sections[name], key, value) for key, value in keys.items()}
        sections[name] = dataclasses.replace(sections[name], **checked)
    idle = {"model": _unused, "decoding": lambda section: _idle(section, sections["model"])}
    for name, unused in idle.items():
        given = set(values.get(name, {}))
        kept = given
        if resumed and name == "decoding" and "beam" not in given:
            kept = given - {*BEAM_KEYS, "length_normalization"}
        # A key may lose its effect when another returns to its default.
        while left := {key: where for key, where in unused(sections[name]).items() if key not in kept}:
            section = sections[name]
            for key in left.keys() & given:
                logger.info(
                    f"{name}.{key} = {getattr(section, key)!r} is left out: in the run that is resumed it would do "
                    f"nothing with {left[key]}."
                )
            defaults = {key: getattr(type(section), key) for key in left}
            sections[name] = dataclasses.replace(section, **defaults)
    return Config(**sections)


def from_file(path: str | Path, base: Config | None = None, *, resumed: bool = False) -> Config:
    """Read a TOML file over ``base``, the defaults if it is not given; ``resumed``: see :func:`from_dict`.

    Raises:
        InputError: if the file is missing, is not TOML, or has an unknown section, key or value.
    """
    try:
        raw = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"The config {path} cannot be read: {error.strerror}.") from None
    text = decode_start(raw, f"The config {path}")
    try:
        values = tomllib.loads(text)
    except ValueError as error:  # not only TOMLDecodeError: a number can have too many digits
        raise InputError(f"The config {path} is not TOML: {error}.") from None
    except RecursionError:
        raise InputError(f"The config {path} cannot be read: its values are nested too deeply.") from None
    try:
        return from_dict(values, base, resumed=resumed)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def settled(config: Config, normalization: str) -> Config:
    """Return the config of a model whose tokenizers have been made, which follow these rules of normalisation."""
    if config.text.normalization != "auto":
        return config
    return from_dict({"text": {"normalization": normalization}}, config)


def pretrained_for(begun: Config, config: Config) -> Config:
    """Return the config of a pretrained encoder as that of a classifier or a tagger which begins with it.

    The encoder and the text are those of ``begun``; what comes after the encoder is that of ``config``.
    """
    m = config.model
    after: dict[str, Any] = {"architecture": m.architecture, "encoder": "transformer"}
    if m.architecture == "classifier":
        after["pooling"] = m.pooling
        if m.pooling == "attention":
            after["attention_units"] = m.attention_units
    return from_dict({"model": after}, begun)


def to_toml(config: Config) -> str:
    """Return every key as TOML, the defaults too, so that a model's folder is complete."""
    return tomli_w.dumps(dataclasses.asdict(config))


def with_settings(config: Config, settings: Sequence[str], *, resumed: bool = False) -> Config:
    """Return the config with ``section.key=value`` settings over it; of two for one key the later wins.

    Arguments:
        config: what they go over.
        settings: each as a string.
        resumed: see :func:`from_dict`.

    Raises:
        InputError: for a setting that is not of this form, or has an unknown section, key or value.
        TypeError: for a string instead of a list.

    >>> with_settings(Config(), ["model.units=128", "decoding.beam=auto"]).model.units
    128
    """
    values: dict[str, dict[str, Any]] = {}
    for setting in setting_list(settings):
        name, equals, text = setting.partition("=")
        section, dot, key = name.strip().partition(".")
        if not equals or not dot:
            raise InputError(f"'{setting}' is not a setting. Write section.key=value, as in training.epochs=3.")
        values.setdefault(section, {})[key] = _parse(text.strip())
    # All at once: two settings may be valid only together.
    return from_dict(values, config, resumed=resumed)


def setting_list(settings: Sequence[str]) -> list[str]:
    """Return settings as a list.

    Raises:
        TypeError: for one string, whose letters would be taken for settings.
    """
    if isinstance(settings, str):
        raise TypeError(f"Give a list of settings, not one string: [{settings!r}].")
    return list(settings)


def _parse(text: str) -> Any:
    """Read ``text`` as a TOML value, or else as a plain string: ``model.cell=lstm`` needs no quotes."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        pass
    try:
        return float(text)  # TOML has no number like .3
    except ValueError:
        return text


def _check(section: str, defaults: Any, key: str, value: Any) -> Any:
    """Return ``value`` in the type of its field, or raise an error that says what the field accepts."""
    fields = {f.name: f for f in dataclasses.fields(defaults)}
    name = f"{section}.{key}"
    if key not in fields:
        raise InputError(f"The config has no key '{name}'." + nearest(name, [f"{section}.{f}" for f in fields]))
    words, kinds = _accepted(_hints(section)[key])
    if isinstance(value, str) and words:
        if value not in words:
            raise InputError(f"{name} cannot be '{value}'." + nearest(value, words))
        return value
    if type(value) is int and abs(value) > 2**63:
        value = math.inf if value > 0 else -math.inf  # it may be too large for a float
    if float in kinds and type(value) is int:
        value = float(value)
    if type(value) not in kinds:
        wanted = " or ".join([_KINDS[kind] for kind in kinds] + [f"'{word}'" for word in words])
        raise InputError(f"{name} must be {wanted}, not {_shown(value)}.")
    limits = fields[key].metadata
    if kinds != [bool] and not math.isfinite(value):
        raise InputError(f"{name} must be a finite number, not {value}.")
    if kinds != [bool] and not limits["minimum"] <= value <= limits["maximum"]:
        raise InputError(f"{name} must be {_range(limits['minimum'], limits['maximum'])}, not {value}.")
    return value


def _shown(value: Any) -> str:
    """Return a value of a file for a message. Python writes no number of thousands of digits, and no deep nesting."""
    try:
        return repr(value)
    except (ValueError, RecursionError):
        return f"such a {type(value).__name__}"


@cache
def _hints(section: str) -> dict[str, Any]:
    """Return the types of a section's keys. Python evaluates their text, which takes as long as a short sentence."""
    return get_type_hints(type(getattr(Config(), section)))


_KINDS = {int: "a whole number", float: "a number", bool: "true or false"}


def _accepted(hint: Any) -> tuple[list[str], list[type]]:
    """Split a field's type into the strings and the kinds of number that it accepts."""
    if get_origin(hint) is Literal:
        return list(get_args(hint)), []
    if get_origin(hint) in (Union, types.UnionType):
        parts = [_accepted(part) for part in get_args(hint)]
        return [word for words, _ in parts for word in words], [kind for _, kinds in parts for kind in kinds]
    return [], [hint]


def _range(minimum: float, maximum: float) -> str:
    """Say in words which numbers lie between two bounds."""
    if maximum == math.inf:
        return f"{_number(minimum)} or more"
    return f"between {_number(minimum)} and {_number(maximum)}"


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"
