"""What is counted in one reading."""

import unicodedata
from pathlib import Path

from nmt.data.corpora import from_files
from nmt.doctor.examine import survey_corpora
from nmt.doctor.findings import Split

CLEAN = [(f"나는 밥을 {number} 번 먹었다", f"I ate the rice {number} times") for number in range(1, 12)]


def write(folder: Path, name: str, pairs: list[tuple[str, str]]) -> tuple[Path, Path]:
    files = folder / f"{name}.ko", folder / f"{name}.en"
    for side, file in enumerate(files):
        file.write_text("".join(f"{pair[side]}\n" for pair in pairs), encoding="utf-8")
    return files


def survey(folder: Path, pairs: list[tuple[str, str]]) -> Split:
    splits, overlaps = survey_corpora([from_files(*write(folder, "train", pairs))])
    assert overlaps == ()
    return splits[0]


def test_clean_pairs(tmp_path: Path) -> None:
    found = survey(tmp_path, CLEAN)
    assert (found.name, found.pairs) == ("train.ko + train.en", 11)
    assert (found.source.expected, found.target.expected) == (("Hangul",), ("Latin",))
    assert (found.source.words.mean, found.target.words.mean) == (5.0, 6.0)
    # 나는밥을번먹었다: 8 letters a line.
    assert found.source.scripts == {"Hangul": 88}
    for side in (found.source, found.target):
        assert side.foreign == ()
        for kind in ("blank", "control", "replacement", "decomposed", "folded", "long", "entities", "quoted", "tags"):
            assert getattr(side, kind).count == 0
    assert (found.copies.count, found.far.count, found.repeated.counts.pairs) == (0, 0, 0)


def test_each_fault_is_counted_and_its_line_named(tmp_path: Path) -> None:
    decomposed = unicodedata.normalize("NFD", "나는 빵을 샀다")
    faults = [
        ("", "a blank source"),  # 12
        ("untranslated here", "untranslated here"),  # 13
        (decomposed, "I bought bread"),  # 14
        ("나는 ２ 번 잤다", "I slept twice"),  # 15
        ("그는 왔다", "he cаme"),  # 16: a Cyrillic а
        ("그는 \x07갔다", "he went\ufffd away"),  # 17
        ("그는 다시 갔다", "he went " * 200),  # 18: 1,600 characters
        CLEAN[2],  # 19
        (CLEAN[3][0], "something else"),  # 20
        ("   ", "\u00a0 "),  # 21
        ('"밥, ""빵"" 다"', "rice &amp; bread"),  # 22
        ('"밥"', "R&D; &c; AT&T &nbsp"),  # 23: none of these is quoted or an entity
        ("&#x27;물&#39;", '""'),  # 24
    ]
    found = survey(tmp_path, CLEAN + faults)
    source, target = found.source, found.target

    def lines(kind: object) -> list[int]:
        return [one.line for one in kind.examples]  # type: ignore[attr-defined]

    assert (source.blank.count, lines(source.blank)) == (2, [12, 21])
    assert (found.copies.count, lines(found.copies)) == (1, [13])
    assert lines(source.decomposed) == [14]
    assert lines(source.folded) == [14, 15]
    latin, cyrillic = source.foreign[0], target.foreign[0]
    assert (latin.script, latin.mostly.count, lines(latin.mostly)) == ("Latin", 1, [13])
    assert (cyrillic.script, cyrillic.characters, cyrillic.common, lines(cyrillic.lines)) == (
        "Cyrillic",
        1,
        ("а",),
        [16],
    )
    assert cyrillic.mostly.count == 0
    assert (lines(source.control), lines(target.replacement), lines(target.long)) == ([17], [17], [18])
    assert (found.ratio.suspicious, lines(found.far)) == (1, [18])
    assert (lines(source.entities), lines(target.entities)) == ([24], [22])
    assert (lines(source.quoted), target.quoted.count) == ([22], 0)
    assert found.far.examples[0].target.endswith("…")
    assert [(one.line, one.other) for one in found.repeated.pairs] == [(19, 3)]
    assert [(one.line, other.line) for one, other in found.repeated.sources] == [(4, 20)]
    # The blank line 21 repeats nothing.
    assert (found.repeated.counts.sources, found.repeated.counts.targets) == (2, 1)


def test_the_scripts_of_the_first_split_are_expected_of_the_others(tmp_path: Path) -> None:
    swapped = [(target, source) for source, target in CLEAN[:3]]
    corpora = [from_files(*write(tmp_path, name, pairs)) for name, pairs in (("train", CLEAN), ("dev", swapped))]
    splits, overlaps = survey_corpora(corpora)
    assert splits[1].source.expected == ("Hangul",)
    assert splits[1].source.foreign[0].mostly.count == 3
    assert (overlaps[0].counts.sources, overlaps[0].counts.targets) == (0, 0)


def test_an_overlap_names_both_lines(tmp_path: Path) -> None:
    dev = [("새 문장", "a new sentence"), CLEAN[4], (CLEAN[5][0], "another target")]
    corpora = [from_files(*write(tmp_path, name, pairs)) for name, pairs in (("train", CLEAN), ("dev", dev))]
    (overlap,) = survey_corpora(corpora)[1]
    assert (overlap.counts.sources, overlap.counts.targets, overlap.counts.pairs) == (2, 1, 1)
    assert [(one.line, one.other, one.source) for one in overlap.sources] == [(2, 5, CLEAN[4][0]), (3, 6, CLEAN[5][0])]


def test_many_batches_count_as_one(tmp_path: Path) -> None:
    found = survey(tmp_path, [(f"문장 {number}", f"sentence {number}") for number in range(20_000)] + [("문장 7", "x")])
    assert found.pairs == 20_001
    assert [(one.line, other.line) for one, other in found.repeated.sources] == [(8, 20_001)]
    assert found.source.words.mean == 2.0
