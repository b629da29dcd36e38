"""Every choice a training run makes, as frozen dataclasses that read from and write to TOML.

A config file holds only what differs from the defaults::

    [model]
    units = 128

    [training]
    epochs = 5

An unknown key or value is an error that names the nearest known one. A key is never ignored.
"""

from __future__ import annotations

import dataclasses
import math
import tomllib
import types
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import tomli_w

from nmt.errors import InputError, nearest


def option(default: Any, about: str, least: float = -math.inf, most: float = math.inf) -> Any:
    """Declare a field with its default, what it is for, and the range it must lie in."""
    return field(default=default, metadata={"about": about, "least": least, "most": most})


@dataclass(frozen=True)
class Text:
    """How text becomes pieces."""

    kind: Literal["unigram", "bpe", "char", "word"] = option("unigram", "the SentencePiece model")
    vocabulary_size: int | Literal["auto"] = option("auto", "pieces in the vocabulary, or auto: fitted to the data", 8)
    joint: bool = option(True, "one vocabulary for both languages")


@dataclass(frozen=True)
class Data:
    """How pairs become batches."""

    max_length: int = option(100, "pairs with more pieces than this on a side are left out of training", 1, 4096)
    shuffle_buffer: int = option(100_000, "pairs held in memory to be shuffled", 1, 10**9)
    buckets: int = option(8, "target lengths a batch can have; each has a few source lengths", 1, 64)


@dataclass(frozen=True)
class Model:
    """The shape of the network."""

    cell: Literal["gru", "lstm", "rnn"] = option("gru", "the recurrent cell")
    units: int = option(256, "width of a recurrent layer, in each direction", 1, 16_384)
    embedding: int = option(256, "width of a word vector", 1, 16_384)
    attention_units: int = option(256, "width of the attention's hidden layer", 1, 16_384)
    encoder_layers: int = option(1, "recurrent layers of the encoder", 1, 32)
    decoder_layers: int = option(1, "recurrent layers of the decoder", 1, 32)
    bidirectional: bool = option(True, "the encoder reads both ways")
    tied: Literal["none", "output", "all"] = option(
        "output", "embeddings shared by: target input and output; all: the source as well, with text.joint"
    )
    dropout: float = option(0.2, "share of units dropped between layers", 0.0, 0.95)
    embedding_dropout: float = option(0.2, "share of units dropped from word vectors", 0.0, 0.95)
    context_dropout: float = option(0.2, "share of units dropped from the attention's context", 0.0, 0.95)
    output_dropout: float = option(0.2, "share of units dropped before the output layer", 0.0, 0.95)


@dataclass(frozen=True)
class Training:
    """How the network learns."""

    epochs: int = option(20, "times the training pairs are read, at most", 1, 10**6)
    batch_size: int = option(80, "sentences or target tokens in a batch", 1, 10**6)
    batch_unit: Literal["sentences", "tokens"] = option("sentences", "what batch_size counts")
    learning_rate: float = option(0.001, "the highest rate of Adam", 1e-9)
    schedule: Literal["plateau", "inverse_root", "linear"] = option(
        "plateau",
        "how the rate falls: at a standstill of dev BLEU, with the root of the steps, or straight to the last epoch",
    )
    warmup_steps: int = option(200, "steps over which the rate rises from zero", 1, 10**9)
    plateau_factor: float = option(0.5, "what the rate is multiplied by on a plateau", 0.01, 0.99)
    plateau_patience: int = option(1, "epochs without a better dev BLEU that make a plateau", 1)
    early_stopping: int = option(5, "epochs without a better dev BLEU that end the training", 1)
    label_smoothing: float = option(0.1, "share of the probability spread over the vocabulary", 0.0, 0.99)
    clip_norm: float = option(1.0, "largest norm of the whole gradient", 1e-6)
    save_minutes: float = option(5.0, "minutes between two saves to resume from, besides each epoch's end", 0.0)
    seed: int = option(1, "seed of all that is random", 0, 2**31 - 1)


@dataclass(frozen=True)
class Decoding:
    """How a translation is searched for."""

    max_length: int = option(200, "pieces read from a source, and pieces written, at most", 1, 1000)
    batch_size: int = option(64, "sentences translated at a time", 1, 4096)


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
        if self.model.tied == "all" and not self.text.joint:
            raise InputError(
                "model.tied = 'all' shares one embedding between both languages, so it needs text.joint = true."
            )


def from_dict(values: dict[str, Any], base: Config | None = None) -> Config:
    """Return ``base`` (the defaults) with ``values`` in place, sections of keys as in a TOML file.

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
        checked = {key: _check(name, sections[name], key, value) for key, value in keys.items()}
        sections[name] = dataclasses.replace(sections[name], **checked)
    return Config(**sections)


def from_file(path: Path, base: Config | None = None) -> Config:
    """Read a TOML file over ``base``, the defaults if it is not given.

    Raises:
        InputError: if the file is missing, is no TOML, or names what does not exist.
    """
    try:
        values = tomllib.loads(path.read_bytes().decode("utf-8"))
    except OSError as error:
        raise InputError(f"The config {path} cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"The config {path} is not TOML: {error}.") from None
    try:
        return from_dict(values, base)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def to_toml(config: Config) -> str:
    """Write every key, defaults too, so that a model's folder says all there is to know."""
    return tomli_w.dumps(dataclasses.asdict(config))


def with_settings(config: Config, settings: list[str]) -> Config:
    """Apply ``section.key=value`` settings, later ones winning.

    Raises:
        InputError: for a setting that is not of this form, or names what does not exist.
    """
    values: dict[str, dict[str, Any]] = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        section, dot, key = name.strip().partition(".")
        if not equals or not dot:
            raise InputError(f"'{setting}' is no setting. Write section.key=value, as in training.epochs=3.")
        values.setdefault(section, {})[key] = _parse(text.strip())
    # All at once: two settings may only be right together.
    return from_dict(values, config)


def _parse(text: str) -> Any:
    """Read ``text`` as a TOML value, and as a plain word where it is none: ``model.cell=lstm`` needs no quotes."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        pass
    try:
        return float(text)  # TOML has no number like .3
    except ValueError:
        return text


def _check(section: str, defaults: Any, key: str, value: Any) -> Any:
    """Return ``value`` as the field wants it, or raise an error that says what it wants."""
    fields = {f.name: f for f in dataclasses.fields(defaults)}
    name = f"{section}.{key}"
    if key not in fields:
        raise InputError(f"The config has no key '{name}'." + nearest(name, [f"{section}.{f}" for f in fields]))
    words, kinds = _accepted(get_type_hints(type(defaults))[key])
    if isinstance(value, str) and words:
        if value not in words:
            raise InputError(f"{name} cannot be '{value}'." + nearest(value, words))
        return value
    if float in kinds and type(value) is int:
        value = float(value)
    if type(value) not in kinds:
        wanted = " or ".join([_KINDS[kind] for kind in kinds] + [f"'{word}'" for word in words])
        raise InputError(f"{name} must be {wanted}, not {value!r}.")
    limits = fields[key].metadata
    if kinds != [bool] and not math.isfinite(value):
        raise InputError(f"{name} must be a finite number, not {value}.")
    if kinds != [bool] and not limits["least"] <= value <= limits["most"]:
        raise InputError(f"{name} must be {_range(limits['least'], limits['most'])}, not {value}.")
    return value


_KINDS = {int: "a whole number", float: "a number", bool: "true or false"}


def _accepted(hint: Any) -> tuple[list[str], list[type]]:
    """Split a field's type into the words and the kinds of number it accepts."""
    if get_origin(hint) is Literal:
        return list(get_args(hint)), []
    if get_origin(hint) in (Union, types.UnionType):
        parts = [_accepted(part) for part in get_args(hint)]
        return [word for words, _ in parts for word in words], [kind for _, kinds in parts for kind in kinds]
    return [], [hint]


def _range(least: float, most: float) -> str:
    """Say in words which numbers lie between two bounds."""
    if most == math.inf:
        return f"{_number(least)} or more"
    return f"between {_number(least)} and {_number(most)}"


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"
