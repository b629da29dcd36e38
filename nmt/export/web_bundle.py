"""The scripts of a page, joined from ES modules: neither a classic worker nor a page from disk can import any.

Joining is all that is done to them. Imports and exports go, because all names are in one scope then.
"""

from __future__ import annotations

import re
import zlib

from nmt import browser
from nmt.export.web_runtime import Runtime

_IMPORT = re.compile(r"^import [^;]*;\n", re.MULTILINE)
_EXPORT = re.compile(r"^export \{[^}]*\};?\n?", re.MULTILINE)
_SOURCE_MAP = re.compile(r"^//# sourceMappingURL=.*$", re.MULTILINE)
_WORKER = (
    "sentencepiece.mjs",
    "words.mjs",
    "confidence.mjs",
    "passages.mjs",
    "stored.mjs",
    "engine.mjs",
    "entities.mjs",
    "letters.mjs",
    "joining.mjs",
    "tagged.mjs",
    "marked.mjs",
    "links.mjs",
    "edits.mjs",
    "placing.mjs",
    "placeholders.mjs",
    "markup.mjs",
    "glossary.mjs",
    "runtime.mjs",
    "worker.mjs",
)
_JOINING = ("letters.mjs", "joining.mjs")
_CLIENT = "client.mjs"
_TRANSLATE = "translate.mjs"
# Where its checksum goes.
_SCRIPT = 'const SCRIPT = "{}";'


def worker(runtime: Runtime) -> str:
    """Return the script of the translator's thread, with all but the WebAssembly of the runtime."""
    # It warns that there is no graphics card, which is not used.
    silent = "{ log() {}, warn() {}, error: (...said) => globalThis.console.error(...said) }"
    core = f"{_joined(runtime.loader)}{_joined(runtime.core)}return {{ loadLiteRt, loadAndCompile, Tensor }};"
    parts = [
        '"use strict";\n',
        f"const LiteRt = ((console) => {{\n{core}\n}})({silent});\n",
        f"const ModuleFactory = (() => {{\n{runtime.factory}\nreturn ModuleFactory;\n}})();\n",
        *(_joined(_read(name)) for name in _WORKER),
    ]
    return "".join(parts)


def joining() -> str:
    """Return the part of a page's script that puts the translations of sentences together."""
    return "".join(_joined(_read(name)) for name in _JOINING)


def client() -> str:
    """Return the part of a page's script that starts the thread and asks it."""
    return joining() + _joined(_read(_CLIENT))


def module() -> str:
    """Return ``translate.mjs``: an ES module for other pages, and for Node."""
    return _module().replace(_SCRIPT.format(""), _SCRIPT.format(module_checksum()))


def module_checksum() -> str:
    """Return the checksum of ``translate.mjs``, as it was before it was written into it."""
    return f"{zlib.crc32(_module().encode()):08x}"


def _module() -> str:
    comment, _, code = _read(_TRANSLATE).partition("\n\n")
    return f"{comment}\n\n{client()}{_IMPORT.sub('', code)}"


def _read(name: str) -> str:
    return browser.path(name).read_text(encoding="utf-8")


def _joined(code: str) -> str:
    return _SOURCE_MAP.sub("", _EXPORT.sub("", _IMPORT.sub("", code)))
