"""The machines of a run: which ones there are, and whether all of them were given the same. No TensorFlow.

TensorFlow's own start of a cluster waits without an end for a machine that never comes, and knows nothing of what is
trained. So the workers meet first: each says to the first one, the chief, what it was given, and the chief answers.
Their connections stay open, so that the chief can say later why it ends the run.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import selectors
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nmt.errors import InputError, WorkFailed

# Seconds that workers wait for one another. The first to read a long corpus waits for the last.
DEADLINE = 600.0
# Seconds within which one that hung up may come again, and which a stranger at the port may take to say a line.
_RETURN, _PATIENCE = 8.0, 5.0
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

    def named(self, index: int) -> str:
        """Return the number and the address of a worker."""
        return f"{index} ({self.addresses[index]})"


class Contact:
    """The connections between the chief and the others, which last as long as the run.

    Arguments:
        connections: of the chief to each of the others, or of another worker to the chief.
        lines: what comes from the chief.
    """

    def __init__(self, connections: Sequence[socket.socket] = (), lines: Iterator[bytes] | None = None) -> None:
        self._connections, self._lines = connections, lines or iter(())

    @contextlib.contextmanager
    def telling(self) -> Iterator[None]:
        """Tell the others why the chief ends, if an error leaves this context."""
        try:
            yield
        except (InputError, WorkFailed) as error:
            for connection in self._connections:
                _tell(connection, refused=str(error), failed=isinstance(error, WorkFailed))
            raise

    def heard(self) -> InputError | WorkFailed | None:
        """Return why the chief has ended, or nothing if it has not said so."""
        try:
            for connection in self._connections:
                connection.settimeout(1)
            return _error(json.loads(next(self._lines)))
        except (OSError, ValueError, KeyError, TypeError, AttributeError, StopIteration):
            return None

    def close(self) -> None:
        """Hang up."""
        for connection in self._connections:
            connection.close()


def _error(read: Any) -> InputError | WorkFailed | None:
    """Return the error that the chief's answer is, or nothing if the run begins."""
    refused = str(read["refused"])[:500]
    return (WorkFailed if read.get("failed") else InputError)(refused) if refused else None


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


def meet(cluster: Cluster, given: Mapping[str, Any], deadline: float = DEADLINE) -> Contact:
    """Wait until all workers are there, and make sure that they were given the same.

    Arguments:
        cluster: of the run.
        given: by name, what must be the same everywhere, as checksums and versions.
        deadline: in seconds.

    Returns:
        The connections to the others.

    Raises:
        InputError: if a worker does not come, two have one number, this worker's port is in use, or it was given
            something else than the chief.
        WorkFailed: if a worker comes and ends before all are there.
    """
    end = time.monotonic() + deadline
    said = json.dumps({"worker": cluster.index, "given": given}).encode() + b"\n"
    if cluster.is_chief:
        return _receive(cluster, json.loads(said)["given"], end, deadline)
    _own_port(cluster).close()  # TensorFlow opens it
    return _introduce(cluster, said, end, deadline)


def _own_port(cluster: Cluster) -> socket.socket:
    """Open the port of this worker."""
    port = int(cluster.addresses[cluster.index].rpartition(":")[2])
    try:
        return socket.create_server(("", port))
    except OSError as error:
        whose = "The chief" if cluster.is_chief else f"Worker {cluster.index}"
        raise InputError(
            f"{whose}'s port {port} cannot be opened: {os.strerror(error.errno or 0)}. Another program or run uses "
            "it: end that one, or name another port for it to all workers."
        ) from None


def _receive(cluster: Cluster, given: dict[str, Any], end: float, deadline: float) -> Contact:
    with _own_port(cluster) as listener, _Guests(cluster, given) as guests:
        try:
            guests.receive(listener, end, deadline)
        except (InputError, WorkFailed) as error:
            guests.dismiss(error)
            raise
        guests.dismiss(None)
        return guests.contact()


class _Guests:
    """The workers that have come to the chief.

    Attributes:
        waiting: their connections, by number.
        refused: what those were given that may not begin, by number.
        gone: when those hung up that had come, by number.
    """

    def __init__(self, cluster: Cluster, given: dict[str, Any]) -> None:
        self.cluster, self.given = cluster, given
        self.waiting: dict[int, socket.socket] = {}
        self.refused: dict[int, str] = {}
        self.gone: dict[int, float] = {}
        self._events = selectors.DefaultSelector()

    def __enter__(self) -> _Guests:
        return self

    def __exit__(self, *_: object) -> None:
        self._events.close()
        for connection in self.waiting.values():
            connection.close()

    def receive(self, listener: socket.socket, end: float, deadline: float) -> None:
        """Wait for all workers; see :func:`meet`."""
        self._events.register(listener, selectors.EVENT_READ)
        while missing := [i for i in range(1, self.cluster.workers) if i not in self.waiting and i not in self.refused]:
            now = time.monotonic()
            if now >= end and not self.refused:
                raise InputError(
                    f"Worker {', '.join(map(self.cluster.named, missing))} did not come within {deadline:.0f} "
                    "seconds: start the same command on every machine, with the same addresses."
                )
            if now >= end:
                break
            if lost := [i for i in missing if now - self.gone.get(i, now) > _RETURN]:
                raise WorkFailed(
                    f"Worker {self.cluster.named(lost[0])} came, and ended before all were there. Its own messages "
                    "may say why."
                )
            for event, _ in self._events.select(min(end - now, 1.0) if self.gone else end - now):
                if event.fileobj is listener:
                    self._welcome(listener)
                # One that waits has nothing to say: it hung up, and may have come again by now.
                elif self.waiting.get(event.data) is event.fileobj:
                    self._leave(event.data)
        if self.refused:
            raise InputError(_difference(*min(self.refused.items())))

    def _welcome(self, listener: socket.socket) -> None:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        try:
            connection.settimeout(_PATIENCE)
            read = json.loads(next(_lines(connection)))
            index, theirs = int(read["worker"]), dict(read["given"])
            if not 0 < index < self.cluster.workers:
                raise ValueError
        except (OSError, ValueError, KeyError, TypeError, StopIteration):
            connection.close()  # somebody else, who looked whether the port is open
            return
        if different := [name for name in self.given if theirs.get(name) != self.given[name]]:
            self.refused[index] = " and another ".join(different)
            _tell(connection, refused=_difference(index, self.refused[index]))
            connection.close()
            return
        if index in self.waiting:
            if not _hung_up(self.waiting[index]):
                error = InputError(
                    f"Two machines say that they are worker {index}: give each a number of its own, from 0 to "
                    f"{self.cluster.workers - 1}."
                )
                _tell(connection, refused=str(error))
                connection.close()
                raise error
            self._leave(index)  # it has been started again
        _notice_silence(connection)
        _tell(connection, wait=True)
        self.waiting[index] = connection
        self.gone.pop(index, None)
        self._events.register(connection, selectors.EVENT_READ, index)

    def _leave(self, index: int) -> None:
        connection = self.waiting.pop(index)
        self._events.unregister(connection)
        connection.close()
        self.gone[index] = time.monotonic()

    def dismiss(self, error: InputError | WorkFailed | None) -> None:
        """Let those that wait begin, or tell them why not."""
        reason = str(error or "")
        if self.refused:
            reason = "The run does not begin: another worker was given something else."
        for connection in self.waiting.values():
            _tell(connection, refused=reason, failed=isinstance(error, WorkFailed))

    def contact(self) -> Contact:
        """Hand over the connections, which are then not closed here."""
        connections = list(self.waiting.values())
        self.waiting.clear()
        return Contact(connections)


def _hung_up(connection: socket.socket) -> bool:
    """Return whether the other side of a connection has closed it."""
    connection.setblocking(False)
    try:
        return not connection.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    except OSError:
        return True
    finally:
        connection.settimeout(_PATIENCE)


def _difference(index: int, different: str) -> str:
    return (
        f"Worker {index} was given another {different} than the chief. Every worker needs the same corpus, the same "
        "settings and the same version of nmt."
    )


def _introduce(cluster: Cluster, said: bytes, end: float, deadline: float) -> Contact:
    host, _, port = cluster.addresses[0].rpartition(":")
    left_us = 0.0
    while True:
        now = time.monotonic()
        if now >= end:
            raise InputError(
                f"The chief, {cluster.addresses[0]}, did not come within {deadline:.0f} seconds. Start the same "
                "command there, and see that this machine reaches that address."
            )
        if left_us and now - left_us > _RETURN:
            raise WorkFailed(
                f"The chief, {cluster.addresses[0]}, has ended before all workers were there. Its own messages may say "
                "why."
            )
        welcome = False
        try:
            with contextlib.ExitStack() as until_answered:
                connection = socket.create_connection((host.strip("[]"), int(port)), timeout=min(end - now, 5))
                until_answered.enter_context(connection)
                connection.sendall(said)
                lines = _lines(connection)
                read = json.loads(next(lines))
                if read.get("wait"):
                    welcome, left_us = True, 0.0
                    _notice_silence(connection)
                    connection.settimeout(max(0.01, end - time.monotonic()))
                    read = json.loads(next(lines))
                error = _error(read)
                if error is None:
                    until_answered.pop_all()
                    return Contact([connection], lines)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, StopIteration):
            left_us = time.monotonic() if welcome else left_us
            time.sleep(0.2)
            continue
        raise error


def _notice_silence(connection: socket.socket) -> None:
    """Let a connection break when the other machine is gone without a word, as without power."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", 5), ("TCP_KEEPINTVL", 2), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, name):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _tell(connection: socket.socket, **said: object) -> None:
    with contextlib.suppress(OSError):
        connection.sendall(json.dumps(said).encode() + b"\n")


def _lines(connection: socket.socket) -> Iterator[bytes]:
    """Yield the lines that come in until the other side hangs up."""
    read = b""
    while len(read) < _LONGEST_ANSWER:
        line, end, rest = read.partition(b"\n")
        if end:
            read = rest
            yield line
            continue
        part = connection.recv(4096)
        if not part:
            return
        read += part
