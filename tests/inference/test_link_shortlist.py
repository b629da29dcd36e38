"""A shortlist comes from the links of the model, counted here once more by hand, and its file is checked when read."""

import dataclasses
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from command_line import PAIRS
from exported import trained

from nmt import checksums
from nmt.decoding.shortlist import SPECIAL, Shortlist
from nmt.errors import InputError
from nmt.inference import link_shortlist
from nmt.inference.link_shortlist import make, read, write
from nmt.inference.translator import Translator
from nmt.model_folder import SHORTLIST

BEST, FREQUENT = 3, 5


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shortlist")


@pytest.fixture(scope="module")
def translator(place: Path) -> Translator:
    return trained(place)


@pytest.fixture(scope="module")
def shortlist(translator: Translator) -> Shortlist:
    return make(translator, [PAIRS[:20], PAIRS[20:]], BEST, FREQUENT)


@pytest.fixture
def folder(place: Path, translator: Translator, shortlist: Shortlist, tmp_path: Path) -> Path:
    copy = Path(shutil.copytree(place / "model", tmp_path / "model"))
    write(copy, shortlist, translator.tokenizers)
    return copy


def test_links_are_counted(translator: Translator, shortlist: Shortlist) -> None:
    vocabulary = range(translator.tokenizers.target.vocabulary)
    ids = {piece: i for i, piece in enumerate(translator.tokenizers.target.pieces(vocabulary))}
    sums: dict[int, Counter[int]] = {}
    counts: Counter[int] = Counter()
    for found in translator.score(*map(list, zip(*PAIRS, strict=True))):
        assert found.alignment is not None
        for token, weights in zip(found.tokens, found.alignment, strict=True):
            counts[ids[token]] += 1
            for source, weight in zip(found.source_tokens, weights, strict=False):  # the last weight is that of EOS
                if weight >= 0.1:
                    sums.setdefault(ids[source], Counter())[ids[token]] += float(weight)
    assert sums
    for source in vocabulary:
        itself, *others = shortlist.candidates[source].tolist()
        strongest = [token for token, _ in sums.get(source, Counter()).most_common(BEST)]
        assert [token for token in others if token] == (strongest if source >= SPECIAL else [])
        assert itself == (source if source >= SPECIAL else 0)
    rarest = min(counts[token] for token in shortlist.frequent)
    assert len(shortlist.frequent) == FREQUENT
    assert all(count <= rarest for token, count in counts.items() if token not in shortlist.frequent)


def test_more_candidates_than_target_pieces_are_all_of_them(
    folder: Path, translator: Translator, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = make(translator, [PAIRS], best=10**9)
    assert found.candidates.shape == (80, 81)
    write(folder, found, translator.tokenizers)
    opened = read(folder, translator.tokenizers)
    assert opened is not None and np.array_equal(opened.candidates, found.candidates)
    monkeypatch.setattr(link_shortlist, "_MAX_BYTES", 4 * 80 * 6)
    assert make(translator, [PAIRS], best=5).candidates.shape == (80, 6)
    with pytest.raises(InputError, match=r"6 target pieces for each of 80 source pieces .* Lower --best to 5"):
        make(translator, [PAIRS], best=6)


def test_a_translator_keeps_its_shortlist_and_uses_it_when_asked(
    folder: Path, translator: Translator, shortlist: Shortlist, tmp_path: Path
) -> None:
    opened = Translator.load(folder)
    opened.save(tmp_path / "saved")
    for each in (opened.shortlist, Translator.load(tmp_path / "saved").shortlist):
        assert each is not None
        assert np.array_equal(each.candidates, shortlist.candidates)
        assert np.array_equal(each.frequent, shortlist.frequent)
    texts = [source for source, _ in PAIRS]
    plain = translator.translate(texts)
    assert [found.text for found in opened.translate(texts)] == [found.text for found in plain]
    among = opened.translate(texts, shortlist=True)
    assert [found.score for found in among] != [found.score for found in plain]
    with pytest.raises(InputError, match="the model has no shortlist"):
        translator.translate(texts, shortlist=True)


def test_a_shortlist_of_all_pieces_changes_nothing(translator: Translator) -> None:
    size = translator.tokenizers.target.vocabulary
    everything = Shortlist(np.zeros([size, 1], np.int32), np.arange(size, dtype=np.int32), size)
    other = Translator(translator.model, translator.tokenizers, translator.config, shortlist=everything)
    texts = [source for source, _ in PAIRS[:9]]
    for how in ({}, {"beam": 4, "length_penalty": 1.0}):
        for one, two in zip(
            translator.translate(texts, **how), other.translate(texts, shortlist=True, **how), strict=True
        ):
            assert one.text == two.text
            assert one.score == pytest.approx(two.score, abs=1e-5)


def test_a_damaged_or_foreign_file_is_refused(folder: Path, shortlist: Shortlist, translator: Translator) -> None:
    path = folder / SHORTLIST
    whole = path.read_bytes()
    path.write_bytes(whole[:-9])
    with pytest.raises(InputError, match="not as it was saved"):
        read(folder, translator.tokenizers)
    (folder / checksums.CHECKSUMS).unlink()
    with pytest.raises(InputError, match="cannot be used"):
        read(folder, translator.tokenizers)
    other = dataclasses.replace(translator.tokenizers, target=trained(folder.parent / "u", "unigram").tokenizers.target)
    path.write_bytes(whole)
    with pytest.raises(InputError, match="made for other tokenizers"):
        read(folder, other)
    write(folder, shortlist._replace(frequent=np.array([99], np.int32)), translator.tokenizers)
    with pytest.raises(InputError, match="pieces that the vocabulary does not have"):
        read(folder, translator.tokenizers)
    path.unlink()
    assert read(folder, translator.tokenizers) is None


def test_pairs_without_text_have_no_links(translator: Translator) -> None:
    with pytest.raises(InputError, match="no pair"):
        make(translator, [[("", "")]])
