"""Runs the lessons and keeps what they print and draw.

    python notebooks/run.py                              # all, at full size, into the notebooks themselves
    python notebooks/run.py 02_attention_by_hand         # one
    python notebooks/run.py --small --to elsewhere       # quickly, which shows that all runs; the notebooks stay

A notebook is run from its first cell to its last by the Python that runs this file, in a folder that is gone
afterwards. One of its cells is tagged ``size``; its metadata has ``small``, the source that takes its place with
``--small``.

Exit codes: 0 done, 1 a notebook failed, 2 the command was wrong or something is not installed.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

try:
    import ipykernel  # noqa: F401
    import nbformat
    from jupyter_client.kernelspec import KernelSpec
    from jupyter_client.manager import AsyncKernelManager
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    from nmt.errors import InputError, WorkFailed, nearest
except ModuleNotFoundError as error:
    sys.exit(
        print(
            f"{error.name} is not installed, and a notebook needs it: in the clone, pip install -e '.[notebooks]'",
            file=sys.stderr,
        )
        or 2
    )

HERE = Path(__file__).resolve().parent

# What TensorFlow and Keras say of themselves is news, and changes with the machine.
ENVIRONMENT = {"TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow", "MPLBACKEND": "agg"}


class ThisPython(AsyncKernelManager):
    """Starts a kernel of the Python that runs this, whatever kernels are installed on the machine."""

    @property
    def kernel_spec(self) -> KernelSpec:
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=argv, display_name="Python 3", language="python")


def found(names: list[str], folder: Path = HERE) -> list[Path]:
    """Return the notebooks of these names, with or without their ending, or all.

    Raises:
        InputError: if there is none of a name, or none at all.
    """
    every = {path.stem: path for path in sorted(folder.glob("*.ipynb"))}
    if not every:
        raise InputError(f"There is no notebook in {folder}.")
    for name in names:
        if Path(name).stem not in every:
            raise InputError(f"There is no notebook '{name}' in {folder}." + nearest(name, list(every)))
    return [every[Path(name).stem] for name in names] or list(every.values())


def read(path: Path) -> Any:
    """Read a notebook.

    Raises:
        InputError: if it is none.
    """
    try:
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
    except (OSError, ValueError, nbformat.ValidationError) as error:
        raise InputError(f"{path.name} cannot be read as a notebook: {_line(str(error))}") from None
    return notebook


def make_small(notebook: Any, name: str) -> None:
    """Put the small size in the place of the full one.

    Raises:
        InputError: if the notebook has no small size, or several.
    """
    cells = [cell for cell in notebook.cells if "size" in cell.metadata.get("tags", [])]
    if len(cells) != 1 or not isinstance(cells[0].metadata.get("small"), str):
        raise InputError(f"{name} has no small size: tag one cell 'size' and put its small source in its metadata.")
    cells[0].source = cells[0].metadata["small"]


def execute(notebook: Any, name: str) -> None:
    """Run all cells; the notebook then holds their outputs.

    Raises:
        WorkFailed: if a cell failed or the kernel died.
    """
    with tempfile.TemporaryDirectory(prefix="lesson-") as place:
        client = NotebookClient(
            notebook, timeout=None, kernel_manager_class=ThisPython, resources={"metadata": {"path": place}}
        )
        number = 0

        def count(cell_index: int, **_: Any) -> None:
            nonlocal number
            number = cell_index + 1

        client.on_cell_execute = count
        try:
            # Libraries write to the kernel's own standard error, past Python.
            client.execute(env={**os.environ, **ENVIRONMENT}, stderr=subprocess.DEVNULL)
        except CellExecutionError as error:
            raise WorkFailed(f"{name}, cell {number}: {error.ename}: {_line(error.evalue)}") from None
        except RuntimeError:  # DeadKernelError among them
            raise WorkFailed(f"{name}, cell {number}: its Python ended. Memory may have run out.") from None
        normalize(notebook, {place: "."})


def normalize(notebook: Any, places: dict[str, str]) -> None:
    """Leave out of the outputs what another run, or another machine, would have otherwise.

    Standard error goes, too: news of the progress is written there.

    Arguments:
        notebook: it is changed.
        places: what is written for a folder of this machine.
    """
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
    )
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        cell.metadata.pop("execution", None)
        kept: list[Any] = []
        for output in cell.outputs:
            output.get("metadata", {}).pop("execution", None)
            if output.output_type == "stream":
                if output.name == "stderr":
                    continue
                # In how many parts a cell's prints arrive is chance.
                if kept and kept[-1].output_type == "stream":
                    kept[-1].text += output.text
                    continue
            kept.append(output)
        for output in kept:
            _placeless(output, {**places, str(HERE.parent): "nmt", str(Path.home()): "~"})
        cell.outputs = kept


def _placeless(output: Any, places: dict[str, str]) -> None:
    """Take the folders of this machine and the addresses in its memory out of an output's texts."""
    texts = output if output.output_type == "stream" else output.get("data", {})
    for key, text in texts.items():
        if isinstance(text, str) and (key == "text" or key.startswith("text/")):
            for place, name in places.items():
                text = text.replace(place, name) if len(place) > 1 else text
            texts[key] = re.sub(r" at 0x[0-9a-f]{6,}", "", text)


def write(notebook: Any, path: Path) -> None:
    """Write a notebook aside, then put it in its place.

    Raises:
        InputError: if it cannot be written there.
    """
    aside = path.with_name(f".part.{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            nbformat.write(notebook, aside)
            os.replace(aside, path)
        finally:
            aside.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}.") from None


def run(path: Path, small: bool, to: Path | None) -> None:
    """Run one notebook and keep its outputs where they belong.

    Raises:
        InputError: if it is no notebook, or has no small size.
        WorkFailed: if a cell failed.
    """
    notebook = read(path)
    if small:
        make_small(notebook, path.name)
    execute(notebook, path.name)
    if to or not small:
        write(notebook, to / path.name if to else path)


def _line(text: str) -> str:
    return (text.strip() or "it does not say why").splitlines()[0][:200]


def main(arguments: list[str] | None = None, folder: Path = HERE) -> int:
    parser = argparse.ArgumentParser(prog="notebooks/run.py", description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", help="notebooks; all of them without a name")
    parser.add_argument("--small", action="store_true", help="run the small size; the notebooks stay as they are")
    parser.add_argument("--to", type=Path, metavar="FOLDER", help="write the notebooks with their outputs there")
    chosen = parser.parse_args(arguments)
    code = 0
    try:
        if chosen.to and chosen.to.exists() and not chosen.to.is_dir():
            raise InputError(f"--to {chosen.to} is no folder.")
        if chosen.small and chosen.to and chosen.to.resolve() == folder.resolve():
            raise InputError("With --small, --to must be another folder: the lessons keep what they said at full size.")
        for path in found(chosen.names, folder):
            begun = time.monotonic()
            try:
                run(path, chosen.small, chosen.to)
            except WorkFailed as error:
                # The others may run all the same.
                print(error, file=sys.stderr)
                code = 1
            else:
                print(f"{path.stem}: {time.monotonic() - begun:.0f} s", flush=True)
    except InputError as error:
        print(error, file=sys.stderr)
        code = 2
    except KeyboardInterrupt:
        code = 130
    return code


if __name__ == "__main__":
    sys.exit(main())
