"""The commands, run as a user runs them, and a corpus small enough for it."""

import fcntl
import gc
import io
import multiprocessing
import os
import posix
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from multiprocessing import forkserver
from pathlib import Path

from nmt import cli

PAIRS = [
    (f"{who} {what} {verb}", f"{who_en} {verb_en} {what_en}")
    for who, who_en in (("나는", "I"), ("너는", "you"), ("우리는", "we"), ("그들은", "they"))
    for what, what_en in (("밥을", "rice"), ("빵을", "bread"), ("사과를", "apples"), ("고기를", "meat"))
    for verb, verb_en in (("먹었다", "ate"), ("샀다", "bought"), ("보았다", "saw"))
]
TINY = [
    "--set", "text.vocabulary_size=80", "--set", "text.kind=bpe", "--set", "model.units=16",
    "--set", "model.embedding=16", "--set", "model.attention_units=16", "--set", "training.epochs=2",
    "--set", "training.batch_size=8", "--set", "training.learning_rate=0.01", "--set", "training.warmup_steps=5",
    "--set", "training.alignment_head=off", "--set", "decoding.beam=1",
]  # fmt: skip


# TensorFlow takes four seconds to import, and most tests need the command, not the import: a server imports it once,
# and each command is a process forked from there. `installed` is for the tests that need the whole of it.
# What the command line says to TensorFlow's log before it imports it has to be said here to the server. And no graph is
# rewritten for oneDNN, which takes a sixth of the time of a training of a few steps.
# XLA compiles as fast as it can: what it compiled runs once or twice.
_UNLIKE_USERS = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "XLA_FLAGS": "--xla_backend_optimization_level=0",
}
for _name, _value in _UNLIKE_USERS.items():
    os.environ.setdefault(_name, _value)
_WARM = multiprocessing.get_context("forkserver")
_WARM.set_forkserver_preload(["warm"])


def _start_server() -> None:
    """Start the server of processes, which finds its module beside this one."""
    kept = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parent), *([kept] if kept else [])])
    try:
        forkserver.ensure_running()
    finally:
        if kept is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = kept


def warm_process(work: Callable, arguments: tuple) -> multiprocessing.process.BaseProcess:
    """Return a process, forked from the server, that has yet to be started."""
    _start_server()
    return _WARM.Process(target=work, args=arguments)


def nmt(
    *arguments: object, stdin: bytes = b"", env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run a command in a process of its own, with real files for its streams."""
    return _forked(_command, ["nmt", *map(str, arguments)], stdin, env)


def program(source: str, *arguments: object) -> subprocess.CompletedProcess[bytes]:
    """Run a Python program, which may import TensorFlow, in a process of its own."""
    return _forked(_program, [source, *map(str, arguments)])


def _forked(
    work: Callable, command: list[str], stdin: bytes = b"", env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    with tempfile.TemporaryDirectory() as place:
        streams = [os.path.join(place, name) for name in ("stdin", "stdout", "stderr")]
        for stream in streams:
            Path(stream).write_bytes(stdin if stream == streams[0] else b"")
        process = warm_process(work, (command, streams, {**os.environ, **(env or {})}, os.getcwd()))
        process.start()
        process.join(300)
        if process.is_alive():
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired(command, 300)
        output, error = (Path(stream).read_bytes() for stream in streams[1:])
    assert process.exitcode is not None
    return subprocess.CompletedProcess(command, process.exitcode, output, error)


def _command(command: list[str], streams: list[str], env: dict[str, str], folder: str) -> None:
    _prepare(command, streams, env, folder)
    cli.main()


def _program(command: list[str], streams: list[str], env: dict[str, str], folder: str) -> None:
    _prepare(command, streams, env, folder)
    exec(compile(command[0], "program", "exec"), {"__name__": "__main__"})


def _prepare(command: list[str], streams: list[str], env: dict[str, str], folder: str) -> None:
    for number, stream in enumerate(streams):
        file = os.open(stream, os.O_RDONLY if number == 0 else os.O_WRONLY)
        os.dup2(file, number)
        os.close(file)
    # Python's own standard input is closed in such a process; the others are those of the server.
    sys.stdin, sys.stdout, sys.stderr = (os.fdopen(number, mode) for number, mode in enumerate("rww"))
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(env)
    sys.argv = command
    suit_tests()


def suit_tests() -> None:
    """Let each operation compute in one thread, run graphs as they are traced, and look for garbage less often.

    A graph of a test runs once or twice on a few numbers, and optimizing it first takes longer than it does. Its
    operations need not remember the calls that made them, most of which are pytest's. No test cuts the power, so none
    waits for the disk: files are read back from memory. A training draws one alignment an epoch for TensorBoard, not
    four, which take as long as its steps. A process has one of the cores, so it computes a batch in one part, which
    halves the graph. What is ``installed`` runs as it does for users, and so do the lessons.
    """
    import tensorflow as tf
    from tensorflow.python.util import tf_stack

    from nmt.training import batch_parts, tensorboard

    calls = tf_stack.extract_stack()
    assert len(calls)  # read once, before threads share them
    tf_stack.extract_stack = lambda stacklevel=1: calls
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    gc.set_threshold(50_000, 20, 100)
    tensorboard.DRAWN = 1
    batch_parts.cores = lambda: 1
    if os.fsync is posix.fsync:  # not that of a proof, which follows it
        os.fsync = lambda descriptor: None  # type: ignore[assignment]


def here(*arguments: object) -> subprocess.CompletedProcess[bytes]:
    """Run a command in this process: the processes that it starts come from the server that is warm already."""
    _start_server()
    command, kept = ["nmt", *map(str, arguments)], (sys.argv, sys.stdout, sys.stderr)
    output, error = io.BytesIO(), io.BytesIO()
    sys.argv, sys.stdout, sys.stderr = command, io.TextIOWrapper(output), io.TextIOWrapper(error)
    try:
        cli.main()
        code: object = 0
    except SystemExit as ended:
        code = ended.code or 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        written = output.getvalue(), error.getvalue()
        sys.argv, sys.stdout, sys.stderr = kept
    assert isinstance(code, int)
    return subprocess.CompletedProcess(command, code, *written)


def installed(*arguments: object, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run a command exactly as a user does, from an interpreter that has just started to one that has ended."""
    command = [sys.executable, "-m", "nmt.cli", *map(str, arguments)]
    return subprocess.run(command, input=stdin, capture_output=True, timeout=300, env=users_environment())


def users_environment() -> dict[str, str]:
    """Return the environment without what is set for tests alone."""
    return {name: value for name, value in os.environ.items() if name not in _UNLIKE_USERS}


def hear_ctrl_c() -> None:
    """For ``preexec_fn``: a shell that starts the tests in its background has them, and all they start, ignore it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def once(folder: Path, name: str, make: Callable[[Path], object]) -> Path:
    """Copy into a new folder what the first test of all workers that wants it makes: a training takes seconds."""
    shared = next(place for place in folder.parents if place.parent.name.startswith("pytest-of-"))
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (shared / name).exists():
            make(shared / f"{name}.part")
            (shared / f"{name}.part").rename(shared / name)
    shutil.copytree(shared / name, folder)
    return folder


def refused(result: subprocess.CompletedProcess[bytes], *words: str) -> None:
    """The command was wrong: code 2, one clear sentence, no traceback."""
    error = result.stderr.decode()
    assert result.returncode == 2, error
    assert "Traceback" not in error
    assert result.stdout == b""
    for word in words:
        assert word in error
