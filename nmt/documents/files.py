"""Files that hold text, by the ending of their names."""

from __future__ import annotations

from collections.abc import Callable

from nmt.documents import docx, html_pages, markdown, po, subtitles
from nmt.documents.fields import Field, Opened, opened
from nmt.documents.parts import plain, spelled
from nmt.errors import InputError
from nmt.text_encoding import BOM, decode_start, other_encoding, wide_encoding

# A file is held in memory, and translated as a whole or not at all.
LARGEST = 64 * 2**20
_CONTROLS = bytes({*range(9), 11, *range(14, 27), *range(28, 32)})


def _plain(text: str, name: str, mark: str, inline: bool = True) -> Opened:
    return opened(text, [Field(0, len(text), plain(text), spelled)] if text else [], (), mark)


# What reads a text of each kind: its arguments are the text, the name of its file, a byte order mark or nothing, and
# whether marks are inside lines.
READERS: dict[str, Callable[[str, str, str, bool], Opened]] = {
    ".txt": _plain,
    ".srt": subtitles.read,
    ".vtt": subtitles.read,
    ".html": html_pages.read,
    ".htm": html_pages.read,
    ".md": markdown.read,
    ".po": po.read,
}
KINDS = (*READERS, ".docx")


def kind_of(name: str) -> str:
    """Return the kind of a file: the ending of its name.

    Raises:
        InputError: if such files cannot be read.

    >>> kind_of("Film.SRT")
    '.srt'
    """
    for kind in KINDS:
        if name.lower().endswith(kind):
            return kind
    raise InputError(f"{name} is of no kind that can be translated as a file. These are: {' '.join(KINDS)}.")


def open_file(raw: bytes, name: str, inline: bool = True) -> Opened:
    """Open a file.

    Arguments:
        raw: its bytes.
        name: of the file, whose ending says what it is; errors name it.
        inline: whether texts have the marks inside their lines; otherwise they are cut at each.

    Raises:
        InputError: if its kind is unknown, it is damaged, too large, binary or in another encoding than UTF-8, or a
            library that reads it is not installed.
    """
    kind = kind_of(name)
    if len(raw) > LARGEST:
        raise InputError(f"{name} has more than {LARGEST // 2**20} MiB, and no more is read at once. Split it.")
    if kind == ".docx":
        return docx.read(raw, name, inline)
    if (
        not other_encoding(raw)
        and sum(map(raw[:4096].count, (bytes([each]) for each in _CONTROLS))) > len(raw[:4096]) / 100
    ):
        if wide := wide_encoding(raw):
            raise InputError(f"{name} seems to be {wide}. Convert it to UTF-8: iconv -f {wide} -t UTF-8 OLD > NEW")
        raise InputError(f"{name} is not text: it has control characters, as a picture or a program has.")
    text = decode_start(raw, name)
    mark = BOM if raw.startswith(BOM.encode()) else ""
    return READERS[kind](text, name, mark, inline)
