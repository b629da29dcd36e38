"""A function that runs in a process of its own, while this one does something else."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from nmt.errors import InputError, WorkFailed

_WRONG_INPUT = 2
# It imports from where this process does, and not from the folder in which it happens to run. Python's collector would
# look at what it makes again and again, and the process ends soon. What the function prints is not its result.
_CALL = f"""import gc, importlib, json, os, sys
gc.disable()
results, sys.stdout = sys.stdout, sys.stderr
sys.path[:], module, name, arguments, niceness = json.load(sys.stdin)
if niceness and hasattr(os, "nice"):
    os.nice(niceness)
from nmt.errors import InputError
try:
    result = getattr(importlib.import_module(module), name)(*arguments)
except InputError as error:
    print(error, file=sys.stderr)
    sys.exit({_WRONG_INPUT})
json.dump(result, results)
"""


@contextmanager
def meanwhile(function: str, *arguments: Any, niceness: int = 0) -> Iterator[Callable[[], Any]]:
    """Call a function in a new Python process, and yield a function that waits for its result.

    Without waiting for it the process is ended with the context.

    Arguments:
        function: its module and its name, with a colon between them. What it imports, the process has to import.
        arguments: what it is called with. As its result, they are made of what JSON has: text, numbers, lists.
        niceness: how much the process gives way to others, from 0 to 19.

    Raises:
        InputError: from the function that waits, as the function itself.
        WorkFailed: from the function that waits, if anything else ended the process: its last line says why.

    >>> with meanwhile("nmt.cores:cores") as wait:
    ...     wait() >= 1
    True
    """
    module, name = function.split(":")
    given = json.dumps([sys.path, module, name, arguments, niceness])
    command = [sys.executable, "-c", _CALL]
    pipe = subprocess.PIPE
    # In a session of its own: Ctrl-C is for this process, which ends the other. A thread passes on what the pipes hold.
    with (
        ThreadPoolExecutor(1) as thread,
        subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=pipe, encoding="utf-8", errors="replace", start_new_session=True
        ) as process,
    ):
        talk = thread.submit(process.communicate, given)

        def wait() -> Any:
            result, said = talk.result()
            if process.returncode:
                last = (said.strip() or f"exit code {process.returncode}").splitlines()[-1]
                raise (InputError if process.returncode == _WRONG_INPUT else WorkFailed)(last)
            return json.loads(result)

        try:
            yield wait
        finally:
            process.kill()
            talk.exception()
