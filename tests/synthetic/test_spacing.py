"""A corpus for word spacing: what is taken out of a line comes back by its tags."""

import unicodedata
from pathlib import Path
from types import SimpleNamespace

import pytest

from nmt.data.corpora import from_tsv
from nmt.data.labels import Reading, check_lines
from nmt.data.spacing import spaced, spacing_tags, without_spaces
from nmt.errors import InputError
from nmt.synthetic import spacing


@pytest.mark.parametrize("line", ["나는 밥을 먹었다", "a", "\u1102\u1161\u1102\u1173\u11ab 가", "x \u3000y", ""])
def test_a_line_comes_back(line: str) -> None:
    letters, tags = without_spaces(line), spacing_tags(line).split()
    assert len(letters) == len(tags)
    assert spaced(letters, tags).split() == unicodedata.normalize("NFC", line).split()
    assert spaced(letters, tags[:1]) == letters


def test_the_splits_of_a_text_share_no_line_and_are_tagged(tmp_path: Path) -> None:
    spacing.write(
        tmp_path / "d", spacing.divided(["가 나"] + [f"줄 {number} 번" for number in range(45)] + ["가 나", " "])
    )
    counts = {}
    for split in ("train", "dev", "test"):
        counts[split] = len((tmp_path / "d" / f"{split}.tsv").read_text(encoding="utf-8").splitlines())
        check_lines(from_tsv(tmp_path / "d" / f"{split}.tsv"), Reading(tags=True, characters=True))
    assert counts == {"train": 42, "dev": 2, "test": 2}
    with pytest.raises(InputError, match="at least 20"):
        spacing.divided(["가 나"] * 30)


def test_the_built_in_corpus_gives_its_korean_lines_once(monkeypatch: pytest.MonkeyPatch) -> None:
    twice = [SimpleNamespace(source="나는 밥을 먹었다"), SimpleNamespace(source="가자"), SimpleNamespace(source="가자")]
    monkeypatch.setattr(spacing.demo, "pairs", lambda split: twice)
    assert spacing.korean() == {split: ["나는 밥을 먹었다", "가자"] for split in ("train", "dev", "test")}
