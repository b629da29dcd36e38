"""The commands for every architecture, for other tasks, and for models that go on from others."""

import json
import math
import shutil
from pathlib import Path

import pytest
from command_line import PAIRS, TINY, here, nmt, refused

from nmt.commands.train import _fitting_preset
from nmt.config import Config, from_file, to_toml, with_settings
from nmt.data.tokenizers import train_tokenizers
from nmt.inference.translator import Translator
from nmt.model_folder import read_config
from nmt.models.build import build_model

# A model that has not learned to stop writes as much as it may.
SIZE = ["--set", "model.units=16", "--set", "model.embedding=16", "--set", "decoding.max_length=23"]
SIZE_TOO_LARGE = "text.vocabulary_size=9000"
QUICK = [*TINY[:4], *SIZE, *TINY[10:]]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("family")
    (folder / "pairs.tsv").write_text("".join(f"{ko}\t{en}\n" for ko, en in PAIRS), encoding="utf-8")
    (folder / "ko").write_text("".join(f"{ko}\n" for ko, _ in PAIRS), encoding="utf-8")
    (folder / "en").write_text("".join(f"{en}\n" for _, en in PAIRS), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def transformer(place: Path) -> Path:
    folder = place / "transformer"
    kind = ["--set", "model.architecture=transformer", "--set", "model.feed_forward=32"]
    result = nmt("train", "--pairs", place / "pairs.tsv", "--to", folder, *QUICK, *kind)
    assert result.returncode == 0, result.stderr.decode()
    return folder


@pytest.fixture(scope="module")
def unaligned(place: Path) -> Path:
    """A model without attention that has learned nothing; ``nmt compare`` trains one in its tests."""
    settings = [setting for setting in QUICK if setting != "--set"]
    config = with_settings(Config(), [*settings, "model.attention=none"])
    tokenizers = train_tokenizers(PAIRS, config.text.kind, config.text.vocabulary_size)
    model = build_model(config, tokenizers.source.vocabulary, tokenizers.target.vocabulary)
    Translator(model, tokenizers, config).save(place / "unaligned")
    return place / "unaligned"


def test_a_transformer_trains_resumes_translates_and_is_scored(transformer: Path, place: Path) -> None:
    folder = transformer
    result = nmt("train", "--pairs", place / "pairs.tsv", "--to", folder, "--resume", "--set", "training.epochs=3")
    assert result.returncode == 0, result.stderr.decode()
    assert len((folder / "metrics.jsonl").read_text().splitlines()) == 3
    lines = nmt("translate", folder, stdin="나는 밥을 먹었다\n\n우리는 빵을 샀다\n".encode())
    assert lines.returncode == 0 and lines.stdout.count(b"\n") == 3
    scores = nmt("evaluate", folder, "--source", place / "ko", "--reference", place / "en", "--json")
    assert json.loads(scores.stdout)["sentences"] == len(PAIRS)


def test_a_model_without_attention_translates(unaligned: Path) -> None:
    lines = nmt("translate", unaligned, stdin="나는 밥을 먹었다\n\n우리는 빵을 샀다\n".encode())
    assert lines.returncode == 0 and lines.stdout.count(b"\n") == 3


@pytest.fixture(scope="module")
def language_model(place: Path) -> Path:
    folder = place / "language-model"
    (place / "text").write_text("hello\nworld\n" * 40)
    result = nmt("train", "--text", place / "text", "--to", folder, "--set", "text.kind=char", *SIZE, *TINY[10:])
    assert result.returncode == 0, result.stderr.decode()
    assert b"nmt complete" in result.stdout
    return folder


def test_a_language_model_completes_and_is_scored(language_model: Path, place: Path) -> None:
    result = nmt("complete", language_model, stdin=b"he\n\nw\n")
    assert result.returncode == 0, result.stderr.decode()
    lines = result.stdout.decode().split("\n")
    assert len(lines) == 4 and lines[0].startswith("he") and lines[2].startswith("w")
    scores = nmt("evaluate", language_model, "--text", place / "text", "--json")
    found = json.loads(scores.stdout)
    assert found["lines"] == 80 and found["pieces"] == 80 * 7 and 1 < found["perplexity"] < 12


def test_a_long_line_is_cut_and_named_and_a_space_at_the_end_is_one(language_model: Path, place: Path) -> None:
    # 5,000 letters and the space before the word are more than 4,095 pieces; "he" has its space, two letters and EOS.
    (place / "long").write_text("he\n" + "l" * 5000 + "\n\nhe\n")
    scores = nmt("evaluate", language_model, "--text", place / "long", "--json")
    assert scores.returncode == 0, scores.stderr.decode()
    found = json.loads(scores.stdout)
    assert (found["lines"], found["pieces"]) == (3, 4 + 4095 + 4)
    assert scores.stderr.decode() == "Line 2 has more than 4,095 pieces: the rest was left out.\n"
    result = nmt("complete", language_model, stdin=b"hello \n")
    assert result.returncode == 0 and result.stdout.startswith(b"hello ") and not result.stdout.startswith(b"hello  ")


def test_the_same_command_resumes_a_run_whose_search_became_greedy(
    transformer: Path, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Config] = []
    monkeypatch.setattr("nmt.training.fit.train_model", lambda config, *_, **__: given.append(config))
    (tmp_path / "c.toml").write_text("[decoding]\nlength_penalty = 1.0\n")
    own = ["--config", tmp_path / "c.toml", "--set", "decoding.prune=7"]
    result = here("train", "--pairs", place / "pairs.tsv", "--to", transformer, "--resume", *own)
    assert result.returncode == 0, result.stderr.decode()
    assert given == [read_config(transformer)] and given[0].decoding.beam == 1
    for key in ("length_penalty = 1.0", "prune = 7.0"):
        assert f"decoding.{key} is left out" in result.stderr.decode()


def test_a_language_model_is_resumed(language_model: Path, place: Path) -> None:
    copy = place / "copy"
    shutil.copytree(language_model, copy)
    # A preset of the first command is in the folder already.
    again = ["--preset", "auto", "--resume", "--set", "training.epochs=3"]
    result = nmt("train", "--text", place / "text", "--to", copy, *again)
    assert result.returncode == 0, result.stderr.decode()


def test_a_language_model_asked_to_translate_is_refused(language_model: Path, place: Path) -> None:
    refused(nmt("translate", language_model, stdin=b"a\n"), "is a language model", "nmt complete")
    files = ("--source", place / "ko", "--reference", place / "en")
    refused(nmt("evaluate", language_model, *files), "language model", "--text")


def test_language_models_are_compared_by_their_perplexity(
    language_model: Path, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    to, test = tmp_path / "compared", ["--test-text", place / "text"]
    result = here("compare", f"lm:{language_model}", *test, "--to", to)
    assert result.returncode == 0, result.stderr.decode()
    (run,) = json.loads((to / "comparison.json").read_text())["runs"]
    assert (run["lines"], run["pieces"]) == (80, 80 * 7) and 1 < run["perplexity"] < 12
    # A piece is a letter, and each line has a space before it and an end: seven pieces, six characters with the end.
    assert run["bits_per_character"] == pytest.approx(7 / 6 * math.log2(run["perplexity"]))
    assert (to / "texts" / "lm-1.txt").read_text().count("\n") == 5
    report = (to / "comparison.md").read_text()
    assert "bits per character" in report and "the beginnings" not in report
    kinds = [
        ([f"lm:{language_model}"], "compared with others on plain text"),
        (["model.attention=dot", *test], "would do nothing"),
        (["model.units=7", *test], "name the text with --text"),
        (["model.units=7", "--text", place / "text"], "--test-text"),
        (["model.units=7", *test, "--test-pairs", place / "pairs.tsv"], "which have no pairs"),
    ]
    for arguments, words in kinds:
        refused(here("compare", *arguments, "--to", tmp_path / "b"), words)
    for option, words in (("--strings", "for translators"), ("--web", "is a language model")):
        refused(here("export", language_model, option, "--tflite" if option == "--strings" else "--single"), words)
    assert not (tmp_path / "b").exists() and not (tmp_path / "saved_models").exists()


def test_text_without_text_is_refused(language_model: Path, place: Path) -> None:
    (place / "blank").write_text("\n  \n")
    refused(nmt("evaluate", language_model, "--text", place / "blank"), "has no line with text")


def test_a_translator_asked_to_complete_is_refused(place: Path, unaligned: Path) -> None:
    refused(nmt("complete", unaligned, stdin=b"a\n"), "is a translator", "nmt translate")
    refused(nmt("evaluate", unaligned, "--text", place / "text"), "--text is for a language model")


def test_a_model_goes_on_from_another_and_its_vocabulary_grows(transformer: Path, tmp_path: Path) -> None:
    (tmp_path / "other.tsv").write_text("zebra zigzag\tjazz quiz\nzigzag zebra\tquiz jazz\n" * 20)
    command = ["train", "--pairs", tmp_path / "other.tsv", "--from", transformer, "--set", "training.epochs=1"]
    result = nmt(*command, "--to", tmp_path / "grown", "--grow", 30)
    assert result.returncode == 0, result.stderr.decode()
    assert "pieces were added to the vocabulary" in result.stderr.decode()
    assert nmt("translate", tmp_path / "grown", stdin=b"zebra zigzag\n").returncode == 0


REFUSED = {
    "a fixed context that is fed": (
        ["--set", "model.attention=none", "--set", "model.context=feed"],
        "attends nowhere",
    ),
    "heads that do not divide": (["--set", "model.architecture=transformer", "--set", "model.heads=7"], "heads = 7"),
    "a key that would do nothing": (["--set", "model.feed_forward=7"], "would do nothing"),
    "other units": (["--from", "START", "--set", "model.units=32", "--set", "model.embedding=32"], "model.units is 16"),
    "another kind of vocabulary": (["--from", "START", "--set", "text.kind=unigram"], "text.kind is 'bpe'"),
    "a preset and a start": (["--from", "START", "--preset", "auto"], "--preset is for a new model"),
    "growth from nothing": (["--grow", "5"], "--from"),
    "a start that is no model": (["--from", "nowhere"], "There is no model folder"),
    "a start that is a language model": (["--from", "LANGUAGE"], "--text"),
    "pairs for a language model": (["--set", "model.architecture=language-model"], "--text"),
    "an unknown preset": (["--preset", "chatbott"], "Did you mean 'chatbot'"),
    "devices and accumulation": (
        ["--set", "training.devices=2", "--set", "training.accumulate=2"],
        "cannot be combined with training.accumulate",
    ),
    "sampling without a second epoch": (
        ["--set", "training.scheduled_sampling=.5", "--set", "training.epochs=1"],
        "Raise training.epochs",
    ),
    "too many devices": (["--set", "training.devices=64"], "TensorFlow sees"),
    "text and pairs": (["--text", "TEXT"], "one way"),
    "a development text for pairs": (["--dev-text", "TEXT"], "--dev-text goes with --text"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_input_is_refused_before_anything_is_trained(
    case: str, place: Path, transformer: Path, language_model: Path, tmp_path: Path
) -> None:
    arguments, words = REFUSED[case]
    names = {"START": transformer, "LANGUAGE": language_model, "TEXT": place / "text"}
    placed = [names.get(argument, argument) for argument in arguments]
    refused(nmt("train", "--pairs", place / "pairs.tsv", "--to", tmp_path / "m", *placed), words)
    assert not (tmp_path / "m").exists()


def test_a_translator_is_no_start_for_a_language_model(
    place: Path, transformer: Path, language_model: Path, tmp_path: Path
) -> None:
    result = nmt("train", "--text", place / "text", "--from", transformer, "--to", tmp_path / "m", "--grow", 5)
    refused(result, "--text is for a language model")


def test_the_plain_command_fits_its_settings_says_what_it_chose_and_can_be_overridden(
    place: Path, tmp_path: Path
) -> None:
    settings = ["--set", "training.epochs=1", "--set", "model.units=12"]
    result = nmt("train", "--pairs", place / "pairs.tsv", "--to", tmp_path / "m", *settings)
    said = result.stderr.decode()
    assert result.returncode == 0, said
    assert "Settings for 46 pairs (--preset auto)" in said and "dropout = 0.4" in said
    config = (tmp_path / "m" / "config.toml").read_text()
    assert "units = 12\n" in config and "embedding = 96\n" in config and "batch_size = 16\n" in config


def test_only_words_of_a_unigram_vocabulary_are_cut_at_random(place: Path, tmp_path: Path) -> None:
    many = tmp_path / "many.tsv"
    many.write_text((place / "pairs.tsv").read_text(encoding="utf-8") * 300, encoding="utf-8")
    # Refused when the vocabulary is made, after the settings were chosen.
    settings = ["--set", "text.kind=bpe", "--set", SIZE_TOO_LARGE]
    result = nmt("train", "--pairs", many, "--to", tmp_path / "m", *settings)
    refused(result, "9000")
    assert "without much dropout" in result.stderr.decode()


@pytest.mark.parametrize("plain", [["--preset", "plain"], ["--config", "FILE"]])
def test_plain_and_a_config_file_begin_with_the_defaults(place: Path, tmp_path: Path, plain: list[str]) -> None:
    (tmp_path / "file.toml").write_text("[training]\nepochs = 2\n")
    given = [tmp_path / "file.toml" if each == "FILE" else each for each in plain]
    # Refused when the vocabulary is made, after the settings were chosen.
    result = nmt("train", "--pairs", place / "pairs.tsv", "--to", tmp_path / "m", *given, "--set", SIZE_TOO_LARGE)
    refused(result, "9000")
    said = result.stderr.decode()
    assert "Settings for" not in said
    advice = "With --preset auto they are fitted to the number of pairs." in said
    assert advice == ("--config" in plain)


@pytest.mark.parametrize("name", ["auto", "transformer"])
def test_a_config_file_with_a_preset_goes_over_fitted_settings(place: Path, tmp_path: Path, name: str) -> None:
    file = tmp_path / "file.toml"
    file.write_text("[training]\nepochs = 2\n" + ('[model]\narchitecture = "transformer"\n' * (name == "transformer")))
    arguments = ["train", "--pairs", place / "pairs.tsv", "--to", tmp_path / "m", "--config", file]
    size = ["--set", SIZE_TOO_LARGE]
    alone = nmt(*arguments, *size).stderr.decode()
    assert f"With --preset {name} they are fitted" in alone
    result = nmt(*arguments, "--preset", name, *size)
    refused(result, "9000")
    said = result.stderr.decode()
    assert f"Settings for 46 pairs (--preset {name})" in said and "--config leaves out" not in said


def test_a_preset_is_advised_only_where_it_would_fit_what_a_config_file_leaves_out(tmp_path: Path) -> None:
    def advised(text: str, pairs: int = 46) -> str:
        (tmp_path / "file.toml").write_text(text)

        def choose(base: Config) -> Config:
            return from_file(tmp_path / "file.toml", base)

        return _fitting_preset(choose(Config()), choose, pairs, "pairs")

    model = "[model]\narchitecture = "
    assert advised("[training]\nepochs = 2\n") == "auto"
    assert advised(f"{model}'transformer'\n") == "transformer"
    assert advised(to_toml(Config())) == ""  # a model's config.toml is complete
    assert advised(f"{model}'masked-language-model'\n") == ""
    assert advised(f"{model}'language-model'\ndecoder = 'transformer'\n") == ""
    # For so many pairs another attention is fitted, which has no units.
    assert advised("[model]\nattention_units = 64\n") == "auto"
    assert advised("[model]\nattention_units = 64\n", pairs=9000) == ""


@pytest.mark.parametrize("task", ["numbers", "transliteration", "headlines"])
def test_a_corpus_of_another_task_is_written(task: str, tmp_path: Path) -> None:
    result = nmt("corpus", task, "--to", tmp_path / "data")
    assert result.returncode == 0, result.stderr.decode()
    assert {path.name for path in (tmp_path / "data").iterdir()} == {"train.tsv", "dev.tsv", "test.tsv"}
    assert all(line.count("\t") == 1 for line in (tmp_path / "data" / "test.tsv").read_text("utf-8").splitlines())
    refused(nmt("corpus", task, "--to", tmp_path / "data"), "not an empty folder")


def test_an_unknown_corpus_is_refused(tmp_path: Path) -> None:
    refused(nmt("corpus", "number", "--to", tmp_path / "data"), "Did you mean 'numbers'")
