"""Pairs that are mended or left out, against rules written a second time."""

import unicodedata
from collections.abc import Sequence
from pathlib import Path

import pytest

from nmt.data.corpora import from_files, from_tsv, with_line_feeds
from nmt.doctor.clean import Cleaned, Cleaning
from nmt.doctor.examine import survey_corpora
from nmt.doctor.rules import DEFAULT, Scorer
from nmt.errors import InputError

# 67 pairs of which none is faulty: each has its own number and words.
WORDS = ("쌀", "빵", "물", "책", "집", "꽃", "말", "눈", "비", "산", "강")
GOOD = [(f"나는 어제 {w} {n} 개를 시장에서 샀다", f"I bought {n} of {w!a} yesterday") for n in range(7) for w in WORDS][
    :67
]


def run(
    folder: Path,
    pairs: Sequence[tuple[str, str]],
    rules: frozenset[str] = DEFAULT,
    dev: Sequence[tuple[str, str]] = (),
    scorer: Scorer | None = None,
) -> tuple[Cleaned, list[tuple[str, ...]], dict[int, tuple[str, str]]]:
    """Clean pairs, and return the counts, the pairs that are left, and the rule and reason of each line left out."""
    out = folder / "out"
    out.mkdir(parents=True)
    for name, some in (("train.tsv", pairs), ("dev.tsv", dev)):
        (folder / name).write_text("".join(f"{source}\t{target}\n" for source, target in some), encoding="utf-8")
    others = [from_tsv(folder / "dev.tsv")] if dev else []
    done = Cleaning(from_tsv(folder / "train.tsv"), others, rules, scorer).write(out, ["train.tsv"])

    def rows(name: str) -> list[tuple[str, ...]]:
        return [tuple(row.split("\t")) for row in (out / name).read_text(encoding="utf-8").splitlines()]

    removed = {int(row[0]): (row[1], row[2]) for row in rows("removed.tsv")[1:]}
    assert sum(done.removed.values()) == len(removed) == done.pairs - done.kept
    return done, rows("train.tsv"), removed


@pytest.mark.parametrize("quoted", [False, True])
@pytest.mark.parametrize("report", ["removed.tsv", "changed.tsv"])
def test_a_report_is_not_opened_as_pairs(tmp_path: Path, report: str, quoted: bool) -> None:
    run(tmp_path, [*GOOD, ("", "x")])
    with pytest.raises(InputError, match=rf"{report} is a report of `nmt clean`"):
        from_tsv(tmp_path / "out" / report, quoted)


def test_good_pairs_stay_as_they_are(tmp_path: Path) -> None:
    done, left, removed = run(tmp_path, GOOD)
    assert left == GOOD and removed == {} and not any(done.mended.values())


@pytest.mark.parametrize("quoted", [False, True])
def test_further_columns_stay(tmp_path: Path, quoted: bool) -> None:
    third = ["", "\tnews\t", "\ta  b", "\tlost", "\t3"]
    lines = [f"{a}\t{b}{more}" for (a, b), more in zip([*GOOD[:3], (" ", "x"), GOOD[4]], third, strict=True)]
    (tmp_path / "a.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (tmp_path / "out").mkdir()
    lines[2] = lines[2].replace("bought", "b\u200bought")
    (tmp_path / "a.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    Cleaning(from_tsv(tmp_path / "a.tsv", quoted), [], frozenset({"blank", "controls"})).write(
        tmp_path / "out", ["a.tsv"]
    )
    left, removed, changed = (
        (tmp_path / "out" / name).read_text(encoding="utf-8").splitlines()
        for name in ("a.tsv", "removed.tsv", "changed.tsv")
    )
    assert left == [*lines[:2], lines[2].replace("\u200b", ""), lines[4]]
    assert removed[1:] == [f"4\tblank\tthe source is blank\t{lines[3]}"]
    assert changed[1:] == [f"3\tcontrols\t{lines[2]}"]


def test_each_fault_is_mended_or_left_out_with_its_reason(tmp_path: Path) -> None:
    decomposed = unicodedata.normalize("NFD", "나는 빵을 샀다")
    faults = {
        68: (("", "nothing to translate"), ("blank", "the source is blank")),
        69: (("번역하지 않은 줄", "번역하지 않은 줄"), ("copies", "both sides are the same")),
        70: (("그는 갔다", "Он ушёл домой"), ("script", "the target is mostly in Cyrillic letters, not in Latin")),
        71: (("그는 갔다", "he went\ufffd away"), ("lost", "the target has U+FFFD")),
        72: (("그는 다시 갔다", "he " * 400), ("long", "the target has 1,200 characters")),
        73: (GOOD[2], ("duplicates", "the pair of line 3")),
        74: ((f"{GOOD[4][0]}!", GOOD[4][1].upper()), ("near-duplicates", "the pair of line 5, but for case")),
        75: (("검사할 문장", "a sentence for the test"), ("overlap", "the source is that of line 2 of dev.tsv")),
        76: (("다른 문장", "The other sentence."), ("overlap", "the target is that of line 1 of dev.tsv")),
        77: (("그는 다시 갔다", "he went away " * 9), ("ratio", "the target has")),
    }  # fmt: skip
    mends = [
        ((decomposed, "I bought bread"), ("나는 빵을 샀다", "I bought bread")),
        (("&lt;i&gt;새&lt;/i&gt; 집", "a &quot;new&#39; house"), ("새 집", "a \"new' house")),
        (('"그는 ""아니"" 했다"', "he said no"), ('그는 "아니" 했다', "he said no")),
        (("바다\u200b로", "to the\x07 sea"), ("바다로", "to the sea")),
        (("می\u200cخ 그것은 한다", "the joiner stays"), ("می\u200cخ 그것은 한다", "the joiner stays")),
        (("１０² ½", "10² ½"), ("１０² ½", "10² ½")),
    ]
    dev = [("무엇", "the OTHER sentence"), ("검사할 문장!", "what?")]
    pairs = [*GOOD, *(pair for pair, _ in faults.values()), *(pair for pair, _ in mends)]
    done, left, removed = run(tmp_path / "a", pairs, dev=dev)
    assert {line: rule for line, (rule, _) in removed.items()} == {
        line: rule for line, (_, (rule, _)) in faults.items()
    }
    for line, (_, (_, reason)) in faults.items():
        assert removed[line][1].startswith(reason)
    assert left == [*GOOD, *(after for _, after in mends)]
    assert done.mended == {"quoting": 1, "entities": 1, "tags": 1, "controls": 1, "nfc": 1}
    changed = (tmp_path / "a/out/changed.tsv").read_text(encoding="utf-8").splitlines()
    assert changed[2].split("\t") == ["79", "entities tags", *mends[1][0]]
    # The same files give the same bytes, and a clean corpus is clean.
    run(tmp_path / "b", pairs, dev=dev)
    for name in ("train.tsv", "removed.tsv", "changed.tsv"):
        assert (tmp_path / "a/out" / name).read_bytes() == (tmp_path / "b/out" / name).read_bytes()
    again, _, _ = run(tmp_path / "c", left)  # type: ignore[arg-type]
    assert again.kept == len(left)
    # Without its rule each fault stays.
    for line, (pair, (rule, _)) in faults.items():
        _, left, removed = run(tmp_path / rule / str(line), pairs, DEFAULT - {rule}, dev)
        assert tuple(side.strip() for side in pair) in [tuple(side.strip() for side in row) for row in left] or (
            line in removed  # another rule judges it then
        )
        assert rule not in {each for each, _ in removed.values()}


def test_the_counts_are_those_of_the_doctor(tmp_path: Path) -> None:
    """``nmt data`` counts copies, blanks and ratios by the same rules."""
    pairs = [*GOOD, ("same", "same"), ("", "x"), ("그는 다시 갔다", "he went away " * 9), ("또 갔다", "away " * 20)]
    done, _, _ = run(tmp_path, pairs)
    (split,), _ = survey_corpora([from_tsv(tmp_path / "train.tsv")])
    assert (done.removed["ratio"], done.removed["copies"]) == (split.ratio.suspicious, split.copies.count) == (2, 1)
    assert done.removed["blank"] == split.source.blank.count == 1


def test_repeats_are_left_out_as_by_a_set(tmp_path: Path) -> None:
    """Against a loop over sets, in an order in which a near-duplicate also has duplicates."""
    pairs = [(f"{w}{'!' * (n % 3)}", f"{w} {'YES' if n % 2 else 'yes'}") for n in range(40) for w in WORDS]
    expected, exact, near = {}, set(), set()
    for line, (source, target) in enumerate(pairs, 1):
        key = source.rstrip("!"), target.lower()
        if (source, target) in exact:
            expected[line] = "duplicates"
        elif key in near:
            expected[line] = "near-duplicates"
        exact.add((source, target))
        near.add(key)
    rules = frozenset({"duplicates", "near-duplicates"})
    _, left, removed = run(tmp_path / "both", pairs, rules)
    assert {line: rule for line, (rule, _) in removed.items()} == expected and len(left) == len(WORDS)
    _, left, _ = run(tmp_path / "exact", pairs, frozenset({"duplicates"}))
    assert left == list(dict.fromkeys(pairs))
    # What repeats a near-duplicate is one, too.
    _, left, removed = run(tmp_path / "near", pairs, frozenset({"near-duplicates"}))
    assert set(left) == set(pairs[: len(WORDS)]) and {rule for rule, _ in removed.values()} == {"near-duplicates"}


def test_scores_far_below_the_median_are_out_of_line(tmp_path: Path) -> None:
    """Scores of -1 to -1.18 with a median of -1.08, a deviation of about 0.1, and one of -9."""

    def scorer(sources: Sequence[str], targets: Sequence[str]) -> list[float]:
        return [-9.0 if "rain" in target else -1 - 0.03 * (len(target) % 7) for target in targets]

    pairs = [*GOOD[:30], ("눈이 온다", "rain"), ("", "blank"), *GOOD[30:]]
    _, _, removed = run(tmp_path, pairs, DEFAULT | {"score"}, scorer=scorer)
    assert removed[31][0] == "score" and removed[31][1].startswith("-9.00 for each piece, where -1.")
    assert removed[32][0] == "blank" and len(removed) == 2


@pytest.mark.parametrize("ends", [b"\r", b"\r\n"])
def test_line_ends(tmp_path: Path, ends: bytes) -> None:
    """A file of old Macs is read line by line; one of Windows needs no copy."""
    lines = [f"line {n}".encode() for n in range(31)]
    for name in ("a.de", "a.en"):
        (tmp_path / name).write_bytes(ends.join(lines) + ends)
    files = [with_line_feeds(tmp_path / name, tmp_path / "copies") for name in ("a.de", "a.en")]
    assert (files[0] == tmp_path / "a.de") == (ends == b"\r\n")
    assert [source for source, _ in from_files(*files).pairs()] == [line.decode() for line in lines]


def test_a_tsv_with_some_line_ends_of_old_macs(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_bytes(b"a\tb\rc\td\ne\tf\rg\nh\ti\n")
    corpus = from_tsv(with_line_feeds(path, tmp_path / "copies"))
    assert list(corpus.pairs()) == [("a", "b"), ("c", "d"), ("e", "f g"), ("h", "i")]
