"""A shortlist from the word links that a model finds in sentence pairs, and its file in the model's folder."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nmt import checksums
from nmt.data.tokenizers import Tokenizer, Tokenizers
from nmt.decoding.shortlist import SPECIAL, Shortlist
from nmt.errors import InputError
from nmt.model_folder import SHORTLIST
from nmt.stored_arrays import read_npz

if TYPE_CHECKING:
    from nmt.inference.translator import Translator

# A weaker attention weight is no link.
_LINK = 0.1
# Bytes of all candidates. They become part of the graph of a search, and TensorFlow allows a graph 2 GiB.
_MAX_BYTES = 2**30


def make(
    translator: Translator, pairs: Iterable[Sequence[tuple[str, str]]], best: int = 100, frequent: int = 100
) -> Shortlist:
    """Make a shortlist from the attention weights of given translations.

    The candidates of a source piece are the target pieces that attended to it most, summed over all pairs, and the
    target piece that is spelled like it, so that names and numbers can be copied.

    Arguments:
        translator: the model that finds the links.
        pairs: lists of sentence pairs.
        best: the number of candidates of each source piece; all target pieces if there are fewer.
        frequent: the number of target pieces, the most frequent ones, that every translation may have.

    Raises:
        InputError: if the model has no attention, there is no pair, or there would be too many candidates.
    """
    if not translator.aligned:
        raise InputError("A shortlist comes from the links of an attention, and model.attention is 'none'.")
    source, target = translator.tokenizers.source, translator.tokenizers.target
    best = _possible(best, source.vocabulary, target.vocabulary)
    ids = [{piece: i for i, piece in enumerate(side.pieces(range(side.vocabulary)))} for side in (source, target)]
    keys: np.ndarray = np.zeros([0], np.int64)
    weights: np.ndarray = np.zeros([0])
    counts = np.zeros([target.vocabulary], np.int64)
    for some in pairs:
        new_keys = [keys]
        new_weights = [weights]
        for found in translator.score([left for left, _ in some], [right for _, right in some]):
            read, written = (
                np.array([known[piece] for piece in side], np.int64)
                for known, side in zip(ids, (found.source_tokens, found.tokens), strict=True)
            )
            np.add.at(counts, written, 1)
            links = found.alignment[:, : len(read)]
            at, of = np.nonzero(links >= _LINK)
            new_keys.append(read[of] * target.vocabulary + written[at])
            new_weights.append(links[at, of])
        keys, places = np.unique(np.concatenate(new_keys), return_inverse=True)
        weights = np.bincount(places, np.concatenate(new_weights))
    if not counts.any():
        raise InputError("There is no pair to find links in.")
    candidates = _strongest(keys, weights, (source.vocabulary, target.vocabulary), best)
    candidates[:, 0] = [ids[1].get(piece, 0) for piece in ids[0]]
    candidates[:SPECIAL] = 0
    order = np.argsort(-counts, kind="stable")
    often = np.array([i for i in order if i >= SPECIAL and counts[i]][:frequent], np.int32)
    return Shortlist(candidates, often, target.vocabulary)


def _possible(best: int, source: int, target: int) -> int:
    """Return how many candidates each source piece may have, of ``best``.

    Arguments:
        best: the number that is asked for.
        source, target: the numbers of pieces of both vocabularies.

    Raises:
        InputError: if a shortlist with that number of pieces takes too much memory.
    """
    best, limit = min(best, target), _MAX_BYTES // (4 * source) - 1
    if best > limit:
        raise InputError(
            f"{best:,} target pieces for each of {source:,} source pieces are too many for a shortlist. Lower --best "
            f"to {limit:,} or less."
        )
    return best


def _strongest(keys: np.ndarray, weights: np.ndarray, vocabularies: tuple[int, int], best: int) -> np.ndarray:
    """Return for each source piece the target pieces with the largest weights, ``(source, best + 1)``, from column 1.

    Arguments:
        keys: ``source * target vocabulary + target`` of each link.
        weights: how strong it is.
        vocabularies: of source and target.
        best: the number of target pieces.
    """
    sources, targets = np.divmod(keys, vocabularies[1])
    order = np.lexsort((targets, -weights, sources))
    sources, targets = sources[order], targets[order]
    first = np.searchsorted(sources, sources)
    rank = np.arange(len(sources)) - first
    kept = rank < best
    found = np.zeros([vocabularies[0], best + 1], np.int32)
    found[sources[kept], 1 + rank[kept]] = targets[kept]
    return found


def write(folder: Path, shortlist: Shortlist, tokenizers: Tokenizers) -> None:
    """Write a shortlist into the folder of its model, in place of an older one.

    Raises:
        OSError: if it cannot be written.
    """

    def fill(aside: Path) -> None:
        with aside.open("wb") as file:
            np.savez(file, candidates=shortlist.candidates, frequent=shortlist.frequent, pieces=_pieces(tokenizers))

    checksums.replace(folder, SHORTLIST, fill)


def read(folder: Path, tokenizers: Tokenizers) -> Shortlist | None:
    """Read the shortlist of a model's folder; ``None`` if there is none.

    Raises:
        InputError: if it is damaged, or was made for other tokenizers.
    """
    path = folder / SHORTLIST
    if not path.is_file():
        return None
    checksums.check(folder, [SHORTLIST])
    source, target = tokenizers.source.vocabulary, tokenizers.target.vocabulary
    try:
        arrays = read_npz(path, 4 * (source + 1) * (target + 1) + 64, ["candidates", "frequent", "pieces"])
        candidates, frequent, pieces = arrays["candidates"], arrays["frequent"], arrays["pieces"]
        if not np.array_equal(pieces, _pieces(tokenizers)):
            raise ValueError("it was made for other tokenizers")
        if candidates.ndim != 2 or len(candidates) != source or frequent.ndim != 1:
            raise ValueError("its arrays have another shape")
        for part in (candidates, frequent):
            if part.dtype != np.int32 or (part.size and not 0 <= part.min() <= part.max() < target):
                raise ValueError("it names pieces that the vocabulary does not have")
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be used: {error}. Delete it, or make it again with `nmt shortlist`.") from None
    return Shortlist(candidates, frequent, target)


def _pieces(tokenizers: Tokenizers) -> np.ndarray:
    """Return a checksum of the tokenizers, which say what the numbers of a shortlist mean."""
    models: list[Tokenizer] = [tokenizers.source, tokenizers.target]
    joined = b"".join(hashlib.sha256(each.model).digest() for each in models)
    return np.frombuffer(joined, np.uint8)
