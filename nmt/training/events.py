"""Files of events, which TensorBoard reads while they grow: one a run, a step for each epoch."""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.image import metadata as image_metadata
from tensorboard.plugins.scalar.summary_v2 import scalar_pb
from tensorboard.plugins.text.summary_v2 import text_pb
from tensorboard.summary.writer.record_writer import RecordWriter
from tensorboard.util.tensor_util import make_tensor_proto

# What a TFRecord has besides its content: the length, and a checksum of each.
_FRAME = 16


class EventFile:
    """The one file of events of a run, to which every epoch is added.

    Keras's own callback begins a new file each time a run goes on. An epoch that was done anew, because its state could
    no longer be saved, would be in two of them, and TensorBoard would draw both.

    Arguments:
        run: the folder of the run, which is its name in TensorBoard.
        done: epochs that are done. What the file has of later ones, or only half, is cut off.
    """

    def __init__(self, run: Path, done: int) -> None:
        self.path = run / "events.out.tfevents.nmt"
        if self.path.exists() and (end := self._end(done)) < self.path.stat().st_size:
            os.truncate(self.path, end)

    def add(self, epoch: int, summaries: Sequence[Summary]) -> None:
        """Add what belongs to an epoch, the first being 1.

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
            # Where a disk is full, Python does not say which file it was.
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


def scalar(tag: str, value: float) -> Summary:
    """Return a point of a curve."""
    return scalar_pb(tag, value)


def text(tag: str, markdown: str) -> Summary:
    """Return a text, which TensorBoard reads as Markdown."""
    return text_pb(tag, markdown)


def picture(tag: str, png: bytes) -> Summary:
    """Return a picture from the bytes of a PNG file."""
    # Behind the signature comes the header, which begins with the size.
    width, height = struct.unpack(">II", png[16:24])
    content = np.array([str(width).encode(), str(height).encode(), png], dtype=object)
    described = image_metadata.create_summary_metadata(None, None)
    return Summary(value=[Summary.Value(tag=tag, metadata=described, tensor=make_tensor_proto(content))])
