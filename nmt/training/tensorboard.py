"""What TensorBoard shows of a run: curves, translations with their alignments, and the token embeddings.

Each of the two runs, of the training and of the development set, has one file of events, which TensorBoard reads while
it grows: a step for each epoch.
"""

from __future__ import annotations

import os
import struct
import time
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins import projector
from tensorboard.plugins.image import metadata as image_metadata
from tensorboard.plugins.scalar.summary_v2 import scalar_pb
from tensorboard.plugins.text.summary_v2 import text_pb
from tensorboard.summary.writer.record_writer import RecordWriter
from tensorboard.util.tensor_util import make_tensor_proto

from nmt.atomic_write import write_file
from nmt.data.evenly_spaced import evenly_spaced
from nmt.data.tokenizers import Tokenizer, Tokenizers
from nmt.errors import InputError, WorkFailed, first_line
from nmt.evaluation.judge import best_epoch
from nmt.inference.completer import Completer
from nmt.inference.strings import one_line
from nmt.inference.translator import Translator
from nmt.models.caption_model import CaptionModel
from nmt.models.encoder_model import EncoderModel
from nmt.models.language_model import LanguageModel
from nmt.models.seq2seq import Seq2Seq
from nmt.training.averaging import Keep
from nmt.training.callbacks import Journal, beginning
from nmt.training.row_captioner import RowCaptioner

# The runs in TensorBoard: of the model that learns, and of the one that is kept, on the development set.
TRAIN, DEV = "train", "dev"

# Sentences that are shown, and those with a picture of their alignment, which takes a tenth of a second.
SHOWN = DRAWN = 4

_GROUPS = {
    "fit": ("loss", "perplexity", "accuracy", "alignment_loss"),
    "quality": ("bleu", "chrf", "f1"),
    "pace": ("learning_rate", "tokens/s", "labels/s", "seconds", "memory_mb"),
}
# TensorBoard groups tags by what stands before the slash.
_TAGS = {name: f"{group}/{name.replace('/', ' per ')}" for group, names in _GROUPS.items() for name in names}

# Characters of Markdown and HTML, as entities, for the cells of a table.
_MARKUP = str.maketrans({letter: f"&#{ord(letter)};" for letter in "\\`*_{}[]<>&|~"})

_WIDTH = 12 * "&nbsp;"

# Bytes of a TFRecord besides its content: the length, and a checksum of each.
_FRAME = 16

VECTORS = "embeddings.ckpt"


class EventFile:
    """The one file of events of a run, to which every epoch is added.

    Keras's own callback begins a new file each time a run is resumed. An epoch that is repeated, because its checkpoint
    could not be saved, would be in two of them, and TensorBoard would draw both.

    Arguments:
        run: the folder of the run, which is its name in TensorBoard.
        done: epochs that are done. Records of later epochs, and damaged ones, are cut off.

    Raises:
        InputError: if the file is a link to another, which may be one outside of the folder.
    """

    def __init__(self, run: Path, done: int) -> None:
        self.path = run / "events.out.tfevents.nmt"
        if self.path.is_symlink() and self.path.is_file():
            raise InputError(
                f"{self.path} is a link to another file, and a run writes into a file of its own. Remove the link."
            )
        if self.path.exists() and (end := self._end(done)) < self.path.stat().st_size:
            os.truncate(self.path, end)

    def add(self, epoch: int, summaries: Sequence[Summary]) -> None:
        """Add the summaries of an epoch, counted from 1.

        Raises:
            OSError: if the file cannot be written.
        """
        values = [value for summary in summaries for value in summary.value]
        event = Event(wall_time=time.time(), step=epoch, summary=Summary(value=values))
        try:
            # A user may delete the folder at any time.
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab") as file:
                writer = RecordWriter(file)
                if not file.tell():
                    writer.write(Event(wall_time=time.time(), file_version="brain.Event:2").SerializeToString())
                writer.write(event.SerializeToString())
        except OSError as error:
            # When a disk is full, Python does not name the file.
            raise OSError(error.errno, error.strerror, str(self.path)) from None

    def _end(self, done: int) -> int:
        """Return the bytes up to the first record that is damaged or of a later epoch."""
        end = 0
        try:
            for record in tf.data.TFRecordDataset(str(self.path)):
                if Event.FromString(record.numpy()).step > done:
                    break
                end += len(record.numpy()) + _FRAME
        except tf.errors.DataLossError:
            pass
        return end


def image_pb(tag: str, png: bytes) -> Summary:
    """Return a summary with an image, from the bytes of a PNG file."""
    # After the signature comes the header, which begins with the size.
    width, height = struct.unpack(">II", png[16:24])
    content = np.array([str(width).encode(), str(height).encode(), png], dtype=object)
    described = image_metadata.create_summary_metadata(None, None)
    return Summary(value=[Summary.Value(tag=tag, metadata=described, tensor=make_tensor_proto(content))])


def table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown. Its first column numbers the rows, and its last column holds numbers.

    >>> print(table(["text", "score"], [["a|b", "-7"]]))
    | | text | score&nbsp;&nbsp;&nbsp;&nbsp;&nbsp;&nbsp;&nbsp;&nbsp;&nbsp;&nbsp;&nbsp;&nbsp; |
    |---:|---|---:|
    | 1 | a&#124;b | -7 |
    """
    # TensorBoard breaks words and numbers, and makes a column of short ones too narrow.
    wide = [*names[:-1], names[-1] + _WIDTH]
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

    after = (Journal,)

    def __init__(self, train: EventFile, dev: EventFile, journal: Journal) -> None:
        super().__init__()
        self.train = train
        self.dev = dev
        self.journal = journal

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        record = self.journal.records[-1]
        for file, prefix in ((self.train, ""), (self.dev, "val_")):
            measured = {tag: record.get(prefix + name) for name, tag in _TAGS.items()}
            file.add(epoch + 1, [scalar_pb(tag, value) for tag, value in measured.items() if value is not None])


class Translations(keras.callbacks.Callback):
    """Show the translations of a few development sentences, and their alignments.

    Arguments:
        file: of the development set's run.
        translator: of the model that is kept.
        pairs: the development set.
    """

    after = (Keep,)

    def __init__(
        self, file: EventFile, translator: Translator | RowCaptioner, pairs: Sequence[tuple[str, str]]
    ) -> None:
        super().__init__()
        self.file = file
        self.translator = translator
        self.pairs = evenly_spaced([pair for pair in pairs if pair[0].strip()], SHOWN)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        # matplotlib is not needed before the first step.
        from nmt.plotting.figures import heat_map

        sources = [source for source, _ in self.pairs]
        made = self.translator.translate(sources, beam=1, n_best=1, sample=False, shortlist=False)
        rows = [(*pair, one.text, f"{one.score:z.2f}") for pair, one in zip(self.pairs, made, strict=True)]
        shown = [text_pb("translations", table(["source", "reference", "output", "score"], rows))]
        for number, ((_, reference), one) in enumerate(zip(self.pairs, made, strict=True), start=1):
            if one.alignment is not None and number <= DRAWN:
                png = heat_map(one.words(), title=f"epoch {epoch + 1}, reference: {reference}").png(100)
                shown.append(image_pb(f"alignment/{number}", png))
        self.file.add(epoch + 1, shown)


class Completions(keras.callbacks.Callback):
    """Show how a language model continues the beginnings of a few development lines.

    Arguments:
        file: of the development set's run.
        completer: of the model that is kept.
        lines: the development set.
    """

    after = (Keep,)

    def __init__(self, file: EventFile, completer: Completer, lines: Sequence[str]) -> None:
        super().__init__()
        self.file = file
        self.completer = completer
        self.lines = evenly_spaced(lines, SHOWN)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        begun = [beginning(line) for line in self.lines]
        made = self.completer.complete(begun)
        rows = [
            (line, given, one.text, f"{one.score:z.2f}")
            for line, given, one in zip(self.lines, begun, made, strict=True)
        ]
        self.file.add(epoch + 1, [text_pb("completions", table(["line", "beginning", "output", "score"], rows))])


def label(piece: str) -> str:
    """Return a piece with white space and control characters escaped, for a line of a TSV file.

    >>> label("▁a\\tb\\n"), label("▁밥")
    ('▁a\\\\tb\\\\n', '▁밥')
    """
    return "".join(_escaped(c) if c.isspace() or unicodedata.category(c).startswith("C") else c for c in piece)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()


def tables(
    model: Seq2Seq | CaptionModel | LanguageModel | EncoderModel, tokenizers: Tokenizers
) -> dict[str, tuple[tf.Tensor, Tokenizer]]:
    """Return the embeddings of a model by name, each with the tokenizer of its rows; a shared one is listed once."""
    if isinstance(model, EncoderModel):
        return {"embedding": (tf.convert_to_tensor(model.source_embedding.embeddings), tokenizers.source)}
    target = tf.convert_to_tensor(model.target_embedding.embeddings)
    if isinstance(model, LanguageModel | CaptionModel) or model.source_embedding is model.target_embedding:
        return {"embedding": (target, tokenizers.target)}
    source = tf.convert_to_tensor(model.source_embedding.embeddings)
    return {"source_embedding": (source, tokenizers.source), "target_embedding": (target, tokenizers.target)}


class Projector(keras.callbacks.Callback):
    """Write the token embeddings of ``kept`` with their pieces when the journal's last epoch is its best.

    Arguments:
        run: the folder of a run in TensorBoard.
        kept: the model that is saved.
        tokenizers: of that model.
        journal: the records.

    Raises:
        WorkFailed: at the end of an epoch, if they cannot be written.
    """

    after = (Journal,)

    def __init__(
        self,
        run: Path,
        kept: Seq2Seq | CaptionModel | LanguageModel | EncoderModel,
        tokenizers: Tokenizers,
        journal: Journal,
    ) -> None:
        super().__init__()
        self.run = run
        self.kept = kept
        self.tokenizers = tokenizers
        self.journal = journal

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if best_epoch(self.journal.qualities) != len(self.journal.qualities) - 1:
            return
        self.run.mkdir(parents=True, exist_ok=True)
        found = tables(self.kept, self.tokenizers)
        config = projector.ProjectorConfig()
        for name, (_, tokenizer) in found.items():
            pieces = tokenizer.pieces(range(tokenizer.vocabulary))
            lines = "".join(f"{label(piece)}\n" for piece in pieces)
            write_file(self.run / f"{name}.tsv", lines.encode("utf-8", "replace"))
            config.embeddings.add(tensor_name=name, metadata_path=f"{name}.tsv")
        try:
            # The projector may take a file of numbers for text, depending on its first bytes. A checkpoint cannot be
            # mistaken, is small, and is found beside the file that names it.
            vectors = [values for values, _ in found.values()]
            tf.raw_ops.SaveV2(
                prefix=str(self.run / VECTORS),
                tensor_names=list(found),
                shape_and_slices=[""] * len(found),
                tensors=vectors,
            )
            projector.visualize_embeddings(str(self.run), config)
        except tf.errors.OpError as error:
            raise WorkFailed(f"{self.run} cannot be written: {first_line(error)}") from None
        write_file(self.run / "checkpoint", f'model_checkpoint_path: "{VECTORS}"\n'.encode())
