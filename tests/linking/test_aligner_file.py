"""What an aligner learned is read back, and a damaged file is refused."""

from pathlib import Path

import numpy as np
import pytest
from command_line import PAIRS

from nmt.errors import InputError
from nmt.linking.aligner import learn
from nmt.linking.aligner_file import read, write


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("aligner") / "learned"
    write(file, learn(PAIRS), 2**40 + 7)
    return file


def test_what_was_learned_is_read(path: Path) -> None:
    aligner, found = read(path)
    plain = learn(PAIRS)
    assert found == 2**40 + 7 and aligner.sources == plain.sources and aligner.targets == plain.targets
    new = [("그들은 빵을 샀다", "they bought bread"), ("나는 물을 샀다", "I bought water")]
    for one, other in zip(aligner.align(new), plain.align(new), strict=True):
        np.testing.assert_array_equal(one.mean, other.mean)


def damaged(arrays: dict[str, np.ndarray]) -> dict[str, dict[str, np.ndarray]]:
    keys, words = arrays["forward_keys"], arrays["sources"]
    return {
        "a word less": {"sources": words[: words.tobytes().rindex(b"\n")]},
        "a word twice": {"sources": np.frombuffer(words.tobytes() + b"\n" + words.tobytes(), np.uint8)},
        "keys out of order": {"forward_keys": keys[::-1].copy()},
        "keys past the words": {"forward_keys": keys + 10**6},
        "no keys": {"forward_keys": keys[:0], "forward_lexicon": arrays["forward_lexicon"][:0]},
        "not finite": {"backward_jumps": arrays["backward_jumps"] * np.nan},
        "negative": {"backward_unlinked": -arrays["backward_unlinked"]},
        "no first place": {"forward_first": arrays["forward_first"] * 0},
        "no jump": {"forward_jumps": arrays["forward_jumps"] * 0},
        "more than likely": {"forward_lexicon": arrays["forward_lexicon"] * 1e300},
        "another type": {"forward_first": arrays["forward_first"].astype(np.float32)},
        "no checksum": {"learned_from": np.zeros(2, np.int64)},
    }


def test_a_damaged_file_is_refused(path: Path, tmp_path: Path) -> None:
    with np.load(path) as stored:
        arrays = dict(stored)
    for change in damaged(arrays).values():
        with (tmp_path / "other").open("wb") as file:
            np.savez(file, **{**arrays, **change})  # type: ignore[arg-type]
        with pytest.raises(InputError, match="cannot be used as an aligner"):
            read(tmp_path / "other")
    (tmp_path / "cut").write_bytes(path.read_bytes()[:-99])
    with pytest.raises(InputError, match="cannot be used as an aligner"):
        read(tmp_path / "cut")
    with pytest.raises(InputError, match="There is no file"):
        read(tmp_path / "nowhere")
