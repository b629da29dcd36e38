"""The folder of a comparison: what it compares, and what every run found, so that it goes on where it stopped."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from nmt.atomic_write import write_file
from nmt.comparison.spec import Budget, Contestant, Material, difference
from nmt.errors import InputError
from nmt.model_folder import check_new

with contextlib.suppress(ModuleNotFoundError):  # Windows has none, and no lock then
    import fcntl

RECORD = "comparison.json"
DATA = "data"
_LOCK = ".lock"
_FORMAT = 1


class Ledger:
    """A comparison's folder::

        comparison.json     what is compared, and what was found
        models/dot-1/       the model of contestant and seed, as `nmt train` makes it
        texts/dot-1.txt     what it wrote for the test sentences
        comparison.md       the report, and comparison.html, and its pictures

    Arguments:
        folder: new or empty, or that of the same comparison.
        contestants, material, budget: what is compared. Contestants may have come since, or gone.

    Raises:
        InputError: if the folder holds something else, another comparison, or cannot be written.
    """

    def __init__(self, folder: Path, contestants: Sequence[Contestant], material: Material, budget: Budget) -> None:
        self.folder = folder
        plan = {"steps": budget.steps, "minutes": budget.minutes, **material.identity()}
        self.record = self._opened(plan)
        known = self.record["contestants"]
        for each in contestants:
            if each.name in known and (what := difference(known[each.name], each.identity)):
                raise InputError(
                    f"{folder} holds a comparison in which '{each.name}' is another model: {what}. Give it another "
                    "name, as in NAME:CONFIG, or the comparison another folder."
                )
            known[each.name] = each.identity

    def _opened(self, plan: dict[str, Any]) -> dict[str, Any]:
        path = self.folder / RECORD
        check_place(self.folder)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if not path.exists():
                return {"format": _FORMAT, "plan": plan, "contestants": {}, "runs": [], "speeds": {}}
            record = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise InputError(f"The folder {self.folder} cannot be used: {error.strerror}.") from None
        except ValueError:
            raise InputError(f"{path} is damaged: it is no JSON. Name a new folder with --to.") from None
        parts = {"plan": dict, "contestants": dict, "runs": list, "speeds": dict}
        whole = isinstance(record, dict) and all(isinstance(record.get(key), kind) for key, kind in parts.items())
        if not whole or record.get("format") != _FORMAT:
            raise InputError(f"{path} is no record of a comparison by this version. Name a new folder with --to.")
        if what := difference(record["plan"], plan):
            raise InputError(f"{self.folder} holds another comparison: {what}. Name a new folder with --to.")
        return record

    def done(self, name: str) -> list[dict[str, Any]]:
        """Return what the runs of a contestant found that did not fail and whose texts are still there."""
        return [run for run in self.runs(name) if "failed" not in run and self.texts(name, run["seed"]).is_file()]

    def run(self, name: str, seed: int) -> dict[str, Any] | None:
        """Return what a run found, or nothing if it is not done; one that failed is not."""
        return next((run for run in self.done(name) if run["seed"] == seed), None)

    def runs(self, name: str) -> list[dict[str, Any]]:
        """Return what all runs of a contestant found, or why they failed."""
        return [run for run in self.record["runs"] if run["name"] == name]

    def add(self, found: dict[str, Any]) -> None:
        """Put what a run found in the place of what it had found before, and keep it."""
        same = (found["name"], found["seed"])
        others = [run for run in self.record["runs"] if (run["name"], run["seed"]) != same]
        self.record["runs"] = [*others, found]
        self.save()

    def save(self) -> None:
        """Write the record."""
        write_file(
            self.folder / RECORD,
            (json.dumps(self.record, ensure_ascii=False, indent=1) + "\n").encode("utf-8", "replace"),
        )

    def model(self, name: str, seed: int) -> Path:
        """Return the folder of a model that is trained here."""
        return self.folder / "models" / f"{name}-{seed}"

    def texts(self, name: str, seed: int) -> Path:
        """Return the file of what it wrote."""
        return self.folder / "texts" / f"{name}-{seed}.txt"


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep other processes from a comparison's folder, which is made if there is none.

    Raises:
        InputError: if one is at work there already, or the folder cannot be used.
    """
    check_place(folder)
    with contextlib.ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock = stack.enter_context((folder / _LOCK).open("wb"))
            if os.name == "posix":
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(f"Another nmt compare is at work in {folder}. Wait for it, or stop it.") from None
        except OSError as error:
            raise InputError(f"The folder {folder} cannot be used: {error.strerror}.") from None
        yield


def check_place(folder: Path) -> None:
    """Make sure that a comparison may be written into ``folder``, or go on there.

    Raises:
        InputError: if it is a file, holds something else, or cannot be written to.
    """
    if not (folder / RECORD).is_file() and not _only_data(folder):
        check_new(folder)
    elif not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(f"The folder {folder} cannot be written to.")


def _only_data(folder: Path) -> bool:
    """Tell whether it was stopped before anything but the built-in corpus was written."""
    return folder.is_dir() and {path.name for path in folder.iterdir()} in ({DATA}, {DATA, _LOCK}, {_LOCK})
