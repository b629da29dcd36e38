"""The machines of a run: which ones there are, and whether all of them were given the same. No TensorFlow.

TensorFlow's own start of a cluster waits without an end for a machine that never comes, and knows nothing of what is
trained. So the workers meet first: each says to the first one, the chief, what it was given, and the chief answers.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nmt.errors import InputError

# Seconds that workers wait for one another. The first to read a long corpus waits for the last.
DEADLINE = 600.0
_LONGEST_ANSWER = 2**16


@dataclass(frozen=True)
class Cluster:
    """The workers of a run.

    Attributes:
        addresses: of all, as ``HOST:PORT``; the first is the chief.
        index: the number of this worker, from 0.
        found_in: where this was read.
    """

    addresses: tuple[str, ...]
    index: int
    found_in: str

    @property
    def workers(self) -> int:
        return len(self.addresses)

    @property
    def is_chief(self) -> bool:
        """Whether this worker scores, saves and reports."""
        return self.index == 0


def find_cluster(environment: Mapping[str, str] = os.environ) -> Cluster | None:
    """Return the cluster that the environment describes, or nothing if there is one machine.

    ``TF_CONFIG`` is read first, as Kubeflow sets it; then SLURM's variables, where a step has more
    than one task; then ``NMT_WORKERS``, addresses with commas between, with ``JOB_COMPLETION_INDEX``, the number that
    Kubernetes gives a pod of an indexed job.

    Raises:
        InputError: if it is described wrongly.

    >>> task = '{"cluster": {"worker": ["a:1", "b:2"]}, "task": {"type": "worker", "index": 1}}'
    >>> find_cluster({"TF_CONFIG": task}).index, find_cluster({})
    (1, None)
    """
    if environment.get("TF_CONFIG", "").strip():
        found = _from_tf_config(environment["TF_CONFIG"])
    elif environment.get("SLURM_STEP_NUM_TASKS", "1") != "1":  # in a step of srun; SLURM_NTASKS is of the whole job
        found = _from_slurm(environment)
    elif environment.get("NMT_WORKERS", "").strip():
        found = _from_kubernetes(environment)
    else:
        return None
    for address in found.addresses:
        if not re.fullmatch(r"\[?[\w.:-]+\]?:\d{1,5}", address) or int(address.rpartition(":")[2]) > 65535:
            raise InputError(f"{found.found_in}: a worker's address must be HOST:PORT, and one is {address!r}.")
    if len(set(found.addresses)) != found.workers:
        raise InputError(f"{found.found_in}: two workers have the same address.")
    if not 0 <= found.index < found.workers:
        raise InputError(f"{found.found_in}: there are {found.workers} workers, and this is number {found.index}.")
    return found if found.workers > 1 else None


def _from_tf_config(text: str) -> Cluster:
    try:
        read = json.loads(text)
        # A cluster of one machine may be written without any.
        jobs, task = read.get("cluster", {}), read.get("task", {})
        known = {kind: [str(address) for address in jobs[kind]] for kind in ("chief", "worker") if kind in jobs}
        others = set(jobs) - set(known)
        kind, index = str(task.get("type", "worker")), int(task.get("index", 0))
    except (ValueError, TypeError, AttributeError) as error:
        raise InputError(f"TF_CONFIG is not what TensorFlow reads: {error}.") from None
    if others or (jobs and kind not in known):
        raise InputError(
            f"TF_CONFIG names {', '.join(sorted(others)) or repr(kind)}: a training has a chief and workers, and no "
            "other kind of task."
        )
    addresses = tuple(known.get("chief", []) + known.get("worker", []))
    first = len(known.get("chief", [])) if kind == "worker" else 0
    return Cluster(addresses, first + index if addresses else 0, "TF_CONFIG") if addresses else Cluster(("_:0",), 0, "")


def _from_slurm(environment: Mapping[str, str]) -> Cluster:
    """Read SLURM's variables with TensorFlow's resolver, which expands the list of nodes itself."""
    from nmt.tf_import import import_tensorflow

    import_tensorflow()
    import tensorflow as tf

    port = 8888 + int(environment.get("SLURM_JOB_ID") or 0) % 1000
    try:
        # With a number of GPUs it does not ask nvidia-smi for one; which GPU a task sees is SLURM's to say.
        resolver = tf.distribute.cluster_resolver.SlurmClusterResolver(
            port_base=port, gpus_per_node=1, gpus_per_task=1, auto_set_gpu=False
        )
        addresses = tuple(resolver.cluster_spec().as_dict()["worker"])
        index = int(environment["SLURM_PROCID"])
    except (KeyError, ValueError, RuntimeError, OSError) as error:
        raise InputError(f"SLURM's variables do not describe the tasks: {error}. Start them with srun.") from None
    return Cluster(addresses, index, "SLURM")


def _from_kubernetes(environment: Mapping[str, str]) -> Cluster:
    index = environment.get("JOB_COMPLETION_INDEX", "")
    if not index.isdigit():
        raise InputError(
            "NMT_WORKERS names the workers, and JOB_COMPLETION_INDEX must say which of them this is, from 0."
        )
    addresses = tuple(address.strip() for address in environment["NMT_WORKERS"].split(","))
    return Cluster(addresses, int(index), "NMT_WORKERS")


def meet(cluster: Cluster, given: Mapping[str, Any], deadline: float = DEADLINE) -> None:
    """Wait until all workers are there, and make sure that they were given the same.

    Arguments:
        cluster: of the run.
        given: by name, what must be the same everywhere, as checksums and versions.
        deadline: in seconds.

    Raises:
        InputError: if a worker does not come, the chief's port is in use, or this worker was given something else.
    """
    end = time.monotonic() + deadline
    said = json.dumps({"worker": cluster.index, "given": given}).encode() + b"\n"
    if cluster.is_chief:
        _receive(cluster, json.loads(said)["given"], end, deadline)
    else:
        _introduce(cluster, said, end, deadline)


def _receive(cluster: Cluster, given: dict[str, Any], end: float, deadline: float) -> None:
    port = int(cluster.addresses[0].rpartition(":")[2])
    waiting: dict[int, socket.socket] = {}
    refused: dict[int, str] = {}
    with contextlib.ExitStack() as sockets:
        try:
            listener = sockets.enter_context(socket.create_server(("", port)))
        except OSError as error:
            raise InputError(
                f"The chief's port {port} cannot be opened: {error.strerror}. Another program or another run uses it: "
                "choose another port for all workers, or end that one."
            ) from None
        while len(waiting) + len(refused) < cluster.workers - 1:
            listener.settimeout(max(0.01, end - time.monotonic()))
            try:
                connection = sockets.enter_context(listener.accept()[0])
                index, theirs = _read_introduction(connection, end)
            except TimeoutError:
                missing = [str(i) for i in range(1, cluster.workers) if i not in waiting and i not in refused]
                raise InputError(
                    f"Worker {', '.join(missing)} of {cluster.workers} did not come within {deadline:.0f} seconds: "
                    "start the same command on every machine, with the same addresses."
                ) from None
            except (OSError, ValueError, KeyError, TypeError, AttributeError):
                continue  # somebody else, who looked whether the port is open
            if not 0 < index < cluster.workers:
                continue
            different = [name for name in given if theirs.get(name) != given[name]]
            if different:
                refused[index] = f"{', '.join(different)}"
                answer = (
                    f"Worker {index} was given another {' and another '.join(different)} than the chief. Every worker "
                    "needs the same corpus, the same settings and the same version of nmt."
                )
                _answer(connection, answer)
            else:
                waiting[index] = connection
        for connection in waiting.values():
            _answer(connection, "The run does not begin: another worker was given something else." if refused else "")
    if refused:
        index, different_names = min(refused.items())
        raise InputError(
            f"Worker {index} was given another {different_names.replace(', ', ' and another ')} than the chief. Every "
            "worker needs the same corpus, the same settings and the same version of nmt."
        )


def _introduce(cluster: Cluster, said: bytes, end: float, deadline: float) -> None:
    host, _, port = cluster.addresses[0].rpartition(":")
    answer = None
    while answer is None:
        left = end - time.monotonic()
        if left <= 0:
            raise InputError(
                f"The chief, {cluster.addresses[0]}, did not come within {deadline:.0f} seconds. Start the same "
                "command there, and see that this machine reaches that address."
            )
        try:
            with socket.create_connection((host.strip("[]"), int(port)), timeout=min(left, 5)) as connection:
                connection.sendall(said)
                connection.settimeout(max(0.01, left))
                answer = json.loads(next(_lines(connection)))["refused"]
        except (OSError, ValueError, KeyError, TypeError, StopIteration):
            time.sleep(0.2)
    if answer:
        raise InputError(str(answer)[:500])


def _read_introduction(connection: socket.socket, end: float) -> tuple[int, dict[str, Any]]:
    connection.settimeout(max(0.01, min(5.0, end - time.monotonic())))
    try:
        read = json.loads(next(_lines(connection)))
    except (TimeoutError, StopIteration):
        raise ValueError from None
    return int(read["worker"]), dict(read["given"])


def _answer(connection: socket.socket, refused: str) -> None:
    with contextlib.suppress(OSError):
        connection.sendall(json.dumps({"refused": refused}).encode() + b"\n")


def _lines(connection: socket.socket) -> Iterator[bytes]:
    read = b""
    while not read.endswith(b"\n") and len(read) < _LONGEST_ANSWER:
        part = connection.recv(4096)
        if not part:
            return
        read += part
    yield read
