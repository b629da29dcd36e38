"""Batches side by side: every one is worked on once, a failure is raised, and the cores are shared as was asked."""

import os
import subprocess
import sys
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmt.inference.parallel import batched, run_parallel, split


@given(st.lists(st.integers(), max_size=31), st.integers(1, 7))
def test_batches_hold_everything_in_order(items: list[int], size: int) -> None:
    chunks = list(batched(items, size))
    assert [item for chunk in chunks for item in chunk] == items
    assert all(len(chunk) == size for chunk in chunks[:-1])
    assert all(0 < len(chunk) <= size for chunk in chunks[-1:])


@given(st.lists(st.integers(), max_size=99), st.integers(1, 64), st.integers(1, 8))
def test_what_is_split_is_all_there_and_enough_for_every_thread(items: list[int], size: int, parallel: int) -> None:
    batches = list(split(items, size, parallel))
    assert [item for batch in batches for item in batch] == items
    share = max(4, -(-len(items) // parallel))
    assert all(len(batch) <= min(size, share) for batch in batches)


@pytest.mark.parametrize("parallel", [2, 3])
def test_as_many_batches_run_at_once_as_were_asked_for(parallel: int) -> None:
    # Each waits for the others: one after the other, none would end.
    met, found = threading.Barrier(parallel, timeout=30), []

    def work(batch: list[int]) -> None:
        met.wait()
        found.extend(batch)

    run_parallel(work, [[1], [2, 3], [5], [7, 11], [13], [17]], parallel)
    assert sorted(found) == [1, 2, 3, 5, 7, 11, 13, 17]


@pytest.mark.parametrize(("batches", "parallel"), [([["a"]], 2), ([["a"], ["b"]], 1)])
def test_one_at_a_time_needs_no_thread(batches: list[list[str]], parallel: int) -> None:
    threads = []
    run_parallel(lambda batch: threads.append(threading.current_thread()), batches, parallel)
    assert threads == [threading.main_thread()] * len(batches)


def test_what_fails_is_raised() -> None:
    def work(batch: list[int]) -> None:
        raise ValueError(f"batch {batch}")

    with pytest.raises(ValueError, match="batch"):
        run_parallel(work, [[1], [2]], parallel_batches=2)


# TensorFlow takes its number of threads before its first operation and never again, so a process of its own is needed.
PROGRAM = """
import threading, tensorflow as tf
from nmt.inference.parallel import run_parallel, share_cores
parallel = share_cores()
assert parallel == min(8, CORES)
assert tf.config.threading.get_intra_op_parallelism_threads() == -(-CORES // 8)
seen = set()
met = threading.Barrier(min(8, CORES), timeout=30)
def work(batch):
    seen.add(threading.get_ident())
    met.wait()
run_parallel(work, [[i] for i in range(2 * min(8, CORES))], parallel)
assert len(seen) == min(8, CORES)
"""


def test_every_core_has_a_batch_where_they_are_shared() -> None:
    cores = len(os.sched_getaffinity(0))
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.replace("CORES", str(cores))], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-2000:]
