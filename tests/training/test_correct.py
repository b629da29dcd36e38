"""Corrections are learned in rounds, for as long as they may take."""

from pathlib import Path

import numpy as np
import pytest
from command_line import PAIRS
from exported import trained

from nmt.config import with_settings
from nmt.decoding.shortlist import Shortlist
from nmt.errors import WorkFailed
from nmt.evaluation.scores import score
from nmt.models.seq2seq import Seq2Seq
from nmt.training.correct import learn_corrections


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])  # of the training before
def test_when_the_time_is_over_before_the_first_round_nothing_takes_the_place_of_the_model(
    tmp_path: Path, precision: str
) -> None:
    translator = trained(tmp_path)
    assert isinstance(translator.model, Seq2Seq)
    with pytest.raises(WorkFailed, match="stays as it was: no round of learning fitted into 0 minutes"):
        learn_corrections(
            translator.model,
            tokenizers=translator.tokenizers,
            config=with_settings(translator.config, [f"training.precision={precision}"]),
            corrections=[(PAIRS[0][0], PAIRS[1][1])],
            old=PAIRS[12:],
            held_back=PAIRS[4:12],
            minutes=0,
        )


def test_what_a_shortlist_shuts_out_does_not_come_out(tmp_path: Path) -> None:
    translator = trained(tmp_path)
    assert isinstance(translator.model, Seq2Seq)
    sources = [source for source, _ in PAIRS[:3]]
    written = [(source, found.text) for source, found in zip(sources, translator.translate(sources), strict=True)]
    vocabularies = translator.tokenizers.source.vocabulary, translator.tokenizers.target.vocabulary
    narrow = Shortlist(np.zeros([vocabularies[0], 1], np.int32), np.arange(4, 6, dtype=np.int32), vocabularies[1])
    found = learn_corrections(
        translator.model,
        tokenizers=translator.tokenizers,
        config=with_settings(translator.config, ["decoding.shortlist=true"]),
        corrections=written,
        old=PAIRS[12:],
        held_back=PAIRS[4:12],
        shortlist=narrow,
    )
    assert (found.rounds, found.shut_out, [source for source, _, _ in found.wrong]) == (0, 3, sources)
    # Of targets of three words BLEU says nothing.
    texts = [each.text for each in translator.translate([source for source, _ in PAIRS[4:12]])]
    chrf = score(texts, [target for _, target in PAIRS[4:12]]).chrf
    assert (found.measure, found.before, found.after) == ("chrF", chrf, chrf)
