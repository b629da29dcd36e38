"""What is named on the command line becomes models, pairs and a budget, or one sentence that says what is wrong."""

from collections.abc import Callable
from pathlib import Path

import pytest

from nmt.comparison.spec import Candidate, ComparisonBudget, Material, difference, read_candidates, read_identity
from nmt.config import Config, with_settings
from nmt.errors import InputError
from nmt.model_folder import CONFIG, WEIGHTS, config_text
from nmt.presets import fit_preset, preset

BASE = with_settings(Config(), ["model.units=48", "model.attention_units=32"])


def test_files_settings_and_folders_are_models(tmp_path: Path) -> None:
    (tmp_path / "small.toml").write_text("[model]\nunits = 7\n")
    trained = tmp_path / "old-model"
    trained.mkdir()
    (trained / CONFIG).write_bytes(config_text(with_settings(Config(), ["model.units=11"])))
    (trained / WEIGHTS).touch()
    words = [
        str(tmp_path / "small.toml"),
        "model.attention=dot, model.context=output",
        str(trained),
        "b:model.units=13",
    ]
    found = read_candidates(words, BASE)
    assert [each.name for each in found] == ["small", "dot-output", "old-model", "b"]
    assert [each.config.model.units for each in found] == [7, 48, 11, 13]
    assert [each.folder for each in found] == [None, None, trained, None]
    # The width of a hidden layer that dot attention does not have goes back to its default.
    assert [each.config.model.attention_units for each in found] == [32, 256, 256, 32]


def test_a_recipe_that_is_fitted_can_be_named_and_changed() -> None:
    words = ["auto", "transformer,model.dropout=0.25", "b:auto,model.units=13"]
    found = read_candidates(words, BASE, fitted=lambda name, over: over(preset(name, 1000)[0]))
    assert [each.name for each in found] == ["auto", "transformer-0.25", "b"]
    auto, transformer, changed = (each.config for each in found)
    assert auto == preset("auto", 1000)[0] != BASE and changed == with_settings(auto, ["model.units=13"])
    assert (transformer.model.architecture, transformer.model.dropout) == ("transformer", 0.25)
    with pytest.raises(InputError, match="fitted to the number of pairs, and that is not known"):
        read_candidates(["auto"], BASE)


def test_settings_over_a_recipe_that_is_fitted_are_known_to_it(tmp_path: Path) -> None:
    """``text.sampling`` has another meaning for BPE, so ``auto`` uses it with unigram vocabularies alone."""

    def fitted(name: str, over: Callable[[Config], Config]) -> Config:
        return fit_preset(name, 29_000, "pairs", over)[0]

    (tmp_path / "file.toml").write_text("[text]\nkind = 'bpe'\n")
    words = ["text.kind=bpe", "model.units=13", str(tmp_path / "file.toml")]
    base = fitted("auto", lambda base: base)
    bpe, unigram, of_file = (each.config for each in read_candidates(words, base, fitted=fitted, preset="auto"))
    assert bpe.text.sampling == 0 < unigram.text.sampling
    assert bpe.model == preset("auto", 29_000, samples=False)[0].model and of_file == bpe


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nothing"], "'nothing' is not a model to compare: it must be a TOML file"),
        (["missing.toml"], "The config missing.toml cannot be read"),
        (["model.attension=dot"], "Did you mean 'model.attention'"),
        (["model.units=7", "a:model.units=11", "model.units=7"], "Two models are called '7'. Write NAME:model.units=7"),
        (["model.architecture=language-model"], "compared with others on plain text"),
        (["../b:model.units=7"], "'../b' cannot be a model's name"),
    ],
)
def test_what_is_no_model_is_refused(words: list[str], said: str) -> None:
    with pytest.raises(InputError) as error:
        read_candidates(words, Config())
    assert said in str(error.value)


def test_a_config_that_does_not_parse_is_refused_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("[model\n")
    with pytest.raises(InputError, match=r"bad\.toml is not TOML"):
        read_candidates([str(tmp_path / "bad.toml")], Config())


def test_a_budget_limits_training_and_neither_epochs_nor_patience_do() -> None:
    assert ComparisonBudget().limit(BASE) == BASE
    for budget, steps, minutes in ((ComparisonBudget(steps=71), 71, 0.0), (ComparisonBudget(minutes=2.5), 0, 2.5)):
        limited = budget.limit(BASE)
        assert (limited.training.steps, limited.training.minutes) == (steps, minutes)
        assert limited.training.epochs == limited.training.early_stopping == 10**6
        assert limited.model == BASE.model
    assert [str(b) for b in (ComparisonBudget(), ComparisonBudget(1234), ComparisonBudget(minutes=2.5))] == [
        "the epochs of each config",
        "1,234 steps each",
        "2.5 minutes of training each",
    ]


def test_the_record_of_material_tells_other_pairs_from_these(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("a", "b", "c.tsv", "links")]
    for path, text in zip(files, ("x\ny\n", "u\nv\n", "x\tu\n", "0-0\n0-0\n"), strict=True):
        path.write_text(text)
    test, tsv, links = (files[0], files[1]), (files[2],), files[3]
    whole = Material(test, tsv, tsv, links=links).identity()
    assert whole == Material(test, tsv, tsv, links=links).identity()
    others = [
        Material(test),
        Material(tsv),
        Material(test, tsv),
        Material(test, tsv, tsv),
        Material(test, test, tsv, links=links),
    ]
    assert all(difference(whole, other.identity()) for other in others)
    files[0].write_text("x\nz\n")
    assert difference(whole, Material(test, tsv, tsv, links=links).identity()).startswith("test was [")


def test_a_trained_model_is_told_from_another_by_its_weights(tmp_path: Path) -> None:
    weights = tmp_path / "model.weights.h5"
    records = []
    for content in (b"7", b"11"):
        weights.write_bytes(content)
        records.append(Candidate("m", Config(), tmp_path).identity)
    assert difference(*records).startswith("trained was ")
    assert Candidate("m", Config()).identity["trained"] is None


@pytest.mark.parametrize(("file", "key"), [("alignment.npz", "alignment_head"), ("shortlist.npz", "shortlist")])
def test_a_trained_model_is_told_from_another_by_its_alignment_head_and_its_shortlist(
    file: str, key: str, tmp_path: Path
) -> None:
    (tmp_path / "model.weights.h5").write_bytes(b"7")
    config = with_settings(Config(), ["decoding.shortlist=true"])
    without = Candidate("m", config, tmp_path).identity
    # As in the records of earlier versions.
    assert without.keys() == {"config", "trained"}
    records = [without]
    for content in (b"7", b"11"):
        (tmp_path / file).write_bytes(content)
        records.append(Candidate("m", config, tmp_path).identity)
        assert difference(*records[-2:]).startswith(f"{key} was ")


def test_a_shortlist_that_no_search_uses_makes_no_other_model(tmp_path: Path) -> None:
    (tmp_path / "model.weights.h5").write_bytes(b"7")
    without = Candidate("m", Config(), tmp_path).identity
    (tmp_path / "shortlist.npz").write_bytes(b"7")
    assert Candidate("m", Config(), tmp_path).identity == without
    # An earlier version recorded it.
    assert read_identity({**without, "shortlist": 7}) == without
