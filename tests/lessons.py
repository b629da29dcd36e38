"""Runs the examples of a page in order, as a reader would: in one shell, Python examples included.

In that shell, `nmt` and `python` are stand-ins. They hand their work to processes that have already imported
TensorFlow, which run the real command.
"""

import json
import os
import re
import select
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import command_line

# An example may be left out if it needs one of these, which not every machine has that runs the tests.
REASONS = {"Docker", "a network"}
_BLOCK = re.compile(
    r"(?:<!-- not run: needs (?P<reason>[^>]*) -->\n)?^```(?P<kind>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
_STAND_IN = """#!/bin/sh
'''exec' {quoted} -IS "$0" "$@"
'''
import json, os, socket, sys
if {name!r} == "python" and sys.argv[1:] != ["-"]:
    os.execv({python!r}, [{python!r}, *sys.argv[1:]])
with socket.socket(socket.AF_UNIX) as line:
    line.connect({socket!r})
    job = dict(name={name!r}, arguments=sys.argv[1:], folder=os.getcwd(), env=dict(os.environ), process=os.getpid())
    line.sendall(json.dumps(job).encode() + b"\\n")
    code = line.recv(16)
sys.exit(int(code or 1))
"""


class Example(NamedTuple):
    """A block of code, the output that the page shows, and the reason if it is not run."""

    kind: str
    code: str
    shown: str
    reason: str | None


def examples(page: Path) -> list[Example]:
    """Return the blocks of shell and Python of a page, each with its output: the block of text after it."""
    found: list[Example] = []
    end = 0
    text = page.read_text(encoding="utf-8")
    for block in _BLOCK.finditer(text):
        if block["kind"] in ("sh", "python"):
            found.append(Example(block["kind"], block["text"], "", block["reason"]))
        elif block["kind"] == "text" and found and not text[end : block.start()].strip():
            found[-1] = found[-1]._replace(shown=block["text"])
        end = block.end()
    return found


def run(page: Path, folder: Path, port: int, settings: list[str]) -> list[tuple[Example, str]]:
    """Run the examples of a page in a folder, and return each with its output.

    ``port`` replaces the 8501 of the page, which may be in use; ``settings`` are added to each training.
    """
    chosen = [example for example in examples(page) if example.reason is None]
    with Bench(settings) as bench:
        script = ["set -euo pipefail"]
        for number, example in enumerate(chosen):
            code = example.code.replace("8501", str(port))
            quoted = f"python - <<'END_OF_PYTHON'\n{code}END_OF_PYTHON" if example.kind == "python" else code
            # A pipe, not a file: commands of one block write one after the other.
            script.append(f"exec > >(exec cat > {shlex.quote(str(bench.output(number)))}) 2>&1\n{quoted}")
        process = subprocess.Popen(
            ["bash", "-c", "\n".join(script)],
            cwd=folder,
            env=bench.env,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            code = process.wait(1800)
        finally:
            # A server that an example started must not outlive an example that failed.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        done = [bench.output(number) for number in range(len(chosen)) if bench.output(number).exists()]
        assert code == 0, f"{page.name}, example {len(done)}:\n{chosen[len(done) - 1].code}\n{done[-1].read_text()}"
        return [(example, output.read_text(encoding="utf-8")) for example, output in zip(chosen, done, strict=True)]


class Bench:
    """The stand-ins on a path of their own, and the processes that do their work, until the block ends."""

    def __init__(self, settings: list[str]) -> None:
        # The address of a Unix socket must be short.
        self._place = Path(tempfile.mkdtemp(prefix="nmt-bench-"))
        self._settings = [part for setting in settings for part in ("--set", setting)]

    def __enter__(self) -> "Bench":
        address = str(self._place / "socket")
        for name in ("nmt", "python"):
            stand_in = self._place / name
            stand_in.write_text(
                _STAND_IN.format(quoted=shlex.quote(sys.executable), python=sys.executable, name=name, socket=address)
            )
            stand_in.chmod(0o755)
        self._line = socket.create_server(address, family=socket.AF_UNIX)
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._line.close()
        shutil.rmtree(self._place)

    @property
    def env(self) -> dict[str, str]:
        return {**os.environ, "PATH": f"{self._place}{os.pathsep}{os.environ['PATH']}"}

    def output(self, number: int) -> Path:
        """Return the file that the output of an example goes to."""
        return self._place / f"output-{number}"

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=self._work, args=(self._line.accept()[0],), daemon=True).start()

    def _work(self, line: socket.socket) -> None:
        with line, line.makefile() as heard:
            job: dict[str, Any] = json.loads(heard.readline())
            streams = [f"/proc/{job['process']}/fd/{number}" for number in range(3)]
            arguments = job["arguments"]
            if job["name"] == "nmt":
                added = self._settings if arguments[0] in ("train", "demo") else []
                what: tuple = (command_line._command, (["nmt", *arguments, *added], streams, job["env"], job["folder"]))
            else:
                what = (_python, (streams, job["env"], job["folder"]))
            process = command_line.warm_process(*what)
            process.start()
            # A killed stand-in closes its connection; then its process is ended, too.
            while process.is_alive() and not select.select([line], [], [], 0.05)[0]:
                pass
            process.terminate()
            process.join()
            with suppress(BrokenPipeError):
                line.sendall(str(process.exitcode).encode())


def _python(streams: list[str], env: dict[str, str], folder: str) -> None:
    """Run the Python on standard input."""
    for number, stream in enumerate(streams):
        os.dup2(os.open(stream, os.O_RDONLY if number == 0 else os.O_WRONLY), number)
    sys.stdin, sys.stdout, sys.stderr = (os.fdopen(number, mode) for number, mode in enumerate("rww"))
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(env)
    exec(compile(sys.stdin.read(), "the example", "exec"), {"__name__": "__main__"})
