"""Presets: one set of settings for each kind of task, and two that are fitted to the size of the data."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from nmt.config import Config, from_dict
from nmt.errors import InputError, nearest

Values = dict[str, dict[str, Any]]


def _dropouts(share: float, output: float | None = None) -> dict[str, float]:
    shares = dict.fromkeys(("dropout", "embedding_dropout", "context_dropout", "output_dropout"), share)
    return {**shares, "output_dropout": share if output is None else output}


def _widths(units: int) -> dict[str, int]:
    return dict.fromkeys(("units", "embedding", "attention_units"), units)


# Fitted to the number of pairs.
FITTED = ("auto", "transformer")
PRESETS: dict[str, Values] = {
    # Small enough for a minute, large enough to learn the built-in corpus. A grammar wrote it, so each pair has much in
    # common with others: two epochs in small batches, at a high rate and without dropout, learn it. With the context at
    # the output no attention waits in the loop over time, so a step is quick.
    "demo": {
        "text": {"joint": False},
        "model": {**_widths(128), "context": "output", **_dropouts(0.0)},
        "training": {
            "epochs": 2,
            "batch_size": 64,
            "learning_rate": 0.008,
            "schedule": "linear",
            "warmup_steps": 100,
            "label_smoothing": 0.0,
            "alignment_head": "auto",
            "confidence": "auto",
        },
    },
    # Networks side by side on the built-in corpus: at a rate that suits them all, and for as long as differences show.
    "comparison": {
        "text": {"joint": False},
        "model": {**_widths(128), **_dropouts(0.1)},
        "training": {
            "epochs": 4,
            "batch_size": 64,
            "learning_rate": 0.003,
            "schedule": "inverse_root",
            "label_smoothing": 0.0,
            "alignment_head": "auto",
            "confidence": "auto",
        },
    },
    # An utterance has many right replies: the perplexity says more than a comparison with one of them.
    "chatbot": {
        "text": {"vocabulary_size": 4000},
        "model": {**_widths(256), **_dropouts(0.3), "tied": "all", "word_dropout": 0.1},
        "training": {
            "epochs": 15,
            "batch_size": 64,
            "learning_rate": 0.002,
            "schedule": "linear",
            "watch": "perplexity",
        },
    },
    # The meaning of a digit depends on its place: one piece for each character.
    "numbers": {
        "text": {"kind": "char", "joint": False},
        "model": {**_widths(128), **_dropouts(0.1)},
        "training": {
            "epochs": 8,
            "batch_size": 64,
            "learning_rate": 0.003,
            "schedule": "linear",
            "label_smoothing": 0.0,
        },
    },
    # BLEU of a single word is all or nothing: the perplexity says how close it is.
    "transliteration": {
        "text": {"kind": "char", "joint": False},
        "model": {**_widths(128), **_dropouts(0.1)},
        "training": {
            "epochs": 10,
            "batch_size": 64,
            "learning_rate": 0.003,
            "schedule": "linear",
            "label_smoothing": 0.0,
            "watch": "perplexity",
        },
    },
    # Numbers instead of a text. A Transformer's decoder learns them in half the time of a recurrent one.
    "captions": {
        "text": {"kind": "word"},
        "model": {
            "source": "features",
            "architecture": "transformer",
            "units": 128,
            "embedding": 128,
            "feed_forward": 256,
            "decoder_layers": 2,
            "positions": "learned",
            "dropout": 0.05,
            "embedding_dropout": 0.0,
            "output_dropout": 0.0,
        },
        "training": {
            "epochs": 14,
            "batch_size": 64,
            "learning_rate": 0.004,
            "schedule": "linear",
            "warmup_steps": 60,
            "label_smoothing": 0.0,
        },
    },
    # A long source and a short target with mostly the same words.
    "headlines": {
        "model": {**_widths(128), **_dropouts(0.1), "tied": "all"},
        "training": {
            "epochs": 6,
            "batch_size": 32,
            "learning_rate": 0.003,
            "schedule": "linear",
            "label_smoothing": 0.0,
        },
        "data": {"max_length": 150},
    },
}


class _Recurrent(NamedTuple):
    """The settings of a recurrent model that learns from at most ``pairs`` pairs; the others are keys of the config.

    One with ``sampling`` is for pairs alone; for other texts, and without sampling, the next one is taken.
    """

    pairs: float
    units: int
    dropout: float
    recurrent_dropout: float
    output_dropout: float
    word_dropout: float
    batch_size: int
    label_smoothing: float
    epochs: int
    learning_rate: float
    attention: str = "dot"
    context: str = "output"
    tied: str = "all"
    sampling: float = 0.0
    noise: float = 0.0


# Fewer pairs need more dropout, or words that are cut at random, smaller batches and more epochs. A step with Luong's
# attention is quicker than with Bahdanau's, so there is time for more. Noise was measured in one row alone. See
# docs/measured.md for what was tried.
_RECURRENT = [
    _Recurrent(
        pairs=500, units=96, dropout=0.4, recurrent_dropout=0.0, output_dropout=0.4, word_dropout=0.2,
        batch_size=16, label_smoothing=0.2, epochs=60, learning_rate=0.003,
        attention="bahdanau", context="input", tied="output",
    ),
    _Recurrent(
        pairs=2_000, units=256, dropout=0.4, recurrent_dropout=0.3, output_dropout=0.4, word_dropout=0.0,
        batch_size=16, label_smoothing=0.2, epochs=60, learning_rate=0.003, tied="output",
    ),
    _Recurrent(
        pairs=12_000, units=256, dropout=0.3, recurrent_dropout=0.3, output_dropout=0.4, word_dropout=0.0,
        batch_size=40, label_smoothing=0.1, epochs=32, learning_rate=0.003, tied="output",
    ),
    _Recurrent(
        pairs=60_000, units=256, dropout=0.2, recurrent_dropout=0.0, output_dropout=0.2, word_dropout=0.0,
        batch_size=80, label_smoothing=0.1, epochs=30, learning_rate=0.002, sampling=0.35, noise=0.1,
    ),
    _Recurrent(
        pairs=60_000, units=256, dropout=0.3, recurrent_dropout=0.0, output_dropout=0.3, word_dropout=0.0,
        batch_size=80, label_smoothing=0.1, epochs=18, learning_rate=0.002,
    ),
    _Recurrent(
        pairs=300_000, units=384, dropout=0.2, recurrent_dropout=0.0, output_dropout=0.2, word_dropout=0.0,
        batch_size=128, label_smoothing=0.1, epochs=8, learning_rate=0.002,
    ),
    _Recurrent(
        pairs=float("inf"), units=512, dropout=0.1, recurrent_dropout=0.0, output_dropout=0.1, word_dropout=0.0,
        batch_size=256, label_smoothing=0.1, epochs=4, learning_rate=0.001,
    ),
]  # fmt: skip


class _Transformer(NamedTuple):
    """The settings of a Transformer that learns from at most ``pairs`` pairs; the others are keys of the config.

    Both the encoder and the decoder have ``layers`` layers. ``sampling`` is as in :class:`_Recurrent`.
    """

    pairs: float
    units: int
    feed_forward: int
    layers: int
    dropout: float
    batch_size: int
    epochs: int
    learning_rate: float
    warmup_steps: int
    sampling: float = 0.0


# A Transformer learns less from a pair than a recurrent network, so it reads all pairs two to four times as often.
_TRANSFORMER = [
    _Transformer(
        pairs=12_000, units=128, feed_forward=256, layers=3, dropout=0.3,
        batch_size=40, epochs=80, learning_rate=0.003, warmup_steps=400,
    ),
    _Transformer(
        pairs=60_000, units=128, feed_forward=256, layers=4, dropout=0.2,
        batch_size=80, epochs=72, learning_rate=0.003, warmup_steps=800, sampling=0.35,
    ),
    _Transformer(
        pairs=60_000, units=128, feed_forward=256, layers=4, dropout=0.3,
        batch_size=80, epochs=72, learning_rate=0.003, warmup_steps=800,
    ),
    _Transformer(
        pairs=300_000, units=256, feed_forward=1024, layers=4, dropout=0.1,
        batch_size=128, epochs=16, learning_rate=0.001, warmup_steps=2000,
    ),
    _Transformer(
        pairs=float("inf"), units=512, feed_forward=2048, layers=6, dropout=0.1,
        batch_size=256, epochs=8, learning_rate=0.0007, warmup_steps=4000,
    ),
]  # fmt: skip


def preset(
    name: str, pairs: int = 0, what: str = "pairs", joint: bool = True, samples: bool = True
) -> tuple[Config, list[str]]:
    """Return a preset's config and lines that explain it.

    Arguments:
        name: one of ``PRESETS``; ``auto``: a recurrent model fitted to the number of pairs; ``transformer``: a
            Transformer fitted to it; or ``plain``: the defaults of the config.
        pairs: that number, 0 if they are not read yet; only presets that are fitted use it.
        what: what is counted; a language model has lines.
        joint: ``text.joint`` of the run: without it no embedding is shared by both languages.
        samples: whether a preset that is fitted may set ``text.sampling``.

    Raises:
        InputError: for any other name.

    >>> preset("auto", 4_682)[0].model.units, preset("auto", 1_000_000)[0].model.units
    (256, 512)
    >>> preset("transformer", 29_000)[0].model.architecture
    'transformer'
    """
    if name in FITTED:
        return _fitted(name, pairs, what, joint, samples)
    if name == "plain":
        return Config(), []
    if name not in PRESETS:
        known = [*FITTED, "plain", *PRESETS]
        raise InputError(f"There is no preset '{name}'." + nearest(name, known))
    return from_dict(PRESETS[name]), []


def fit_preset(name: str, pairs: int, what: str, choose: Callable[[Config], Config]) -> tuple[Config, list[str]]:
    """Return a preset with settings over it, fitted to these as well as to the pairs, and lines that explain it.

    Arguments:
        name, pairs, what: see :func:`preset`.
        choose: returns a config with the user's settings over it.

    Raises:
        InputError: for a preset that does not exist, and what ``choose`` raises.

    >>> from nmt.config import with_settings
    >>> fit_preset("auto", 29_000, "pairs", lambda base: with_settings(base, ["text.kind=bpe"]))[0].text.sampling
    0.0
    """
    unfitted = preset(name)[0]
    first = choose(unfitted)
    # ``text.sampling`` has another meaning for BPE, and there is one way to cut into characters or words. It was
    # measured with the preset's own architecture alone.
    samples = first.text.kind == "unigram" and first.model.architecture == unfitted.model.architecture
    base, lines = preset(name, pairs, what, first.text.joint, samples)
    chosen = choose(base)
    if base.text.sampling and not chosen.text.sampling:
        base, lines = preset(name, pairs, what, first.text.joint, samples=False)
        chosen = choose(base)
    return chosen, lines


def _fitted(name: str, pairs: int, what: str, joint: bool, samples: bool) -> tuple[Config, list[str]]:
    samples &= what == "pairs"
    values, size = (
        _transformer(pairs, joint and what == "pairs", samples)
        if name == "transformer"
        else _recurrent(pairs, what, joint, samples)
    )
    training = values["training"]
    training |= {"schedule": "linear", "early_stopping": training["epochs"]}
    # Batches of 80 are quicker in bfloat16 and smaller ones hardly; only pairs were measured. See docs/measured.md.
    training["precision"] = "auto" if what == "pairs" and training["batch_size"] >= 80 else "float32"
    if what == "pairs":
        # The average is far better than the weights while the rate is high, and no worse at the end. Only pairs were
        # measured, see docs/measured.md.
        training |= {"average_decay": 0.999, "alignment_head": "auto", "confidence": "auto"}

    def shown(*keys: str) -> str:
        return ", ".join(f"{key} = {training[key]}" for key in keys if key in training)

    steps, rest = shown("batch_size", "epochs", "learning_rate", "warmup_steps"), shown("average_decay", "precision")
    after = {
        "pairs": " [decoding], an alignment head and a confidence come after it.",
        "captions": " [decoding] comes after it.",
    }.get(what, "")
    why = (
        f"so few {what} are soon known by heart unless each epoch cuts words into other pieces"
        if values["text"].get("sampling")
        else f"so few {what} are soon known by heart without much dropout, and small batches make more steps"
        if pairs <= 60_000
        else f"there are enough {what} for a wide model, and enough steps with large batches"
    )
    return from_dict({**values, "decoding": {"beam": "auto"}}), [
        f"Settings for {pairs:,} {what if pairs != 1 else what.removesuffix('s')} (--preset {name}): {why}.",
        "  "
        + "".join(
            f"[{section}] {key} = {value}. " for section in ("text", "data") for key, value in values[section].items()
        )
        + f"[model] {size}",
        f"  [training] {steps}, falling linearly to the last epoch; {rest}.{after} "
        "Any --set goes over these; --preset plain leaves them out.",
    ]


def _recurrent(pairs: int, what: str, joint: bool, samples: bool) -> tuple[Values, str]:
    """Return the settings of a recurrent model, and those of its size in a line."""
    row = next(row for row in _RECURRENT if pairs <= row.pairs and (samples or not row.sampling))
    units = row.units
    # A language model has no source to attend to, or to share an embedding with.
    attention: dict[str, Any] = {"attention_units": units}
    if what == "pairs" and row.attention == "dot":
        attention = {"attention": row.attention, "context": row.context}
    tied = {"tied": "all"} if what == "pairs" and row.tied == "all" and joint else {}
    named = row._asdict()
    dropouts = _dropouts(row.dropout, row.output_dropout) | {
        key: named[key] for key in ("recurrent_dropout", "word_dropout")
    }
    model = {"units": units, "embedding": units, **dropouts}
    training = {key: named[key] for key in ("batch_size", "label_smoothing", "epochs", "learning_rate")}
    size = (
        f"units = {units}, dropout = {row.dropout} (recurrent {row.recurrent_dropout}, output {row.output_dropout}, "
        f"whole tokens {row.word_dropout}), label_smoothing = {row.label_smoothing}"
    )
    if what == "pairs":
        size += "".join(f", {key} = {value}" for key, value in {**attention, **tied}.items())
    text = {"sampling": row.sampling} if row.sampling else {}
    data = {"noise": row.noise} if row.noise else {}
    return {"text": text, "data": data, "model": {**model, **attention, **tied}, "training": training}, size


def _transformer(pairs: int, joint: bool, samples: bool) -> tuple[Values, str]:
    """Return the settings of a Transformer, and those of its size in a line."""
    # Before the pairs are read it is the deepest, so that no layer of a fitted one is refused.
    fitting = (row for row in _TRANSFORMER if (pairs or math.inf) <= row.pairs)
    row = next(row for row in fitting if samples or not row.sampling)
    size: dict[str, Any] = {
        "encoder_layers": row.layers,
        "decoder_layers": row.layers,
        "units": row.units,
        "feed_forward": row.feed_forward,
    }
    # Its one dropout is that of embeddings with their positions, too, and of what the last layer adds to the readout.
    dropouts = {"dropout": row.dropout, "embedding_dropout": 0.0, "output_dropout": 0.0}
    # Before the pairs are read it is not known whether both languages share their pieces.
    tied = "all" if joint and pairs else "output"
    model = {
        "architecture": "transformer",
        **size,
        "embedding": row.units,
        **dropouts,
        "tied": tied,
    }
    named = row._asdict()
    training = {key: named[key] for key in ("batch_size", "epochs", "learning_rate", "warmup_steps")}
    line = ", ".join(f"{key} = {value}" for key, value in {**size, "dropout": row.dropout, "tied": tied}.items())
    text = {"sampling": row.sampling} if row.sampling else {}
    values: Values = {"text": text, "data": {}, "model": model, "training": training}
    return values, f"architecture = transformer, {line}"
