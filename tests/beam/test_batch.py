"""Files are translated on Beam line by line: none is lost, and their order is kept."""

import json
from pathlib import Path

import pytest

pytest.importorskip("apache_beam", reason="Apache Beam is not installed: pip install nmt[beam]")

from nmt.beam import batch
from nmt.errors import InputError
from nmt.translation import Translation


def test_lines_have_their_places_and_bad_ones_are_marked(tmp_path: Path) -> None:
    path = tmp_path / "a.ko"
    path.write_bytes(b"\xef\xbb\xbfone\r\n\n\xff\nx\ry\nlast")
    found = list(batch.read_lines(7, str(path)))
    assert found == [((7, 0), "one"), ((7, 1), ""), ((7, 2), None), ((7, 3), "x y"), ((7, 4), "last")]


@pytest.mark.parametrize("form", ["text", "jsonl"])
def test_a_block_is_written_in_order_and_may_be_written_again(form: str, tmp_path: Path) -> None:
    rows = [(20_001, Translation("b", -2.0)), (20_000, Translation("가", -1.0))]
    for _ in range(2):
        assert batch.write_block(f"{tmp_path}/out", form, (3, 2), rows) == ("lines", 2)
    (path,) = tmp_path.iterdir()
    lines = path.read_text("utf-8").splitlines()
    if form == "text":
        assert path.name == "out-00003-00002.txt" and lines == ["가", "b"]
    else:
        assert [json.loads(line) for line in lines] == [
            {"line": 20_001, "text": "가", "score": -1.0},
            {"line": 20_002, "text": "b", "score": -2.0},
        ]


def test_input_without_files_and_output_that_exists_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="matches no file"):
        batch.find_input(f"{tmp_path}/*.ko")
    (tmp_path / "out-00000-00000.txt").touch()
    with pytest.raises(InputError, match="exists"):
        batch.check_output(f"{tmp_path}/out")
