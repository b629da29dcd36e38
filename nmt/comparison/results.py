"""The folder of a comparison: its models, and the result of every run, so that it can continue after a stop."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nmt.atomic_write import write_file
from nmt.comparison.spec import Candidate, ComparisonBudget, Material, difference, read_identity
from nmt.errors import InputError
from nmt.folder_lock import LOCK
from nmt.model_folder import check_new

RECORD = "comparison.json"
DATA = "data"
_FORMAT = 1


class Results:
    """A comparison's folder::

        comparison.json     what is compared, and what was found
        models/dot-1/       the model of candidate and seed, as `nmt train` makes it
        texts/dot-1.txt     its translations of the test sentences
        comparison.md       the report, and comparison.html, and its pictures

    Arguments:
        folder: new or empty, or that of the same comparison.
        candidates, material, budget: what is compared. Candidates may be added to a comparison or left out of it.

    Raises:
        InputError: if the folder holds something else, another comparison, or cannot be written.
    """

    def __init__(
        self, folder: Path, candidates: Sequence[Candidate], material: Material, budget: ComparisonBudget
    ) -> None:
        self.folder = folder
        plan = {"steps": budget.steps, "minutes": budget.minutes, **material.identity()}
        self.record = self._opened(plan)
        known = self.record["contestants"]
        for each in candidates:
            if each.name in known and (what := difference(read_identity(known[each.name]), each.identity)):
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
        except (ValueError, RecursionError):
            raise InputError(f"{path} is damaged: it is not JSON. Name a new folder with --to.") from None
        parts = {"plan": dict, "contestants": dict, "runs": list, "speeds": dict}
        whole = isinstance(record, dict) and all(isinstance(record.get(key), kind) for key, kind in parts.items())
        whole = whole and all(isinstance(run, dict) and {"name", "seed"} <= set(run) for run in record["runs"])
        if not whole or record.get("format") != _FORMAT:
            raise InputError(f"{path} is not a record of a comparison by this version. Name a new folder with --to.")
        if what := difference(record["plan"], plan):
            raise InputError(f"{self.folder} holds another comparison: {what}. Name a new folder with --to.")
        return record

    def done(self, name: str) -> list[dict[str, Any]]:
        """Return the results of a candidate's runs that did not fail and whose texts are still there, whole."""
        return [run for run in self.runs(name) if "failed" not in run and self._whole(run)]

    def _whole(self, run: dict[str, Any]) -> bool:
        """Return whether the file of a run's translations has a line for each test sentence."""
        try:
            lines = self.texts(run["name"], run["seed"]).read_bytes().count(b"\n")
        except OSError:
            return False
        return bool(lines == run.get("sentences"))

    def run(self, name: str, seed: int) -> dict[str, Any] | None:
        """Return the result of a run, or None if it is not done; a run that failed is not done."""
        return next((run for run in self.done(name) if run["seed"] == seed), None)

    def runs(self, name: str) -> list[dict[str, Any]]:
        """Return the results of all runs of a candidate; a failed run has the reason as its result."""
        return [run for run in self.record["runs"] if run["name"] == name]

    def add(self, found: dict[str, Any]) -> None:
        """Put the result of a run in place of its earlier result, and write the record."""
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
        """Return the file of its translations."""
        return self.folder / "texts" / f"{name}-{seed}.txt"


def check_place(folder: Path) -> None:
    """Check that a comparison may begin or continue in ``folder``.

    Raises:
        InputError: if it is a file, holds something else, or cannot be written to.
    """
    if not (folder / RECORD).is_file() and not _only_data(folder):
        check_new(folder)
    elif not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(f"The folder {folder} cannot be written to.")


def _only_data(folder: Path) -> bool:
    """Return whether the comparison was stopped before anything but the built-in corpus was written."""
    return folder.is_dir() and {path.name for path in folder.iterdir()} in ({DATA}, {DATA, LOCK}, {LOCK})
