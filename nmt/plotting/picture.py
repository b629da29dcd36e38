"""What all pictures share: a style that does not depend on the machine, notes, and whole files."""

from __future__ import annotations

import io
import os
import textwrap
import unicodedata
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure
from matplotlib.text import Text

from nmt.atomic_write import write_file
from nmt.errors import InputError
from nmt.plotting.fonts import font_files, missing

PICTURES = (".png", ".svg")
DOTS_PER_INCH = 150

# The colours of Okabe and Ito, which colour-blind readers can tell apart.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")

# Control characters, halves of surrogate pairs, and ends of lines: an SVG may not hold the first two.
_UNSHOWN = ("Cc", "Cs", "Zl", "Zp")


def check_picture(path: Path, suffixes: Sequence[str] = PICTURES) -> None:
    """Make sure that a picture may be written to ``path``, before any work is done for it.

    Raises:
        InputError: if its ending is not one of ``suffixes``, or it cannot be written there.

    >>> check_picture(Path("heat.gif"))
    Traceback (most recent call last):
        ...
    nmt.errors.InputError: heat.gif must end in .png or .svg.
    """
    path = Path(path)
    if path.suffix.lower() not in suffixes:
        raise InputError(f"{path} must end in {' or '.join(suffixes)}.")
    folder = path.parent
    try:
        if path.is_dir():
            raise InputError(f"The file {path} cannot be written: it is a folder.")
        if not folder.is_dir():
            raise InputError(f"The file {path} cannot be written: there is no folder {folder}.")
        if not os.access(folder, os.W_OK | os.X_OK):
            raise InputError(f"The file {path} cannot be written: {folder} cannot be written to.")
    except OSError as error:
        raise InputError(f"The file {path} cannot be written: {error.strerror}.") from None


def write(path: Path, content: bytes, suffixes: Sequence[str] = PICTURES) -> None:
    """Write a picture, or leave the old one as it is.

    Raises:
        InputError: if it cannot be written there.
    """
    path = Path(path)
    check_picture(path, suffixes)
    try:
        write_file(path, content)
    except OSError as error:
        raise InputError(f"The file {path} cannot be written: {error.strerror}.") from None


@contextmanager
def style() -> Iterator[None]:
    """Draw with our settings within this context, whatever the machine's are, and leave those unchanged."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(
            {
                "font.family": list(font_files()),
                "font.size": 10,
                # A dollar in a sentence is a dollar.
                "text.parse_math": False,
                # Text as outlines: an SVG then needs no font where it is shown, and Hangul looks the same everywhere.
                "svg.fonttype": "path",
                # Names inside an SVG are made from this, not at random: the same picture is the same file.
                "svg.hashsalt": "nmt",
                "axes.spines.top": False,
                "axes.spines.right": False,
                "axes.edgecolor": "#666666",
                "grid.color": "#dddddd",
                "legend.frameon": False,
            }
        )
        yield


@dataclass(frozen=True)
class Picture:
    """A figure that a notebook shows by itself when it is the last thing in a cell.

    >>> Picture(Figure(figsize=(3, 2)))
    Picture(3.0 by 2.0 inches)
    """

    figure: Figure

    def __repr__(self) -> str:
        wide, high = self.figure.get_size_inches()
        return f"Picture({wide:.1f} by {high:.1f} inches)"

    def png(self, dots_per_inch: int = 100) -> bytes:
        """Return the picture as PNG, by default smaller than a file, since a notebook holds many."""
        with style():
            return _drawn(self.figure, "png", dots_per_inch)

    def _repr_png_(self) -> bytes:
        """Return the PNG that IPython shows."""
        return self.png()


def save(figure: Figure, path: Path) -> None:
    """Write a figure as PNG or SVG, by the ending of ``path``; a note names the characters that no font shows.

    Call it within ``style``. Two calls with the same figure write the same bytes.

    Raises:
        InputError: if it cannot be written there.
    """
    path = Path(path)
    check_picture(path)
    write(path, _drawn(figure, path.suffix.lower().lstrip("."), DOTS_PER_INCH))


def _drawn(figure: Figure, kind: str, dots_per_inch: int) -> bytes:
    """Return the bytes of a figure as PNG or SVG."""
    texts = [text.get_text() for text in figure.findobj(Text)]
    unknown = missing(texts)
    if unknown:
        codes = ", ".join(f"U+{ord(character):04X}" for character in unknown[:8])
        said = f"No font here has {codes}{' and others' if len(unknown) > 8 else ''}: shown as boxes."
        if said not in texts:  # a figure may be written and shown
            note(figure, said)
    drawn = io.BytesIO()
    with warnings.catch_warnings():
        # A note in the picture says so.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure.savefig(
            drawn,
            format=kind,
            dpi=dots_per_inch,
            bbox_inches="tight",
            pad_inches=0.15,
            metadata={"Date": None} if kind == "svg" else None,
        )
    return drawn.getvalue()


def note(figure: Figure, words: str) -> None:
    """Write a line beneath a figure, and beneath the notes that it has, in small print."""
    notes = sum(text.get_position()[1] < 0 for text in figure.texts)
    inches = 0.12 + 0.2 * notes
    figure.text(0.0, -inches / figure.get_figheight(), words, fontsize=8, color="#555555", va="top", ha="left")


def shown(words: str, max_length: int = 24) -> str:
    """Return words as a picture can show them: composed, on one line, cut after ``max_length`` characters.

    >>> shown("one\\ttwo"), shown("incomprehensibilities", max_length=10)
    ('one�two', 'incompreh…')
    """
    whole = unicodedata.normalize("NFC", words)
    whole = "".join("\N{REPLACEMENT CHARACTER}" if unicodedata.category(c) in _UNSHOWN else c for c in whole)
    return whole if len(whole) <= max_length else whole[: max_length - 1] + "…"


def heading(words: str, width: float, size: float = 11) -> str:
    """Return a title in at most two lines that fit into ``width`` inches at a font of ``size`` points."""
    # A Hangul letter is about twice as wide as a Latin one.
    wide = any(unicodedata.east_asian_width(character) in "WF" for character in words)
    each = size * (0.95 if wide else 0.55) / 72
    letters = max(20, int(width / each))
    return "\n".join(textwrap.wrap(shown(words, max_length=2000), letters, max_lines=2, placeholder=" …"))
