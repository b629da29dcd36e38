"""Sentence pairs from TensorFlow Datasets, by name, and from folders laid out for its ``TranslateFolder``."""

import contextlib
import itertools
import logging
import os
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tensorflow as tf

from nmt.data.corpora import Corpus, decode, from_files, unreadable
from nmt.errors import InputError, nearest
from nmt.tf_import import impatient_downloads, without_autotuning

TRANSLATE_FOLDER = "translate_folder"


def from_tfds(name: str, split: str, data_dir: Path | None = None) -> Corpus:
    """Open a translation dataset of TensorFlow Datasets, in the direction its authors chose.

    What is already prepared under ``data_dir`` is read from there, without the network and without the dataset's code.
    Anything else is downloaded and prepared, if TFDS knows it. ``split`` may be a slice: ``train[:10%]``.

    A folder laid out for ``tfds.TranslateFolder``, with files such as ``ko.train.txt`` and ``en.train.txt``, has the
    name ``translate_folder/SOURCE-TARGET``. Then ``data_dir`` is that folder, and you choose the direction:
    ``--tfds translate_folder/ko-en --data-dir DIR``.

    Raises:
        InputError: for a dataset, a split or a folder that does not exist or holds no pairs of text, or for a download
            that fails.

    >>> from_tfds("ted_hrlr_translate/pt_to_en", "train").size               # doctest: +SKIP
    51785
    >>> from_tfds("translate_folder/ko-en", "train", Path("corpus")).name    # doctest: +SKIP
    'ko.train.txt + en.train.txt'
    """
    if _is_folder(name):
        return _from_translate_folder(name, split, data_dir)
    builder = _prepared_builder(name, data_dir)
    try:
        size = builder.info.splits[split].num_examples
    except (KeyError, ValueError) as error:
        raise _unknown_split(name, split, list(builder.info.splits)) from error
    if size == 0:
        raise InputError(f"The split {split!r} of {name!r} is empty. Choose a larger one.")
    source, target = _languages(name, builder.info)
    return _Tfds(name=f"{name} ({split})", size=size, builder=builder, split=split, source=source, target=target)


def tfds_splits(name: str, data_dir: Path | None = None) -> list[str]:
    """Return the names of a dataset's splits. It is downloaded first if needed, as in ``from_tfds``.

    >>> "validation" in tfds_splits("ted_hrlr_translate/pt_to_en")           # doctest: +SKIP
    True
    """
    if _is_folder(name):
        return sorted({split for split, _ in _folder_files(data_dir)})
    return list(_prepared_builder(name, data_dir).info.splits)


@dataclass(frozen=True)
class _Tfds(Corpus):
    name: str
    size: int
    builder: Any
    split: str
    source: str
    target: str

    def dataset(self) -> tf.data.Dataset:
        import tensorflow_datasets as tfds

        # TFDS would keep a small dataset in memory and would interleave the shards of a large one.
        in_order = tfds.ReadConfig(try_autocache=False, interleave_cycle_length=1, skip_prefetch=True)
        examples = self.builder.as_dataset(split=self.split, shuffle_files=False, read_config=in_order)
        return examples.map(lambda example: (example[self.source], example[self.target]))

    def pairs(self) -> Iterator[tuple[str, str]]:
        for number, (source, target) in enumerate(without_autotuning(self.dataset()), 1):
            where = f"{self.name}, pair {number}"
            yield decode(source.numpy(), where), decode(target.numpy(), where)


def _prepared_builder(name: str, data_dir: Path | None) -> Any:
    import tensorflow_datasets as tfds

    with _quiet_tfds():
        try:
            builder = _find_builder(name, data_dir)
        except InputError:
            raise
        except tfds.core.DatasetNotFoundError as error:
            raise _unknown_dataset(name, data_dir) from error
        except Exception as error:
            raise InputError(f"The dataset {name!r} cannot be opened: {_first_line(error)}") from error
        # Asked before the download, which may take hours.
        _languages(name, builder.info)
        if not builder.is_prepared():
            _download(name, builder)
    return builder


def _find_builder(name: str, data_dir: Path | None) -> Any:
    """Return the builder of a dataset on the disk, of any version, or else of one that TFDS can make."""
    import tensorflow_datasets as tfds
    from tensorflow_datasets.core import read_only_builder

    folder = None if data_dir is None else os.fspath(data_dir)
    try:
        return read_only_builder.builder_from_files(name, data_dir=folder)
    except tfds.core.DatasetNotFoundError:
        base, _, config = name.partition(":")[0].partition("/")
        configs = list(tfds.builder_cls(base).builder_configs)
        if config and configs and config not in configs:
            raise InputError(f"TFDS has {base!r}, but no {name!r}." + nearest(config, configs)) from None
        return tfds.builder(name, data_dir=folder, try_gcs=False)


def _download(name: str, builder: Any) -> None:
    import tensorflow_datasets as tfds

    try:
        with impatient_downloads():
            builder.download_and_prepare(download_config=tfds.download.DownloadConfig(try_download_gcs=False))
    except ImportError as error:
        raise InputError(
            f"Making the dataset {name!r} needs a Python package that is missing: pip install {error.name}."
        ) from error
    except Exception as error:
        raise InputError(
            f"The dataset {name!r} is not prepared under {builder.data_dir_root} and making it failed: "
            f"{_first_line(error)} Connect to the network, or prepare it elsewhere and give its folder as --data-dir."
        ) from error


def _languages(name: str, info: Any) -> tuple[str, str]:
    """Return the source and the target: the order ``as_supervised`` would give, else the translation's own."""
    import tensorflow_datasets as tfds

    texts: list[str] = []
    if isinstance(info.features, tfds.features.FeaturesDict):
        texts = [key for key, feature in info.features.items() if isinstance(feature, tfds.features.Text)]
    pair = info.supervised_keys or (texts if isinstance(info.features, tfds.features.Translation) else [])
    if len(pair) == 2 and all(key in texts for key in pair):
        return pair[0], pair[1]
    raise InputError(
        f"The dataset {name!r} does not pair one text with another. "
        "Choose a translation dataset, such as 'ted_hrlr_translate/pt_to_en'."
    )


@contextlib.contextmanager
def _quiet_tfds() -> Iterator[None]:
    """Silence TFDS, and send the line it prints about a download to standard error, away from the results."""
    import tensorflow_datasets as tfds

    tfds.disable_progress_bar()
    levels = {logger: logger.level for logger in map(logging.getLogger, ("absl", "urllib3.connectionpool"))}
    for logger in levels:
        logger.setLevel(logging.ERROR)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        for logger, level in levels.items():
            logger.setLevel(level)


def _unknown_dataset(name: str, data_dir: Path | None) -> InputError:
    import tensorflow_datasets as tfds

    # The catalogue has hundreds of names, and the message lists all that it was given when no name is close.
    catalogue = [known for known in tfds.list_builders(with_community_datasets=False) if "translate" in known]
    known = {*catalogue, "opus", "para_crawl", TRANSLATE_FOLDER}
    where = ""
    if data_dir is not None:
        where = f", nor prepared under {data_dir}"
        infos = [*Path(data_dir).glob("*/*/dataset_info.json"), *Path(data_dir).glob("*/*/*/dataset_info.json")]
        known |= {os.fspath(info.parent.parent.relative_to(data_dir)) for info in infos}
    return InputError(f"The dataset {name!r} is not known to TFDS{where}." + nearest(name, sorted(known)))


def _unknown_split(name: str, split: str, splits: list[str]) -> InputError:
    return InputError(f"The dataset {name!r} has no split {split!r}." + nearest(split, splits))


def _first_line(error: Exception) -> str:
    line = (str(error).strip() or type(error).__name__).splitlines()[0]
    return textwrap.shorten(line.partition(" (Caused by")[0], 160, placeholder=" …").removesuffix(".") + "."


# A folder laid out for tfds.TranslateFolder.
#
# The layout is TFDS's, but the reading is ours. TranslateFolder loads every split into memory when it is made, even if
# only its names are wanted. It also splits lines at U+2028 and the like, which shifts one language against the other.


def _is_folder(name: str) -> bool:
    return name.partition("/")[0] == TRANSLATE_FOLDER


def _from_translate_folder(name: str, split: str, data_dir: Path | None) -> Corpus:
    files = _folder_files(data_dir)
    splits = sorted({found for found, _ in files})
    if split not in splits:
        raise _unknown_split(f"{name} in {data_dir}", split, splits)
    languages = sorted(language for found, language in files if found == split)
    directions = {f"{a}-{b}": (a, b) for a, b in itertools.permutations(languages, 2)}
    direction = name.partition("/")[2]
    if direction not in directions:
        raise InputError(
            f"{name!r} does not name a direction that {data_dir} has for the split {split!r}: "
            f"write {TRANSLATE_FOLDER}/SOURCE-TARGET." + nearest(direction, list(directions) or ["none"])
        )
    source, target = directions[direction]
    return from_files(files[split, source], files[split, target])


def _folder_files(data_dir: Path | None) -> dict[tuple[str, str], Path]:
    """Map (split, language) to its file ``LANGUAGE.SPLIT.txt``."""
    if data_dir is None:
        raise InputError(f"{TRANSLATE_FOLDER} reads a folder of yours. Name it with --data-dir.")
    try:
        names = sorted(path.name.split(".") for path in Path(data_dir).iterdir())
    except OSError as error:
        raise unreadable(Path(data_dir), error) from error
    parts = [name for name in names if len(name) == 3 and all(name) and name[2] == "txt"]
    if not parts:
        raise InputError(f"{data_dir} holds no file named LANGUAGE.SPLIT.txt, such as ko.train.txt.")
    return {(split, language): Path(data_dir) / f"{language}.{split}.txt" for language, split, _ in parts}
