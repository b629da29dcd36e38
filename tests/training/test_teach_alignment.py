"""An alignment head is taught without gold links, and the translator does not change."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from command_line import PAIRS
from exported import trained

from nmt.config import Config, with_settings
from nmt.data.corpora import from_pairs
from nmt.data.tokenizers import train_tokenizers
from nmt.data.word_links import with_links
from nmt.errors import InputError
from nmt.evaluation.alignment_error import strongest_links
from nmt.inference.translator import Translator
from nmt.training import teach_alignment
from nmt.training.teach_alignment import _linked_by, linked_meanwhile, linked_pairs, teach, wanted
from nmt.translation import Translation


def test_a_head_learns_the_links_and_the_translator_stays_as_it_was(tmp_path: Path) -> None:
    plain = trained(tmp_path)
    before = [np.array(weight) for weight in plain.model.get_weights()]
    head = teach(plain.model, plain.tokenizers, plain.config, from_pairs(PAIRS))  # type: ignore[arg-type]
    assert all(np.array_equal(old, new) for old, new in zip(before, plain.model.get_weights(), strict=True))
    linked = Translator(plain.model, plain.tokenizers, plain.config, heads=[head])
    scored = linked.score([ko for ko, _ in PAIRS], [en for _, en in PAIRS])
    right = [strongest_links(each.words()) == {(0, 0), (1, 2), (2, 1)} for each in scored]
    assert np.mean(right) > 0.9


def test_of_long_sentences_fewer_are_linked(monkeypatch: pytest.MonkeyPatch) -> None:
    # Three words on each side: nine pairs of words in each of eight pairs. 45 of these are five pairs.
    monkeypatch.setattr(teach_alignment, "_LOOKED_AT", 45)
    found = linked_pairs(from_pairs(PAIRS[:8]), train_tokenizers(PAIRS, kind="word"), Config(), 100)
    assert [(source, target) for source, target, _ in found] == [PAIRS[i * 8 // 5] for i in range(5)]


def test_pairs_that_are_too_long_for_the_model_are_not_linked() -> None:
    tokenizers, long = train_tokenizers(PAIRS, kind="word"), ("나는 " * 120, "I " * 120)
    # Of nine pairs, those at 0, 1, 3, 5 and 7 are chosen, and the first is the long one.
    found = linked_pairs(from_pairs([long, *PAIRS[:8]]), tokenizers, Config(), 5)
    assert [(source, target) for source, target, _ in found] == [PAIRS[i] for i in (0, 2, 4, 6)]
    with pytest.raises(InputError, match="all are empty or too long"):
        linked_pairs(from_pairs([long, long, ("", "I")]), tokenizers, Config(), 5)


def test_a_translator_teaches_the_links_that_it_holds_to_be_likely() -> None:
    # Words "na bap" and "I rice": each row ends with the weight on the source's end.
    def score(sources: list[str], targets: list[str]) -> list[Translation]:
        rows = [[0.6, 0.4, 0.0], [0.2, 0.3, 0.5]]
        pieces = [tuple(f"▁{word}" for word in each.split()) for each in (sources[0], targets[0])]
        return [Translation("", 0.0, *pieces, np.array(rows)) for _ in sources]

    teacher: Any = SimpleNamespace(score=score)
    found = list(_linked_by(teacher, from_pairs([("na bap", "I rice"), ("na bap", "I rice")])))
    assert found == [("na bap", "I rice", "0-0 1-0 1-1")] * 2


@pytest.mark.parametrize("few", [False, True])
def test_pairs_are_linked_in_a_process_of_its_own_as_they_are_here(few: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(teach_alignment, "_WORTH_A_PROCESS", len(PAIRS) + few)
    started = []
    meanwhile = teach_alignment.meanwhile
    monkeypatch.setattr(teach_alignment, "meanwhile", lambda *a, **k: started.append(a[0]) or meanwhile(*a, **k))
    corpus, tokenizers = from_pairs(PAIRS), train_tokenizers(PAIRS, kind="word")
    with linked_meanwhile(corpus, tokenizers, Config()) as linked:
        assert linked() == linked_pairs(corpus, tokenizers, Config(), len(PAIRS))
    assert started == ([] if few else ["nmt.linking.likely_links:linked_lines"])


def test_a_corpus_with_links_needs_no_process(tmp_path: Path) -> None:
    (tmp_path / "links").write_text("0-0\n0-1\n" * 500)
    corpus = with_links(from_pairs([("na bap", "I rice")] * 1000), tmp_path / "links")
    with linked_meanwhile(corpus, train_tokenizers(PAIRS, kind="word"), Config()) as linked:
        assert [links for *_, links in linked()] == ["0-0", "0-1"] * 500


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ([], False),
        (["training.alignment_head=on"], True),
        (["training.alignment_head=auto"], True),
        (["training.alignment_head=auto", "model.attention=none"], False),
        (["training.alignment_head=auto", "model.architecture=transformer"], True),
        (["training.alignment_head=auto", "model.architecture=language-model"], False),
    ],
)
def test_a_run_ends_with_a_head_if_it_has_an_attention(settings: list[str], expected: bool) -> None:
    assert wanted(with_settings(Config(), settings)) is expected
