"""The environment names the workers, and they begin only if all were given the same."""

import json
import selectors
import socket
import threading
import time
from collections.abc import Callable
from typing import TextIO

import pytest
from free_ports import free_port

from nmt.errors import InputError, WorkFailed
from nmt.training import cluster
from nmt.training.cluster import Cluster, Contact, find_cluster, meet


def tf_config(jobs: object, kind: str = "worker", index: int = 0) -> dict[str, str]:
    return {"TF_CONFIG": json.dumps({"cluster": jobs, "task": {"type": kind, "index": index}})}


def test_tf_config_names_the_workers() -> None:
    found = find_cluster(tf_config({"worker": ["a:1", "b:2", "c:3"]}, index=2))
    assert found and found.addresses == ("a:1", "b:2", "c:3") and found.index == 2 and not found.is_chief
    # A chief comes before the workers.
    jobs = {"worker": ["b:2", "c:3"], "chief": ["a:1"]}
    found = find_cluster(tf_config(jobs, index=1))
    assert found and found.addresses == ("a:1", "b:2", "c:3") and found.index == 2
    found = find_cluster(tf_config(jobs, "chief"))
    assert found and found.is_chief and found.workers == 3


def test_one_machine_is_no_cluster() -> None:
    alone = [{}, {"TF_CONFIG": "{}"}, tf_config({"worker": ["a:1"]}), {"NMT_WORKERS": " "}]
    # A job of four tasks, and in it a step of one; or no step.
    alone += [{"SLURM_NTASKS": "4", "SLURM_STEP_NUM_TASKS": "1"}, {"SLURM_NTASKS": "4"}]
    assert [find_cluster(environment) for environment in alone] == [None] * 6


def test_kubernetes_names_the_pod() -> None:
    found = find_cluster({"NMT_WORKERS": "n-0.n:2222, n-1.n:2222", "JOB_COMPLETION_INDEX": "1"})
    assert found == Cluster(("n-0.n:2222", "n-1.n:2222"), 1, "NMT_WORKERS")


def test_slurm_names_the_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    slurm = {
        "SLURM_STEP_NUM_TASKS": "3", "SLURM_STEP_NODELIST": "n[1-3]", "SLURM_STEP_TASKS_PER_NODE": "1(x3)",
        "SLURM_PROCID": "2", "SLURM_JOB_ID": "17",
    }  # fmt: skip
    for name, value in slurm.items():  # TensorFlow's resolver reads the environment itself
        monkeypatch.setenv(name, value)
    found = find_cluster(slurm)
    assert found == Cluster(("n1:8905", "n2:8905", "n3:8905"), 2, "SLURM")


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"TF_CONFIG": "{"}, "TF_CONFIG is not what TensorFlow reads"),
        (tf_config({"ps": ["a:1"], "worker": ["b:1"]}), "TF_CONFIG names ps"),
        (tf_config({"worker": ["a:1", "a:1"]}), "two workers have the same address"),
        (tf_config({"worker": ["a:1", "b"]}), "one is 'b'"),
        (tf_config({"worker": ["a:1", "b:99999"]}), "one is 'b:99999'"),
        (tf_config({"worker": ["a:1", "b:1"]}, index=2), "there are 2 workers, and this is number 2"),
        ({"NMT_WORKERS": "a:1,b:1"}, "JOB_COMPLETION_INDEX must say"),
    ],
)
def test_a_wrong_description_is_refused(environment: dict[str, str], said: str) -> None:
    with pytest.raises(InputError, match=said):
        find_cluster(environment)


def introduce(port: int, index: int) -> TextIO:
    """Come to the chief as a worker does, and return what it says after that."""
    until = time.monotonic() + 30
    while True:
        try:
            connection = socket.create_connection(("localhost", port))
            break
        except OSError:
            assert time.monotonic() < until, "the chief does not listen"
            time.sleep(0.01)
    connection.sendall(json.dumps({"worker": index, "given": {}}).encode() + b"\n")
    said = connection.makefile()
    connection.close()  # `said` holds it open
    assert json.loads(said.readline()) == {"wait": True}
    return said


def outcomes(given: list[dict[str, object]], deadline: float = 20.0, absent: tuple[int, ...] = ()) -> list[str]:
    """What each worker is told, or nothing if it may begin."""
    # Port 0 is any that is free.
    addresses = (f"localhost:{free_port()}", *(f"host{index}:0" for index in range(1, len(given))))
    told = ["absent"] * len(given)

    def one(index: int) -> Callable[[], None]:
        def run() -> None:
            try:
                meet(Cluster(addresses, index, "a test"), given[index], deadline).close()
                told[index] = ""
            except InputError as error:
                told[index] = str(error)

        return run

    threads = [threading.Thread(target=one(index)) for index in range(len(given)) if index not in absent]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return told


def test_workers_with_the_same_begin() -> None:
    assert outcomes([{"corpus": [1, 2], "version": "3"}] * 3) == ["", "", ""]


def test_the_worker_with_another_corpus_is_told() -> None:
    chief, same, other = outcomes(
        [{"corpus": 1, "version": 3}, {"corpus": 1, "version": 3}, {"corpus": 2, "version": 5}]
    )
    assert other.startswith("Worker 2 was given another corpus and another version than the chief.") and other == chief
    assert same == "The run does not begin: another worker was given something else."


def test_a_worker_that_never_comes_has_a_deadline() -> None:
    chief, _ = outcomes([{}, {}], deadline=0.3, absent=(1,))
    assert chief.startswith("Worker 1 (host1:0) did not come within 0 seconds")
    _, worker = outcomes([{}, {}], deadline=0.3, absent=(0,))
    assert "did not come within 0 seconds" in worker and "The chief, localhost:" in worker


def test_a_worker_that_comes_and_ends_ends_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "_RETURN", 0.2)
    port, told = free_port(), {}

    def worker(index: int) -> None:
        with pytest.raises(WorkFailed) as caught:
            meet(Cluster((f"localhost:{port}", "b:0", "c:0", "d:0"), index, "a test"), {}, 30)
        told[index] = str(caught.value)

    threads = [threading.Thread(target=worker, args=[index]) for index in (0, 2)]
    for thread in threads:
        thread.start()
    introduce(port, 1).close()
    for thread in threads:
        thread.join()
    # The third never came, and nobody waited for it.
    assert told[0] == told[2] and told[0].startswith("Worker 1 (b:0) came, and ended before all were there.")


class ListenerFirst(selectors.DefaultSelector):
    """Waits until several events are there, and tells of a new connection before it tells of one that hung up."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        time.sleep(0.1)
        return sorted(super().select(timeout), key=lambda event: event[0].data is not None)


@pytest.mark.parametrize("selector", [selectors.DefaultSelector, ListenerFirst])
def test_a_worker_that_is_started_again_may_come_again(
    selector: type[selectors.BaseSelector], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selectors, "DefaultSelector", selector)
    port = free_port()
    chief = threading.Thread(target=meet, args=(Cluster((f"localhost:{port}", "b:1", "c:1"), 0, "a test"), {}, 30))
    chief.start()
    introduce(port, 1).close()
    with introduce(port, 1) as again, introduce(port, 2) as second:
        chief.join()
        assert json.loads(again.readline()) == json.loads(second.readline()) == {"refused": "", "failed": False}


def test_a_chief_that_ends_ends_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "_RETURN", 0.2)
    port = free_port()

    def chief() -> None:
        with socket.create_server(("", port)) as listener, listener.accept()[0] as connection:
            connection.recv(100)
            connection.sendall(b'{"wait": true}\n')

    thread = threading.Thread(target=chief)
    thread.start()
    with pytest.raises(WorkFailed, match="has ended before all workers were there"):
        meet(Cluster((f"localhost:{port}", "b:0"), 1, "a test"), {}, 30)
    thread.join()


@pytest.mark.parametrize(("index", "whose"), [(0, "The chief"), (1, "Worker 1")])
def test_a_port_in_use_is_named(index: int, whose: str) -> None:
    with socket.create_server(("", 0)) as listener:
        port = listener.getsockname()[1]
        addresses = [f"localhost:{free_port()}"] * 2
        addresses[index] = f"localhost:{port}"
        # It does not wait for anyone.
        with pytest.raises(InputError, match=f"^{whose}'s port {port} cannot be opened: "):
            meet(Cluster((addresses[0], addresses[1]), index, "a test"), {}, 1000)


def test_two_machines_with_one_number_are_told_at_once() -> None:
    port, told = free_port(), []

    def chief() -> None:
        with pytest.raises(InputError) as caught:
            meet(Cluster((f"localhost:{port}", "b:0", "c:0"), 0, "a test"), {}, 1000)
        told.append(str(caught.value))

    thread = threading.Thread(target=chief)
    thread.start()
    with introduce(port, 1) as first, socket.create_connection(("localhost", port)) as second:
        second.sendall(b'{"worker": 1, "given": {}}\n')
        told += [json.loads(lines.readline())["refused"] for lines in (first, second.makefile())]
    thread.join()
    assert told == ["Two machines say that they are worker 1: give each a number of its own, from 0 to 2."] * 3


def test_the_others_hear_why_the_chief_ends() -> None:
    """What it refuses once all have met, as a vocabulary that the text does not allow, or what fails."""
    addresses = (f"localhost:{free_port()}", "b:0", "c:0")
    met: dict[int, Contact] = {}

    def join(index: int) -> None:
        met[index] = meet(Cluster(addresses, index, "a test"), {}, 30)

    threads = [threading.Thread(target=join, args=[index]) for index in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with pytest.raises(InputError), met[0].telling():
        raise InputError("The vocabulary is too large.")
    with pytest.raises(WorkFailed), met[0].telling():
        raise WorkFailed("The loss is not finite.")
    met[0].close()
    for index in (1, 2):
        refused, failed = met[index].heard(), met[index].heard()
        assert isinstance(refused, InputError) and str(refused) == "The vocabulary is too large."
        assert isinstance(failed, WorkFailed) and str(failed) == "The loss is not finite."
        # A chief that was killed says nothing.
        assert met[index].heard() is None
        met[index].close()
    assert Contact().heard() is None
