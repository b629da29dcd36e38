"""The checks before a run. They need no TensorFlow, so a wrong setting is refused before a long corpus is read."""

from __future__ import annotations

from pathlib import Path

from nmt.config import Config
from nmt.data.word_links import check_guided
from nmt.model_folder import check_continues, check_new, check_same


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
    if folder and resume:
        check_same(folder, config)
        return
    if folder:
        check_new(folder, hint=", or continue its run with --resume")
    if start:
        check_continues(start, config)
