"""The runtime of a page, LiteRT.js: fetched by npm in a pinned version, checked, and kept.

Its binaries belong to others, so they are not a part of this package. LiteRT.js is what runs TFLite models in browsers,
https://ai.google.dev/edge/litert/web.
"""

from __future__ import annotations

import base64
import hashlib
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import NamedTuple

from nmt.atomic_write import write_file
from nmt.errors import InputError


class Package(NamedTuple):
    """A package of npm: its name and version, and the SHA-512 of its archive as npm writes it."""

    name: str
    version: str
    integrity: str

    @property
    def archive(self) -> str:
        """The name of the file that ``npm pack`` writes."""
        return f"{self.name.removeprefix('@').replace('/', '-')}-{self.version}.tgz"


CORE = Package(
    "@litertjs/core",
    "2.5.3",
    "PlGmbMOq9WitX7FO0jhbdJw9GthatsyuCQXjTt/wJZo0FLaw48q4tz8IwqgqCIkviYGr9OFDL1kCnN4nzWoyJQ==",
)
LOADER = Package(
    "@litertjs/wasm-utils",
    "2.5.3",
    "4fJiw6tBQnIs+0jH/OQ16nYOiSl8/+zZnn5h2ul8aTKHi05sVqZW580Tmk78pC2kT39A9OYBVdFawteZ/sI1kQ==",
)
NAME = f"{CORE.name} {CORE.version}"
_WAIT = 300  # seconds
# The build that needs nothing but WebAssembly: threads and other features brought nothing at this size.
_BUILD = "package/wasm/litert_wasm_compat_internal"


class Runtime(NamedTuple):
    """What a page needs of it.

    Attributes:
        wasm: the WebAssembly.
        factory: the script that makes a module of it, which defines ``ModuleFactory``.
        core, loader: the ES modules of the two packages.
    """

    wasm: bytes
    factory: str
    core: str
    loader: str


def read_runtime(folder: Path | None = None) -> Runtime:
    """Return the runtime.

    Arguments:
        folder: where the archives are. Without it they are kept in the user's cache, and fetched there by npm once.

    Raises:
        InputError: if an archive is missing and cannot be fetched, or is not the one that is known here.
    """
    core, loader = (_opened(package, folder) for package in (CORE, LOADER))
    return Runtime(
        wasm=core[f"{_BUILD}.wasm"],
        factory=core[f"{_BUILD}.js"].decode(),
        core=core["package/dist/index.js"].decode(),
        loader=loader["package/dist/index.js"].decode(),
    )


def cache() -> Path:
    """Return the folder in which fetched archives are kept.

    Raises:
        InputError: if there is none, because the user has no home folder.
    """
    home = Path(os.path.expanduser("~"))
    if sys.platform == "darwin":
        base = home / "Library" / "Caches"
    elif sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", home))
    else:
        # A path that is not absolute is to be ignored, says the specification of the XDG base directories.
        named = Path(os.environ.get("XDG_CACHE_HOME") or "")
        base = named if named.is_absolute() else home / ".cache"
    if not base.is_absolute():
        raise InputError(
            f"There is no folder to keep {CORE.name} in, because this user has no home folder. Set XDG_CACHE_HOME, or "
            "name the folder of the archives with --runtime."
        )
    return base / "nmt" / "npm"


def _opened(package: Package, folder: Path | None) -> dict[str, bytes]:
    """Return the files of a package that are needed here, by their names in its archive."""
    place = (folder or cache()) / package.archive
    if folder is None and not _is_whole(package, place):
        _fetch(package, place)
    try:
        content = place.read_bytes()
    except OSError as error:
        raise InputError(
            f"{place} cannot be read: {error.strerror}. --runtime names the folder into which "
            f"`npm pack {CORE.name}@{CORE.version} {LOADER.name}@{LOADER.version}` wrote its archives."
        ) from None
    if not _matches(package, content):
        raise InputError(f"{place} is not {package.name} {package.version}: its checksum is another one.")
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        wanted = [each for each in archive if each.isfile() and each.name.endswith((".js", ".wasm"))]
        return {each.name: archive.extractfile(each).read() for each in wanted}  # type: ignore[union-attr]


def _fetch(package: Package, place: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise InputError(
            f"A page needs the runtime {NAME}, which is fetched by npm, and npm is not installed. Install Node.js, or "
            "name with --runtime a folder that holds its archives."
        )
    wanted = f"{package.name}@{package.version}"
    try:
        with tempfile.TemporaryDirectory() as aside:
            quiet = ("--loglevel=error", "--ignore-scripts", "--fetch-retries=1")
            command = [npm, "pack", wanted, *quiet, "--pack-destination", aside]
            subprocess.run(command, check=True, capture_output=True, timeout=_WAIT, cwd=aside)
            content = Path(aside, package.archive).read_bytes()
    except subprocess.TimeoutExpired:
        raise InputError(f"npm did not bring {wanted} within {_WAIT} s. Is there a network?") from None
    except subprocess.CalledProcessError as error:
        # Its lines hold addresses of this machine's network, so none is shown whole.
        code = re.search(rb"^npm \S+ code (E[A-Z0-9_]+)\b", error.stderr, re.MULTILINE)
        reason = code[1].decode() if code else f"it ended with exit code {error.returncode}"
        raise InputError(
            f"npm could not bring {wanted}: {reason}. Without a network, name with --runtime a folder that "
            "holds its archives."
        ) from None
    except OSError as error:
        raise InputError(f"npm did not bring {wanted}: {error.strerror}.") from None
    if not _matches(package, content):
        raise InputError(f"npm brought another {wanted} than is known here: its checksum is another one.")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        write_file(place, content)
    except OSError as error:
        raise InputError(f"{place} cannot be written: {error.strerror}.") from None


def _is_whole(package: Package, place: Path) -> bool:
    try:
        return _matches(package, place.read_bytes())
    except OSError:
        return False


def _matches(package: Package, content: bytes) -> bool:
    return base64.b64encode(hashlib.sha512(content).digest()).decode() == package.integrity
