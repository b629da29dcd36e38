"""What TensorBoard shows of a run after each epoch: curves, and what the model makes of a few sentences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from nmt.inference.completer import Completer
from nmt.inference.strings import one_line
from nmt.inference.translator import Translator
from nmt.plotting.figures import heat_map
from nmt.training import events
from nmt.training.callbacks import Journal, beginning
from nmt.training.events import EventFile

# The runs in TensorBoard: of the model that learns, and of the one that is kept, on the development set.
TRAIN, DEV = "train", "dev"

# Sentences that are shown. A picture takes some tenths of a second.
SHOWN = 4

_GROUPS = {
    "fit": ("loss", "perplexity", "accuracy", "alignment_loss"),
    "quality": ("bleu", "chrf"),
    "pace": ("learning_rate", "tokens/s", "seconds", "memory_mb"),
}
# TensorBoard groups by what stands before a stroke.
_TAGS = {name: f"{group}/{name.replace('/', ' per ')}" for group, names in _GROUPS.items() for name in names}

# What Markdown and HTML would take for their own inside the cell of a table.
_MARKUP = str.maketrans({letter: f"&#{ord(letter)};" for letter in "\\`*_{}[]<>&|~"})

_ROOM = 12 * "&nbsp;"


def spread(items: Sequence[Any], most: int = SHOWN) -> list[Any]:
    """Return so many items from all over a sequence, or all where there are fewer.

    >>> spread("abcdefghij"), spread("abc")
    (['a', 'c', 'f', 'h'], ['a', 'b', 'c'])
    """
    chosen = min(most, len(items))
    return [items[i * len(items) // chosen] for i in range(chosen)]


def table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown whose first column numbers the rows and whose last is of numbers.

    >>> print(table(["text", "score"], [["a|b", "-7"]]))
    | | text | score&nbsp;&nbsp;&nbsp;&nbsp;&nbsp;&nbsp;&nbsp;&nbsp;&nbsp;&nbsp;&nbsp;&nbsp; |
    |---:|---|---:|
    | 1 | a&#124;b | -7 |
    """
    # TensorBoard breaks words and numbers, and gives a column of short ones too little room.
    wide = [*names[:-1], names[-1] + _ROOM]
    lines = ["| | " + " | ".join(wide) + " |", "|---:" + "|---" * (len(names) - 1) + "|---:|"]
    for number, row in enumerate(rows, start=1):
        cells = [one_line(cell).translate(_MARKUP) for cell in row]
        lines.append(f"| {number} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


class Curves(keras.callbacks.Callback):
    """Draw the numbers of the journal's last epoch: those of training and of the development set as two runs.

    Arguments:
        train, dev: the files of the two.
        journal: the records. A number that was not finite is a gap.
    """

    def __init__(self, train: EventFile, dev: EventFile, journal: Journal) -> None:
        super().__init__()
        self.train = train
        self.dev = dev
        self.journal = journal

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        record = self.journal.records[-1]
        for file, prefix in ((self.train, ""), (self.dev, "val_")):
            measured = {tag: record.get(prefix + name) for name, tag in _TAGS.items()}
            file.add(epoch + 1, [events.scalar(tag, value) for tag, value in measured.items() if value is not None])


class Translations(keras.callbacks.Callback):
    """Show how a few development sentences are translated, and where the model looked.

    Arguments:
        file: of the development set's run.
        translator: of the model that is kept.
        pairs: the development set.
    """

    def __init__(self, file: EventFile, translator: Translator, pairs: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        self.file = file
        self.translator = translator
        self.pairs = spread([pair for pair in pairs if pair[0].strip()])

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        sources = [source for source, _ in self.pairs]
        made = self.translator.translate(sources, beam=1, n_best=1, sample=False)
        rows = [(*pair, one.text, f"{one.score:.2f}") for pair, one in zip(self.pairs, made, strict=True)]
        shown = [events.text("translations", table(["source", "reference", "output", "score"], rows))]
        for number, ((_, reference), one) in enumerate(zip(self.pairs, made, strict=True), start=1):
            if one.alignment is not None:
                png = heat_map(one.words(), title=f"epoch {epoch + 1}, reference: {reference}").png(100)
                shown.append(events.picture(f"alignment/{number}", png))
        self.file.add(epoch + 1, shown)


class Completions(keras.callbacks.Callback):
    """Show how a language model goes on from the beginnings of a few development lines.

    Arguments:
        file: of the development set's run.
        completer: of the model that is kept.
        lines: the development set.
    """

    def __init__(self, file: EventFile, completer: Completer, lines: Sequence[str]) -> None:
        super().__init__()
        self.file = file
        self.completer = completer
        self.lines = spread(lines)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        begun = [beginning(line) for line in self.lines]
        made = self.completer.complete(begun)
        rows = [
            (line, given, one.text, f"{one.score:.2f}")
            for line, given, one in zip(self.lines, begun, made, strict=True)
        ]
        self.file.add(epoch + 1, [events.text("completions", table(["line", "beginning", "output", "score"], rows))])
