"""Batches side by side: every one is worked on once, a failure is raised, and the cores are shared as was asked."""

import os
import subprocess
import sys
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmt.inference.parallel import abreast, batched, shared_out, together


@given(st.lists(st.integers(), max_size=31), st.integers(1, 7))
def test_batches_hold_everything_in_order(items: list[int], size: int) -> None:
    chunks = list(batched(items, size))
    assert [item for chunk in chunks for item in chunk] == items
    assert all(len(chunk) == size for chunk in chunks[:-1])
    assert all(0 < len(chunk) <= size for chunk in chunks[-1:])


@given(st.lists(st.integers(), max_size=99), st.integers(1, 64))
def test_what_is_shared_out_is_all_there_and_enough_for_every_thread(items: list[int], most: int) -> None:
    groups = list(shared_out(items, most))
    assert [item for group in groups for item in group] == items
    share = max(4, -(-len(items) // together()))
    assert all(len(group) <= min(most, share) for group in groups)


def test_two_groups_are_worked_on_at_a_time() -> None:
    # Each waits for the other: one after the other, neither would end.
    met, found = threading.Barrier(2, timeout=30), []

    def work(group: list[int]) -> None:
        met.wait()
        found.extend(group)

    abreast(work, [[1], [2, 3], [5], [7, 11]])
    assert sorted(found) == [1, 2, 3, 5, 7, 11]


def test_a_single_group_has_no_thread_of_its_own() -> None:
    threads = []
    abreast(lambda group: threads.append(threading.current_thread()), [["a"]])
    assert threads == [threading.main_thread()]


def test_what_fails_is_raised() -> None:
    def work(group: list[int]) -> None:
        raise ValueError(f"group {group}")

    with pytest.raises(ValueError, match="group"):
        abreast(work, [[1], [2]])


# TensorFlow takes its number of threads before its first operation and never again, so a process of its own is needed.
PROGRAM = """
import threading, tensorflow as tf
from nmt.inference.parallel import abreast, share_cores
share_cores()
assert tf.config.threading.get_intra_op_parallelism_threads() == -(-CORES // 8)
seen = set()
met = threading.Barrier(min(8, CORES), timeout=30)
def work(group):
    seen.add(threading.get_ident())
    met.wait()
abreast(work, [[i] for i in range(2 * min(8, CORES))])
assert len(seen) == min(8, CORES)
"""


def test_every_core_has_a_batch_where_they_are_shared() -> None:
    cores = len(os.sched_getaffinity(0))
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.replace("CORES", str(cores))], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-2000:]
