"""The built-in corpus: its size, its splits, its links and that it never changes."""

import hashlib
import os
from collections import Counter
from functools import cache
from itertools import combinations
from pathlib import Path

import pytest

from nmt.errors import InputError, WorkFailed
from nmt.synthetic import demo
from nmt.synthetic.demo import SPLITS, Pair

GOLDEN = {
    "나는 밥을 먹었다": ("I ate rice", ((0, 0), (1, 2), (2, 1))),
    "나는 철수를 사랑해": ("I love Cheolsu", ((0, 0), (1, 2), (2, 1))),
    "나는 빵을 먹었다": ("I ate bread", ((0, 0), (1, 2), (2, 1))),
    "그는 밥을 먹었다": ("He ate rice", ((0, 0), (1, 2), (2, 1))),
    "나는 영희를 사랑해": ("I love Younghee", ((0, 0), (1, 2), (2, 1))),
    "철수는 나를 사랑해": ("Cheolsu loves me", ((0, 0), (1, 2), (2, 1))),
}


@cache
def every_pair() -> list[Pair]:
    """Return the pairs of all splits: made when first asked for, since a worker may run none of these tests."""
    return [pair for split in SPLITS for pair in demo.pairs(split)]


def forms(pairs: list[Pair]) -> tuple[Counter[str], Counter[str]]:
    """Count the word forms of both sides."""
    return (
        Counter(word for pair in pairs for word in pair.source.split()),
        Counter(word for pair in pairs for word in pair.target.split()),
    )


def crosses(pair: Pair) -> bool:
    """Tell whether two links of the pair cross."""
    return any((a - c) * (b - d) < 0 for (a, b), (c, d) in combinations(pair.links, 2))


@pytest.mark.parametrize("source", GOLDEN)
def test_the_story_is_in_training_with_its_links(source: str) -> None:
    told = next(pair for pair in demo.pairs("train") if pair.source == source)
    assert (told.target, told.links) == GOLDEN[source]


def test_the_corpus_is_that_of_all_measured_figures() -> None:
    lines = "".join(f"{pair.source}\t{pair.target}\n" for pair in every_pair())
    # The documented figures are of these sentences. Who changes the grammar on purpose measures anew.
    assert hashlib.sha256(lines.encode()).hexdigest().startswith("ab7416b3d9a7aa72")


def test_sizes() -> None:
    sizes = {split: len(demo.pairs(split)) for split in SPLITS}
    assert sizes["dev"] == sizes["test"] == sizes["combinations"] == 500
    assert sizes["train"] >= 21_000


def test_no_korean_sentence_occurs_twice() -> None:
    assert len({pair.source for pair in every_pair()}) == len(every_pair())


@pytest.mark.parametrize(("one", "other"), list(combinations(SPLITS, 2)))
def test_splits_share_no_sentence(one: str, other: str) -> None:
    for side in ("source", "target"):
        first, second = ({getattr(pair, side) for pair in demo.pairs(split)} for split in (one, other))
        assert not first & second


def test_sentences_have_2_to_25_words() -> None:
    lengths = [len(text.split()) for pair in every_pair() for text in (pair.source, pair.target)]
    assert min(lengths) >= 2
    assert max(lengths) <= 25
    korean = [len(pair.source.split()) for pair in demo.pairs("train")]
    assert 5.5 <= sum(korean) / len(korean) <= 8
    assert sum(length > 10 for length in korean) > 500


def test_korean_has_a_fair_number_of_word_forms() -> None:
    assert 1_000 <= len(forms(demo.pairs("train"))[0]) <= 2_500


@pytest.mark.parametrize("split", SPLITS[1:])
def test_training_has_seen_every_word_form_three_times(split: str) -> None:
    for seen, asked in zip(forms(demo.pairs("train")), forms(demo.pairs(split)), strict=True):
        assert [word for word in asked if seen[word] < 3] == []


def test_every_word_has_a_link_and_every_link_a_word() -> None:
    for pair in every_pair():
        assert {i for i, _ in pair.links} == set(range(len(pair.source.split()))), pair
        assert {j for _, j in pair.links} == set(range(len(pair.target.split()))), pair
        assert list(pair.links) == sorted(set(pair.links))


def test_links_cross_as_korean_ends_in_the_verb() -> None:
    assert sum(map(crosses, every_pair())) > 0.8 * len(every_pair())


def test_questions_end_in_a_question_mark_on_both_sides_and_nothing_else_is_punctuated() -> None:
    for pair in every_pair():
        assert pair.source.endswith("?") == pair.target.endswith("?"), pair
        assert not set(".,!;:") & set(pair.source + pair.target), pair
        assert "?" not in pair.source[:-1] + pair.target[:-1], pair
        assert pair.target[0].isupper()


@pytest.mark.parametrize("split", SPLITS[:3])
def test_no_other_split_has_both_words_of_a_held_out_combination(split: str) -> None:
    for pair in demo.pairs(split):
        lemmas = set(pair.lemmas)
        assert not [combination for combination in demo.HELD_OUT if lemmas.issuperset(combination)], pair


def test_every_sentence_of_the_combinations_has_one() -> None:
    found = Counter()
    for pair in demo.pairs("combinations"):
        together = [combination for combination in demo.HELD_OUT if set(pair.lemmas).issuperset(combination)]
        assert together, pair
        found.update(together)
    assert set(found) == set(demo.HELD_OUT)


def test_both_words_of_a_held_out_combination_are_known_from_training() -> None:
    known = {lemma for pair in demo.pairs("train") for lemma in pair.lemmas}
    assert {word for combination in demo.HELD_OUT for word in combination} <= known


def test_an_unknown_split_is_refused_with_a_hint() -> None:
    with pytest.raises(InputError, match="Did you mean 'test'"):
        demo.pairs("tests")


def test_written_files(tmp_path: Path) -> None:
    demo.write(tmp_path / "corpus")
    for split in SPLITS:
        source, target, links = (
            (tmp_path / "corpus" / f"{split}.{kind}").read_bytes().decode("utf-8").splitlines()
            for kind in ("ko", "en", "links")
        )
        read = [
            (one, two, tuple(tuple(map(int, link.split("-"))) for link in three.split()))
            for one, two, three in zip(source, target, links, strict=True)
        ]
        assert read == [(pair.source, pair.target, pair.links) for pair in demo.pairs(split)]


def test_the_same_bytes_on_every_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Another seed of hashes than that of this process: sets have another order there.
    monkeypatch.setenv("PYTHONHASHSEED", "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2")
    # What lies where a command runs is none of its modules.
    monkeypatch.chdir(tmp_path)
    (tmp_path / "random.py").write_text("raise SystemExit('of another program')")
    with demo.written_meanwhile(tmp_path / "there") as wait:
        demo.write(tmp_path / "here")
        wait()
    here, there = ({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("here", "there"))
    assert len(here) == 12
    assert here == there


def test_a_process_that_cannot_write_says_why(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(WorkFailed, match=r"could not be written into .*file.*Not a directory"),
        demo.written_meanwhile(tmp_path / "file" / "corpus") as wait,
    ):
        wait()
