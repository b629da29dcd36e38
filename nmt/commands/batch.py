"""``nmt batch``: translates files of any size on Apache Beam."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import shlex
import shutil
import signal
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from nmt.commands.console import say
from nmt.cores import cores
from nmt.errors import InputError, as_typed
from nmt.model_folder import CONFIG
from nmt.stop_signals import stop_signals

# Seconds between two messages.
_EVERY = 30.0
# Where Beam's processes look for their options.
_OPTIONS_FILE = "PIPELINE_OPTIONS_FILE"


def batch(
    model: Annotated[
        Path,
        typer.Argument(
            help="A model's folder, or an export, or a version of it, as saved_models/my-model/1.",
            metavar="MODEL|EXPORT",
            show_default=False,
        ),
    ],
    input: Annotated[
        str, typer.Option(help="Text files, as 'corpus/*.ko' or 'gs://…/*.ko'; .gz too.", show_default=False)
    ],
    output: Annotated[
        str,
        typer.Option(
            help="What the names of the output begin with: OUTPUT-00000-00000.txt has the first 10,000 lines of the "
            "first file.",
            show_default=False,
        ),
    ],
    form: Annotated[
        Literal["text", "jsonl"], typer.Option("--format", help="jsonl: an object per line, with line, text, score.")
    ] = "text",
    runner: Annotated[
        str, typer.Option(help="Beam's runner: DirectRunner, DataflowRunner, FlinkRunner, SparkRunner.")
    ] = "DirectRunner",
    processes: Annotated[int, typer.Option(min=1, help="Processes of the DirectRunner.")] = 1,
    resume: Annotated[bool, typer.Option("--resume", help="Keep the files of OUTPUT, and translate the rest.")] = False,
    trust: Annotated[
        bool, typer.Option("--trust", help="Run an export whatever its operations are: they may read and write files.")
    ] = False,
    beam_args: Annotated[
        str, typer.Option(help="More options of Beam, as '--project=P --region=R'.", show_default=False)
    ] = "",
) -> None:
    """Translate text files of any size on Apache Beam: a line in, a line out, in order; needs the extra `beam`.

    A line that is no UTF-8 has a blank translation. OUTPUT-bad-….jsonl names such lines, and those that were cut.
    OUTPUT-counts.json has the numbers of lines. A model is exported for the time of the run; machines other than this
    one need an export at a path that all have.

    **Example:** `nmt batch saved_models/my-model/1 --input 'library/*.ko' --output translated/library --processes 4`
    """
    if "NMT_DEBUG" not in os.environ:
        # Beam warns of much that nobody can change; its errors are raised.
        logging.getLogger().setLevel(logging.CRITICAL)
    try:
        from nmt.beam import batch as batches
        from nmt.beam.export_handler import BlockHandler
        from nmt.beam.files import find_input, find_output, find_unfinished, read_text, remove_unfinished
        from nmt.beam.run_record import check_same, describe_run, record_path
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("apache_beam"):
            raise
        raise InputError(
            "`nmt batch` needs Apache Beam, which is not installed: in the clone of this project, pip install -e "
            "'.[beam]'."
        ) from None
    search = _search(model)
    if search:
        _check_model(model, runner, trust)
    place = model if search else _version(model)
    if processes > 1 and runner != "DirectRunner":
        raise InputError("--processes is for the DirectRunner. Other runners have options of their own: --beam-args.")
    arguments = _arguments(beam_args)
    there = find_output(output)
    # A pattern may match what the first run has written.
    written = there | find_unfinished(output)
    files = {path: size for path, size in find_input(input).items() if path not in written}
    record = describe_run(place, files, form, batches.LINES)
    if there and resume:
        path = record_path(output)
        check_same(output, read_text(path) if path in there else "", record)
    elif there:
        raise InputError(
            f"--output {output} exists: {min(there)} is there already. Name another, remove those files, or continue "
            "with --resume."
        )
    options = [f"--runner={runner}", *arguments]
    threads = 1
    if runner == "DirectRunner":
        # The runner that is written in Python: the other one downloads a program when it starts.
        options[0] = "--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner"
        options += [f"--direct_num_workers={processes}"]
        options += ["--direct_running_mode=multi_processing"] if processes > 1 else []
        threads = max(1, cores() // processes)
    batches.check_extra(options)
    with contextlib.ExitStack() as held:
        folder = held.enter_context(_own_folder())
        version = _exported(model, search, folder) if search else place
        BlockHandler(version, threads, trust).check()
        remove_unfinished(output)
        held.enter_context(_quiet_processes(folder))
        held.enter_context(_telling(lambda: _whole(find_output(output) - there)))
        found = batches.translate_files(
            str(version.resolve()),
            files=list(files),
            prefix=output,
            form=form,
            options=options,
            threads=threads,
            trust=trust,
            done=there,
            record=record,
        )
    of = f"{len(files):,} {'file' if len(files) == 1 else 'files'}"
    say(f"{found['lines']:,} lines of {of} are translated.")
    if found["kept"]:
        say(f"{found['kept']:,} more were translated before.")
    if found["bad"]:
        what = "line that is no UTF-8 or was" if found["bad"] == 1 else "lines that are no UTF-8 or were"
        say(f"{output}-bad-*.jsonl names {found['bad']:,} {what} cut.")


def _check_model(model: Path, runner: str, trust: bool) -> None:
    """Refuse what is for exports alone."""
    if runner != "DirectRunner":
        raise InputError(
            f"{model} is a model's folder, and the machines of {runner} need an export at a path that all of them "
            f"have: `nmt export {as_typed(model)} --to EXPORT`, and name that."
        )
    if trust:
        raise InputError(f"--trust is for an export, and {model} is a model's folder, which has no operations.")


@contextlib.contextmanager
def _own_folder() -> Iterator[Path]:
    """Make a folder that is removed at the end, also if that is a signal to terminate."""
    with tempfile.TemporaryDirectory(prefix="nmt-batch-", ignore_cleanup_errors=True) as folder:

        def end(number: int, frame: Any) -> None:
            if number == signal.SIGINT:
                raise KeyboardInterrupt
            # Beam's threads may run for minutes, so nothing waits for them.
            shutil.rmtree(folder, ignore_errors=True)
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)

        with stop_signals(end):
            yield Path(folder)


@contextlib.contextmanager
def _quiet_processes(folder: Path) -> Iterator[None]:
    """Let the processes of the DirectRunner say only what is critical: they read no option of the pipeline."""
    if "NMT_DEBUG" in os.environ or _OPTIONS_FILE in os.environ:
        yield
        return
    file = folder / "options.json"
    file.write_text(json.dumps({"default_sdk_harness_log_level": "CRITICAL"}), encoding="utf-8")
    os.environ[_OPTIONS_FILE] = str(file)
    try:
        yield
    finally:
        del os.environ[_OPTIONS_FILE]


@contextlib.contextmanager
def _telling(written: Callable[[], int]) -> Iterator[None]:
    """Say every half minute how many files are written, if there are more."""
    ended = threading.Event()

    def tell() -> None:
        said = 0
        while not ended.wait(_EVERY):
            with contextlib.suppress(InputError):  # a file system that is not reached for a moment
                if (number := written()) > said:
                    said = number
                    say(f"{number:,} files are written.")

    thread = threading.Thread(target=tell, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _arguments(text: str) -> list[str]:
    """Return the options of Beam that one text names."""
    try:
        return shlex.split(text)
    except ValueError as error:
        raise InputError(f"--beam-args {text} cannot be split: {error}. Close what you quote.") from None


def _whole(paths: Iterable[str]) -> int:
    """Return how many files of translations are among those of the output."""
    return sum(re.search(r"-\d+-\d+\.(txt|jsonl)$", path) is not None and "-bad-" not in path for path in paths)


def _search(model: Path) -> dict[str, Any] | None:
    """Return how a model searches, or nothing if it is no model's folder."""
    if not (model / CONFIG).exists():
        return None
    from nmt.commands.decoding_options import decoding

    return decoding(model, exported=True)


def _exported(model: Path, search: dict[str, Any], folder: Path) -> Path:
    """Export a model into a folder. The translator is not kept: the export is what translates."""
    from nmt.tf_import import import_tensorflow

    import_tensorflow()
    from nmt.export.saved_model import export
    from nmt.inference.translator import Translator

    # TensorFlow keeps all cores here: it starts with this, and takes no other number after that.
    translator = Translator.load(model)
    say(f"{model} is exported for this run: this takes some seconds.")
    return export(translator, folder / "export", translator.decoding(**search))


def _version(export: Path) -> Path:
    """Return the folder of a version of an export: the newest one, if all are named."""
    from nmt.export.opening import check_no_address
    from nmt.export.versions import versions

    check_no_address(export)
    if (export / "saved_model.pb").exists():
        return export
    if there := versions(export):
        return export / str(there[-1])
    raise InputError(
        f"{export} is neither a model's folder nor an export, as saved_models/my-model, which `nmt export MODEL` "
        "writes."
    )
