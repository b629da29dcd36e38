"""Files that belong together."""

import os
from pathlib import Path

import pytest

from nmt import checksums
from nmt.errors import InputError

NAMES = ["config.toml", "joint.spm.model", "model.weights.h5"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "config.toml").write_text("[model]\nunits = 3\n[decoding]\nbeam = 1\n")
    (tmp_path / "joint.spm.model").write_bytes(b"pieces")
    (tmp_path / "model.weights.h5").write_bytes(b"weights")
    checksums.write(tmp_path, NAMES)
    return tmp_path


def test_what_was_saved_passes_and_what_was_changed_is_named(folder: Path) -> None:
    checksums.check(folder, NAMES)
    assert checksums.names(folder) == NAMES
    for name in NAMES:
        before = (folder / name).read_bytes()
        (folder / name).write_bytes(before.replace(b"3", b"5").replace(b"weights", b"weight").replace(b"pieces", b""))
        with pytest.raises(InputError, match=f"{name} is not as it was saved"):
            checksums.check(folder, NAMES)
        (folder / name).write_bytes(before)


def test_search_and_training_may_be_changed_by_hand(folder: Path) -> None:
    (folder / "config.toml").write_text("# mine\n[decoding]\nbeam = 5\n[model]\nunits = 3\n[training]\nepochs = 9\n")
    checksums.check(folder, NAMES)


def test_a_folder_without_them_opens_and_damaged_ones_are_named(folder: Path) -> None:
    for damaged in (
        "[]",
        "{",
        '{"config.toml": "x"}',
        '{"config.toml": [1]}',
        "\ud800" * 9,
        "[" * 10**5,
        r'{"\u0000": []}',
        r'{"\ud800": []}',
    ):
        (folder / checksums.CHECKSUMS).write_bytes(damaged.encode("utf-8", "surrogatepass"))
        with pytest.raises(InputError, match=r"checksums\.json is damaged"):
            checksums.check(folder, NAMES)
    (folder / checksums.CHECKSUMS).unlink()
    checksums.check(folder, NAMES)
    assert checksums.names(folder) == []


def test_a_file_that_others_do_not_know(folder: Path) -> None:
    checksums.write(folder, NAMES[:2])
    with pytest.raises(InputError, match="weights"):
        checksums.check(folder, NAMES)


def test_files_outside_are_not_read(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside") / "file"
    os.mkfifo(outside)  # whoever opens it waits for ever
    for name in (str(outside), "../x"):
        with pytest.raises(InputError, match="leads out of the folder"):
            checksums.check(folder, [name])
    (folder / "model.weights.h5").unlink()
    (folder / "model.weights.h5").symlink_to(outside)
    with pytest.raises(InputError, match="leads out of the folder"):
        checksums.check(folder, NAMES)


class Killed(BaseException):
    pass


@pytest.mark.parametrize("at", range(4))
def test_a_stop_around_each_rename_leaves_a_folder_that_opens(
    folder: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    """Renames: checksums, then weights. A stop before and after each, then the next epoch, stopped there, too."""
    replace = os.replace
    for epoch in (b"second", b"third", b"fourth"):
        steps = 0

        def killing(source: Path, target: Path) -> None:
            nonlocal steps
            for act in (lambda: None, lambda source=source, target=target: replace(source, target)):
                if steps == at:
                    raise Killed
                steps += 1
                act()
            if steps == at:
                raise Killed

        monkeypatch.setattr("nmt.atomic_write.os.replace", killing)
        with pytest.raises(Killed):
            checksums.replace(folder, "model.weights.h5", epoch)
        monkeypatch.setattr("nmt.atomic_write.os.replace", replace)
        checksums.check(folder, NAMES)
    checksums.replace(folder, "model.weights.h5", b"last")
    checksums.check(folder, NAMES)
    (folder / "model.weights.h5").write_bytes(b"of another model")
    checksums.replace(folder, "config.toml", (folder / "config.toml").read_bytes())
    with pytest.raises(InputError, match="weights"):
        checksums.check(folder, NAMES)


def test_a_folder_of_an_older_version_stays_without_them(folder: Path) -> None:
    """Whoever writes one file does not know the others, and a list of some would call the rest damaged."""
    (folder / checksums.CHECKSUMS).unlink()
    checksums.replace(folder, "model.weights.h5", b"better")
    assert not (folder / checksums.CHECKSUMS).exists() and (folder / "model.weights.h5").read_bytes() == b"better"
    checksums.check(folder, NAMES)
