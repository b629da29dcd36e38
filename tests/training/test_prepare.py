"""What cannot be trained is refused before anything is read, and without TensorFlow."""

import subprocess
import sys
from pathlib import Path

import pytest
from logged import logged

from nmt.config import Config, with_settings
from nmt.data.corpora import from_pairs
from nmt.errors import InputError
from nmt.model_folder import CONFIG, config_text
from nmt.training.prepare import check_workers, file_and_settings, over_trained, prepare_run

OTHER = with_settings(Config(), ["model.units=7"])


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A model's folder."""
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / CONFIG).write_bytes(config_text(Config()))
    return tmp_path / "made"


def test_what_fits_is_let_through(made: Path, tmp_path: Path) -> None:
    prepare_run(Config(), tmp_path / "new", linked=False)
    prepare_run(Config(), None, linked=False)
    prepare_run(Config(), made, linked=False, resume=True)
    prepare_run(Config(), tmp_path / "new", linked=False, start=made)
    # A run that is resumed has begun, and the model that it began with is not needed any more.
    prepare_run(Config(), made, linked=False, resume=True, start=tmp_path / "gone")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["made"]


def test_what_does_not_fit_is_refused(made: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds another model\. Name a new folder, or resume its run\.$"):
        prepare_run(Config(), made, linked=False)
    with pytest.raises(InputError, match=r"model\.units was 256 in the run to resume and is 7 now"):
        prepare_run(OTHER, made, linked=False, resume=True)
    with pytest.raises(InputError, match=r"model\.units is 256 in .*, the model to begin with, and 7 now"):
        prepare_run(OTHER, tmp_path / "new", linked=False, start=made)
    for folder in (tmp_path / "new", None):
        with pytest.raises(InputError, match=r"training\.guided_alignment"):
            prepare_run(Config(), folder, linked=True)


def test_a_search_that_is_chosen_again_has_no_penalty_of_the_last_choice() -> None:
    chosen = with_settings(Config(), ["decoding.beam=5", "decoding.length_penalty=0.6", "decoding.prune=3"])

    def over(*settings: str) -> tuple[object, ...]:
        found = over_trained(chosen, lambda base: with_settings(base, settings)).decoding
        return found.beam, found.length_penalty, found.prune

    assert over("decoding.beam=auto") == ("auto", 0.0, 3.0)
    assert over("decoding.beam=auto", "decoding.length_penalty=0.6") == ("auto", 0.6, 3.0)
    assert over("training.epochs=7") == (5, 0.6, 3.0)


def test_what_a_file_says_of_a_beam_counts_in_a_resumed_run_if_a_setting_asks_for_one(tmp_path: Path) -> None:
    greedy, file = Config(), tmp_path / "c.toml"
    file.write_text("[decoding]\nlength_penalty = 0.7\n")

    def over(*settings: str) -> tuple[object, ...]:
        given = over_trained(greedy, lambda base: file_and_settings(base, file, list(settings), resume=True))
        return given.decoding.beam, given.decoding.length_penalty

    with logged() as said:
        assert over("decoding.beam=5") == (5, 0.7)
        assert over("decoding.beam = auto", "training.epochs=7") == ("auto", 0.7)
        assert over("decoding.beam=auto", "decoding.length_penalty=1") == ("auto", 1.0)
        assert not said
        assert over("training.epochs=7") == (1, 0.0)
        assert len(said) == 1
    # A new run has a search of its own, over which the file goes first.
    wide = with_settings(greedy, ["decoding.beam=5"])
    assert file_and_settings(wide, file, ["decoding.beam=1"], resume=False) == greedy


def test_a_search_that_is_chosen_again_keeps_what_a_score_is_divided_by(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "nmt")
    penalised = ["decoding.beam=5", "decoding.length_penalty=0.6", "decoding.length_normalization=plain"]
    chosen = with_settings(Config(), penalised)

    def over(*settings: str) -> Config:
        return over_trained(chosen, lambda base: with_settings(base, settings))

    assert over("decoding.length_penalty=0.6", "decoding.beam=auto").decoding.length_normalization == "plain"
    assert over("training.epochs=7").decoding == chosen.decoding and not caplog.text
    again = over("decoding.beam=auto")
    assert (again.decoding.length_penalty, again.decoding.length_normalization) == (0.0, "plain")
    assert "tried anew. Set decoding.length_penalty=0.6 to keep" in caplog.text
    # What is chosen then has it, and greedy search has no use for it.
    found = [with_settings(again, settings).decoding for settings in (penalised[:2], ["decoding.beam=1"])]
    assert [each.length_normalization for each in found] == ["plain", "gnmt"]


def test_several_workers_need_a_share_each() -> None:
    corpus = from_pairs([("a", "b")] * 50)  # 3 stretches of 16 pairs and one of 2
    config = with_settings(Config(), ["training.batch_size=60"])
    check_workers(config, corpus, 4)
    with pytest.raises(InputError, match=r"50 pairs, too few for 5 workers.*there are 4\. Use at most 4"):
        check_workers(config, corpus, 5)
    with pytest.raises(InputError, match=r"batch_size = 60 cannot be shared by 7 workers evenly\. Use 63"):
        check_workers(config, corpus, 7)
    with pytest.raises(InputError, match=r"training\.devices and training\.accumulate must be 1"):
        check_workers(with_settings(config, ["training.accumulate=2"]), corpus, 2)


def test_the_checks_need_no_tensorflow() -> None:
    program = "import sys, nmt.training.prepare; sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
