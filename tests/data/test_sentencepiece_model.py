"""The messages of a SentencePiece model are read and written as SentencePiece's own module does it."""

from sentencepiece import sentencepiece_model_pb2

from nmt.data.sentencepiece_model import BPE, NORMAL, ModelProto
from nmt.data.tokenizers import train_tokenizers

PAIRS = [(f"ab{'c' * i} ba", f"vw{'x' * (i % 5)} wv") for i in range(30)]


def test_a_file_is_read_and_written_as_sentencepiece_does() -> None:
    content = train_tokenizers(PAIRS, "bpe", 16, joint=True).source.model
    ours, theirs = ModelProto.FromString(content), sentencepiece_model_pb2.ModelProto.FromString(content)
    assert [(p.piece, p.score, p.type) for p in ours.pieces] == [(p.piece, p.score, p.type) for p in theirs.pieces]
    assert ours.trainer_spec.model_type == BPE == theirs.trainer_spec.model_type
    assert ours.pieces[-1].type == NORMAL == theirs.pieces[-1].type
    assert ours.normalizer_spec.precompiled_charsmap == theirs.normalizer_spec.precompiled_charsmap != b""
    for model in (ours, theirs):
        model.pieces.add(piece="new", score=-7)
        model.trainer_spec.vocab_size = len(model.pieces)
    # What is not named here, as the settings of the training, is kept.
    assert sentencepiece_model_pb2.ModelProto.FromString(ours.SerializeToString()) == theirs
