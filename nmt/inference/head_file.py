"""The alignment head of a translator, and its file in the model's folder.

A Transformer may have none, and link by its own attention: then the file says by which.
"""

from __future__ import annotations

import hashlib
import math
from pathlib import Path

import numpy as np

from nmt import checksums
from nmt.errors import InputError, as_typed
from nmt.layers.alignment_head import AlignmentHead
from nmt.model_folder import CONFIDENCE, HEAD, WEIGHTS
from nmt.models.precision import precision
from nmt.models.seq2seq import Seq2Seq
from nmt.models.shifted import ShiftedAttention, ShiftedModel
from nmt.stored_arrays import read_npz

# Wide enough for links; the head then has under a tenth of the parameters of the smallest preset's translator.
UNITS = 96
_MAX_UNITS = 16_384
_NAMES = ("readout_kernel", "vector_kernel", "key_kernel", "bias")
# Which layer and head of an attention, whose mean of heads is -1.
_ATTENTION = "attention"
_MEAN = -1
# What links the tokens of a translator: a head that was taught, or one of its own attentions, read a step later.
TokenAligner = AlignmentHead | ShiftedAttention


def new_head(model: Seq2Seq, units: int = UNITS) -> AlignmentHead:
    """Return a new head with its weights, for the states of a translator."""
    with precision("float32"):
        head = AlignmentHead(units)
    head.build((None, None, model.decoder.readout), (None, None, model.embedding), (None, None, model.encoder.width))
    head.built = True
    return head


def write(folder: Path, head: TokenAligner, also: bytes = b"") -> None:
    """Write a head into the folder of its translator, in place of an older one.

    Arguments:
        folder: of the translator.
        head: taught on the states of its weights, or an attention that was chosen with them.
        also: the SHA-256 of further weights that it fits, which are about to take the place of these.

    Raises:
        OSError: if it cannot be written.
    """
    if isinstance(head, ShiftedAttention):
        arrays = {_ATTENTION: np.array([head.layer, _MEAN if head.head is None else head.head], np.int64)}
    else:
        arrays = {name: np.asarray(getattr(head, name)) for name in _NAMES}
    fits = np.concatenate([_fingerprint(folder), np.frombuffer(also, np.uint8)])

    def fill(aside: Path) -> None:
        with aside.open("wb") as file:
            np.savez(file, allow_pickle=False, weights=fits, **arrays)

    # A confidence was learned from the alignments of before.
    (folder / CONFIDENCE).unlink(missing_ok=True)
    checksums.replace(folder, HEAD, fill)


def read(folder: Path, model: Seq2Seq) -> TokenAligner | None:
    """Read the head of a translator, or the attention in its place; ``None`` if its folder has neither.

    Raises:
        InputError: if the file is damaged, or the head was taught on other weights.
    """
    path = folder / HEAD
    if not path.is_file():
        return None
    checksums.check(folder, [HEAD])
    widths = (model.decoder.readout, model.embedding, model.encoder.width)
    try:
        arrays = read_npz(path, 4 * (sum(widths) + 1) * _MAX_UNITS + 64)
        known, own = arrays.pop("weights", np.zeros(0)).tobytes(), _fingerprint(folder).tobytes()
        if own not in (known[:32], known[32:]):
            raise ValueError(f"it was taught on other weights than {WEIGHTS} beside it")
        if _ATTENTION in arrays:
            return _attention(arrays[_ATTENTION], model)
        if lacking := [name for name in _NAMES if name not in arrays]:
            raise ValueError(f"it has no array {lacking[0]}")
        units = len(arrays["bias"]) if arrays["bias"].ndim == 1 else 0
        shapes = [*((width, units) for width in widths), (units,)]
        given = [arrays[name] for name in _NAMES]
        if not units or [each.shape for each in given] != shapes or any(each.dtype != np.float32 for each in given):
            raise ValueError("its arrays have another shape than this model needs")
        if not all(np.isfinite(each).all() for each in given):
            raise ValueError("it holds numbers that are not finite")
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path} cannot be used: {error}. Make it again with `nmt align --teach {as_typed(folder)} --pairs F`, or "
            "delete it: then the alignment is the decoder's attention."
        ) from None
    head = new_head(model, units)
    for name, array in zip(_NAMES, given, strict=True):
        getattr(head, name).assign(array)
    return head


def _attention(found: np.ndarray, model: Seq2Seq) -> ShiftedAttention:
    """Return an attention that the model has.

    Raises:
        ValueError: if it has no such layer or head.
    """
    if found.shape != (2,) or found.dtype != np.int64:
        raise ValueError("its arrays have another shape than this model needs")
    layer, head = found.tolist()
    chosen = ShiftedAttention(layer, None if head == _MEAN else head)
    ShiftedModel(model, chosen, bos=0)  # refuses what the model does not have
    return chosen


def parameters(head: AlignmentHead) -> int:
    """Return how many numbers a head has."""
    return sum(math.prod(weight.shape) for weight in head.weights)


def _fingerprint(folder: Path) -> np.ndarray:
    """Return the checksum of the weights that a head belongs to."""
    with (folder / WEIGHTS).open("rb") as file:
        return np.frombuffer(hashlib.file_digest(file, "sha256").digest(), np.uint8)
