"""The export answers in TF Serving's own way of loading as the translator does; the naive export fails there."""

from collections.abc import Callable, Iterator
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from as_served import Served
from command_line import PAIRS
from exported import TEXTS, trained, with_confidence, with_shortlist
from hypothesis import given, settings
from hypothesis import strategies as st

from nmt.config import Config, with_settings
from nmt.data.tokenizers import train_tokenizers
from nmt.errors import InputError
from nmt.evaluation.alignment import words
from nmt.export.saved_model import WARMUP, export
from nmt.export.versions import check_place, versions
from nmt.inference.translator import Translator
from nmt.models.build import build_model
from nmt.signatures import CONFIDENCE_OUTPUTS, SIGNATURES

SEARCHES = {
    "beam": {"beam": 4, "n_best": 3, "length_penalty": 1.0, "no_repeat": 3, "max_length": 50},
    "greedy": {"max_length": 50, "shortlist": True},
}


@pytest.fixture(scope="module")
def translator(tmp_path_factory: pytest.TempPathFactory) -> Translator:
    return with_shortlist(trained(tmp_path_factory.mktemp("trained")))


@pytest.fixture(scope="module", params=SEARCHES)
def served(
    request: pytest.FixtureRequest, translator: Translator, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Served, Callable]]:
    if request.param == "greedy":
        translator = with_confidence(translator)
    how = translator.decoding(**SEARCHES[request.param])
    folder = export(translator, tmp_path_factory.mktemp("exports") / "toy", how, lambda version: f"version {version}")
    server = Served(folder)
    yield server, lambda texts: translator.hypotheses(texts, **SEARCHES[request.param])
    # The program says so if anything of Python's TensorFlow was imported.
    assert server.close() == 0


def equal(answer: dict[str, np.ndarray], expected: list) -> None:
    """All that the translator says of each text, in the padding of a batch."""
    for row, best in enumerate(expected):
        texts = [
            text
            for text, score in zip(answer["translations"][row], answer["scores"][row], strict=True)
            if score > -1e30
        ]
        assert texts == [each.text for each in best]
        np.testing.assert_allclose(answer["scores"][row, : len(best)], [each.score for each in best], atol=1e-4)
        assert answer["unfinished"][row, : len(best)].tolist() == [each.unfinished for each in best]
        first = best[0]
        assert answer["source_truncated"][row] == first.source_truncated
        if not first.source_tokens:
            continue
        read, written = len(first.source_tokens), len(first.tokens)
        assert list(answer["source_tokens"][row]) == [*first.source_tokens, "</s>"] + [""] * (
            answer["source_tokens"].shape[1] - read - 1
        )
        assert [piece for piece in answer["target_tokens"][row] if piece] == list(first.tokens)
        assert first.alignment is not None
        np.testing.assert_allclose(answer["alignment"][row, :written, : read + 1], first.alignment, atol=1e-4)
        assert not answer["alignment"][row, written:].any() and not answer["alignment"][row, :, read + 1 :].any()
        # Where the words of a source are not those that its pieces spell, the confidence may be slightly another.
        if "confidence" in answer and first.word_confidences and first.source_words == words(first.source_tokens):
            number = len(first.word_confidences)
            assert answer["confidence"][row] == pytest.approx(first.confidence, abs=0.02)
            names, shares = zip(*first.word_confidences, strict=True)
            assert [*answer["words"][row, :number]] == [*names] and not any(answer["words"][row, number:])
            np.testing.assert_allclose(answer["word_confidences"][row, :number], shares, atol=0.02)


def test_every_text_is_translated_as_by_the_translator(served: tuple[Served, Callable]) -> None:
    server, translated = served
    expected = translated(TEXTS)
    equal(server.ask("translate", text=TEXTS), expected)
    default = server.ask("serving_default", text=TEXTS)
    assert list(default["translation"]) == [best[0].text for best in expected]
    np.testing.assert_allclose(default["score"], [best[0].score for best in expected], atol=1e-4)
    for flag in ("source_truncated", "unfinished"):
        assert default[flag].tolist() == [getattr(best[0], flag) for best in expected]


def test_a_text_alone_is_as_in_a_batch(served: tuple[Served, Callable]) -> None:
    server, translated = served
    for text, best in zip(TEXTS[6:13], translated(TEXTS[6:13]), strict=True):
        equal(server.ask("translate", text=[text]), [best])


@settings(max_examples=15, deadline=None)
@given(texts=st.lists(st.text(max_size=20), min_size=1, max_size=4))
def test_any_text(served: tuple[Served, Callable], texts: list[str]) -> None:
    server, translated = served
    texts = [text.encode("utf-8", "replace").decode() for text in texts]
    equal(server.ask("translate", text=texts), translated(texts))


def test_given_translations_are_scored_as_by_the_translator(
    served: tuple[Served, Callable], translator: Translator
) -> None:
    server, _ = served
    sources, targets = [*TEXTS[:4], "나는", ""], [*(en for _, en in PAIRS[:4]), "I ate " * 40, ""]
    answer = server.ask("score", source=sources, target=targets)
    for row, found in enumerate(translator.score(sources, targets, max_length=50)):
        assert answer["log_probability"][row] == pytest.approx(found.score, abs=1e-4)
        count = len(found.token_scores)
        np.testing.assert_allclose(answer["token_scores"][row, :count], found.token_scores, atol=1e-4)
        tokens = [*found.tokens, "</s>"][:count]
        assert list(answer["tokens"][row]) == tokens + [""] * (answer["tokens"].shape[1] - count)


def test_a_batch_may_be_empty(served: tuple[Served, Callable]) -> None:
    server, _ = served
    for name, signature in SIGNATURES.items():
        answer = server.ask(name, **{key: [] for key in signature.inputs})
        for key, part in signature.outputs.items():
            assert answer[key].shape[0] == 0 and answer[key].ndim == len(part.shape)


def test_eight_threads_at_once(served: tuple[Served, Callable]) -> None:
    server, translated = served
    expected = translated(TEXTS)
    for answer in server.ask("translate", threads=8, text=TEXTS):
        equal(answer, expected)


def test_bytes_that_are_no_text_have_an_answer(served: tuple[Served, Callable]) -> None:
    server, _ = served
    assert server.ask("translate", text=["\udcff\udcfe", TEXTS[0]])["translations"].shape[0] == 2


def test_the_signatures_are_those_that_are_promised(served: tuple[Served, Callable]) -> None:
    server, _ = served
    for name, signature in SIGNATURES.items():
        for kind, parts in (("inputs", signature.inputs), ("outputs", signature.outputs)):
            found = getattr(server.signatures[name], kind)
            if kind == "outputs" and "confidence" in found:
                parts = {**parts, **CONFIDENCE_OUTPUTS}
            assert set(found) == set(parts)
            for key, part in parts.items():
                assert tf.as_dtype(found[key].dtype).name == part.dtype
                assert len(found[key].tensor_shape.dim) == len(part.shape)


# Operations of TensorFlow 2.16 that run on any processor, and those of tensorflow-text that the server links.
SERVED = set(Path(__file__).with_name("served_operations.txt").read_text().split())


def test_every_operation_is_one_that_the_server_has(served: tuple[Served, Callable]) -> None:
    graph = served[0].graph.graph_def
    nodes = [*graph.node, *(node for function in graph.library.function for node in function.node_def)]
    assert {node.op for node in nodes} <= SERVED
    assert not [node.name for node in nodes if "cudnn" in node.op.lower() or "xla" in node.op.lower()]
    compiled = [f.signature.name for f in graph.library.function if f.attr["_XlaMustCompile"].b]
    assert not compiled


def test_weights_are_written_once_and_no_card_unless_one_is_given(translator: Translator, tmp_path: Path) -> None:
    folder = export(translator, tmp_path / "toy", translator.decoding())
    assert not (folder / "card.md").exists()
    weights = sum(np.asarray(weight).nbytes for weight in translator.model.weights)
    (stored,) = (folder / "variables").glob("variables.data*")
    assert stored.stat().st_size < 1.1 * weights + 10_000


def test_the_naive_export_fails_in_this_way_of_loading(translator: Translator, tmp_path: Path) -> None:
    """So the check is known to bite: in Python the same folder loads and answers."""

    class Naive(tf.Module):
        def __init__(self, model: keras.Model) -> None:
            super().__init__()
            self.model, self.text = model, translator.tokenizers.source.resource

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "text")])
        def serving_default(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
            ids = self.text.tokenize(text).to_tensor()
            logits, _ = self.model.teacher_forcing(ids, ids)
            flags = tf.zeros(tf.shape(text), tf.bool)
            score = tf.reduce_sum(logits, [1, 2])
            return {"translation": text, "score": score, "source_truncated": flags, "unfinished": flags}

    naive = Naive(translator.model)
    tf.saved_model.save(naive, str(tmp_path / "1"), signatures={"serving_default": naive.serving_default})
    loaded = tf.saved_model.load(str(tmp_path / "1"))
    assert loaded.signatures["serving_default"](text=tf.constant(["나는"]))["score"].shape == [1]
    server = Served(tmp_path / "1")
    with pytest.raises(RuntimeError, match="Could not find variable"):
        server.ask("serving_default", text=["나는"])
    server.close()


def test_warm_up_requests_are_those_the_server_replays(served: tuple[Served, Callable], translator: Translator) -> None:
    from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

    (process,) = [part for part in served[0].process.args if "exports" in str(part)]
    logs = [PredictionLog.FromString(raw.numpy()) for raw in tf.data.TFRecordDataset(str(Path(process) / WARMUP))]
    assert {log.predict_log.request.model_spec.signature_name for log in logs} == set(SIGNATURES)
    for log in logs:
        request = log.predict_log.request
        inputs = {key: [text.decode() for text in part.string_val] for key, part in request.inputs.items()}
        served[0].ask(request.model_spec.signature_name, **inputs)


# Versions


def test_each_export_is_the_next_version(translator: Translator, tmp_path: Path) -> None:
    to, how = tmp_path / "saved" / "toy", translator.decoding()
    (to / "7").mkdir(parents=True)
    folder = export(translator, to, how, lambda version: f"version {version}")
    assert (folder.name, versions(to)) == ("8", [7, 8])
    assert (folder / "card.md").read_text() == "version 8"
    assert sorted(place.name for place in to.iterdir()) == ["7", "8"]


def test_exports_at_once_get_versions_of_their_own(translator: Translator, tmp_path: Path) -> None:
    to, made = tmp_path / "toy", []

    def card(version: int) -> str:
        # Another export is faster, and takes the number that this one was about to take.
        if not made:
            made.append(export(translator, to, translator.decoding(max_length=2), lambda version: f"other {version}"))
        return f"version {version}"

    assert export(translator, to, translator.decoding(max_length=3), card).name == "2"
    assert [place.name for place in made] == ["1"] and versions(to) == [1, 2]
    assert [(to / name / "card.md").read_text() for name in ("1", "2")] == ["other 1", "version 2"]
    for name, length in (("1", 2), ("2", 3)):
        found = tf.saved_model.load(to / name).signatures["serving_default"](text=tf.constant(TEXTS[:7]))
        expected = translator.translate(TEXTS[:7], max_length=length)
        assert [text.decode() for text in found["translation"].numpy()] == [each.text for each in expected]


def test_a_disk_that_is_full_leaves_no_version(
    translator: Translator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def card(version: int) -> str:
        raise OSError(28, "No space left on device")

    with pytest.raises(InputError, match=r"No space left on device\. No version was made"):
        export(translator, tmp_path / "toy", translator.decoding(), card)
    assert list((tmp_path / "toy").iterdir()) == []


def test_what_is_no_export_is_left_alone(translator: Translator, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "thesis.txt").write_text("mine")
    for name, said in (("file", "is a file"), ("folder", "holds thesis.txt")):
        with pytest.raises(InputError, match=said):
            check_place(tmp_path / name)
        with pytest.raises(InputError, match=said):
            export(translator, tmp_path / name, translator.decoding(), lambda version: "")
    assert (tmp_path / "file").read_text() == (tmp_path / "folder" / "thesis.txt").read_text() == "mine"


def test_draws_are_refused(translator: Translator, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"decoding\.sample"):
        export(translator, tmp_path / "toy", translator.decoding(sample=True), lambda version: "")


def test_tokenizers_stay_apart_in_both_ways_of_loading(tmp_path: Path) -> None:
    """Two vocabularies in one export, and two exports in one process."""
    config = with_settings(Config(), ["text.joint=false", "model.units=16", "model.embedding=16"])
    folders, translators = [], []
    for number, pairs in enumerate((PAIRS, [(ko[::-1], en[::-1]) for ko, en in PAIRS])):
        tokenizers = train_tokenizers(pairs, "bpe", 60 + number, joint=False)
        keras.utils.set_random_seed(number)
        model = build_model(config, tokenizers.source.vocabulary, tokenizers.target.vocabulary)
        translators.append(Translator(model, tokenizers, config))
        folders.append(export(translators[-1], tmp_path / f"toy{number}", translators[-1].decoding(max_length=9)))
    loaded = [tf.saved_model.load(folder) for folder in folders]
    for translator, folder, here in zip(translators, folders, loaded, strict=True):
        expected = [found.text for found in translator.translate(TEXTS[:5], max_length=9)]
        there = here.signatures["serving_default"](text=tf.constant(TEXTS[:5]))["translation"].numpy()
        assert [tokenizers.decode() for tokenizers in there] == expected
        server = Served(folder)
        assert list(server.ask("serving_default", text=TEXTS[:5])["translation"]) == expected
        assert server.close() == 0
