"""Presets: one set of settings for each kind of task, and one fitted to the size of the data."""

from __future__ import annotations

from typing import Any

from nmt.config import Config, from_dict
from nmt.errors import InputError, nearest

Values = dict[str, dict[str, Any]]


def _dropouts(share: float, output: float | None = None) -> dict[str, float]:
    shares = dict.fromkeys(("dropout", "embedding_dropout", "context_dropout", "output_dropout"), share)
    return {**shares, "output_dropout": share if output is None else output}


def _widths(units: int) -> dict[str, int]:
    return dict.fromkeys(("units", "embedding", "attention_units"), units)


PRESETS: dict[str, Values] = {
    # Small enough for two minutes, large enough to learn the built-in corpus.
    "demo": {
        "text": {"joint": False},
        "model": {**_widths(128), **_dropouts(0.1)},
        "training": {
            "epochs": 4,
            "batch_size": 64,
            "learning_rate": 0.003,
            "schedule": "inverse_root",
            "label_smoothing": 0.0,
            "alignment_head": "auto",
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

# Maximum number of pairs: units, dropout, output dropout, word dropout, batch, label smoothing, epochs, rate. Fewer
# pairs need fewer units, more dropout and smaller batches.
_SIZES: list[tuple[float, int, float, float, float, int, float, int, float]] = [
    (2_000, 96, 0.4, 0.4, 0.2, 16, 0.2, 60, 0.003),
    (12_000, 128, 0.3, 0.4, 0.1, 40, 0.1, 80, 0.003),
    (60_000, 256, 0.3, 0.3, 0.0, 80, 0.1, 18, 0.002),
    (300_000, 384, 0.2, 0.2, 0.0, 128, 0.1, 8, 0.002),
    (float("inf"), 512, 0.1, 0.1, 0.0, 256, 0.1, 4, 0.001),
]


def preset(name: str, pairs: int = 0, what: str = "pairs", joint: bool = True) -> tuple[Config, list[str]]:
    """Return a preset's config and lines that explain it.

    Arguments:
        name: one of ``PRESETS``; ``auto``: fitted to the number of pairs; or ``plain``: the defaults of the config.
        pairs: that number; only ``auto`` uses it.
        what: what is counted; a language model has lines.
        joint: ``text.joint`` of the run: without it no embedding is shared by both languages.

    Raises:
        InputError: for any other name.

    >>> preset("auto", 4_682)[0].model.units, preset("auto", 1_000_000)[0].model.units
    (128, 512)
    """
    if name == "auto":
        return _automatic(pairs, what, joint)
    if name == "plain":
        return Config(), []
    if name not in PRESETS:
        known = ["auto", "plain", *PRESETS]
        raise InputError(f"There is no preset '{name}'." + nearest(name, known))
    return from_dict(PRESETS[name]), []


def _automatic(pairs: int, what: str, joint: bool) -> tuple[Config, list[str]]:
    row = next(row for row in _SIZES if pairs <= row[0])
    _, units, dropout, output, words, batch, smoothing, epochs, rate = row
    # See docs/measured.md for what was tried. A step with Luong's attention is quicker, so there is time for more.
    # A language model has no source to attend to, or to share an embedding with.
    luong = pairs > _SIZES[0][0] and what == "pairs"
    attention: dict[str, Any] = {"attention": "dot", "context": "output"} if luong else {"attention_units": units}
    tied = {"tied": "all"} if pairs > _SIZES[1][0] and what == "pairs" and joint else {}
    values: Values = {
        "model": {
            "units": units,
            "embedding": units,
            **_dropouts(dropout, output),
            "word_dropout": words,
            **attention,
            **tied,
        },
        "training": {
            "batch_size": batch,
            "label_smoothing": smoothing,
            "epochs": epochs,
            "learning_rate": rate,
            "schedule": "linear",
            "early_stopping": epochs,
            **({"alignment_head": "auto"} if what == "pairs" else {}),
        },
        "decoding": {"beam": "auto"},
    }
    size = (
        f"units = {units}, dropout = {dropout} (output {output}, whole tokens {words}), label_smoothing = {smoothing}"
        + "".join(f", {key} = {value}" for key, value in {**attention, **tied}.items() if luong)
    )
    steps = f"batch_size = {batch}, epochs = {epochs}, learning_rate = {rate}, falling linearly"
    small = pairs <= 60_000
    why = (
        f"a wider model would memorise so few {what}, and small batches make more steps"
        if small
        else f"there are enough {what} for a wide model, and enough steps with large batches"
    )
    return from_dict(values), [
        f"Settings for {pairs:,} {what if pairs != 1 else what.removesuffix('s')} (--preset auto): {why}.",
        f"  [model] {size}",
        f"  [training] {steps}. [decoding] is chosen after it. Any --set goes over these; --preset plain leaves them "
        "out.",
    ]
