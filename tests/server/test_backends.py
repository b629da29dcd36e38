"""The backend: what signatures.py says, from a model's folder and from an export."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from exported import untrained_transformer
from servers import export, tiny_model

from nmt import Translator, build_model, with_settings
from nmt.errors import InputError
from nmt.model_folder import CONFIG
from nmt.server.backends import Backend, ExportBackend, ModelBackend, SearchSettings, find, open_backend
from nmt.signatures import SIGNATURES, UNRATED

TEXTS = ["나는 밥을 먹었다", "", "그들은 사과를 샀다 그들은 사과를", "고기"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("backend") / "ko-en")


@pytest.fixture(scope="module")
def translator(folder: Path) -> Translator:
    return Translator.load(folder)


@pytest.fixture(scope="module")
def backend(translator: Translator) -> Backend:
    return ModelBackend(translator, "ko-en")


@pytest.fixture(scope="module")
def upper(tmp_path_factory: pytest.TempPathFactory) -> Backend:
    place = tmp_path_factory.mktemp("saved_models") / "upper"
    for version in (2, 10):
        export(place / str(version))
    return open_backend(find(place), trust=True)


def strings(array: np.ndarray) -> list:
    return [each.decode() if isinstance(each, bytes) else strings(each) for each in array]


def padded(rows: list[list[str]]) -> list[list[str]]:
    longest = max(map(len, rows))
    return [row + [""] * (longest - len(row)) for row in rows]


def shaped(backend: Backend, inputs: dict[str, np.ndarray], rows: int) -> None:
    """Every signature gives the names, types and ranks of the contract."""
    for name in backend.signatures:
        outputs = backend.predict(name, {part: inputs[part] for part in SIGNATURES[name].inputs})
        assert list(outputs) == list(backend.signatures[name].outputs)
        for part, array in outputs.items():
            wanted = SIGNATURES[name].outputs[part]
            assert array.ndim == len(wanted.shape) and len(array) == rows
            assert array.dtype == (object if wanted.dtype == "string" else wanted.dtype)


def test_a_folder_gives_what_the_contract_says_and_the_translator_finds(
    backend: Backend, translator: Translator
) -> None:
    texts = np.array(TEXTS, object)
    shaped(backend, {"text": texts, "source": texts, "target": texts}, 4)
    wanted = translator.translate(TEXTS)
    best = backend.predict("serving_default", {"text": texts})
    assert strings(best["translation"]) == [found.text for found in wanted]
    np.testing.assert_allclose(best["score"], [found.score for found in wanted], atol=1e-5)
    found = backend.predict("translate", {"text": texts})
    assert strings(found["source_tokens"]) == padded([[*each.source_tokens, "</s>"] for each in wanted])
    assert strings(found["target_tokens"]) == padded([list(each.tokens) for each in wanted])
    for i, each in enumerate(wanted):
        height, width = each.alignment.shape
        np.testing.assert_allclose(found["alignment"][i, :height, :width], each.alignment, atol=1e-5)
        assert not found["alignment"][i, height:].any() and not found["alignment"][i, :, width:].any()


def test_scores_of_given_translations(backend: Backend, translator: Translator) -> None:
    sources, targets = ["나는 밥을 먹었다", "고기"], ["I ate rice", ""]
    found = backend.predict("score", {"source": np.array(sources), "target": np.array(targets)})
    wanted = translator.score(sources, targets)
    np.testing.assert_allclose(found["log_probability"], [each.score for each in wanted], atol=1e-5)
    assert strings(found["tokens"]) == padded([[*each.tokens, "</s>"] for each in wanted])
    np.testing.assert_allclose(found["token_scores"].sum(1), found["log_probability"], atol=1e-5)


def test_a_row_does_not_depend_on_its_neighbours(backend: Backend, upper: Backend) -> None:
    for each in (backend, upper):
        together = each.answers("translate", [(text,) for text in TEXTS])
        for text, beside in zip(TEXTS, together, strict=True):
            (alone,) = each.answers("translate", [(text,)])
            for name in alone:
                assert alone[name].shape == beside[name].shape
                if alone[name].dtype == object:
                    assert alone[name].tolist() == beside[name].tolist()
                else:
                    np.testing.assert_allclose(alone[name], beside[name], atol=1e-5)


def test_several_translations_and_those_that_were_not_found(translator: Translator) -> None:
    config = with_settings(translator.config, ["decoding.beam=3", "decoding.n_best=3"])
    backend = ModelBackend(Translator(translator.model, translator.tokenizers, config), "m")
    found = backend.predict("translate", {"text": np.array(TEXTS)})
    wanted = translator.hypotheses(TEXTS, beam=3, n_best=3)
    texts = [[each.text for each in best] for best in wanted]
    assert strings(found["translations"]) == [row + [""] * (3 - len(row)) for row in texts]
    # A blank text has one translation: JSON has no infinity for the others.
    assert found["scores"][1].tolist() == [0.0, *[float(np.finfo(np.float32).min)] * 2]


def test_an_empty_batch(backend: Backend, upper: Backend) -> None:
    none = np.array([], object)
    shaped(backend, {"text": none, "source": none, "target": none}, 0)
    shaped(upper, {"text": none}, 0)


@pytest.mark.parametrize(
    ("signature", "inputs", "words"),
    [
        ("klassify", {"text": np.array(["a"])}, '"klassify" not found'),
        ("translate", {}, "Missing named input: text"),
        ("translate", {"text": np.array(["a"]), "more": np.array(["a"])}, "no input more"),
        ("translate", {"text": np.array([1.0])}, "list of strings"),
        ("translate", {"text": np.array([["a"]])}, "list of strings"),
        ("score", {"source": np.array(["a", "b"]), "target": np.array(["a"])}, "2 of source, 1 of target"),
    ],
)
def test_wrong_inputs_are_refused(backend: Backend, signature: str, inputs: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        backend.predict(signature, inputs)


@pytest.mark.parametrize(
    ("search", "decoding"),
    [
        (SearchSettings(), {}),
        (SearchSettings("beam", beam=4, n_best=3, length_penalty=0.6), {"beam": 4, "n_best": 3, "length_penalty": 0.6}),
        (SearchSettings("sample", n_best=4, temperature=1.5), {"sample": True, "n_best": 4, "temperature": 1.5}),
    ],
)
def test_another_choice_of_decoding(
    backend: Backend, translator: Translator, search: SearchSettings, decoding: dict
) -> None:
    (found,) = backend.shown(TEXTS[:1], search, first=5)
    (wanted,) = translator.hypotheses(TEXTS[:1], first=5, **decoding)
    assert [each.text for each in found] == [each.text for each in wanted]
    np.testing.assert_allclose([each.rank for each in found], [each.rank for each in wanted], atol=1e-5)
    assert found[0].words().source == ("나는", "밥을", "먹었다")
    np.testing.assert_allclose(found[0].words().weights, wanted[0].words().weights, atol=1e-5)


def test_other_draws_are_other_translations(backend: Backend) -> None:
    search = SearchSettings("sample", n_best=2, temperature=2.0)
    assert len({backend.shown(TEXTS[:1], search, draw)[0][0].text for draw in range(5)}) > 1
    assert backend.shown(TEXTS[:1], search, 3)[0][0].text == backend.shown(TEXTS[:1], search, 3)[0][0].text


def test_a_folder_that_is_set_to_a_beam_can_be_searched_greedily(translator: Translator) -> None:
    settings = ["decoding.beam=4", "decoding.length_penalty=1.0", "decoding.coverage_penalty=0.2", "decoding.prune=3"]
    backend = ModelBackend(
        Translator(translator.model, translator.tokenizers, with_settings(translator.config, settings)), "m"
    )
    assert backend.search == SearchSettings("beam", 4, 1, 1.0)
    assert backend.shown(TEXTS[:1], SearchSettings())[0][0].text == translator.translate(TEXTS[:1])[0].text


def test_a_beam_larger_than_the_vocabulary_is_refused(backend: Backend) -> None:
    with pytest.raises(InputError, match="larger than the vocabulary"):
        backend.check(SearchSettings("beam", beam=900, n_best=1))


def test_a_model_without_attention(translator: Translator) -> None:
    config = with_settings(translator.config, ["model.attention=none", "model.attention_units=256"])
    model = build_model(config, translator.tokenizers.source.vocabulary, translator.tokenizers.target.vocabulary)
    backend = ModelBackend(Translator(model, translator.tokenizers, config), "m")
    assert backend.predict("translate", {"text": np.array(TEXTS)})["alignment"].shape[2] == 0
    assert backend.shown(TEXTS[:1])[0][0].alignment is None


def test_an_export_is_its_newest_version_and_offers_what_it_has(upper: Backend) -> None:
    assert (upper.name, upper.version, list(upper.signatures)) == ("upper", 10, ["serving_default", "translate"])
    found = upper.predict("translate", {"text": np.array(["one", "two three"])})
    assert strings(found["translations"]) == [["ONE", ""], ["THREE TWO", "SECOND"]]
    assert strings(found["source_tokens"]) == [["▁one", "</s>", ""], ["▁two", "▁three", "</s>"]]
    assert found["alignment"].tolist() == [[[1, 0, 0], [0, 0, 0]], [[0, 1, 0], [1, 0, 0]]]
    assert upper.predict("serving_default", {"text": np.array(["밥"])})["score"].tolist() == [-3]


def test_what_an_export_shows(upper: Backend) -> None:
    one, two = upper.shown(["one", "two three"])
    assert [each.text for each in one] == ["ONE"]
    assert [each.text for each in two] == ["THREE TWO", "SECOND"]
    assert two[0].words().source == ("two", "three") and two[0].words().strongest("TWO") == "two"
    assert two[1].alignment is None
    with pytest.raises(InputError, match="fixed when this export was written"):
        upper.shown(["one"], SearchSettings())


def test_an_export_with_the_short_answers_alone_shows_them(upper: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(upper.signatures, "translate")
    ((found,),) = upper.shown(["two three"])
    assert found.text == "TWO THREE" and found.truncated is None  # an earlier version, which does not tell it


def test_a_folder_of_a_model_is_opened(folder: Path, translator: Translator) -> None:
    found = open_backend(find(folder), workers=8)
    assert (type(found), found.name, found.version) == (ModelBackend, "ko-en", 1)
    assert isinstance(found, ModelBackend)
    assert (found._translator.parallel_batches, found._translator.callers) == (1, 8)
    (best,) = found.answers("serving_default", [(TEXTS[0],)])
    assert best["translation"].item().decode() == translator.translate(TEXTS[:1])[0].text


def test_a_version_can_be_named(tmp_path: Path) -> None:
    place = find(export(tmp_path / "name" / "3"))
    assert (place.kind, place.name, place.version) == ("export", "name", 3)


def test_a_link_is_served_under_its_own_name(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "current").symlink_to(folder)
    assert find(tmp_path / "current")[1:] == ("model", "current", 1)
    (tmp_path / "upper-7" / "3").mkdir(parents=True)
    (tmp_path / "upper-7" / "3" / "saved_model.pb").touch()
    (tmp_path / "upper").symlink_to("upper-7")
    (tmp_path / "newest").symlink_to("upper-7/3")
    for typed, name in (("upper", "upper"), ("upper/3", "upper"), ("newest", "newest"), ("upper-7/3", "upper-7")):
        assert find(tmp_path / typed)[1:] == ("export", name, 3)


def test_a_version_may_begin_with_zeros(tmp_path: Path) -> None:
    export(tmp_path / "name" / "3")
    export(tmp_path / "name" / "0011")
    assert find(tmp_path / "name").version == 11


def test_folders_that_hold_nothing_to_serve(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no folder"):
        find(tmp_path / "nowhere")
    with pytest.raises(InputError, match="neither a model's folder"):
        find(tmp_path)
    (tmp_path / "7").mkdir()
    with pytest.raises(InputError, match=r"7, the newest version, has no saved_model\.pb"):
        find(tmp_path)
    (tmp_path / "7" / "saved_model.pb").write_bytes(b"no graph")
    with pytest.raises(InputError, match="cannot be opened as a SavedModel"):
        open_backend(find(tmp_path))


def test_a_foreign_saved_model(tmp_path: Path) -> None:
    import tensorflow as tf

    module = tf.Module()
    module.f = tf.function(lambda x: {"y": x}, input_signature=[tf.TensorSpec([None], tf.float32, "x")])
    tf.saved_model.save(module, str(tmp_path / "1"), signatures=module.f)
    with pytest.raises(InputError, match="none of the signatures"):
        ExportBackend(tmp_path / "1", "x", 1)


def test_bytes_that_are_no_utf_8_and_halves_of_surrogate_pairs_are_replaced(backend: Backend, upper: Backend) -> None:
    texts = np.array([b"a\xffb", "a\ud800b", "a\ufffdb".encode()], object)
    one, two, three = strings(upper.predict("serving_default", {"text": texts})["translation"])
    assert (one, two, three) == ("A\ufffdB", "A?B", "A\ufffdB")
    one, two, three = strings(backend.predict("translate", {"text": texts})["source_tokens"])
    assert one == three != two


def test_what_a_strategy_does_not_use_has_no_effect(backend: Backend) -> None:
    assert SearchSettings("greedy", beam=7, length_penalty=0.6, temperature=0.5).decoding() == {
        "beam": 1,
        "n_best": 1,
        "sample": False,
    }
    beam = SearchSettings("beam", beam=7, n_best=3, length_penalty=0.6, temperature=0.5)
    assert beam.decoding() == {"beam": 7, "n_best": 3, "length_penalty": 0.6, "sample": False}
    sample = SearchSettings("sample", beam=7, n_best=3, length_penalty=0.6, temperature=0.5)
    assert sample.decoding() == {"beam": 1, "n_best": 3, "temperature": 0.5, "sample": True}
    for each in (beam, sample, SearchSettings()):
        backend.check(each)


def test_a_glossary_is_used_by_a_model_and_by_an_export_that_scores(folder: Path, tmp_path: Path) -> None:
    terms = tmp_path / "terms.tsv"
    terms.write_text("밥\tmeat\n", encoding="utf-8")
    compiled = shutil.copytree(folder, tmp_path / "compiled")
    config = (compiled / CONFIG).read_text(encoding="utf-8")
    (compiled / CONFIG).write_text(config.replace("xla = false", "xla = true"), encoding="utf-8")
    backend = open_backend(find(folder), glossary=terms)
    found = backend.predict("serving_default", {"text": np.array(TEXTS[:1], object)})
    assert "meat" in strings(found["translation"])[0]
    with pytest.raises(InputError, match="XLA does not compile"):
        open_backend(find(compiled), glossary=terms)
    drawn = backend.shown(TEXTS[:1], SearchSettings("sample"))
    assert len(drawn) == 1  # by chance, so without it
    export(tmp_path / "upper" / "1")
    with pytest.raises(InputError, match="lacks the signature 'score'"):
        open_backend(find(tmp_path / "upper"), trust=True, glossary=terms)
    export(tmp_path / "scoring" / "1", scores=True)
    backend = open_backend(find(tmp_path / "scoring"), trust=True, glossary=terms)
    texts = np.array(["a 밥을 c", "b", ""], object)
    best = backend.predict("serving_default", {"text": texts})
    assert (strings(best["translation"]), best["score"].tolist()[0]) == (["C meat A", "B", ""], -8)
    found = backend.predict("translate", {"text": texts})
    assert strings(found["translations"]) == [["C meat A", ""], ["B", ""], ["", ""]]
    assert strings(found["target_tokens"])[0] == ["▁C", "▁meat", "▁A"]
    # How likely the changed text is right is not known; a blank one has no words.
    assert found["confidence"].tolist() == [UNRATED, 0.75, 0]
    assert strings(found["words"])[0] == [""]
    assert [each[0].confidence for each in backend.shown(["a 밥을 c", "b"])] == [None, 0.75]
    assert found["alignment"][0].argmax(1).tolist() == [2, 1, 0] and backend.shown(["밥을"])[0][0].text == "meat"


def test_a_model_says_whether_its_alignments_are_links() -> None:
    assert ModelBackend(untrained_transformer(shifted=True), "m").linked is True
    assert ModelBackend(untrained_transformer(), "m").linked is False
