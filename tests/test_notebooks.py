"""The lessons run, keep what they say, and teach the package rather than a copy of it."""

import ast
import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import nbformat
import pytest
from command_line import users_environment
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

import nmt

FOLDER = Path(__file__).parent.parent / "notebooks"
RUN = FOLDER / "run.py"
LESSONS = sorted(path.stem for path in FOLDER.glob("*.ipynb"))
every_lesson = pytest.mark.parametrize("name", LESSONS)

_spec = importlib.util.spec_from_file_location("run_notebooks", RUN)
assert _spec and _spec.loader
run = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(run)


def lesson(path: Path) -> Any:
    return nbformat.read(path, as_version=4)


def code(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def said(notebook: Any) -> str:
    """All that its outputs say, pictures apart."""
    texts = []
    for cell in code(notebook):
        for output in cell.outputs:
            data = output.get("data", {})
            texts += [output.get("text", ""), *(data[kind] for kind in data if kind.startswith("text/"))]
    return "\n".join(texts)


def shows(cell: Any) -> bool:
    """Whether a cell ends in a value, or prints: then it has an output."""
    *_, last = ast.parse(cell.source).body
    value = isinstance(last, ast.Expr) and not cell.source.rstrip().endswith(";")
    return value or bool(re.search(r"\b(print|display)\(", cell.source))


@pytest.mark.lesson
@every_lesson
def test_a_lesson_runs_at_its_small_size(name: str, tmp_path: Path) -> None:
    before = (FOLDER / f"{name}.ipynb").read_bytes()
    command = [sys.executable, RUN, name, "--small", "--to", tmp_path]
    result = subprocess.run(command, env=users_environment(), capture_output=True, text=True, timeout=900)
    assert result.returncode == 0, result.stderr
    assert re.fullmatch(rf"{name}: \d+ s\n", result.stdout)
    assert (FOLDER / f"{name}.ipynb").read_bytes() == before
    small, kept = lesson(tmp_path / f"{name}.ipynb"), lesson(FOLDER / f"{name}.ipynb")
    kinds = [[[output.output_type for output in cell.outputs] for cell in code(book)] for book in (small, kept)]
    assert kinds[0] == kinds[1]


@every_lesson
def test_a_lesson_keeps_the_outputs_of_one_whole_run(name: str) -> None:
    notebook = lesson(FOLDER / f"{name}.ipynb")
    cells = code(notebook)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    for cell in cells:
        assert bool(cell.outputs) or not shows(cell), cell.source
        assert not [output for output in cell.outputs if output.output_type == "error"]
        assert not [output for output in cell.outputs if output.get("name") == "stderr"]
    assert any("image/png" in output.get("data", {}) for cell in cells for output in cell.outputs)
    assert (FOLDER / f"{name}.ipynb").stat().st_size < 600_000


@every_lesson
def test_a_lesson_says_what_one_will_know_and_what_to_try(name: str) -> None:
    first, *_, last = lesson(FOLDER / f"{name}.ipynb").cells
    assert first.cell_type == last.cell_type == "markdown"
    assert first.source.startswith("# ")
    assert "At the end you will know" in first.source
    tries = last.source.partition("Two things to try")[2]
    assert len(re.findall(r"^[12]\. ", tries, re.MULTILINE)) == 2


@every_lesson
def test_a_lesson_imports_the_package_and_never_redefines_it(name: str) -> None:
    source = "\n".join(cell.source for cell in code(lesson(FOLDER / f"{name}.ipynb")))
    tree = ast.parse(source)
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    imported |= {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    assert any(module and module.split(".")[0] == "nmt" for module in imported)
    public = set(nmt.__all__)
    for place in ("layers", "models", "decoding", "training", "evaluation", "data"):
        for file in [*(FOLDER.parent / "nmt" / place).glob("*.py"), *(FOLDER.parent / "nmt").glob(f"{place}.py")]:
            defined = ast.parse(file.read_text("utf-8")).body
            public |= {
                node.name
                for node in defined
                if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_")
            }
    own = {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef | ast.FunctionDef)}
    assert not own & public


@every_lesson
def test_what_a_lesson_takes_from_a_module_of_the_package_is_there(name: str) -> None:
    tree = ast.parse("\n".join(cell.source for cell in code(lesson(FOLDER / f"{name}.ipynb"))))
    modules = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and str(node.module).split(".")[0] == "nmt":
            for found in node.names:
                program: dict[str, Any] = {}
                exec(f"from {node.module} import {found.name} as it", program)
                if isinstance(program["it"], ModuleType):
                    modules[found.asname or found.name] = program["it"]
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules:
            assert hasattr(modules[node.value.id], node.attr), ast.unparse(node)


@every_lesson
def test_no_output_of_a_lesson_names_a_place_on_the_machine(name: str) -> None:
    assert not re.findall(r"(?<![\w.:/])(?:/[\w.-]+){2,}|[A-Z]:\\\\", said(lesson(FOLDER / f"{name}.ipynb")))


def made(folder: Path, *sources: str, small: str | None = "n = 1") -> Path:
    """A notebook with a cell for its size and those given."""
    folder.mkdir(exist_ok=True)
    size = new_code_cell("n = 3", metadata={} if small is None else {"tags": ["size"], "small": small})
    cells = [new_markdown_cell("# A lesson"), size, *map(new_code_cell, sources)]
    nbformat.write(new_notebook(cells=cells), folder / "a.ipynb")
    return folder / "a.ipynb"


def test_a_run_keeps_what_is_found_and_leaves_out_what_is_news(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    path = made(tmp_path, "import os, sys; print(n, os.getcwd(), object(), file=sys.stderr)\nprint(n, os.getcwd()); n")
    assert run.main(["a"], tmp_path) == 0
    assert re.fullmatch(r"a: \d+ s\n", capsys.readouterr().out)
    _, size, cell = lesson(path).cells
    assert size.source == "n = 3"
    assert [output.output_type for output in cell.outputs] == ["stream", "execute_result"]
    assert cell.outputs[0].text == "3 .\n"
    assert cell.outputs[1].data == {"text/plain": "3"}
    assert "execution" not in cell.metadata
    again = path.read_bytes()
    assert run.main(["a.ipynb"], tmp_path) == 0
    assert path.read_bytes() == again
    assert [file.name for file in tmp_path.iterdir()] == ["a.ipynb"]


def test_the_kernel_is_the_python_that_runs_and_the_small_size_goes_elsewhere(tmp_path: Path) -> None:
    path = made(tmp_path / "lessons", f"import sys; print(n, sys.executable == {sys.executable!r})")
    before = path.read_bytes()
    assert run.main(["--small", "--to", str(tmp_path / "to")], path.parent) == 0
    assert path.read_bytes() == before
    assert lesson(tmp_path / "to" / "a.ipynb").cells[-1].outputs[0].text == "1 True\n"


def test_a_notebook_that_fails_is_told_in_a_line_and_left_as_it_was(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    path = made(tmp_path, "print('so far')", "1 / 0")
    before = path.read_bytes()
    assert run.main([], tmp_path) == 1
    assert capsys.readouterr() == ("", "a.ipynb, cell 4: ZeroDivisionError: division by zero\n")
    assert path.read_bytes() == before


def test_a_python_that_ends_is_told_in_a_line(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    made(tmp_path, "import os; os._exit(3)")
    assert run.main([], tmp_path) == 1
    assert capsys.readouterr().err == "a.ipynb, cell 3: its Python ended. Memory may have run out.\n"


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        (["b"], "There is no notebook 'b' in "),
        (["--to", __file__], "--to "),
        (["--small"], "a.ipynb has no small size: tag one cell 'size'"),
    ],
)
def test_a_wrong_command_is_told_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture, arguments: list[str], wrong: str
) -> None:
    made(tmp_path, small=None)
    assert run.main(arguments, tmp_path) == 2
    out, error = capsys.readouterr()
    assert (out, error.count("\n")) == ("", 1)
    assert error.startswith(wrong)


def test_a_small_run_never_takes_the_place_of_a_lesson(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    path = made(tmp_path)
    before = path.read_bytes()
    assert run.main(["--small", "--to", str(tmp_path)], tmp_path) == 2
    assert "must be another folder" in capsys.readouterr().err
    assert path.read_bytes() == before


def test_what_is_no_notebook_is_told_in_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert run.main([], tmp_path) == 2
    assert capsys.readouterr().err.startswith("There is no notebook in ")
    (tmp_path / "a.ipynb").write_text("{")
    assert run.main([], tmp_path) == 2
    assert capsys.readouterr().err.startswith("a.ipynb cannot be read as a notebook: ")


@pytest.mark.parametrize("missing", ["nbclient", "ipykernel"])
def test_what_is_not_installed_is_told_with_its_extra(tmp_path: Path, missing: str) -> None:
    (tmp_path / f"{missing}.py").write_text(f"raise ModuleNotFoundError('none', name='{missing}')")
    code = (
        f"import sys, runpy; sys.path.insert(0, {str(tmp_path)!r}); runpy.run_path({str(RUN)!r}, run_name='__main__')"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert result.returncode == 2
    assert (
        result.stderr
        == f"{missing} is not installed, and a notebook needs it: in the clone, pip install -e '.[notebooks]'\n"
    )
