"""Whatever is written is there as it was or as it will be, whole, if the process, the machine or the disk fails.

A command runs once, and before and after each ``fsync`` and rename the whole tree is kept: that is what a kill at that
moment leaves. From the same record come the trees that a power failure may leave: contents that were not synced are
empty or cut short, and names in a folder that was not synced are the old ones, some or all of them. Each tree must hold
old or new files, whole, and whole folders; and the next command must work in it. Then the disk is full: each ``fsync``
and rename fails in turn, and files may not grow beyond some sizes.
"""

from __future__ import annotations

import contextlib
import errno
import os
import pickle
import random
import resource
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import command_line
from command_line import PAIRS, TINY

from nmt.model_folder import CONFIG, LOGS, STATE
from proving.proof import Proof, options, preload, run_command

# A tree: for each path its inode, and its bytes or, for a folder, None.
Tree = dict[str, tuple[int, bytes | None]]
# What a tree looks like to who opens it: for each path its bytes or, for a folder, None.
State = dict[str, bytes | None]
STEPS = ("fsync", "replace", "rename")


def tree(root: Path) -> Tree:
    """Return all that is in a folder, and the folder itself as ``.``."""
    found: Tree = {".": (root.stat().st_ino, None)}
    for path in sorted(root.rglob("*")):
        try:
            content = None if path.is_dir() else path.read_bytes()
            found[str(path.relative_to(root))] = (path.stat().st_ino, content)
        except FileNotFoundError:
            continue  # another thread has removed it
    return found


@dataclass
class Moment:
    """The tree at a moment, with what was on disk for certain: bytes of files and names in folders, by inode."""

    name: str
    now: Tree
    files: dict[int, bytes]
    folders: dict[int, dict[str, int]]


@dataclass
class Recorder:
    """Keeps the moments of a process, or lets one of its steps fail.

    Attributes:
        root: the folder that is watched.
        record: the file for the moments; none are kept without it.
        full: the number of the step that finds the disk full, from 1; 0 for none.
        limit: bytes beyond which no file grows; 0 for none.
    """

    root: Path
    record: Path | None = None
    full: int = 0
    limit: int = 0
    steps: int = 0
    moments: list[Moment] = field(default_factory=list)
    files: dict[int, bytes] = field(default_factory=dict)
    folders: dict[int, dict[str, int]] = field(default_factory=dict)

    def begin(self) -> None:
        if self.limit:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (self.limit, self.limit))
        now = tree(self.root)
        for path, (inode, content) in now.items():
            self._is_on_disk(now, path, inode, content)
        self.keep("begin", now)
        for name in STEPS:
            setattr(os, name, self.step(name, getattr(os, name)))
        for name, place in (("unlink", 0), ("remove", 0), ("replace", 1), ("rename", 1)):
            setattr(os, name, self.hold(getattr(os, name), place))

    def hold(self, call: Callable[..., Any], place: int) -> Callable[..., Any]:
        """Open the file that an operation takes the name from: its inode must not be given to another."""

        def held(*arguments: Any, **named: Any) -> Any:
            with contextlib.suppress(OSError):
                os.open(arguments[place], os.O_RDONLY, dir_fd=named.get("dir_fd"))
            return call(*arguments, **named)

        return held

    def step(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*arguments: Any, **named: Any) -> Any:
            subject = os.readlink(f"/proc/self/fd/{arguments[0]}") if name == "fsync" else os.fspath(arguments[1])
            path = os.path.relpath(os.path.abspath(subject), self.root)
            if path.startswith(".."):
                return call(*arguments, **named)
            self.steps += 1
            if self.steps == self.full:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self.keep(f"before {name} {path}")
            result = call(*arguments, **named)
            if name == "fsync":
                now = tree(self.root)
                self._is_on_disk(now, path, *now[path])
            self.keep(f"after {name} {path}")
            return result

        return watched

    def _is_on_disk(self, now: Tree, path: str, inode: int, content: bytes | None) -> None:
        if content is None:
            self.folders[inode] = {
                Path(name).name: number
                for name, (number, _) in now.items()
                if name != "." and str(Path(name).parent) == path
            }
        else:
            self.files[inode] = content

    def keep(self, name: str, now: Tree | None = None) -> None:
        if self.record:
            self.moments.append(Moment(name, now or tree(self.root), dict(self.files), dict(self.folders)))


def child(command: list[str], streams: list[str], env: dict[str, str], folder: str, recorder: Recorder) -> None:
    """Run a command with its moments recorded."""
    recorder.begin()
    try:
        command_line._command(command, streams, env, folder)
    finally:
        if recorder.record:
            recorder.keep("end")
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            recorder.record.write_bytes(pickle.dumps(recorder.moments))


def run(arguments: list[str], root: Path, aside: Path, recorder: Recorder | None = None) -> tuple[int, str]:
    """Run a command in ``root``, and return its exit code and its messages."""
    return run_command(arguments, root, aside, *((child, recorder) if recorder else ()))


# What a failure leaves


def failures(moment: Moment, chance: random.Random) -> Iterator[tuple[str, State]]:
    """Yield the trees that a failure at this moment may leave."""
    yield "kill", {path: content for path, (_, content) in moment.now.items()}
    yield "nothing but what was synced", _after(moment, lambda inode: False, lambda inode: None)
    yield "names without contents", _after(moment, lambda inode: True, lambda inode: 0.0)
    for number in range(3):
        names = {inode: chance.random() < 0.5 for inode, _ in moment.now.values()}
        cuts = {inode: chance.choice([None, 0.0, 0.5, 1.0]) for inode, _ in moment.now.values()}
        yield f"mixture {number}", _after(moment, lambda inode, n=names: n[inode], lambda inode, c=cuts: c.get(inode))


def _after(moment: Moment, name_kept: Callable[[int], bool], share: Callable[[int], float | None]) -> State:
    """Return the tree after a power failure.

    Arguments:
        moment: of the failure.
        name_kept: whether the folder of this inode has its present names, or those that were synced.
        share: of a file's present bytes that are kept; None for those that were synced.
    """
    present: dict[int, dict[str, int]] = {}
    contents: dict[int, bytes | None] = {}
    for path, (inode, content) in moment.now.items():
        contents[inode] = content
        if path != ".":
            parent = moment.now[str(Path(path).parent)][0]
            present.setdefault(parent, {})[Path(path).name] = inode
    found: State = {}

    def walk(inode: int, path: str) -> None:
        if (
            path != "."
            and inode not in moment.folders
            and inode not in present
            and contents.get(inode, b"") is not None
        ):
            kept, now = share(inode), contents.get(inode)
            synced = moment.files.get(inode)
            if synced is not None and (now is None or synced == now or kept is None):
                found[path] = synced
            else:
                found[path] = (now or b"")[: int((kept or 0.0) * len(now or b""))]
            return
        found[path] = None
        names = present.get(inode, {}) if name_kept(inode) and contents.get(inode, b"") is None else None
        for name, entry in (moment.folders.get(inode, {}) if names is None else names).items():
            walk(entry, name if path == "." else f"{path}/{name}")

    walk(moment.now["."][0], ".")
    return found


# What may be there


@dataclass(frozen=True)
class Command:
    """A command that writes.

    Attributes:
        arguments: of the command.
        needs: folders and files in which it begins.
        again: the same command after a failure, from what is there.
        whole: the folders, relative, that are there with all their parts or not at all.
        free: paths that may be anything as long as the next command works.
        points: how many failures are tried for real.
    """

    arguments: list[str]
    needs: tuple[str, ...] = ()
    again: Callable[[Path, list[str]], list[str]] = lambda root, arguments: arguments
    whole: Callable[[set[str]], set[str]] = lambda files: set()
    free: str = "\0"
    points: int = 12


def _resumed(root: Path, arguments: list[str]) -> list[str]:
    return [*arguments, "--resume"] if (root / "deep/new/model" / CONFIG).exists() else arguments


def _without_used(*places: str) -> Callable[[Path, list[str]], list[str]]:
    """A finished result is not written over: there is nothing left to do then but to look at it."""

    def again(root: Path, arguments: list[str]) -> list[str]:
        used = any((root / place).exists() for place in places)
        return ["--help"] if used else arguments

    return again


SMALL = [f"--set={setting}" for setting in TINY if setting != "--set"]
COMMANDS = {
    "train": Command(
        ["train", "--pairs", "pairs.tsv", "--to", "deep/new/model", *SMALL, "--set=training.average_epochs=2"],
        ("pairs.tsv",),
        again=_resumed,
        free=f"deep/new/model/{LOGS}",
        points=24,
    ),
    "export": Command(
        ["export", "model", "--to", "saved/model"],
        ("model",),
        whole=lambda files: {"/".join(name.split("/")[:3]) for name in files if name.startswith("saved/model/")},
    ),
    "export --tflite": Command(
        ["export", "model", "--tflite", "--to", "deep/new/device"],
        ("model",),
        again=_without_used("deep/new/device"),
        whole=lambda files: {"deep/new/device"},
    ),
    "export --serving-kit": Command(
        ["export", "model", "--serving-kit", "--to", "saved/model"],
        ("model",),
        again=_without_used("saved/model-kit"),
        whole=lambda files: (
            {"saved/model-kit"} | {"/".join(name.split("/")[:3]) for name in files if name.startswith("saved/model/")}
        ),
    ),
    "compare": Command(
        ["compare", "model", "--to", "deep/new/comparison", "--test-pairs", "pairs.tsv", "--seeds", "1"],
        ("model", "pairs.tsv"),
        free="deep/new/comparison/texts",  # a worker writes and syncs them, which is not recorded here
        points=8,
    ),
    "plot": Command(["plot", "model", "나는 밥을 먹었다", "--to", "picture.svg"], ("model", "picture.svg"), points=6),
    "plot --history": Command(["plot", "model", "--history", "--to", "curves.svg"], ("model", "curves.svg"), points=6),
    "corpus": Command(
        ["corpus", "headlines", "--to", "deep/new/corpus"],
        again=_without_used("deep/new/corpus"),
        whole=lambda files: {"deep/new/corpus"},
    ),
}


def hidden(path: str) -> bool:
    """Return whether a path is temporary, or that of a lock: nobody opens those."""
    return any(part.startswith(".") for part in Path(path).parts)


def known(moments: list[Moment]) -> dict[str, set[bytes]]:
    """Return the whole contents that each file has in its life: at both ends, and when it takes its name."""
    found: dict[str, set[bytes]] = {}

    def add(now: Tree) -> None:
        for path, (_, content) in now.items():
            if content is not None:
                found.setdefault(path, set()).add(content)

    add(moments[0].now)
    add(moments[-1].now)
    for moment in moments:
        if moment.name.startswith(("after replace", "after rename")):
            place = moment.name.split(" ", 2)[2]
            add({path: part for path, part in moment.now.items() if path == place or path.startswith(f"{place}/")})
    return found


def half(command: Command, state: State, versions: dict[str, set[bytes]], final: set[str]) -> str:
    """Return what is half-written in a tree, or nothing."""
    visible = {path: content for path, content in state.items() if path != "." and not hidden(path)}
    for path, content in visible.items():
        if content is not None and not path.startswith(command.free) and content not in versions.get(path, set()):
            return f"{path} has {len(content)} bytes that it never had when whole"
    files = {path for path, content in visible.items() if content is not None}
    for folder in command.whole(final | files):
        there = {path for path in files if path.startswith(f"{folder}/")}
        if there and there != {path for path in final if path.startswith(f"{folder}/")}:
            return f"{folder} has only {sorted(there)}"
    if command.arguments[0] == "train" and (config := f"deep/new/model/{CONFIG}") in files:
        folder = Path(config).parent
        missing = [name for name in ("joint.spm.model", STATE) if str(folder / name) not in files]
        if missing:
            return f"{folder} has a config without {missing}"
    return ""


def lay_out(state: State, root: Path) -> None:
    """Make a tree."""
    root.mkdir(parents=True)
    for path, content in sorted(state.items()):
        if content is None:
            (root / path).mkdir(parents=True, exist_ok=True)
        else:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(content)


def prepare(place: Path) -> Path:
    """Train the model, and write the files, that the commands begin with."""
    needs = place / "needs"
    needs.mkdir()
    (needs / "pairs.tsv").write_text("".join(f"{a}\t{b}\n" for a, b in PAIRS[:41]), encoding="utf-8")
    (needs / "picture.svg").write_text("old\n")
    (needs / "curves.svg").write_text("old\n")
    code, error = run(["train", "--pairs", "pairs.tsv", "--to", "model", *SMALL], needs, place / "streams")
    assert not code, error
    return needs


def begin(root: Path, needs: Path, command: Command) -> None:
    """Make the folder in which a command begins."""
    root.mkdir(parents=True)
    for name in command.needs:
        copy = shutil.copytree if (needs / name).is_dir() else shutil.copy2
        copy(needs / name, root / name)


def prove_command(proof: Proof, name: str, needs: Path, place: Path, points: int | None = None) -> None:
    """Let one command meet every failure."""
    command, streams = COMMANDS[name], place / "streams"
    points = command.points if points is None else points
    chance = random.Random(f"{proof.seed} {name}")
    place.mkdir(exist_ok=True)
    root = place / "recorded"
    begin(root, needs, command)
    code, error = run(command.arguments, root, streams, Recorder(root, place / "moments"))
    if code:
        proof.fault(name, f"it failed: {error[-600:]}")
        shutil.rmtree(root)
        return
    moments: list[Moment] = pickle.loads((place / "moments").read_bytes())
    versions = known(moments)
    final = {path for path, (_, content) in moments[-1].now.items() if content is not None and not hidden(path)}
    distinct: dict[int, tuple[str, State]] = {}
    for number, moment in enumerate(moments):
        for kind, state in failures(moment, chance):
            proof.add(f"{name}: {'kills' if kind == 'kill' else 'power failures'}")
            label = f"{name}, step {number} ({moment.name}), {kind}"
            if what := half(command, state, versions, final):
                proof.fault(label, what)
            distinct.setdefault(hash(frozenset(state.items())), (label, state))
    lost = _after(moments[-1], lambda inode: False, lambda inode: None)
    if gone := sorted(path for path in final if path not in lost and not path.startswith(command.free)):
        proof.fault(f"{name}, after the end", f"not synced: {gone[:3]}")
    shutil.rmtree(root)
    chosen = list(distinct.values())
    for label, state in chance.sample(chosen, min(points, len(chosen))):
        lay_out(state, root)
        code, error = run(command.again(root, command.arguments), root, streams)
        proof.add(f"{name}: next commands after a kill or a power failure")
        if code:
            proof.fault(label, f"the next command ended with {code}: {error[-400:]}")
        shutil.rmtree(root)
    steps = sum(moment.name.startswith("before") for moment in moments)
    sizes = sorted({len(content) for _, content in moments[-1].now.values() if content})
    full = [Recorder(root, full=step) for step in sorted(chance.sample(range(1, steps + 1), min(points, steps)))]
    full += [Recorder(root, limit=max(size // 2, 1)) for size in sizes[-min(points, 6) :]]
    for recorder in full:
        begin(root, needs, command)
        label = f"{name}, full at step {recorder.full}" if recorder.full else f"{name}, {recorder.limit} bytes a file"
        code, error = run(command.arguments, root, streams, recorder)
        proof.add(f"{name}: full disks")
        now = tree(root)
        state = {path: content for path, (_, content) in now.items()}
        left = [
            path for path in state if any(p.startswith(".") and p != ".lock" for p in Path(path).parts) and path != "."
        ]
        if code not in (0, 1, 2) or "Traceback" in error:
            proof.fault(label, f"it ended with {code}: {error[-600:]}")
        elif not code and not recorder.limit:
            proof.fault(label, "it did not notice")
        elif left:
            proof.fault(label, f"it left {left[:3]}")
        elif what := _half_when_full(command, state, final):
            proof.fault(label, what)
        code, error = run(command.again(root, command.arguments), root, streams)
        if code:
            proof.fault(label, f"the next command ended with {code}: {error[-400:]}")
        shutil.rmtree(root)


def _half_when_full(command: Command, state: State, final: set[str]) -> str:
    """Two runs write different bytes (the time is in them), so only the names can be compared."""
    versions: dict[str, set[bytes]] = {path: {content} for path, content in state.items() if content}
    return half(command, state, versions, final)


def prove(seed: int, place: Path, names: list[str] | None = None, points: int | None = None) -> Proof:
    """Let each command meet every failure.

    Arguments:
        seed: of what is drawn.
        place: an empty folder.
        names: of the commands; all without them.
        points: failures of each that are followed by a next command.
    """
    proof = Proof("writes", "failures", seed)
    needs = prepare(place)
    for name in names or list(COMMANDS):
        prove_command(proof, name=name, needs=needs, place=place, points=points)
    return proof


def main() -> int:
    """Run the proof."""
    about = __doc__.splitlines()[0] + " --count bounds the failures of each command tried for real."
    given = options(about, count=24, parts=COMMANDS)
    preload("nmt.training.fit", "nmt.export.saved_model")
    with tempfile.TemporaryDirectory(prefix="writes-") as place:
        return prove(given.seed, Path(place).resolve(), given.only, points=given.count).end()


if __name__ == "__main__":
    sys.exit(main())
