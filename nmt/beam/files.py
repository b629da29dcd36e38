"""Files on any of Beam's file systems: those of the input and of the output, and their lines."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems

from nmt.errors import InputError, first_line

# A shard as Beam, TFDS and others name them: 00002-of-00010.
_SHARD = re.compile(r"-(\d+)-of-(\d+)(?=\D|$)")
# What an error of ours looks like in what a runner says of it.
_OURS = re.compile(r"InputError: (.*?)(?: \[while running|\n|$)")


def find_input(pattern: str, option: str = "--input") -> list[str]:
    """Return the files that a pattern of any of Beam's file systems matches, sorted.

    Arguments:
        pattern: as ``corpus/*.ko`` or ``gs://bucket/corpus-*.ko``.
        option: what it is called in errors.

    Raises:
        InputError: if there are none, or if some of a number of shards are missing.
    """
    found = sorted(_matches(pattern, f"{option} {pattern}"))
    if not found:
        raise InputError(f"{option} {pattern} matches no file. Check the pattern and the folder.")
    if missing := missing_shards(found):
        more = f" and {len(missing) - 1:,} more" if len(missing) > 1 else ""
        raise InputError(
            f"{option} {pattern} does not match the shard {missing[0]}{more}, which other names tell of. Bring what is "
            "missing, or rename the shards so that their names do not say how many there are."
        )
    return found


def missing_shards(paths: Iterable[str]) -> list[str]:
    """Return which shards are not there, of those whose names say how many there are.

    >>> missing_shards(["a-00000-of-00003.ko", "a-00002-of-00003.ko", "b.ko"])
    ['a-00001-of-00003.ko']
    """
    sets: dict[tuple[str, str, str], set[int]] = {}
    for path in paths:
        if shard := _SHARD.search(path):
            key = (path[: shard.start()], shard[2], path[shard.end() :])
            sets.setdefault(key, set()).add(int(shard[1]))
    return [
        f"{begin}-{number:0{len(total)}}-of-{total}{end}"
        for (begin, total, end), numbers in sorted(sets.items())
        for number in range(int(total))
        if number not in numbers
    ]


def find_output(prefix: str) -> set[str]:
    """Return the files that begin with the prefix of the output.

    Raises:
        InputError: if its file system cannot be asked.
    """
    return set(_matches(f"{prefix}-*", f"--output {prefix}"))


def _matches(pattern: str, named: str) -> list[str]:
    try:
        return [file.path for match in FileSystems.match([pattern]) for file in match.metadata_list]
    except Exception as error:  # whatever a file system raises that is not installed or not reached
        raise InputError(f"{named} cannot be looked up: {first_line(error)}") from None


def read_lines(path: str) -> Iterator[str | None]:
    """Yield the lines of a file, as :mod:`nmt.data.corpora` reads them; one that is no UTF-8 is ``None``.

    Raises:
        InputError: if the file cannot be read, as one that is no longer there.
    """
    for place, raw in enumerate(raw_lines(path)):
        line = raw.removesuffix(b"\n").rstrip(b"\r").replace(b"\r", b" ")
        if place == 0:
            line = line.removeprefix(b"\xef\xbb\xbf")
        try:
            yield line.decode()
        except UnicodeDecodeError:
            yield None


def raw_lines(path: str) -> Iterator[bytes]:
    """Yield the lines of a file, plain or compressed, as they are.

    Raises:
        InputError: if the file cannot be read.
    """
    try:
        with FileSystems.open(path) as file:
            yield from iter(file.readline, b"")
    except Exception as error:  # each file system and each kind of compression has errors of its own
        raise InputError(f"{path} cannot be read: {first_line(error)}") from None


def write_text(path: str, text: str) -> None:
    """Write a file aside, then rename it, so that it is there whole or not at all."""
    aside = f"{path}.{uuid.uuid4().hex}.part"
    try:
        with FileSystems.create(aside, compression_type=CompressionTypes.UNCOMPRESSED) as file:
            file.write(text.encode("utf-8", "surrogatepass"))
        if FileSystems.exists(path):
            FileSystems.delete([path])
        FileSystems.rename([aside], [path])
    except BaseException:
        with suppress(Exception):
            FileSystems.delete([aside])
        raise


def our_error(error: BaseException) -> InputError | None:
    """Return the error of this package that made a pipeline fail, if one did.

    >>> our_error(RuntimeError("Traceback …\\nnmt.errors.InputError: a.ko cannot be read: gone [while running 'Read']"))
    InputError('a.ko cannot be read: gone')
    """
    if isinstance(error, InputError):
        text: Any = f"InputError: {error}"
    else:
        text = str(error)
    found = _OURS.search(text)
    return InputError(found[1]) if found else None
