"""Words that translate each other, found in pairs, and the runs that annotate them."""

from pathlib import Path

import pytest

from nmt.config import Config, with_settings
from nmt.data.corpora import from_pairs, from_tsv
from nmt.data.line_index import EVERY
from nmt.data.term_annotations import MARKS, AnnotatedCorpus
from nmt.data.tokenizers import train_tokenizers
from nmt.errors import InputError
from nmt.training import term_lexicon
from nmt.training.inputs import fit_tokenizers, reads_marks
from nmt.training.term_lexicon import learn_lexicon, with_annotations

FRUIT = {"apple": "사과", "pear": "배", "melon": "참외", "fig": "무화과"}
DONE = {"ate": ("를", "먹었다"), "saw": ("를", "봤다"), "is": ("는", "있다")}
PAIRS = [
    (f"{fruit} {does}.", f"{ko}{ending} {verb}.")
    for fruit, ko in FRUIT.items()
    for does, (ending, verb) in DONE.items()
]


def test_words_that_are_linked_both_ways_translate_each_other() -> None:
    lexicon = learn_lexicon(PAIRS * 3)
    assert lexicon.translations["apple"] == {"사과를", "사과는"}
    assert lexicon.translations["saw"] == {"봤다"}
    assert (lexicon.bases["무화과는"], lexicon.bases["봤다"]) == ("무화과", "봤다")
    assert set(lexicon.followers[""]) == {ko + ending for ko in FRUIT.values() for ending in ("를", "는")}
    assert lexicon.leaders["있다"] == {f"{ko}는" for ko in FRUIT.values()}


def test_a_run_annotates_its_training_pairs_and_knows_their_translations() -> None:
    corpus = from_pairs(PAIRS * 3)
    assert with_annotations(Config(), corpus) is corpus
    config = with_settings(Config(), ["data.term_annotations=0.7", "text.joint=false", "text.kind=char"])
    made = with_annotations(config, corpus)
    tokenizers = fit_tokenizers(config, made)
    assert 1 not in tokenizers.source.ids(f"{MARKS} 무화과")  # none is unknown
    assert list(with_annotations(config, corpus).pairs()) == list(made.pairs())
    with pytest.raises(InputError, match="often enough to be a term"):
        with_annotations(config, from_pairs(PAIRS[:5]))


def test_the_words_come_from_the_whole_of_a_large_corpus(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "sorted.tsv"
    rows = [("I slept.", "나는 잤다.")] * 5 * EVERY + PAIRS * 30
    path.write_text("".join(f"{source}\t{target}\n" for source, target in rows), encoding="utf-8")
    monkeypatch.setattr(term_lexicon, "_PAIRS", 2 * EVERY)
    made = with_annotations(with_settings(Config(), ["data.term_annotations=0.7"]), from_tsv(path))
    assert isinstance(made, AnnotatedCorpus) and {"I", "apple"} <= set(made.lexicon.translations)


@pytest.mark.parametrize("kind", ["word", "unigram"])
def test_a_vocabulary_reads_the_marks_each_by_itself(kind: str) -> None:
    pairs = [(f"I ate an ⟦ {fruit} ⇒ {ko} ⟧", ko) for fruit, ko in FRUIT.items()]
    assert reads_marks(train_tokenizers(pairs, kind, joint=False))
    assert not reads_marks(train_tokenizers([(ko, ko) for _, ko in pairs], kind, joint=False))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["model.architecture=language-model"], "only a source text has terms"),
        (["training.guided_alignment=0.1"], "do not fit sources with annotations"),
    ],
)
def test_where_annotations_have_no_place_they_are_refused(settings: list[str], words: str) -> None:
    with pytest.raises(InputError, match=words):
        with_settings(Config(), ["data.term_annotations=0.5", *settings])
