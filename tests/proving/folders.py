"""Damaged and hostile folders: each is refused in one sentence, or answers as the whole one does.

Models, exports and exports for a device with a byte flipped, a file cut, swapped with that of another model or linked
outside, zip files and shapes that would take all memory, HDF5 files and graphs that read other files. The kernel tells
whether a file outside was opened; a process that runs out of memory, hangs or crashes is found as well.

    cd tests && python -m proving.folders --count 1000 --seed 1
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import multiprocessing
import os
import pickle
import random
import resource
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from proving.proof import Proof, options

TEXTS = ["나는 밥을 먹었다", "그들은 사과를 샀다", ""]
# A folder of these models takes some 30 MB to open; what TensorFlow keeps of its graphs comes on top.
MEMORY = 400 * 2**20
SECONDS = 90.0
KINDS = ("model", "export", "device", "state")
BOMB = 10**12

Damage = Callable[[Path, Path, Path, random.Random], bool]


def make_folders(place: Path, kinds: Sequence[str] = KINDS) -> None:
    """Write what is damaged: two models, each as a folder, an export, one for a device, and the state of a training."""
    import keras
    import numpy as np
    from command_line import PAIRS

    from nmt.config import Config, with_settings
    from nmt.data.tokenizers import train_tokenizers
    from nmt.export import saved_model, tflite
    from nmt.inference.translator import Translator
    from nmt.models.build import build_model

    for name, size, pairs in (("whole", 60, PAIRS), ("other", 61, [(ko[::-1], en[::-1]) for ko, en in PAIRS])):
        settings = ["model.units=16", "model.embedding=16", "model.attention_units=16", "decoding.max_length=12"]
        config = with_settings(Config(), settings)
        tokenizers = train_tokenizers(pairs, "bpe", size)
        keras.utils.set_random_seed(size)
        model = build_model(config, size, size)
        translator = Translator(model, tokenizers, config)
        translator.save(place / name / "model")
        if "export" in kinds:
            saved_model.export(translator, place / name / "export", translator.decoding())
        if "device" in kinds:
            tflite.export(translator, place / name / "device", translator.decoding())
        (place / name / "state").mkdir()
        np.savez(place / name / "state" / "state.npz", *(np.asarray(weight) for weight in model.weights))


def opened(kind: str, folder: Path, whole: Path) -> Any:
    """Open a folder as the package does and return what tells it from another: its answers, or its weights."""
    import numpy as np

    if kind == "model":
        from nmt.inference.translator import Translator

        translator = Translator.load(folder)
        pieces = [each.model for each in (translator.tokenizers.source, translator.tokenizers.target)]
        return [weight.numpy().tobytes() for weight in translator.model.weights], pieces, translator.config.text
    if kind == "export":
        from nmt.server.backends import find, open_backend

        answers = open_backend(find(folder)).answers("serving_default", [(text,) for text in TEXTS])
        return [(each["translation"].item(), round(float(each["score"]), 4)) for each in answers]
    if kind == "device":
        from nmt.export.tflite_runtime import Translator as OnDevice

        return [(each.text, round(each.score, 4)) for each in OnDevice(folder).translate(TEXTS)]
    from nmt.stored_arrays import read_npz

    size = (whole / "state.npz").stat().st_size
    return [np.asarray(array).tobytes() for array in read_npz(folder / "state.npz", size).values()]


# --- damages: each changes a copy, and returns whether that was possible; refused ones must never open ---


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "card.md")


def flipped(folder: Path, other: Path, outside: Path, chance: random.Random) -> bool:
    path = chance.choice(_files(folder))
    content = bytearray(path.read_bytes())
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    path.write_bytes(content)
    return True


def cut(folder: Path, other: Path, outside: Path, chance: random.Random) -> bool:
    path = chance.choice(_files(folder))
    os.truncate(path, chance.randrange(path.stat().st_size))
    return True


def swapped(folder: Path, other: Path, outside: Path, chance: random.Random) -> bool:
    path = chance.choice(_files(folder))
    shutil.copy(other / path.relative_to(folder), path)
    return True


def linked(folder: Path, other: Path, outside: Path, chance: random.Random) -> bool:
    path = chance.choice(_files(folder))
    copied = outside / path.name
    copied.write_bytes(path.read_bytes())
    path.unlink()
    path.symlink_to(copied)
    return True


def strange(folder: Path, other: Path, outside: Path, chance: random.Random) -> bool:
    path = chance.choice(_files(folder))
    path.unlink()
    if chance.random() < 0.5:
        os.mkfifo(path)
    else:
        path.symlink_to(chance.choice(["/dev/zero", path.name, "/nowhere"]))
    return True


def unmarked(damage: Damage) -> Damage:
    """Do a damage in a folder without checksums, as an older version wrote it."""

    def damaged(folder: Path, other: Path, outside: Path, chance: random.Random) -> bool:
        for path in folder.rglob("checksums.json"):
            path.unlink()
        return damage(folder, other, outside, chance)

    damaged.__name__ = f"{damage.__name__} without checksums"
    return damaged


def _hdf5(folder: Path) -> Any:
    import h5py

    return h5py.File(folder / "model.weights.h5", "r+")


def _a_dataset(file: Any, chance: random.Random) -> str:
    import h5py

    names: list[str] = []
    file.visititems(lambda name, part: names.append(name) if isinstance(part, h5py.Dataset) else None)
    return chance.choice(names)


def external_link(folder: Path, other: Path, outside: Path, chance: random.Random) -> bool:
    import h5py

    shutil.copy(folder / "model.weights.h5", outside / "weights.h5")
    with _hdf5(folder) as file:
        name = _a_dataset(file, chance)
        del file[name]
        file[name] = h5py.ExternalLink(str(outside / "weights.h5"), name)
    return True


def external_storage(folder: Path, other: Path, outside: Path, chance: random.Random) -> bool:
    with _hdf5(folder) as file:
        name = _a_dataset(file, chance)
        shape, size = file[name].shape, file[name].nbytes
        del file[name]
        (outside / "raw").write_bytes(bytes(size))
        file.create_dataset(name, shape, "f4", external=[(str(outside / "raw"), 0, size)])
    return True


def virtual_dataset(folder: Path, other: Path, outside: Path, chance: random.Random) -> bool:
    import h5py

    shutil.copy(folder / "model.weights.h5", outside / "weights.h5")
    with _hdf5(folder) as file:
        name = _a_dataset(file, chance)
        layout = h5py.VirtualLayout(file[name].shape, "f4")
        layout[...] = h5py.VirtualSource(str(outside / "weights.h5"), name, file[name].shape)
        del file[name]
        file.create_virtual_dataset(name, layout)
    return True


def large_dataset(folder: Path, other: Path, outside: Path, chance: random.Random) -> bool:
    with _hdf5(folder) as file:
        name = _a_dataset(file, chance)
        del file[name]
        file.create_dataset(name, (BOMB,), "f4", chunks=(10**6,), compression="gzip")
    return True


def large_model(folder: Path, other: Path, outside: Path, chance: random.Random) -> bool:
    path = folder / "config.toml"
    key = chance.choice(["units = 16", "embedding = 16", "attention_units = 16", "encoder_layers = 1"])
    value = {"e": "16384", "u": "16384", "a": "16384"}[key[0]] if "layers" not in key else "32"
    path.write_text(path.read_text().replace(f"\n{key}\n", f"\n{key.split(' = ')[0]} = {value}\n"))
    return True


def zip_bomb(folder: Path, other: Path, outside: Path, chance: random.Random) -> bool:
    with zipfile.ZipFile(folder / "state.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("arr_0.npy", _header(f"({10**8},)", "|u1") + bytes(10**8))
    return True


def large_shape(folder: Path, other: Path, outside: Path, chance: random.Random) -> bool:
    with zipfile.ZipFile(folder / "state.npz", "w") as archive:
        archive.writestr("arr_0.npy", _header(f"({BOMB},)", "<f8"))
    return True


class _Runs:
    """Unpickled, it runs a command."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (self.command,)


def pickled(folder: Path, other: Path, outside: Path, chance: random.Random) -> bool:
    content = _header("(1,)", "|O") + pickle.dumps(_Runs(f"touch {outside}/ran"))
    with zipfile.ZipFile(folder / "state.npz", "w") as archive:
        archive.writestr("arr_0.npy", content)
    return True


def _header(shape: str, dtype: str) -> bytes:
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


@contextmanager
def _graph(folder: Path) -> Iterator[Any]:
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    path = folder / "1" / "saved_model.pb"
    saved = SavedModel.FromString(path.read_bytes())
    yield saved.meta_graphs[0]
    path.write_bytes(saved.SerializeToString())


def _signature_function(graph: Any, chance: random.Random) -> Any:
    functions = [each for each in graph.graph_def.library.function if "traced" not in each.signature.name]
    return chance.choice(functions)


def _add_constant(function: Any, name: str, value: Any) -> None:
    import tensorflow as tf

    node = function.node_def.add(name=name, op="Const")
    tensor = tf.make_tensor_proto(value)
    node.attr["value"].tensor.CopyFrom(tensor)
    node.attr["dtype"].type = tensor.dtype


def reading_graph(folder: Path, other: Path, outside: Path, chance: random.Random) -> bool:
    (outside / "secret").write_text("secret")
    with _graph(folder) as graph:
        function = _signature_function(graph, chance)
        _add_constant(function, "place", str(outside / "secret"))
        operation = chance.choice(["ReadFile", "MatchingFiles"])
        function.node_def.add(name="reads", op=operation, input=["place:output:0"])
        function.control_ret["reads"] = "reads"
        function.signature.control_output.append("reads")
    return True


def writing_graph(folder: Path, other: Path, outside: Path, chance: random.Random) -> bool:
    with _graph(folder) as graph:
        function = _signature_function(graph, chance)
        _add_constant(function, "place", str(outside / "written"))
        function.node_def.add(name="writes", op="WriteFile", input=["place:output:0", "place:output:0"])
        function.control_ret["writes"] = "writes"
        function.signature.control_output.append("writes")
    return True


def restoring_graph(folder: Path, other: Path, outside: Path, chance: random.Random) -> bool:
    """Let a signature call the function that saves, with a path of its own."""
    with _graph(folder) as graph:
        library = graph.graph_def.library.function
        saver = chance.choice([each.signature.name for each in library if "traced_restore" in each.signature.name])
        function = _signature_function(graph, chance)
        node = function.node_def.add(name="restores", op="PartitionedCall", input=[])
        node.attr["f"].func.name = saver
    return True


def python_graph(folder: Path, other: Path, outside: Path, chance: random.Random) -> bool:
    with _graph(folder) as graph:
        function = _signature_function(graph, chance)
        node = function.node_def.add(name="python", op=chance.choice(["PyFunc", "EagerPyFunc", "PyFuncStateless"]))
        node.attr["token"].s = b"pyfunc_0"
    return True


def large_constant(folder: Path, other: Path, outside: Path, chance: random.Random) -> bool:
    with _graph(folder) as graph:
        function = _signature_function(graph, chance)
        _add_constant(function, "large", 0.0)
        function.node_def[-1].attr["value"].tensor.tensor_shape.dim.add(size=BOMB)
    return True


def named_outside(folder: Path, other: Path, outside: Path, chance: random.Random) -> bool:
    """Let the description of a device's export name files elsewhere, with their right checksums."""
    contents = json.loads((folder / "edge.json").read_text())
    copied = outside / "model.tflite"
    copied.write_bytes((other / "model.tflite").read_bytes())
    contents["files"][str(copied)] = hashlib.sha256(copied.read_bytes()).hexdigest()
    contents.pop("digest")
    (folder / "edge.json").write_text(json.dumps(contents))
    return True


def odd_contents(folder: Path, other: Path, outside: Path, chance: random.Random) -> bool:
    contents = json.loads((folder / "edge.json").read_text())
    key = chance.choice([key for key in contents if key != "aligned"])
    contents[key] = chance.choice([None, [], {}, -7, "\ud800", 1e999, [[]], {"model.tflite": 7}])
    contents.pop("digest", None)
    (folder / "edge.json").write_text(json.dumps(contents))
    return True


def other_program(folder: Path, other: Path, outside: Path, chance: random.Random) -> bool:
    """A device's folder holds a program; the package must not run it."""
    (folder / "translate.py").write_text(f"open({str(outside / 'ran')!r}, 'w')\nTranslator = None\n")
    (folder / "sitecustomize.py").write_text(f"open({str(outside / 'ran')!r}, 'w')\n")
    return True


PLAIN = [flipped, cut, swapped, linked, strange]
DAMAGES: dict[str, list[Damage]] = {
    "model": [
        *PLAIN,
        *map(unmarked, [cut, swapped, linked, strange, external_link, external_storage, virtual_dataset]),
        *map(unmarked, [large_dataset, large_model]),
    ],
    "export": [
        *PLAIN,
        *map(unmarked, [linked, strange, reading_graph, writing_graph, restoring_graph, python_graph, large_constant]),
    ],
    "device": [*PLAIN, named_outside, odd_contents, other_program],
    "state": [flipped, cut, zip_bomb, large_shape, pickled],
}
# An export takes longest to open.
SHARES = {"model": 5, "export": 3, "device": 3, "state": 2}


# --- trying ---


class Watch:
    """Asks the kernel whether anything under a folder is opened, changed or made. Linux only."""

    _EVENTS = 0x001 | 0x002 | 0x020 | 0x100  # accessed, changed, opened, made

    def __init__(self, folder: Path) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._file = self._libc.inotify_init1(os.O_NONBLOCK)
        if self._file < 0 or self._libc.inotify_add_watch(self._file, os.fsencode(folder), self._EVENTS) < 0:
            raise OSError(ctypes.get_errno(), "inotify")

    def events(self) -> int:
        """Return how many bytes of events there are since the last call."""
        try:
            return len(os.read(self._file, 65536))
        except BlockingIOError:
            return 0


def attempts(numbers: list[int], seed: int, place: Path, kinds: Sequence[str], to: Any) -> None:
    """Try cases one after the other in this process, and send what each gave."""
    from nmt.errors import InputError, first_line

    sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    wanted = {kind: opened(kind, place / "whole" / kind, place / "whole" / kind) for kind in kinds}
    limit = _memory("VmSize") + 3 * 2**30
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    for number in numbers:
        chance = random.Random(f"{seed}-{number}")
        kind = chance.choices(kinds, [SHARES[each] for each in kinds])[0]
        damage = chance.choice(DAMAGES[kind])
        name = f"{kind}: {damage.__name__.replace('_', ' ')}"
        to.send((number, name, None))
        with tempfile.TemporaryDirectory(dir=place) as scratch:
            folder, outside = Path(scratch, kind), Path(scratch, "outside")
            outside.mkdir()
            shutil.copytree(place / "whole" / kind, folder)
            damage(folder, place / "other" / kind, outside, chance)
            watch, before = Watch(outside), _memory("VmRSS")
            Path("/proc/self/clear_refs").write_text("5")  # the peak of memory begins anew
            try:
                found = "equal" if opened(kind, folder, place / "whole" / kind) == wanted[kind] else "ANOTHER ANSWER"
            except (InputError, ValueError) as error:
                # The readers of arrays and of a device's export raise ValueError, which their callers turn into one.
                known = isinstance(error, InputError) or kind in ("device", "state")
                sentence = str(error).strip() and "\n" not in str(error) and len(str(error)) < 900
                found = "refused" if known and sentence else f"{type(error).__name__}: {first_line(error)}"
            except BaseException as error:
                found = f"{type(error).__name__}: {first_line(error)}"
            if (grown := _memory("VmHWM") - before) > MEMORY:
                found = f"took {grown / 2**20:.0f} MiB"
            if watch.events():
                found = "a file outside was opened"
            os.close(watch._file)
        to.send((number, name, found))
    to.close()


def _memory(what: str) -> int:
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(f"{what}:")]
    return int(line.split()[1]) * 1024


def prove(count: int, seed: int, place: Path, kinds: Sequence[str] = KINDS) -> Proof:
    """Try folders in processes of their own; a process that dies or hangs is replaced."""
    proof = Proof("folders", "folders", seed)
    make_folders(place, kinds)
    waiting = list(range(count))
    context = multiprocessing.get_context("spawn")
    while waiting:
        here, there = context.Pipe(duplex=False)
        # What TensorFlow keeps of each graph adds up, so a process does not try too many.
        process = context.Process(target=attempts, args=(waiting[:150], seed, place, kinds, there))
        process.start()
        there.close()
        ended, name = "", "the start"
        try:
            while here.poll(SECONDS):
                number, name, found = here.recv()
                if found is None:
                    continue
                waiting.remove(number)
                proof.add(f"{name}: {found if found in ('refused', 'equal') else 'FAULT'}")
                if found not in ("refused", "equal"):
                    proof.fault(f"case {number}, {name}", found)
            ended = f"no answer within {SECONDS:.0f} seconds"
        except EOFError:
            process.join()
            ended = f"the process ended with {process.exitcode}" if process.exitcode else ""
        process.kill()
        process.join()
        if ended:
            proof.fault(f"case {waiting[0]}, {name}", ended)
            proof.add(f"{name}: FAULT")
            waiting = waiting[1:] if name != "the start" else []
    return proof


def main() -> int:
    asked = options("Damaged and hostile folders.", 1000)
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    with tempfile.TemporaryDirectory(prefix="nmt-folders-") as place:
        return prove(asked.count, asked.seed, Path(place)).end()


if __name__ == "__main__":
    sys.exit(main())
