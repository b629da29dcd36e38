"""``nmt plot --history`` in the terminal."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from nmt.cli import app
from nmt.commands.plot import _table
from nmt.config import Config
from nmt.model_folder import CONFIG, JOURNAL, config_text

COMMON = {"loss": 1.0, "val_loss": 2.0, "learning_rate": 0.001, "seconds": 7.0}


@pytest.mark.parametrize(
    ("measured", "columns"),
    [
        (
            {"perplexity": 2.7, "val_perplexity": 7.4, "val_bleu": 0.0, "val_chrf": 31.25, "watch": "val_chrf"},
            "epoch loss perplexity val_loss val_perplexity val_chrf learning_rate",
        ),
        (
            {"accuracy": 0.75, "val_accuracy": 0.5, "val_f1": 0.4375, "watch": "val_f1"},
            "epoch loss accuracy val_loss val_accuracy val_f1 learning_rate",
        ),
    ],
    ids=["a translator", "a classifier"],
)
def test_the_table_of_a_run_has_the_score_that_chose_the_epoch_and_no_empty_column(
    measured: dict[str, Any], columns: str, tmp_path: Path
) -> None:
    (tmp_path / CONFIG).write_bytes(config_text(Config()))
    record = {**COMMON, **measured}
    (tmp_path / JOURNAL).write_text("".join(json.dumps({"epoch": n, **record}) + "\n" for n in (1, 2)))
    done = CliRunner().invoke(app, ["plot", str(tmp_path), "--history"], catch_exceptions=False)
    heads, *rows = (line.split() for line in done.stdout.splitlines())
    assert heads == columns.split()
    watched = heads.index(record["watch"])
    assert [row[watched] for row in rows] == [f"{record[record['watch']]:.4g}"] * 2


def test_a_column_of_bleu_that_says_nothing_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    for watch, there in (("val_perplexity", False), ("val_bleu", True)):
        _table([{"epoch": 1, "val_bleu": 0.0, "val_perplexity": 7.0, "watch": watch}])
        assert ("val_bleu" in capsys.readouterr().out) == there
