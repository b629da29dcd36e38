"""Loading and saving: a model with its tokenizers and its config, from and to a folder."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import keras
import psutil

from nmt import checksums
from nmt.config import LABELLING, MASKED, Config, settled
from nmt.data.labels import Labels
from nmt.data.tokenizers import Tokenizers, file_names
from nmt.errors import InputError, as_typed, first_line
from nmt.model_folder import CONFIDENCE, CONFIG, HEAD, LABELS, WEIGHTS, config_text, make, read_config, require_weights
from nmt.models.build import build_model
from nmt.models.caption_model import CaptionModel
from nmt.models.classifier import SequenceClassifier
from nmt.models.language_model import LanguageModel
from nmt.models.masked_language_model import MaskedLanguageModel
from nmt.models.precision import precision
from nmt.models.seq2seq import Seq2Seq
from nmt.models.tagger import SequenceTagger
from nmt.stored_arrays import check_h5
from nmt.tf_import import without_memory


def load(folder: Path) -> tuple[Seq2Seq | LanguageModel, Tokenizers, Config]:
    """Load a model that writes text from its folder.

    Raises:
        InputError: if the folder holds no model, or one that labels or reads features, or is incomplete or damaged.
    """
    config = read_config(folder)
    if config.model.architecture in LABELLING:
        raise InputError(f"{folder} is a {config.model.architecture}, which labels texts. Use `nmt label`.")
    if config.model.architecture == MASKED:
        raise InputError(
            f"{folder} is a pretrained encoder, which writes nothing. Begin a classifier or a tagger with it: "
            f"nmt train --labels FILE --from {as_typed(folder)}."
        )
    if config.model.source == "features":
        raise InputError(f"{folder} describes features, and reads no text. Use `nmt caption`.")
    return _load(folder, config, None)


def load_captions(folder: Path) -> tuple[CaptionModel, Tokenizers, Config]:
    """Load a model that describes features from its folder.

    Raises:
        InputError: if the folder holds no model or one that reads text, or is incomplete or damaged.
    """
    config = read_config(folder)
    if config.model.source != "features":
        raise InputError(f"{folder} describes no features: it reads text (model.source = 'text').")
    return _load(folder, config, None)


def load_pretrained(folder: Path) -> tuple[MaskedLanguageModel, Tokenizers, Config]:
    """Load an encoder that has learned to name masked tokens from its folder.

    Raises:
        InputError: if the folder holds no model or another one, or is incomplete or damaged.
    """
    config = read_config(folder)
    if config.model.architecture != MASKED:
        raise InputError(f"{folder} is no pretrained encoder: its architecture is '{config.model.architecture}'.")
    return _load(folder, config, None)


def load_labelling(folder: Path) -> tuple[SequenceClassifier | SequenceTagger, Tokenizers, Config, Labels]:
    """Load a classifier or a tagger from its folder.

    Raises:
        InputError: if the folder holds no model or one that writes text, or is incomplete or damaged.
    """
    config = read_config(folder)
    if config.model.architecture not in LABELLING:
        raise InputError(f"{folder} is no classifier or tagger: its architecture is '{config.model.architecture}'.")
    labels = Labels.load(folder)
    return (*_load(folder, config, labels), labels)


def _load(folder: Path, config: Config, labels: Labels | None) -> tuple[Any, Tokenizers, Config]:
    checksums.check(folder, _together(config))
    tokenizers = Tokenizers.load(folder, config.text.joint)
    for tokenizer in (tokenizers.source, tokenizers.target):
        if tokenizer.normalization != config.text.normalization:
            raise InputError(
                f"{folder}: text.normalization is {config.text.normalization!r} in {CONFIG}, and the tokenizers follow "
                f"{tokenizer.normalization!r}: one of the files belongs to another model."
            )
    _check_size(config, sizes(tokenizers, labels), folder / WEIGHTS)
    with precision("float32"):
        model = build_model(config, *sizes(tokenizers, labels))
    load_weights(model, folder / WEIGHTS)
    return model, tokenizers, config


def sizes(tokenizers: Tokenizers, labels: Labels | None) -> tuple[int, int]:
    """Return how many tokens a model reads, and how many tokens or labels it writes."""
    return tokenizers.source.vocabulary, len(labels.names) if labels else tokenizers.target.vocabulary


def save(folder: Path, model: Any, tokenizers: Tokenizers, config: Config, labels: Labels | None = None) -> None:
    """Save a model to a folder that :func:`load`, or with labels :func:`load_labelling`, opens anywhere.

    Raises:
        InputError: if the folder exists and is not empty, or the model was not built from the config.
    """
    config = settled(config, tokenizers.target.normalization)
    with precision("float32"):
        expected = build_model(config, *sizes(tokenizers, labels))
    rules = {tokenizers.source.normalization, tokenizers.target.normalization}
    joint = tokenizers.joint == config.text.joint
    if not joint or rules != {config.text.normalization} or _described(expected) != _described(model):
        raise InputError("The model or its tokenizers do not fit the config, so the folder could not be loaded again.")

    def fill(aside: Path) -> None:
        write_settings(aside, config, tokenizers, labels)
        # Not those of the model, which has an optimizer if it is compiled.
        expected.set_weights(model.get_weights())
        for copy, seed in zip(_seeds(expected), _seeds(model), strict=True):
            copy.assign(seed)
        save_weights(expected, aside / WEIGHTS)
        checksums.write(aside, _together(config))

    make(folder, fill)


def write_settings(folder: Path, config: Config, tokenizers: Tokenizers, labels: Labels | None = None) -> None:
    """Write everything in a model's folder except the weights."""
    (folder / CONFIG).write_bytes(config_text(config))
    tokenizers.save(folder)
    if labels:
        labels.save(folder)
    checksums.write(folder, _together(config)[:-1])


def replace_config(folder: Path, config: Config) -> None:
    """Write the config of a run that is resumed."""
    checksums.replace(folder, CONFIG, config_text(config))


def replace_weights(folder: Path, model: keras.Model) -> None:
    """Write better weights into the folder of a run. A stop at any moment leaves the old ones or the new ones."""
    # An alignment head is taught on the states of certain weights, a confidence learned from their scores: neither fits
    # others.
    for name in (CONFIDENCE, HEAD):
        (folder / name).unlink(missing_ok=True)
    checksums.replace(folder, WEIGHTS, lambda aside: save_weights(model, aside))


def replace_weights_by(folder: Path, content: bytes) -> None:
    """Write the content of a file of weights into a model's folder, in place of its weights, and keep its other files.

    Raises:
        OSError: if it cannot be written.
    """
    (folder / CONFIDENCE).unlink(missing_ok=True)
    checksums.replace(folder, WEIGHTS, content)


def _together(config: Config) -> list[str]:
    """Return the files that belong together, the weights last."""
    labels = [LABELS] if config.model.architecture in LABELLING else []
    return [CONFIG, *labels, *file_names(config.text.joint), WEIGHTS]


def _check_size(config: Config, sizes: tuple[int, int], path: Path) -> None:
    """Check that a model is not larger than its weights and fits into memory, before it is built.

    Raises:
        InputError: if it is or does not.
    """
    with without_memory():
        described = build_model(config, *sizes)
    numbers = sum(math.prod(weight.shape) for weight in described.weights)
    memory = psutil.virtual_memory().total
    if path.is_file() and 4 * numbers > path.stat().st_size:
        raise InputError(
            f"{path} does not fit {CONFIG} beside it: one of them is damaged or belongs to another model (it is too "
            f"small for {numbers:,} parameters)."
        )
    if 4 * numbers > memory:
        raise InputError(
            f"The model that {path.parent / CONFIG} describes has {numbers:,} parameters, {4 * numbers / 2**30:,.0f} "
            f"GiB, and this machine has {memory / 2**30:,.0f} GiB of memory."
        )


def _seeds(model: keras.Model) -> list[keras.Variable]:
    """Return the states of a model's random numbers: its file of weights has them, too, so a copy has equal files."""
    return [variable for variable in model.variables if "seed_generator" in variable.path]


# What two layers that compute the same may have of their own.
_INCIDENTAL = ("name", "dtype", "trainable", "build_config", "compile_config")


def _described(model: keras.Model) -> tuple[Any, list[tuple]]:
    """Return what a model computes and the shapes of its weights: two models of one config have the same."""
    return _settings(model.get_config()), [tuple(weight.shape) for weight in model.weights]


def _settings(value: Any) -> Any:
    """Return what a layer was made with, and the layers in it, in lists where it may be tuples."""
    if isinstance(value, dict):
        return {key: _settings(part) for key, part in value.items() if key not in _INCIDENTAL}
    return [_settings(part) for part in value] if isinstance(value, list | tuple) else value


def save_weights(model: keras.Model, path: Path) -> None:
    """Write a model's weights without its optimizer, which Keras would add and which is twice as large."""
    if model.compiled:
        twin = type(model).from_config(model.get_config())
        if not twin.built:
            twin.build()
        twin.set_weights(model.get_weights())
        model = twin
    model.save_weights(path)


def load_weights(model: keras.Model, path: Path) -> None:
    """Load weights into a model.

    Raises:
        InputError: if the file is missing, cut short, or belongs to another model.
    """
    require_weights(path)
    try:
        check_h5(path, sum(math.prod(variable.shape) for variable in model.variables))
        model.load_weights(path)
    except Exception as error:  # h5py and Keras raise anything on a damaged file
        others = " and ".join(sorted(file.name for file in path.parent.glob("*.spm.model")))
        raise InputError(
            f"{path} does not fit {CONFIG} and {others} beside it: one of them is damaged or belongs to another model "
            f"({first_line(error)})."
        ) from None
