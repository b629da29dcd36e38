"""The checks before a run. They need no TensorFlow, so a wrong setting is refused before a long corpus is read."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from nmt.config import Config, from_file, with_settings
from nmt.data.corpora import Corpus
from nmt.data.stretches import stretches
from nmt.data.word_links import check_guided
from nmt.errors import InputError
from nmt.model_folder import check_continues, check_new, check_same

logger = logging.getLogger(__name__)


def check_workers(config: Config, corpus: Corpus, workers: int) -> None:
    """Check that several machines can share a run.

    Raises:
        InputError: if the corpus or a setting is for one machine.
    """
    training = config.training
    size = training.batch_size
    if not corpus.seekable:
        raise InputError("Several workers each read a share of files: name them with --pairs, --source or --text.")
    if training.devices != 1 or training.accumulate != 1 or training.xla == "on":
        raise InputError(
            "With several workers training.devices and training.accumulate must be 1, and training.xla must not be on: "
            "a worker is one device, and a larger training.batch_size does what accumulate does."
        )
    if size % workers:
        near = max(workers, round(size / workers) * workers)
        raise InputError(
            f"training.batch_size = {size} cannot be shared by {workers} workers evenly. Use {near}, on all of them."
        )
    if (shares := len(stretches(corpus, config.data.shuffle_buffer))) < workers:
        raise InputError(
            f"{corpus.name} has {corpus.size:,} pairs, too few for {workers} workers: each reads stretches of its own, "
            f"and there are {shares}. Use at most {shares}."
        )


def over_trained(trained: Config, given: Callable[[Config], Config]) -> Config:
    """Return the config of a model's folder with what a user has set over it.

    A search that is to be chosen again, by ``decoding.beam = auto``, has no length penalty yet unless the user sets
    one: that of the folder may be the one that was chosen last time. A message in the log says so.

    Arguments:
        trained: the config of the folder.
        given: returns a config with the user's settings over it.

    Raises:
        InputError: for a setting that does not exist, or has no effect.
    """
    chosen, penalty = given(trained), trained.decoding.length_penalty
    if chosen.decoding.beam != "auto" or trained.decoding.beam == "auto" or not penalty:
        return chosen
    unchosen = dataclasses.replace(trained.decoding, beam="auto", length_penalty=0.0)
    chosen = given(dataclasses.replace(trained, decoding=unchosen))
    if not chosen.decoding.length_penalty:
        logger.info(
            f"decoding.beam = auto: beams and length penalties are tried anew. Set decoding.length_penalty={penalty:g} "
            "to keep that of the model's folder."
        )
    return chosen


def file_and_settings(base: Config, file: Path | None, settings: Sequence[str], resume: bool) -> Config:
    """Return a config with a TOML file over it, and settings over both.

    Arguments:
        base: the config.
        file: the TOML file, if there is one.
        settings: as ``section.key=value``.
        resume: whether ``base`` is the config of a run that is resumed. What the file says of a beam is then left out
            over a greedy search, which may have been chosen; so the beam of the settings comes first.

    Raises:
        InputError: for a setting that does not exist, or has no effect.
    """
    if file:
        beam = [setting for setting in settings if setting.partition("=")[0].strip() == "decoding.beam"]
        base = from_file(file, with_settings(base, beam) if resume else base, resumed=resume)
    return with_settings(base, settings, resumed=resume)


def prepare_run(
    config: Config, folder: Path | None, linked: bool, resume: bool = False, start: Path | None = None
) -> None:
    """Check that a run may begin, or be resumed, in a folder.

    Arguments:
        config: the whole configuration.
        folder: where the model goes; None if nothing is written, or the folder is checked elsewhere.
        linked: whether there are word links.
        resume: whether the run in ``folder`` is continued.
        start: the folder of a model to begin with.

    Raises:
        InputError: if the folder holds another model, the run to resume or the model to begin with does not fit the
            config, or word links are missing or have no use.
    """
    check_guided(config, linked)
    # A search that draws may be asked for later; only a run must not fail at its end.
    if config.training.confidence == "on" and config.decoding.sample:
        raise InputError(
            "training.confidence = 'on' learns how likely the best translation is right, and decoding.sample = true "
            "draws one at random. Leave one of them out."
        )
    if folder and resume:
        check_same(folder, config)
        return
    if folder:
        check_new(folder, hint=", or resume its run")
    if start:
        check_continues(start, config)
