"""A translator for the browser: a folder for any static host, or one HTML file that opens from disk."""

from __future__ import annotations

import base64
import datetime
import gzip
import json
import tempfile
import zlib
from collections.abc import Mapping
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any, NamedTuple

from nmt import browser
from nmt import model_folder as folders
from nmt.atomic_write import write_file
from nmt.config import Decoding, beam_size
from nmt.data.tokenizers import Tokenizers
from nmt.errors import InputError, WorkFailed
from nmt.export import web_bundle
from nmt.export.stored_in_int8 import MAGIC
from nmt.export.web_model import signatures
from nmt.export.web_runtime import NAME, Runtime
from nmt.inference.confidence_file import as_numbers
from nmt.inference.translator import Translator
from nmt.plotting.html import web_page

FORMAT = 1
_WASM = "litert.wasm"
_CONTENTS = "model.json"


class About(NamedTuple):
    """What a page says of its model.

    Attributes:
        name: of the model.
        languages: of the source and the target, as in ``("ko", "en")``; empty if they are unknown.
        card: the text of the card.
        quality: a line on its quality, or "" if it was not measured.
    """

    name: str
    languages: tuple[str, str]
    card: str
    quality: str = ""


def contents(model: bytes, translator: Translator, settings: Decoding, quantize: str, about: About) -> dict[str, Any]:
    """Return the description of an export, which its scripts read."""
    named = _model_name(model)
    files = {named: model, **_tokenizer_files(translator.tokenizers)}
    names = sorted(name for name in files if name != named)
    return {
        "format": FORMAT,
        "name": about.name,
        "languages": about.languages,
        "made": f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}",
        "by": f"nmt {installed('nmt')}",
        "runtime": NAME,
        "weights": "float32" if quantize == "none" else quantize,
        "beam": beam_size(settings),
        "quality": about.quality,
        "n_best": settings.n_best,
        "aligned": translator.aligned,
        "linked": translator.linked,
        "frequent": sorted(translator.tokenizers.target.frequent()),
        "stand_ins": translator.stand_ins(),
        "confidence": translator.confidence
        and {**as_numbers(translator.confidence), "weak": translator.confidence.weak},
        "script": web_bundle.module_checksum(),
        "model": named,
        "source": names[0],
        "target": names[-1],
        "signatures": [each._asdict() for each in signatures(settings)],
        "files": {name: {"size": len(each), "crc32": zlib.crc32(each)} for name, each in files.items()},
    }


def write_folder(
    to: Path, model: bytes, tokenizers: Tokenizers, described: Mapping[str, Any], runtime: Runtime, about: About
) -> None:
    """Write a new folder: a page, its scripts, and all that they read.

    Raises:
        InputError: if the folder holds something, or cannot be written.
    """
    files: dict[str, bytes | str] = {
        _model_name(model): model,
        **_tokenizer_files(tokenizers),
        _WASM: runtime.wasm,
        "worker.js": web_bundle.worker(runtime),
        "translate.mjs": web_bundle.module(),
        "translate.d.mts": browser.path("translate.d.mts").read_bytes(),
        _CONTENTS: json.dumps(described, ensure_ascii=False, indent=1) + "\n",
        "card.md": about.card,
        "licenses.txt": licenses(),
        "index.html": _page(described, tokenizers, about, embedded=None),
    }

    def fill(aside: Path) -> None:
        for name, content in files.items():
            (aside / name).write_bytes(content.encode() if isinstance(content, str) else content)

    folders.make(to, fill)


def write_single(
    to: Path, model: bytes, tokenizers: Tokenizers, described: Mapping[str, Any], runtime: Runtime, about: About
) -> None:
    """Write one HTML file with all in it.

    Raises:
        InputError: if it exists, or cannot be written.
    """
    embedded = {
        _model_name(model): model,
        **_tokenizer_files(tokenizers),
        _WASM: runtime.wasm,
        "worker.js": web_bundle.worker(runtime).encode(),
        "licenses.txt": licenses().encode(),
    }
    page = _page(described, tokenizers, about, {name: _packed(each) for name, each in embedded.items()})
    if to.exists():
        raise InputError(f"{to} exists, and is not overwritten.")
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        write_file(to, page.encode())
    except OSError as error:
        raise InputError(f"{to} cannot be written: {error.strerror}.") from None


def licenses() -> str:
    """Return the licences of all that an export holds beside the model.

    Raises:
        WorkFailed: if those of the runtime's parts are missing.
    """
    from importlib import resources

    notices = resources.files("tensorflow").joinpath("THIRD_PARTY_NOTICES.txt")
    if not notices.is_file():
        raise WorkFailed(
            "The TensorFlow that is installed has no THIRD_PARTY_NOTICES.txt, which an export must hold. Install it "
            "again. Nothing was written."
        )
    parts = [
        f"The scripts and the page are those of nmt {installed('nmt')}, and the runtime is {NAME}, "
        "https://github.com/google-ai-edge/LiteRT. Both are under the Apache License 2.0, which follows. The runtime's "
        "WebAssembly holds parts of TensorFlow Lite and of what it is built from: their notices, as TensorFlow "
        f"{installed('tensorflow')} gives them, come after it. Letters of the font NanumGothic, copyright 2011 NHN "
        "Corporation, are under the SIL Open Font License 1.1, https://openfontlicense.org.",
        browser.path("Apache-2.0.txt").read_text(encoding="utf-8"),
        browser.path("notices.txt").read_text(encoding="utf-8"),
        notices.read_bytes().decode("utf-8", "replace"),
    ]
    return "\n\n".join(parts)


def _page(
    described: Mapping[str, Any], tokenizers: Tokenizers, about: About, embedded: Mapping[str, str] | None
) -> str:
    letters = {
        letter
        for side in (tokenizers.source, tokenizers.target)
        for letter in "".join(side.pieces(range(side.vocabulary)))
    }
    return web_page(
        f"{about.name} – nmt",
        client=web_bundle.client(),
        contents=described,
        embedded=embedded,
        letters=letters,
        card=about.card,
    )


def _model_name(model: bytes) -> str:
    """Return the name of the file of a model: what is stored in int8 is no TFLite file until it is unpacked."""
    return "model.int8" if model.startswith(MAGIC) else "model.tflite"


def _tokenizer_files(tokenizers: Tokenizers) -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as place:
        tokenizers.save(Path(place))
        return {path.name: path.read_bytes() for path in sorted(Path(place).iterdir())}


def _packed(content: bytes) -> str:
    """Return bytes compressed, in letters that a page can hold."""
    return base64.b64encode(gzip.compress(content, 9, mtime=0)).decode()
