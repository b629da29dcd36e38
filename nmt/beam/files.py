"""Files on any of Beam's file systems: those of the input and of the output, and their lines."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import re
import uuid
import zlib
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any, TypeVar

from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems
from apache_beam.io.localfilesystem import LocalFileSystem

from nmt.atomic_write import make_folder, rename
from nmt.data.corpora import cut_lines
from nmt.data.mixture import missing_shards
from nmt.errors import InputError, first_line
from nmt.text_encoding import decode_start, other_encoding

_Found = TypeVar("_Found")
# What an error of ours looks like in what a runner says of it.
_OUR_ERROR = re.compile(r"InputError: (.*?)(?: \[while running|\n|$)")
# What has a meaning in a pattern.
_SPECIAL = re.compile(r"[\[*?]")
# What follows the prefix in the names of files that `nmt batch` writes.
_OUTPUT = re.compile(r"-((bad-)?\d{5,}-\d{5,}\.(txt|jsonl)|(counts|run)\.json)")
# A killed process leaves what it was writing under this name.
_UNFINISHED = re.compile(rf"{_OUTPUT.pattern}\.[0-9a-f]{{32}}\.part")
# Beam's own readers take a compressed file that was cut off for a shorter one; these do not.
_READERS: dict[str, Callable[[Any], Any]] = {
    CompressionTypes.UNCOMPRESSED: nullcontext,
    CompressionTypes.GZIP: gzip.open,
    CompressionTypes.BZIP2: bz2.open,
    CompressionTypes.LZMA: lzma.open,
}


def find_input(pattern: str, option: str = "--input") -> dict[str, int]:
    """Return the files that a pattern of any of Beam's file systems matches, sorted, each with its size in bytes.

    Arguments:
        pattern: as ``corpus/*.ko`` or ``gs://bucket/corpus-*.ko``, or the name of one file, whatever characters it has.
        option: what it is called in errors.

    Raises:
        InputError: if there are none, or if some of a number of shards are missing.
    """
    named = f"{option} {pattern}"
    found = _asked(named, lambda: _named_so(pattern) or dict(sorted(_matches(pattern))))
    if not found:
        raise InputError(f"{option} {pattern} matches no file. Check the pattern and the folder.")
    if missing := missing_shards(found):
        more = f" and {len(missing) - 1:,} more" if len(missing) > 1 else ""
        raise InputError(
            f"{option} {pattern} does not match the shard {missing[0]}{more}, which the others count. Bring what is "
            "missing, or rename the shards so that their names do not say how many there are."
        )
    return found


def find_output(prefix: str) -> set[str]:
    """Return the files that ``nmt batch`` has written under a prefix, each whole, and not those of a longer one.

    Raises:
        InputError: if its file system cannot be asked.
    """
    return find_parts(prefix, _OUTPUT, f"--output {prefix}")


def find_unfinished(prefix: str) -> set[str]:
    """Return the files that a killed ``nmt batch`` was writing under a prefix: nothing of them is of use.

    Raises:
        InputError: if its file system cannot be asked.
    """
    return find_parts(prefix, _UNFINISHED, f"--output {prefix}")


def remove_unfinished(prefix: str) -> None:
    """Remove what a killed ``nmt batch`` was writing under a prefix.

    Raises:
        InputError: if a file cannot be removed, or the file system cannot be asked.
    """
    for path in find_unfinished(prefix):
        try:
            remove(path)
        except Exception as error:  # each file system has errors of its own
            raise InputError(
                f"{path}, which a run that was stopped has left, cannot be removed: {first_line(error)}"
            ) from None


def find_parts(prefix: str, rest: re.Pattern[str], named: str) -> set[str]:
    """Return the files whose names are a prefix and something more.

    Arguments:
        prefix: of the names, with their folder. No character in it has a meaning.
        rest: what follows it.
        named: what the prefix is called in errors.

    Raises:
        InputError: if its file system cannot be asked.
    """

    def there() -> set[str]:
        if not _is_local(prefix):
            begin = len(prefix)
            return {path for path, _ in _matches(f"{_literal(prefix)}-*") if rest.fullmatch(path[begin:])}
        folder, begun = os.path.split(prefix)
        try:
            names = os.listdir(folder or os.curdir)
        except (FileNotFoundError, NotADirectoryError):
            names = []
        ends = [name[len(begun) :] for name in names if name.startswith(begun)]
        return {prefix + end for end in ends if rest.fullmatch(end)}

    return _asked(named, there)


def _asked(named: str, ask: Callable[[], _Found]) -> _Found:
    try:
        return ask()
    except Exception as error:  # whatever a file system raises that is not installed or not reached
        raise InputError(f"{named} cannot be looked up: {first_line(error)}") from None


def _matches(pattern: str) -> list[tuple[str, int]]:
    # Beam finds nothing by a pattern that begins in the folder it is in, but for this.
    here = f".{os.sep}" if _is_local(pattern) and not os.path.isabs(pattern) else ""
    return [
        (file.path.removeprefix(here), file.size_in_bytes)
        for match in FileSystems.match([here + pattern])
        for file in match.metadata_list
    ]


def _named_so(path: str) -> dict[str, int]:
    """Return the file whose name a pattern is, if there is one."""
    if _SPECIAL.search(path) and FileSystems.exists(path):
        return {path: FileSystems.get_filesystem(path).size(path)}
    return {}


def _literal(path: str) -> str:
    """Return the pattern that matches this path alone.

    >>> _literal("run[2]/a*.txt")
    'run[[]2]/a[*].txt'
    """
    return _SPECIAL.sub(r"[\g<0>]", path)


def _is_local(path: str) -> bool:
    return isinstance(FileSystems.get_filesystem(path), LocalFileSystem)


def read_lines(path: str) -> Iterator[str | None]:
    """Yield the lines of a file, as :mod:`nmt.data.corpora` reads them; one that is no UTF-8 is ``None``.

    Raises:
        InputError: if the file cannot be read, as one that is no longer there, or is in UTF-16.
    """
    for place, line in enumerate(cut_lines(raw_lines(path), path)):
        try:
            if place == 0 and other_encoding(line):
                yield decode_start(line, path)
            else:
                yield line.decode("utf-8" if place else "utf-8-sig")
        except UnicodeDecodeError:
            yield None


def read_text(path: str) -> str:
    """Return the text of a small file.

    Raises:
        InputError: if the file cannot be read.
    """
    return b"".join(raw_lines(path)).decode("utf-8", "replace")


def raw_lines(path: str) -> Iterator[bytes]:
    """Yield the lines of a file, plain or compressed, as they are.

    Raises:
        InputError: if the file cannot be read, is damaged, or is compressed in a way that is not known here.
    """
    kind = CompressionTypes.detect_compression_type(path)
    if kind not in _READERS:
        raise InputError(f"{path} is compressed in a way that is not read here. Use .gz, .bz2 or .xz.")
    number = 0
    try:
        with (
            FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED) as file,
            _READERS[kind](file) as lines,
        ):
            for line in iter(lines.readline, b""):
                number += 1
                yield line
    except (gzip.BadGzipFile, EOFError, zlib.error, lzma.LZMAError) as error:
        raise InputError(
            f"{path} is damaged after line {number}: {first_line(error).rstrip('.')}. Copy or compress it again."
        ) from None
    except Exception as error:  # each file system has errors of its own
        raise InputError(f"{path} cannot be read: {first_line(error)}") from None


def write_text(path: str, text: str) -> None:
    """Write a file aside, then rename it, so that it is there whole or not at all."""
    aside, content = f"{path}.{uuid.uuid4().hex}.part", text.encode("utf-8", "surrogatepass")
    try:
        if _is_local(path):
            make_folder(Path(path).parent)
            with open(aside, "wb") as local:
                local.write(content)
                local.flush()
                os.fsync(local.fileno())
            rename(Path(aside), Path(path))
            return
        # Other file systems keep what they have taken, so nothing is synced. Some rename to no name that is taken, so
        # the old file goes first: a stop in between leaves the new one aside, and no file of the name.
        with FileSystems.create(aside, compression_type=CompressionTypes.UNCOMPRESSED) as file:
            file.write(content)
        remove(path)
        FileSystems.rename([aside], [path])
    except BaseException:
        with suppress(Exception):
            remove(aside)
        raise


def remove(path: str) -> None:
    """Remove a file, if it is there."""
    if _is_local(path):
        with suppress(FileNotFoundError):
            os.remove(path)
    elif FileSystems.exists(path):
        # What Beam deletes, it takes for a pattern.
        FileSystems.delete([_literal(path)])


def our_error(error: BaseException) -> InputError | None:
    """Return the error of this package that made a pipeline fail, if one did.

    >>> our_error(RuntimeError("Traceback …\\nnmt.errors.InputError: a.ko cannot be read: gone [while running 'Read']"))
    InputError('a.ko cannot be read: gone')
    """
    if isinstance(error, InputError):
        text: Any = f"InputError: {error}"
    else:
        text = str(error)
    found = _OUR_ERROR.search(text)
    return InputError(found[1]) if found else None
