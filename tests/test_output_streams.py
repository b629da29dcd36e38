"""A stream that is closed, or whose reader goes away, costs the news, not the work."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nmt.output_streams import LastingStream


def unread(buffering: int = -1) -> LastingStream:
    """A stream into a pipe that nobody reads any more."""
    reading, writing = os.pipe()
    os.close(reading)
    return LastingStream(os.fdopen(writing, "w", buffering))


@pytest.mark.parametrize("buffering", [1, -1])
def test_what_nobody_reads_is_thrown_away(buffering: int) -> None:
    stream = unread(buffering)
    for _ in range(3):
        print("밥", file=stream)
        print("x" * 100_000, file=stream, flush=True)
    stream.close()


def test_what_is_read_arrives_whole_and_in_order(tmp_path: Path) -> None:
    with (tmp_path / "out").open("w", encoding="utf-8") as file:
        stream = LastingStream(file)
        print("밥을", file=stream, flush=True)
        print("먹었다", file=stream)
        assert stream.fileno() == file.fileno() and not stream.isatty()
    assert (tmp_path / "out").read_text(encoding="utf-8") == "밥을\n먹었다\n"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="only Linux has a device that is always full")
def test_a_full_disk_is_told() -> None:
    with pytest.raises(OSError, match="No space left"), open("/dev/full", "w", buffering=1) as file:
        print("밥", file=LastingStream(file))


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_signal_handler_may_write_while_a_write_is_under_way(unbuffered: str) -> None:
    """Python's streams refuse that, or drop the text. The handler runs in the middle of a long write."""
    code = """if True:
        import signal, sys
        from nmt.output_streams import LastingStream
        stream = LastingStream(sys.stdout)
        signal.signal(signal.SIGUSR1, lambda number, frame: print("heard", file=stream, flush=True))
        print("ready", file=sys.stderr, flush=True)
        print("x" * 1_000_000, file=stream, flush=True)
    """
    env = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env)
    assert process.stderr and process.stderr.readline() == b"ready\n"
    time.sleep(0.3)  # the pipe is full: the writer waits
    process.send_signal(signal.SIGUSR1)
    written, error = process.communicate(timeout=60)
    assert process.returncode == 0, error.decode()
    assert b"heard\n" in written
    if not unbuffered:  # Python itself loses the rest of an unbuffered write that a signal cuts
        assert written.count(b"x") == 1_000_000


def test_a_file_never_takes_the_place_of_a_closed_stream(tmp_path: Path) -> None:
    code = """if True:
        import os, sys
        from nmt.output_streams import open_closed_streams
        assert sys.stdin is None and sys.stdout is None and sys.stderr is None
        open_closed_streams()
        with open(sys.argv[1], "w") as model:
            os.write(1, b"a word of a library")
            os.system("echo a word of another program")
            print("rice")
            print("rice", file=sys.stderr, flush=True)
            model.write(f"{model.fileno()} {sys.stdin.read()!r} {[each.fileno() for each in (sys.stdout, sys.stderr)]}")
    """
    model = tmp_path / "model"
    command = ["sh", "-c", '"$@" <&- >&- 2>&-', "sh", sys.executable, "-c", code, str(model)]
    assert subprocess.run(command, timeout=60).returncode == 0
    assert model.read_text() == "3 '' [1, 2]"


def test_streams_that_are_open_stay_as_they_are() -> None:
    code = """if True:
        import os, sys
        from nmt.output_streams import open_closed_streams
        before = sys.stdin, sys.stdout, sys.stderr
        open_closed_streams()
        assert before == (sys.stdin, sys.stdout, sys.stderr)
        print(sys.stdin.read(), os.open(os.devnull, os.O_RDONLY))
    """
    result = subprocess.run([sys.executable, "-c", code], input=b"rice", capture_output=True, timeout=60)
    assert (result.stdout, result.stderr) == (b"rice 3\n", b"")
