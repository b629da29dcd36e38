"""The commands, run as a user runs them, and a corpus small enough for it."""

import os
import subprocess
import sys

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
]  # fmt: skip


def nmt(
    *arguments: object, stdin: bytes = b"", env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "nmt.cli", *map(str, arguments)]
    return subprocess.run(command, input=stdin, capture_output=True, timeout=300, env={**os.environ, **(env or {})})


def refused(result: subprocess.CompletedProcess[bytes], *words: str) -> None:
    """The command was wrong: code 2, one clear sentence, no traceback."""
    error = result.stderr.decode()
    assert result.returncode == 2, error
    assert "Traceback" not in error
    assert result.stdout == b""
    for word in words:
        assert word in error
