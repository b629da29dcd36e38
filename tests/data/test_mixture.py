"""Several corpora are one, in their order and with their weights."""

import gzip
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from logged import logged

from nmt.data.corpora import (
    REPORT_HEADERS,
    Corpus,
    from_files,
    from_pairs,
    from_text,
    from_tsv,
    held_out_from,
    split_dev,
)
from nmt.data.mixing import mixed_rows, spread_pairs, spread_size
from nmt.data.mixture import find_files, missing_shards, mixture, open_parallel, open_texts, open_tsvs
from nmt.data.stretches import stretches
from nmt.data.word_links import with_links
from nmt.errors import InputError
from nmt.resumable_file import ResumableFile

PAIRS = [(f"s {i}", f"t {i}") for i in range(331)]


def tsv(path: Path, pairs: list[tuple[str, str]]) -> Path:
    text = "".join(f"{source}\t{target}\n" for source, target in pairs).encode()
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


def read(corpus: Corpus, epoch: int, worker: int = 0, workers: int = 1) -> list[tuple[str, ...]]:
    rows = mixed_rows(corpus, seed=7, epoch=epoch, worker=worker, workers=workers).as_numpy_iterator()
    return [tuple(column.decode() for column in row) for row in rows]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tsv(tmp_path / "a-2.tsv.gz", PAIRS[101:200])
    tsv(tmp_path / "a-1.tsv", PAIRS[:101])
    tsv(tmp_path / "b.tsv", PAIRS[200:])
    (tmp_path / ".hidden").write_text("x")
    return tmp_path


def test_a_pattern_and_a_folder_stand_for_their_files_in_the_order_of_their_names(folder: Path) -> None:
    names = ["a-1.tsv", "a-2.tsv.gz"]
    assert [path.name for path in find_files(f"{folder}/a-*")] == names
    for report, header in zip(("removed.tsv", "changed.tsv", "a.tsv.json"), (*REPORT_HEADERS, "{"), strict=True):
        (folder / report).write_text(f"{header}\nwhat nmt clean and nmt augment say of their work")
    assert [path.name for path in find_files(folder)] == [*names, "b.tsv"]
    assert find_files(f"{folder}/*") == find_files(folder)
    with pytest.raises(
        InputError, match=r"No file matches .*\*\.tsv but files without pairs, such as .*/removed\.tsv\."
    ):
        find_files(f"{folder}/removed*.tsv")
    with logged() as said:
        corpus = open_tsvs([folder])
    (line,) = said
    assert line.startswith(f"Left out of {folder}, as reports, JSON")
    assert line.endswith(f": {', '.join(f'{folder}/{name}' for name in ('a.tsv.json', 'changed.tsv', 'removed.tsv'))}.")
    assert list(corpus.pairs()) == PAIRS and corpus.size == corpus.epoch_size == 331
    assert [tuple(x.decode() for x in row) for row in corpus.dataset().as_numpy_iterator()] == PAIRS


def test_pairs_of_ones_own_that_are_named_like_a_report_are_read(folder: Path) -> None:
    for name in ("changed.tsv", "removed.tsv"):
        tsv(folder / name, [(name, "pairs")])
    with logged() as said:
        corpus = open_tsvs([f"{folder}/*"])
    assert corpus.size == 333 and not said
    assert find_files(folder)[-2:] == [folder / "changed.tsv", folder / "removed.tsv"]


def test_what_is_still_being_written_is_not_read(folder: Path) -> None:
    before = find_files(folder)
    unfinished = ResumableFile(folder / "c.tsv", {})
    with pytest.raises(KeyboardInterrupt), unfinished.open(resume=False) as opened:
        opened.append(["half\ta line"], {"lines": 1})
        (folder / "lock").write_text("a file like any other")
        beside = {path.name for path in folder.iterdir()}
        assert find_files(folder) == [*before, folder / "lock"]
        raise KeyboardInterrupt
    assert {"c.tsv.part", "c.tsv.part.json", "c.tsv.lock"} <= beside
    assert unfinished.unfinished and find_files(folder) == [*before, folder / "lock"]


def test_names_without_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No file matches"):
        find_files(f"{tmp_path}/*.tsv")
    with pytest.raises(InputError, match="a folder without files"):
        find_files(tmp_path)
    for shard in (0, 1, 4):
        (tmp_path / f"a-0000{shard}-of-00005.tsv").touch()
    for name in (tmp_path, f"{tmp_path}/*.tsv"):
        with pytest.raises(InputError, match=r"lacks the shard .*a-00002-of-00005\.tsv and 1 more"):
            find_files(name)
    named = list(tmp_path.iterdir())
    assert [find_files(path) for path in named] == [[path] for path in named]


def test_a_folder_named_like_a_shard_is_none(tmp_path: Path) -> None:
    folder = tmp_path / "machine-2-of-5"
    folder.mkdir()
    file = tsv(folder / "a.tsv", PAIRS)
    assert find_files(folder) == find_files(f"{folder}/*") == [file]
    assert missing_shards(["x-2-of-5/a-0-of-2", "x-2-of-5/a-1-of-2", "y/a-0-of-2"]) == ["y/a-1-of-2"]


@pytest.mark.parametrize(
    ("there", "missing"),
    [
        ("1-of-3 2-of-3", ["0-of-3 or c-3-of-3"]),
        ("1-of-3", ["2-of-3", "0-of-3 or c-3-of-3"]),
        ("0-of-3 2-of-3", ["1-of-3"]),
        ("1-of-3 3-of-3", ["2-of-3"]),
        ("1-of-3 2-of-3 3-of-3", []),
        ("1-of-10 10-of-10", [f"{number}-of-10" for number in range(2, 10)]),
        ("001-of-03 003-of-03", ["002-of-03"]),
        ("7-of-3", []),
    ],
)
def test_shards_are_counted_and_written_as_the_others_are(there: str, missing: list[str]) -> None:
    assert missing_shards(f"c-{shard}" for shard in there.split()) == [f"c-{shard}" for shard in missing]


def test_sides_that_do_not_match_are_refused(tmp_path: Path) -> None:
    for name in ("a.ko", "b.ko", "a.en"):
        (tmp_path / name).write_text("x\n")
    with pytest.raises(InputError, match=r"has 2 files and .* has 1: a file is missing"):
        open_parallel([f"{tmp_path}/*.ko"], [f"{tmp_path}/*.en"])
    with pytest.raises(InputError, match="--source names 2 and --target 1"):
        open_parallel([tmp_path / "a.ko", tmp_path / "b.ko"], [tmp_path / "a.en"])


@pytest.mark.parametrize(
    ("weights", "said"),
    [([1.0], "There is 1 weight and 2 corpora"), ([1, 2, 3], "There are 3 weights"), ([1, 0], "weight of 0"),
     ([1, -2], "weight of -2"), ([1, 1e9], r"weight of 1e\+09"), ([1, float("nan")], "weight of nan")],
)  # fmt: skip
def test_weights_that_do_not_match_are_refused(weights: list[float], said: str) -> None:
    with pytest.raises(InputError, match=said):
        mixture([from_pairs(PAIRS[:3]), from_pairs(PAIRS[3:7])], weights)


def all_kinds(place: Path) -> list[tuple[Corpus, list[tuple[str, ...]]]]:
    (place / "a.ko").write_text("".join(f"{source}\n" for source, _ in PAIRS))
    (place / "a.en").write_text("".join(f"{target}\r\n" for _, target in PAIRS))
    (place / "links").write_text("".join(f"0-{i % 2}\n" for i in range(331)))
    quoted = [(f'"{source}\n ""x"""', target) if i % 3 == 0 else (source, target) for i, (source, target) in
              enumerate(PAIRS)]  # fmt: skip
    parallel = from_files(place / "a.ko", place / "a.en")
    linked = [(*pair, f"0-{i % 2}") for i, pair in enumerate(PAIRS)]
    return [
        (parallel, list(PAIRS)),
        (from_tsv(tsv(place / "a.tsv.gz", PAIRS)), list(PAIRS)),
        (from_tsv(tsv(place / "q.tsv", quoted), quoted=True), [(f'{s}  "x"' if i % 3 == 0 else s, t)
                                                               for i, (s, t) in enumerate(PAIRS)]),
        (from_text(place / "a.en"), [("", target) for _, target in PAIRS]),
        (from_pairs(PAIRS), list(PAIRS)),
        (with_links(parallel, place / "links"), linked),
        (split_dev(with_links(parallel, place / "links"))[0], [row for i, row in enumerate(linked) if i % 21 != 20]),
        (split_dev(parallel)[1], [row for i, row in enumerate(PAIRS) if i % 21 == 20]),
        (mixture([from_pairs(PAIRS[:5]), parallel]), [*PAIRS[:5], *PAIRS]),
    ]  # fmt: skip


def test_rows_are_read_from_any_place(tmp_path: Path) -> None:
    for corpus, rows in all_kinds(tmp_path):
        assert corpus.seekable and corpus.size == len(rows)
        for first, count in ((0, 1), (0, 64), (3, 7), (60, 10), (63, 130), (len(rows) - 1, 5)):
            assert corpus.rows(first, count) == rows[first : first + count], (corpus.name, first, count)
        assert list(corpus.pairs()) == [row[:2] for row in rows]


def test_of_many_parts_only_those_that_have_the_rows_are_asked() -> None:
    asked: list[tuple[str, str]] = []

    class Part(type(from_pairs(PAIRS))):  # type: ignore[misc]
        def __getattribute__(self, name: str) -> object:
            if name == "size":
                asked.append(self.held[0])
            return super().__getattribute__(name)

    corpus = mixture([Part("three", 3, tuple(PAIRS[3 * i : 3 * i + 3])) for i in range(101)])
    assert corpus.rows(149, 5) == PAIRS[149:154] and corpus.rows(302, 5) == PAIRS[302:303]
    asked.clear()
    assert corpus.rows(149, 5) == PAIRS[149:154] and set(asked) == {PAIRS[147], PAIRS[150], PAIRS[153]}


def test_an_epoch_reads_every_row_once_and_the_workers_share_them(tmp_path: Path) -> None:
    for corpus, rows in all_kinds(tmp_path)[-4:]:
        found = read(corpus, 3)
        assert Counter(found) == Counter(rows)
        assert found == read(corpus, 3)
        shares = [read(corpus, 3, worker, 2) for worker in range(2)]
        assert Counter(shares[0] + shares[1]) == Counter(rows)


def test_weights_count_how_often_a_row_is_read() -> None:
    corpus = mixture([from_pairs(PAIRS[:64]), from_pairs(PAIRS[64:128]), from_pairs(PAIRS[128:])], [1, 2.25, 0.5])
    # 64 + 2.25 * 64 + 0.5 * 203 = 309.5, and Python rounds to even.
    assert corpus.size == 331 and corpus.epoch_size == 310 and corpus.weighted
    train = split_dev(corpus)[0]
    # Every 21st of 331 is held out: 3 of the first 64, 3 of the next, 9 of the rest.
    assert train.spans() == [(0, 61, 1), (61, 61, 2.25), (122, 194, 0.5)]
    counts = Counter(read(corpus, 1))
    assert {counts[pair] for pair in PAIRS[:64]} == {1}
    assert {counts[pair] for pair in PAIRS[64:128]} == {2, 3}
    assert {counts[pair] for pair in PAIRS[128:]} == {0, 1}
    # Half of 203, give or take four standard deviations of 7.
    assert abs(sum(counts[pair] for pair in PAIRS[128:]) - 101.5) < 28.5
    assert read(corpus, 1) == read(corpus, 1) != read(corpus, 2)


@pytest.mark.parametrize("order", [("real", "made", "more"), ("made", "real", "more"), ("made", "some")])
def test_pairs_that_a_model_made_are_not_held_out(order: tuple[str, ...], tmp_path: Path) -> None:
    sizes = {"real": 130, "made": 90, "more": 70, "some": 21}
    for name in order:
        tsv(tmp_path / f"{name}.tsv", [(f"{name} {i}", f"t{i}") for i in range(sizes[name])])
    (tmp_path / "made.tsv.json").write_text('{"kind": "back-translation"}')
    whole = open_tsvs([tmp_path / f"{name}.tsv" for name in order], weights=[2, 0.5, 1][: len(order)])
    (tmp_path / "links").write_text("0-0\n" * whole.size)
    for corpus in (whole, with_links(whole, tmp_path / "links")):
        train, dev = split_dev(corpus)
        pairs = list(whole.pairs())
        real = [pair for pair in pairs if not pair[0].startswith("made")]
        every = {200: 15, 21: 5}[len(real)]  # so that 14 of 290 are wanted, and 5 of 111
        held = real[every - 1 :: every]
        assert list(dev.pairs()) == held == [row[:2] for row in dev.rows(0, dev.size + 7)]
        rest = [pair for pair in pairs if pair not in held]
        assert list(train.pairs()) == rest and (train.size, dev.size) == (len(rest), len(held))
        for first, count in ((0, train.size + 7), (11, 3), (train.size - 2, 5), (89, 3)):
            assert [row[:2] for row in train.rows(first, count)] == rest[first : first + count]
        for part, expected in ((train, rest), (dev, held)):
            found = [tuple(cell.decode() for cell in row) for row in part.dataset().as_numpy_iterator()]
            assert found == expected
        sums = [sum(pair[0].startswith(name) for pair in rest) for name in order]
        assert [count for _, count, _ in train.spans()] == [count for count in sums if count]
        assert held_out_from(dev) == ", none of the 90 that `nmt augment` made"
    alone = open_tsvs([tmp_path / "made.tsv"])
    assert split_dev(alone)[1].size == 3 and held_out_from(split_dev(alone)[1]) == ""


@pytest.mark.parametrize(
    ("real", "made", "held"),
    [(1_500, 30_000, 375), (30_000, 1_500, 1_000), (1_500, 500, 100), (20, 1_000, 5), (19, 1_001, 51), (1, 999, 50)],
)
def test_pairs_that_a_model_made_leave_enough_to_judge_by(real: int, made: int, held: int, tmp_path: Path) -> None:
    files = [tsv(tmp_path / f"{name}.tsv", [(name, "t")] * size) for name, size in (("real", real), ("made", made))]
    (tmp_path / "made.tsv.json").write_text('{"kind": "distillation"}')
    train, dev = split_dev(open_tsvs(files))
    assert (dev.size, train.size) == (held, real + made - held)
    # Too few to judge by are not held out alone: those that were made are, too.
    assert ({source for source, _ in dev.pairs()} == {"real"}) == (real >= 20)


def test_a_sorted_corpus_is_mixed_far_beyond_a_buffer() -> None:
    """Rows next to each other in an epoch come from stretches all over the corpus."""
    corpus = from_pairs([("s", str(i)) for i in range(6400)])
    places = [int(target) for _, target in read(corpus, 0)]
    assert sorted(places) == list(range(6400))
    starts = np.array(places[::16])
    # Between two random places of 6400 lies a third of it on average.
    assert abs(np.abs(np.diff(starts)).mean() - 6400 / 3) < 320


def test_a_batch_of_a_sorted_corpus_has_no_more_neighbours_than_one_of_a_shuffled_corpus() -> None:
    corpus = from_pairs([("s", str(i)) for i in range(6400)])
    rows = mixed_rows(corpus, 7, 0, buffer=320).shuffle(320, seed=7)
    batches = np.sort(np.array([int(target) for _, target in rows.as_numpy_iterator()]).reshape(-1, 64), 1)
    near = sum(int((batches[:, k:] - batches[:, :-k] <= 16).sum()) for k in range(1, 8))
    # Each of the 16 rows after a row is one of the 63 others of its batch with a chance of 63 / 6399. That makes 1008
    # pairs, give or take 32; stretches of 16 rows make 5000.
    assert abs(near - 6400 * 16 * 63 / 6399) < 130


def test_stretches_are_short_and_few_enough() -> None:
    class Long(type(from_pairs(PAIRS))):  # type: ignore[misc]
        pass

    class Compressed(Long):
        def compressed_rows(self) -> list[tuple[int, int]]:
            return [(0, self.size)]

    class Rare(Long):
        def spans(self) -> list[tuple[int, int, float]]:
            return [(0, self.size, 0.01)]

    def length(corpus: Corpus, buffer: int = 100_000) -> int:
        found = stretches(corpus, buffer)
        assert len(found) <= 2**22 and sum(found[-1][:2]) == corpus.size == found.rows
        return found[0][1]

    # A buffer holds 6,000 stretches or single rows; there are no more than 2^22, and 10^8 / 2^22 is 23.8.
    buffers = {100_000: 16, 20_000: 3, 1_085: 1}
    assert {buffer: length(Long("long", 10_000, ()), buffer) for buffer in buffers} == buffers
    assert length(Long("long", 100_000_000, ())) == 24
    # Each row has its place in a stretch, however rarely it is drawn.
    assert length(Rare("rare", 100_000_000, ())) == 24
    # In a .gz file 97, of one to four places for a row of the index.
    sizes = {1000: 64, 65_536 * 3: 192, 10_000_000: 256}
    assert {size: length(Compressed("gz", size, ())) for size in sizes} == sizes
    assert {buffer: length(Compressed("gz", 1000, ()), buffer) for buffer in (1_649, 70)} == {1_649: 17, 70: 8}

    # Files beside each other are cut each in its own way, and two of a kind as one.
    plain, gz = Long("plain", 40, ()), Compressed("gz", 100, ())
    cut = [16, 16, 8, 64, 64, 64, 8, 16, 16, 8]
    assert [count for _, count, _ in stretches(mixture([plain, gz, gz, plain]))] == cut
    # Every 20th of 280 pairs is held out: 2, 10 and 2 of them are in these files.
    assert [count for _, count, _ in stretches(split_dev(mixture([plain, gz, gz, plain]))[0])] == [
        *(16, 16, 6),
        *(64, 64, 62),
        *(16, 16, 6),
    ]


def test_it_is_known_which_rows_are_slow_to_reach(tmp_path: Path) -> None:
    corpora = [corpus for corpus, _ in all_kinds(tmp_path)]
    assert [corpus.compressed_rows() for corpus in corpora] == [[], [(0, corpora[1].size)]] + [[]] * 7
    dev = split_dev(corpora[1])[1]
    assert mixture(corpora[:2]).compressed_rows() == [(corpora[0].size, corpora[1].size)]
    assert dev.compressed_rows() == [(0, dev.size)]


def test_a_sample_is_spread_over_the_corpus() -> None:
    corpus = from_pairs([("s", str(i)) for i in range(1280)])
    sample = [int(target) for _, target in spread_pairs(corpus, 256)]
    # Four stretches of 64: the first begins the corpus, the last ends it.
    assert len(sample) == 256 and sample[0] == 0 and sample[-1] == 1279
    assert list(spread_pairs(corpus, 1280)) == list(corpus.pairs())
    for count in (7, 256, 300, 1280, 9999):
        assert len(list(spread_pairs(corpus, count))) == spread_size(corpus, count)
    assert [spread_size(corpus, count) for count in (7, 300, 9999)] == [64, 256, 1280]


def test_texts_are_joined(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).write_text(f"{name}\n")
    assert list(open_texts([tmp_path / "b", tmp_path / "a"], [1, 2]).pairs()) == [("", "b"), ("", "a")]
