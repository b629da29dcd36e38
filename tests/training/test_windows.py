"""Training can be imported where Python has no modules of Unix."""

import subprocess
import sys

# Other packages choose by the system's name, which cannot be changed here: the modules are hidden from ours alone.
HIDDEN = """
import builtins

found = builtins.__import__

def hide(name, globals=None, *others, **named):
    ours = (globals or {}).get("__name__", "").startswith("nmt.")
    if ours and name in ("fcntl", "grp", "pwd", "resource", "termios"):
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    return found(name, globals, *others, **named)

builtins.__import__ = hide
import nmt.comparison.run, nmt.training.fit
from nmt.training import memory
assert memory.resource is None and memory.machine_mb() > 100
"""


def test_training_imports_no_module_that_windows_lacks() -> None:
    result = subprocess.run([sys.executable, "-c", HIDDEN], capture_output=True, text=True, timeout=200)
    assert result.returncode == 0, result.stderr
