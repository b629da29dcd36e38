"""What TensorBoard reads of a run is what the model makes, epoch by epoch, and a run that goes on goes on there."""

import html
import io
import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from command_line import PAIRS, TINY, nmt
from matplotlib.image import imread
from servers import tiny_model
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.projector.projector_plugin import ProjectorPlugin
from tensorboard.plugins.scalar.summary_v2 import scalar_pb
from tensorboard.util.tensor_util import make_ndarray
from werkzeug.test import Client
from werkzeug.wrappers import Response

from nmt.config import Config, with_settings
from nmt.data import tokenizers as texts
from nmt.errors import InputError, WorkFailed
from nmt.evaluation.judge import best_epoch, quality
from nmt.inference.completer import Completer
from nmt.inference.translator import Translator
from nmt.models.build import build_model
from nmt.models.language_model import LanguageModel
from nmt.models.seq2seq import Seq2Seq
from nmt.plotting.figures import heat_map
from nmt.training import tensorboard
from nmt.training.callbacks import Journal
from nmt.training.tensorboard import (
    Completions,
    Curves,
    EventFile,
    Projector,
    Translations,
    label,
    table,
)

LINES = ["a|b *c* <d>", "a b c", "b_c a", "d", "c d", "a"]
SMALL = ["text.kind=char", "model.units=5", "model.embedding=7"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two epochs."""
    return tiny_model(tmp_path_factory.mktemp("board") / "tiny")


def opened(run: Path) -> EventAccumulator:
    accumulator = EventAccumulator(str(run), size_guidance={"tensors": 0})
    accumulator.Reload()
    return accumulator


def tags(run: Path) -> dict[str, list[int]]:
    """The steps of each tag."""
    found = opened(run)
    return {tag: [event.step for event in found.Tensors(tag)] for tag in found.Tags()["tensors"]}


def values(run: Path, tag: str) -> list[np.ndarray]:
    return [make_ndarray(event.tensor_proto) for event in opened(run).Tensors(tag)]


def cells(markdown: str) -> list[list[str]]:
    """The rows of a table, as they are read."""
    return [[html.unescape(cell).strip() for cell in line[1:-1].split("|")] for line in markdown.splitlines()]


def records(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]


def projected(run: Path, name: str) -> tuple[list[str], np.ndarray]:
    """The labels and vectors that TensorBoard's own projector gives out."""
    provider = SimpleNamespace(list_runs=lambda ctx, experiment_id: [SimpleNamespace(run_name=run.name)])
    plugin = ProjectorPlugin(SimpleNamespace(data_provider=provider, logdir=str(run.parent)))
    query = {"run": run.name, "name": name}
    answers = {
        route: Client(plugin.get_plugin_apps()[route], Response).get(query_string=query)
        for route in ("/metadata", "/tensor", "/info")
    }
    assert {answer.status_code for answer in answers.values()} == {200}
    shapes = {e["tensorName"]: e["tensorShape"] for e in json.loads(answers["/info"].text)["embeddings"]}
    vectors = np.frombuffer(answers["/tensor"].data, np.float32).reshape(shapes[name])
    return answers["/metadata"].text.removesuffix("\n").split("\n"), vectors


# A run


def test_the_curves_are_those_of_the_journal(model: Path) -> None:
    train = ["fit/loss", "fit/perplexity", "fit/accuracy", "pace/learning_rate", "pace/tokens per s"]
    train += ["pace/seconds", "pace/memory_mb"]
    dev = ["fit/loss", "fit/perplexity", "fit/accuracy", "quality/bleu", "quality/chrf", "pace/seconds"]
    assert tags(model / "logs" / "train") == {key: [1, 2] for key in train}
    found = tags(model / "logs" / "dev")
    assert {tag: found[tag] for tag in dev} == {key: [1, 2] for key in dev}
    for run, tag, name in (("train", "pace/tokens per s", "tokens/s"), ("dev", "quality/bleu", "val_bleu")):
        written = [record[name] for record in records(model)]
        np.testing.assert_allclose(values(model / "logs" / run, tag), written, rtol=1e-6)
    # Nothing is written twice.
    assert found.keys() - dev == {"translations", "alignment/1"}


def test_the_texts_and_pictures_are_what_the_translator_makes(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, best = model / "logs" / "dev", best_epoch([quality(r, r["watch"]) for r in records(model)])
    head, _, *rows = cells(values(run, "translations")[best].item().decode())
    assert head == ["", "source", "reference", "output", "score"]
    # Of 48 pairs a dozen lie between two that are shown.
    assert [tuple(row[1:3]) for row in rows] == PAIRS[::12]
    translator = Translator.load(model)
    made = translator.translate([row[1] for row in rows])
    assert [row[3:] for row in rows] == [[one.text, f"{one.score:.2f}"] for one in made]
    # A run of the tests draws the first alignment alone; here all are drawn, as for users.
    monkeypatch.setattr(tensorboard, "DRAWN", 4)
    Translations(EventFile(tmp_path, best), translator, PAIRS).on_epoch_end(best)
    for number, (row, one) in enumerate(zip(rows, made, strict=True), start=1):
        width, height, png = values(tmp_path, f"alignment/{number}")[0]
        assert imread(io.BytesIO(png)).shape[:2] == (int(height), int(width))
        assert png == heat_map(one.words(), title=f"epoch {best + 1}, reference: {row[2]}").png(100)
    assert len({values(tmp_path, f"alignment/{n}")[0][2] for n in (1, 2, 3, 4)}) == 4
    assert values(run, "alignment/1")[best][2] == values(tmp_path, "alignment/1")[0][2]


def test_the_projector_has_the_vectors_of_the_saved_model(model: Path, tmp_path: Path) -> None:
    # A model's folder opens anywhere.
    shutil.copytree(model / "logs", tmp_path / "logs")
    translator = Translator.load(model)
    for name, tokenizer in (
        ("source_embedding", translator.tokenizers.source),
        ("target_embedding", translator.tokenizers.target),
    ):
        pieces, vectors = projected(tmp_path / "logs" / "dev", name)
        assert pieces == tokenizer.pieces(range(80))
        np.testing.assert_array_equal(vectors, getattr(translator.model, name).embeddings.numpy())


def test_a_full_disk_is_told_and_the_epoch_is_seen_once_when_the_run_goes_on(model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "tiny"
    shutil.copytree(model, folder)
    pairs = tmp_path / "pairs.tsv"
    pairs.write_text("".join(f"{source}\t{target}\n" for source, target in PAIRS), encoding="utf-8")
    again = ["train", "--pairs", pairs, "--dev-pairs", pairs, "--to", folder, *TINY, "--set", "training.epochs=3"]
    file = folder / "logs" / "dev" / "events.out.tfevents.nmt"
    file.rename(tmp_path / "kept")
    file.symlink_to("/dev/full")
    result = nmt(*again, "--resume")
    assert result.returncode == 1
    assert result.stderr.decode().rstrip().endswith(f"nmt: {file}: No space left on device.")
    # The third epoch is not done, and one of the two runs shows it.
    assert tags(folder / "logs" / "train")["fit/loss"] == [1, 2, 3]
    (tmp_path / "kept").replace(file)
    result = nmt(*again, "--resume")
    assert result.returncode == 0, result.stderr.decode()
    for run in ("train", "dev"):
        found = tags(folder / "logs" / run)
        assert found == {key: [1, 2, 3] for key in found}
        assert found.keys() == tags(model / "logs" / run).keys()
    for name in ("loss", "val_loss"):
        run = "dev" if name.startswith("val") else "train"
        written = [record[name] for record in records(folder)]
        np.testing.assert_allclose(values(folder / "logs" / run, "fit/loss"), written, rtol=1e-6)


# Files of events


def test_a_file_that_was_cut_short_goes_on_after_its_last_whole_epoch(tmp_path: Path) -> None:
    for epoch in (1, 2, 3):
        EventFile(tmp_path, epoch - 1).add(epoch, [scalar_pb("a", epoch / 7)])
    file = tmp_path / "events.out.tfevents.nmt"
    file.write_bytes(file.read_bytes()[:-5])
    EventFile(tmp_path, 3).add(4, [scalar_pb("a", 4 / 7)])
    assert tags(tmp_path) == {"a": [1, 2, 4]}
    np.testing.assert_allclose(values(tmp_path, "a"), [1 / 7, 2 / 7, 4 / 7], rtol=1e-6)


def test_a_file_that_is_a_link_is_refused_and_its_target_stays(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "notes").write_text("mine\n")
    (tmp_path / "run" / "events.out.tfevents.nmt").symlink_to(tmp_path / "notes")
    with pytest.raises(InputError, match="is a link to another file"):
        EventFile(tmp_path / "run", 1)
    assert (tmp_path / "notes").read_text() == "mine\n"


def test_a_deleted_file_is_begun_anew(tmp_path: Path) -> None:
    file = EventFile(tmp_path / "run", 0)
    file.add(1, [scalar_pb("a", 1)])
    shutil.rmtree(tmp_path / "run")
    file.add(2, [scalar_pb("a", 2)])
    assert tags(tmp_path / "run") == {"a": [2]}


def test_a_number_that_is_not_finite_is_a_gap(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"epoch": 1, "loss": 3.0, "perplexity": null, "val_bleu": 7.0}\n')
    Curves(EventFile(tmp_path / "train", 0), EventFile(tmp_path / "dev", 0), Journal(path, 1)).on_epoch_end(0)
    assert tags(tmp_path / "train") == {"fit/loss": [1]}
    assert tags(tmp_path / "dev") == {"quality/bleu": [1]}


# Models of other kinds, untrained


def made(*settings: str) -> tuple[Config, texts.Tokenizers, LanguageModel | Seq2Seq]:
    tokenizers = texts.train_tokenizers([(line, line[::-1]) for line in LINES], "char")
    config = with_settings(Config(), [*SMALL, *settings])
    return config, tokenizers, build_model(config, tokenizers.source.vocabulary, tokenizers.target.vocabulary)


def test_a_language_model_shows_how_it_goes_on(tmp_path: Path) -> None:
    config, text, model = made("model.architecture=language-model", "decoding.max_length=11")
    completer = Completer(model, text, config)
    Completions(EventFile(tmp_path, 0), completer, LINES).on_epoch_end(0)
    head, _, *rows = cells(values(tmp_path, "completions")[0].item().decode())
    assert head == ["", "line", "beginning", "output", "score"]
    # Of six lines, those at 0, 6/4, 12/4 and 18/4; the first third of each.
    assert [row[1:3] for row in rows] == [["a|b *c* <d>", "a|b"], ["a b c", "a"], ["d", "d"], ["c d", "c"]]
    found = completer.complete([row[2] for row in rows])
    assert [row[4] for row in rows] == [f"{one.score:.2f}" for one in found]


def test_a_model_without_attention_has_no_pictures(tmp_path: Path) -> None:
    config, text, model = made("model.attention=none", "decoding.max_length=11")
    pairs = [(" ", "blank"), *((line, line) for line in LINES[:2])]
    Translations(EventFile(tmp_path, 0), Translator(model, text, config), pairs).on_epoch_end(6)
    assert tags(tmp_path) == {"translations": [7]}
    rows = cells(values(tmp_path, "translations")[0].item().decode())[2:]
    assert [row[1] for row in rows] == LINES[:2]


@pytest.mark.parametrize("settings", [["model.tied=all"], ["model.architecture=language-model"]])
def test_vectors_that_are_the_same_are_projected_once(tmp_path: Path, settings: list[str]) -> None:
    _, tokenizers, model = made(*settings)
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"val_bleu": 7.0}\n')
    journal = Journal(path, 1)
    Projector(tmp_path / "dev", model, tokenizers, journal).on_epoch_end(0)
    pieces, vectors = projected(tmp_path / "dev", "embedding")
    assert pieces == [label(piece) for piece in tokenizers.target.pieces(range(tokenizers.target.vocabulary))]
    np.testing.assert_array_equal(vectors, model.target_embedding.embeddings.numpy())
    assert sorted(p.name for p in (tmp_path / "dev").glob("*.tsv")) == ["embedding.tsv"]
    # An epoch that is no better leaves them as they are, for it is not saved.
    kept = model.target_embedding.embeddings.numpy().copy()
    model.target_embedding.embeddings.assign(kept + 1)
    journal.records.append({"val_bleu": 7.0})
    Projector(tmp_path / "dev", model, tokenizers, journal).on_epoch_end(1)
    np.testing.assert_array_equal(projected(tmp_path / "dev", "embedding")[1], kept)


def test_vectors_that_cannot_be_written_are_told(tmp_path: Path) -> None:
    _, text, model = made("model.tied=all")
    (tmp_path / "metrics.jsonl").write_text('{"val_bleu": 7.0}\n')
    (tmp_path / "embeddings.ckpt.index").mkdir()
    with pytest.raises(WorkFailed, match="cannot be written"):
        Projector(tmp_path, model, text, Journal(tmp_path / "metrics.jsonl", 1)).on_epoch_end(0)


# Texts


@pytest.mark.parametrize("piece", ["▁", "\t", "a\nb", "\r", "\u2028", "\u3000", "밥", "\u200b", "\x00", "é"])
def test_a_label_is_one_visible_cell(piece: str) -> None:
    shown = label(piece)
    assert shown.isprintable() and shown.strip() == shown != "" and len(shown.splitlines()) == 1
    assert shown == piece or shown.encode().decode("unicode_escape").isspace() or "\\" in shown


def test_a_cell_stays_a_cell() -> None:
    nasty = "a | b\\| *c* _d_ `e` [f](g) <b>h</b> &amp;\ni"
    markdown = table(["text", "score"], [[nasty, "-1.00"]])
    assert cells(markdown)[2] == ["1", nasty.replace("\n", " "), "-1.00"]
    assert set("\\`*_[]<>") & set(markdown) == set()
