"""The word vectors of a model, as TensorBoard's embedding projector reads them."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
from tensorboard.plugins import projector

from nmt.atomic_write import write_file
from nmt.data.tokenizers import Tokenizer, Tokenizers
from nmt.errors import WorkFailed, first_line
from nmt.models.language_model import LanguageModel
from nmt.models.seq2seq import Seq2Seq
from nmt.training.callbacks import Journal, best_epoch

VECTORS = "embeddings.ckpt"


def label(piece: str) -> str:
    """Return a piece on one line of one column, and not blank.

    >>> label("▁a\\tb\\n"), label("▁밥")
    ('▁a\\\\tb\\\\n', '▁밥')
    """
    return "".join(_escaped(c) if c.isspace() or unicodedata.category(c).startswith("C") else c for c in piece)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()


def tables(model: Seq2Seq | LanguageModel, tokenizers: Tokenizers) -> dict[str, tuple[tf.Tensor, Tokenizer]]:
    """Return the embeddings of a model, each with the tokenizer of its rows; one that both sides share comes once."""
    target = tf.convert_to_tensor(model.target_embedding.embeddings)
    if isinstance(model, LanguageModel) or model.source_embedding is model.target_embedding:
        return {"embedding": (target, tokenizers.target)}
    source = tf.convert_to_tensor(model.source_embedding.embeddings)
    return {"source_embedding": (source, tokenizers.source), "target_embedding": (target, tokenizers.target)}


class Projector(keras.callbacks.Callback):
    """Write the word vectors of ``kept`` with their pieces when the journal's last epoch is its best.

    Arguments:
        run: the folder of a run in TensorBoard.
        kept: the model that is saved.
        text: its tokenizers.
        journal: the records.

    Raises:
        WorkFailed: if they cannot be written.
    """

    def __init__(self, run: Path, kept: Seq2Seq | LanguageModel, tokenizers: Tokenizers, journal: Journal) -> None:
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
            # The projector takes the file of numbers for text when the first bytes happen to be some. A checkpoint
            # cannot be mistaken, is small, and its place is found beside the file that names it, wherever that is.
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
