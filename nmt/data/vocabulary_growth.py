"""Growing a vocabulary: the old pieces keep their ids, new ones follow them."""

from __future__ import annotations

import io
from collections.abc import Sequence

import sentencepiece

from nmt.data.sentencepiece_model import NORMAL, ModelProto
from nmt.data.tokenizers import PAD, UNK, Tokenizer, Tokenizers, train_tokenizers

_BEGIN = "▁"


def grow(tokenizers: Tokenizers, pairs: Sequence[tuple[str, str]], kind: str, pieces: int) -> Tokenizers:
    """Add up to ``pieces`` pieces to each vocabulary: those that a vocabulary of other pairs has and this one lacks.

    Single characters come first, since a word with an unknown one is unknown; then SentencePiece's own order.

    Arguments:
        tokenizers: those of both sides.
        pairs: the other pairs.
        kind: of the tokenizers, ``unigram``, ``bpe``, ``char`` or ``word``.
        pieces: the largest number of new pieces.

    Raises:
        InputError: if the pairs have no text.
    """
    other = train_tokenizers(
        pairs, kind=kind, vocabulary_size="auto", joint=tokenizers.joint, normalization=tokenizers.source.normalization
    )
    source = _grown(tokenizers.source, other.source, kind, pieces)
    return Tokenizers(source, source if tokenizers.joint else _grown(tokenizers.target, other.target, kind, pieces))


def replaced(old: Tokenizer, piece: str) -> list[int]:
    """Return the ids of the old pieces that spell the new ``piece``.

    A piece that begins a word is cut as the tokenizer cuts the word. A piece from inside a word cannot be given to the
    tokenizer alone, so it is cut by the longest matches.
    """
    processor = sentencepiece.SentencePieceProcessor(model_proto=old.model)
    if piece.startswith(_BEGIN) and len(piece) > 1:
        return processor.encode(piece[1:]) or [UNK]
    ids = []
    while piece:
        length = next((n for n in range(len(piece), 0, -1) if processor.piece_to_id(piece[:n]) != UNK), 0)
        ids.append(processor.piece_to_id(piece[:length]) if length else UNK)
        piece = piece[max(length, 1) :]
    return ids


def _grown(old: Tokenizer, other: Tokenizer, kind: str, pieces: int) -> Tokenizer:
    model = ModelProto()
    model.ParseFromString(old.model)
    fresh = ModelProto()
    fresh.ParseFromString(other.model)
    known = {piece.piece for piece in model.pieces}
    new = [p for p in fresh.pieces[PAD:] if p.type == NORMAL and p.piece not in known]
    new.sort(key=lambda p: len(p.piece) > 1)  # stable: the rest keep their order
    worst = min(piece.score for piece in model.pieces)
    for rank, piece in enumerate(new[:pieces], 1):
        # A BPE score is the rank of a merge, and the new merges come after all old ones.
        score = worst - rank if kind == "bpe" else piece.score
        model.pieces.add(piece=piece.piece, score=score)
    model.trainer_spec.vocab_size = len(model.pieces)
    out = io.BytesIO(model.SerializeToString())
    return Tokenizer(out.getvalue())
