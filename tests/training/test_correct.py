"""Corrections are learned in rounds, for as long as they may take."""

from pathlib import Path

import pytest
from command_line import PAIRS
from exported import trained

from nmt.config import with_settings
from nmt.errors import WorkFailed
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
