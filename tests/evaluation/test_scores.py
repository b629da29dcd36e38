"""Scores are sacreBLEU's own, with its signatures."""

import unicodedata

import pytest
import sacrebleu

from nmt.evaluation.scores import bleu_signature, choose_tokenizer, score

REFERENCES = ["Mina eats rice at home.", "Juno sees the tall tree", "Nobody buys a book, today!", "Yes."]
SETS = {
    "perfect": REFERENCES,
    "near": ["Mina eats rice at work.", "Juno sees the tree", "Nobody buys a book today!", "Yes."],
    "other case": [line.upper() for line in REFERENCES],
    "empty lines": ["", "Juno sees the tall tree", "", ""],
    "nothing": ["", "", "", ""],
    "hangul": ["민아가 밥을 먹는다", "준호", "책", "네"],
    "spaces around": [f"  {line} " for line in REFERENCES],
}


@pytest.mark.parametrize("hypotheses", SETS.values(), ids=SETS)
def test_the_scores_are_those_of_sacrebleu(hypotheses: list[str]) -> None:
    found = score(hypotheses, REFERENCES)
    assert found.bleu == pytest.approx(sacrebleu.corpus_bleu(hypotheses, [REFERENCES]).score, abs=1e-9)
    assert found.chrf == pytest.approx(sacrebleu.corpus_chrf(hypotheses, [REFERENCES]).score, abs=1e-9)
    assert found.sentences == 4


def test_scores_differ_between_better_and_worse() -> None:
    perfect, near, other = (score(SETS[name], REFERENCES) for name in ("perfect", "near", "other case"))
    assert perfect.bleu == perfect.chrf == 100
    assert 100 > near.bleu > other.bleu
    assert 100 > near.chrf > other.chrf


def test_bleu_of_one_sentence_by_hand() -> None:
    # Of "a b c d f" against "a b c d e" 4/5 words, 3/4 pairs, 2/3 triples and 1/2 fours are right, none is short:
    # (0.8 * 0.75 * 0.6667 * 0.5) ** (1/4) = 0.2 ** 0.25 = 0.66874
    assert score(["a b c d f"], ["a b c d e"]).bleu == pytest.approx(66.874, abs=1e-3)


def test_a_score_says_how_it_was_computed() -> None:
    found = score(SETS["near"], REFERENCES)
    version = sacrebleu.__version__
    assert found.bleu_signature == f"nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:{version}"
    assert found.chrf_signature == f"nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no|version:{version}"
    lines = str(found).splitlines()
    assert lines[0] == f"BLEU {found.bleu:.2f}  {found.bleu_signature}"
    assert lines[1] == f"chrF {found.chrf:.2f}  {found.chrf_signature}"


@pytest.mark.parametrize(("hypotheses", "references"), [([], []), (["a"], []), (["a"], ["a", "b"]), ([], ["a"])])
def test_what_cannot_be_compared(hypotheses: list[str], references: list[str]) -> None:
    with pytest.raises(ValueError, match=f"{len(hypotheses)} translations cannot be scored against {len(references)}"):
        score(hypotheses, references)


def test_a_bleu_that_can_only_be_zero_is_never_bare() -> None:
    """No reference has a run of four words, so BLEU is 0 whatever a translation is worth."""
    found = score(["eat", "New York"], ["eat", "New York"])
    assert found.bleu == 0 and found.chrf == found.character_bleu == 100
    assert found.telling == ("chrF", 100.0, found.chrf_signature)
    shown = str(found)
    assert "BLEU of characters 100.00" in shown and "tok:char" in shown
    assert "half of the references have fewer than four words" in shown
    shown = str(score(["Thechildreadabook."], ["Thechildreadanovel."]))
    assert "half of the references have no spaces" in shown and "BLEU of characters" in shown


def test_sentences_of_ordinary_length_have_no_second_bleu() -> None:
    found = score(["I ate rice today"], ["I ate rice today"])
    assert found.character_bleu is None and "characters" not in str(found)
    assert found.telling == ("BLEU", found.bleu, found.bleu_signature)


def test_tokenized_text_is_not_tokenized_again(capfd: pytest.CaptureFixture[str]) -> None:
    """sacreBLEU warns of a hundred tokenized full stops unless it is told that they are meant."""
    found = score(["a man 's hat is wet ."] * 100, ["a man 's hat is red ."] * 100)
    assert "tok:none" in found.bleu_signature and not any(capfd.readouterr())
    # Seven tokens, the sixth of them wrong: 6/7 tokens, 4/6 pairs, 3/5 triples and 2/4 fours are right.
    assert found.bleu == pytest.approx(100 * (6 / 7 * 4 / 6 * 3 / 5 * 2 / 4) ** 0.25, abs=1e-3)
    assert choose_tokenizer(["Il dort !", "Elle lit."] * 9) == "13a"
    assert choose_tokenizer(["he sleeps ."] * 8 + ["she reads."]) == "13a"
    assert choose_tokenizer(["Hello world!"] * 19 + ["etc ."]) == "13a"


def test_a_script_without_spaces_has_its_own_tokenizer() -> None:
    """One wrong character of eight: 13a sees one wrong word, a BLEU of 0."""
    import sacrebleu

    written, right = ["我昨天吃了米饭吗"], ["我昨天吃了米饭了"]
    found = score(written, right)
    assert "tok:zh" in found.bleu_signature and found.bleu > 70
    assert found.bleu == round(sacrebleu.BLEU(tokenize="zh").corpus_score(written, [right]).score, 10)
    assert sacrebleu.BLEU().corpus_score(written, [right]).score < 1
    assert "tok:char" in score(["昨日ご飯を食べた"], ["昨日ご飯を食べました"]).bleu_signature
    assert bleu_signature("zh") == found.bleu_signature


def test_what_looks_the_same_counts_as_the_same() -> None:
    texts = ["나는 밥을 먹었다 é", "Câfé au lait ."]
    apart = [unicodedata.normalize("NFD", text) for text in texts]
    assert score(texts, apart) == score(texts, texts)
    assert score(apart, texts).chrf == 100
