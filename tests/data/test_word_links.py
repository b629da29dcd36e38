"""Word links are checked line by line when they are opened, and stay beside their pairs."""

import gzip
import random
import tracemalloc
from pathlib import Path

import pytest

from nmt.config import Config, with_settings
from nmt.data.corpora import Corpus, from_files, from_tsv, split_dev
from nmt.data.word_links import check_guided, with_links
from nmt.errors import InputError

PAIRS = [("na bap", "I ate rice"), ("  mul  ", "water"), ("", "")]


def opened(place: Path, links: str | bytes, name: str = "x.links") -> Corpus:
    (place / "x.tsv").write_text("".join(f"{source}\t{target}\n" for source, target in PAIRS))
    raw = links.encode() if isinstance(links, str) else links
    (place / name).write_bytes(gzip.compress(raw) if name.endswith(".gz") else raw)
    return with_links(from_tsv(place / "x.tsv"), place / name)


def in_graph(corpus: Corpus) -> list[str]:
    lines = corpus.link_dataset()
    return [] if lines is None else [line.numpy().decode() for line in lines]


@pytest.mark.parametrize("name", ["x.links", "x.links.gz"])
@pytest.mark.parametrize("text", ["0-0 1?2\n0-0\n\n", "\n\n\n", "\ufeff1-2\r\n 0-0  0-0 \r\n\r\n"])
def test_python_and_the_graph_read_the_same_links(tmp_path: Path, text: str, name: str) -> None:
    corpus = opened(tmp_path, text, name)
    assert list(corpus.links() or []) == in_graph(corpus)
    assert len(in_graph(corpus)) == corpus.size == 3
    # What else there is of a corpus is as it was.
    plain = from_tsv(tmp_path / "x.tsv")
    assert (corpus.name, list(corpus.pairs())) == (plain.name, list(plain.pairs()))
    assert len(list(corpus.dataset())) == 3


def test_a_corpus_alone_has_no_links(tmp_path: Path) -> None:
    (tmp_path / "x.tsv").write_text("a\tb\n" * 30)
    corpus = from_tsv(tmp_path / "x.tsv")
    for part in (corpus, *split_dev(corpus)):
        assert part.links() is None and part.link_dataset() is None


def test_words_stand_between_plain_spaces(tmp_path: Path) -> None:
    (tmp_path / "x.tsv").write_text("na bap\u00a0mul\tI ate\u3000rice\nna\rbap\tI ate\n")
    (tmp_path / "links").write_text("0-0 1-1\n1-1\r0-0\n")
    corpus = with_links(from_tsv(tmp_path / "x.tsv"), tmp_path / "links")
    assert list(corpus.links() or []) == in_graph(corpus) == ["0-0 1-1", "1-1 0-0"]
    (tmp_path / "links").write_text("2-0\n0-0\n")
    with pytest.raises(InputError, match=r"links, line 1: .* source word 2, but the source has 2 words"):
        with_links(from_tsv(tmp_path / "x.tsv"), tmp_path / "links")


BAD = {
    "no link": ("0-0\n0:0\n\n", ["line 2", "'0:0'", "Write 0-1"]),
    "a half": ("0-\n\n\n", ["line 1", "'0-'"]),
    "a negative number": ("0--1\n\n\n", ["line 1", "'0--1'"]),
    "counted in another script": ("٠-٠\n\n\n", ["line 1", "'٠-٠'"]),
    "a number without end": ("0-" + "1" * 5000 + "\n\n\n", ["line 1", "is not a link"]),
    "past the source": ("2-0\n\n\n", ["line 1", "2-0", "source word 2", "2 words"]),
    "past the target": ("0-0\n0?1\n\n", ["line 2", "0?1", "target word 1", "1 word"]),
    "in an empty sentence": ("0-0\n0-0\n0-0\n", ["line 3", "source word 0"]),
    "too few lines": ("0-0\n0-0\n", ["has 2 lines", "x.tsv has 3 pairs", "blank line"]),
    "too many lines": ("0-0\n0-0\n\n\n\n", ["has 5 lines", "x.tsv has 3 pairs"]),
    "no lines": ("", ["is empty"]),
    "no UTF-8": (b"0-0\n\xff\n\n", ["line 2", "not UTF-8"]),
}


@pytest.mark.parametrize(("links", "words"), BAD.values(), ids=BAD)
def test_bad_links_are_refused_by_file_and_line(tmp_path: Path, links: str | bytes, words: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        opened(tmp_path, links)
    for word in ("x.links", *words):
        assert word in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.tsv").write_text("a\tb\n")
    with pytest.raises(InputError, match=r"nowhere.*cannot be read"):
        with_links(from_tsv(tmp_path / "x.tsv"), tmp_path / "nowhere")


@pytest.mark.parametrize("size", [2, 19, 60, 1000])
def test_what_is_held_out_takes_its_links_along(tmp_path: Path, size: int) -> None:
    draw = random.Random(size)
    places = [draw.randrange(9) for _ in range(size)]
    (tmp_path / "x").write_text("".join("a " * place + f"x{place}\n" for place in places))
    (tmp_path / "links").write_text("".join(f"{place}-0\n" for place in places))
    whole = with_links(from_files(tmp_path / "x", tmp_path / "x"), tmp_path / "links")
    for part in split_dev(whole):
        wanted = [f"{source.rpartition('x')[2]}-0" for source, _ in part.pairs()]
        assert list(part.links() or []) == in_graph(part) == wanted
        assert len(wanted) == part.size


def test_a_part_names_its_whole_and_a_corpus_with_links_is_its_own(tmp_path: Path) -> None:
    linked = opened(tmp_path, "0-0\n\n\n")
    assert linked.whole is linked
    assert [part.whole for part in split_dev(linked)] == [linked, linked]


def test_memory_does_not_grow_with_the_links(tmp_path: Path) -> None:
    peaks = []
    for size in (2_000, 40_000):
        (tmp_path / "x.tsv").write_text("a b c\td e f\n" * size)
        (tmp_path / "links").write_text("0-0 1-1 2-2\n" * size)
        tracemalloc.start()
        train, _ = split_dev(with_links(from_tsv(tmp_path / "x.tsv"), tmp_path / "links"))
        assert sum(1 for _ in train.links() or []) == train.size
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 300_000


def test_links_are_there_when_they_are_learned_from_and_only_then() -> None:
    guided = with_settings(Config(), ["training.guided_alignment=0.25"])
    check_guided(guided, linked=True)
    check_guided(Config(), linked=False)
    with pytest.raises(InputError, match=r"Word links are used by training.guided_alignment, which is 0\. Set it"):
        check_guided(Config(), linked=True)
    with pytest.raises(
        InputError, match=r"= 0.25 learns from word links, but there are none\. Name their file with --"
    ):
        check_guided(guided, linked=False)
