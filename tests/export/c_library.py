"""Run an export as TF Serving does: a session of TensorFlow's C library, and nothing of Python's TensorFlow.

A program of its own, for a process that must not import TensorFlow, Keras or this package::

    python c_library.py LIBRARY OPS EXPORT < requests > answers

Reads JSON lines ``{"inputs": {tensor name: list of strings}, "outputs": {name: tensor name}, "threads": n}`` and writes
a JSON line for each: ``{"outputs": {name: {"shape": …, "values": …}}, "seconds": …}``, or ``{"error": …}``. An input
may also be nested lists of numbers.
"""

from __future__ import annotations

import ctypes
import json
import struct
import sys
import threading
import time
from typing import Any

STRING, FLOAT, INT32, BOOL = 7, 1, 3, 10
STRING_SIZE = 24  # of TF_TString
POINTERS = (
    *("TF_NewStatus", "TF_NewGraph", "TF_NewSessionOptions", "TF_LoadLibrary", "TF_LoadSessionFromSavedModel"),
    *("TF_GraphOperationByName", "TF_AllocateTensor", "TF_TensorData", "TF_StringGetDataPointer"),
)


class Output(ctypes.Structure):
    """TF_Output: a tensor of the graph."""

    _fields_ = [("operation", ctypes.c_void_p), ("index", ctypes.c_int)]


class Library:
    """The C library with the operations of the tokenizer, as the server links them."""

    def __init__(self, library: str, operations: str) -> None:
        # What the tokenizer's operations need has to be visible to them.
        self.c = ctypes.CDLL(library, mode=ctypes.RTLD_GLOBAL)
        for name in POINTERS:
            getattr(self.c, name).restype = ctypes.c_void_p
        self.c.TF_Message.restype = ctypes.c_char_p
        self.c.TF_StringGetSize.restype = ctypes.c_size_t
        self.c.TF_Dim.restype = ctypes.c_int64
        status = self.status()
        self.c.TF_LoadLibrary(operations.encode(), status)
        self.check(status)

    def status(self) -> ctypes.c_void_p:
        return ctypes.c_void_p(self.c.TF_NewStatus())

    def check(self, status: ctypes.c_void_p) -> None:
        code, message = self.c.TF_GetCode(status), self.c.TF_Message(status).decode()
        self.c.TF_DeleteStatus(status)
        if code:
            raise RuntimeError(message)

    def strings(self, texts: list[str]) -> ctypes.c_void_p:
        """Make a tensor of strings."""
        shape = (ctypes.c_int64 * 1)(len(texts))
        tensor = ctypes.c_void_p(self.c.TF_AllocateTensor(STRING, shape, 1, ctypes.c_size_t(STRING_SIZE * len(texts))))
        place = self.c.TF_TensorData(tensor)
        for i, text in enumerate(texts):
            raw, string = text.encode("utf-8", "surrogateescape"), ctypes.c_void_p(place + STRING_SIZE * i)
            self.c.TF_StringInit(string)
            self.c.TF_StringCopy(string, raw, ctypes.c_size_t(len(raw)))
        return tensor

    def numbers(self, rows: list) -> ctypes.c_void_p:
        """Make a tensor of numbers from nested lists."""
        sizes, flat = [], rows
        while isinstance(flat, list):
            sizes.append(len(flat))
            flat = flat[0]
        flat = rows
        for _ in sizes[1:]:
            flat = [part for row in flat for part in row]
        raw = struct.pack(f"{len(flat)}f", *flat)
        shape = (ctypes.c_int64 * len(sizes))(*sizes)
        tensor = ctypes.c_void_p(self.c.TF_AllocateTensor(FLOAT, shape, len(sizes), ctypes.c_size_t(len(raw))))
        ctypes.memmove(self.c.TF_TensorData(tensor), raw, len(raw))
        return tensor

    def tensor(self, values: list) -> ctypes.c_void_p:
        """Make a tensor of strings or of numbers."""
        return self.numbers(values) if values and isinstance(values[0], list) else self.strings(values)

    def values(self, tensor: ctypes.c_void_p) -> dict[str, Any]:
        """Read a tensor of strings or numbers."""
        shape = [self.c.TF_Dim(tensor, i) for i in range(self.c.TF_NumDims(tensor))]
        count = 1
        for size in shape:
            count *= size
        place = self.c.TF_TensorData(tensor)
        kind = self.c.TF_TensorType(tensor)
        if kind == STRING:
            found: list = []
            for i in range(count):
                string = ctypes.c_void_p(place + STRING_SIZE * i)
                start, size = self.c.TF_StringGetDataPointer(string), self.c.TF_StringGetSize(string)
                found.append(ctypes.string_at(start, size).decode("utf-8", "surrogateescape"))
        else:
            letter = {FLOAT: "f", INT32: "i", BOOL: "?"}[kind]
            size = struct.calcsize(f"{count}{letter}")
            found = list(struct.unpack(f"{count}{letter}", ctypes.string_at(place, size))) if count else []
        return {"shape": shape, "values": found}


class Session:
    """A SavedModel, loaded as the server loads it."""

    def __init__(self, library: Library, folder: str) -> None:
        self.library, self.c = library, library.c
        self.graph = ctypes.c_void_p(self.c.TF_NewGraph())
        options = ctypes.c_void_p(self.c.TF_NewSessionOptions())
        # ConfigProto with graph_options.optimizer_options.global_jit_level OFF (-1), field 10, 3, 5: no XLA.
        jit = bytes([0x28]) + b"\xff" * 9 + b"\x01"
        optimizer = bytes([0x1A, len(jit)]) + jit
        config = bytes([0x52, len(optimizer)]) + optimizer
        status = library.status()
        self.c.TF_SetConfig(options, config, ctypes.c_size_t(len(config)), status)
        library.check(status)
        status, tags = library.status(), (ctypes.c_char_p * 1)(b"serve")
        self.session = ctypes.c_void_p(
            self.c.TF_LoadSessionFromSavedModel(options, None, folder.encode(), tags, 1, self.graph, None, status)
        )
        library.check(status)

    def place(self, name: str) -> Output:
        operation, _, index = name.partition(":")
        found = self.c.TF_GraphOperationByName(self.graph, operation.encode())
        if not found:
            raise RuntimeError(f"The graph has no operation {operation}.")
        return Output(found, int(index or 0))

    def run(self, inputs: dict[str, list], outputs: dict[str, str]) -> dict[str, Any]:
        places = (Output * len(inputs))(*map(self.place, inputs))
        given = (ctypes.c_void_p * len(inputs))(*(self.library.tensor(values).value for values in inputs.values()))
        wanted = (Output * len(outputs))(*map(self.place, outputs.values()))
        found = (ctypes.c_void_p * len(outputs))()
        status = self.library.status()
        self.c.TF_SessionRun(
            self.session, None, places, given, len(inputs), wanted, found, len(outputs), None, 0, None, status
        )
        for tensor in given:
            self.c.TF_DeleteTensor(ctypes.c_void_p(tensor))
        self.library.check(status)
        answer = {}
        for name, tensor in zip(outputs, found, strict=True):
            answer[name] = self.library.values(ctypes.c_void_p(tensor))
            self.c.TF_DeleteTensor(ctypes.c_void_p(tensor))
        return answer


def together(session: Session, request: dict[str, Any]) -> list[dict[str, Any]]:
    """Run one request in several threads at once."""
    answers: list[Any] = [None] * request["threads"]

    def work(place: int) -> None:
        answers[place] = session.run(request["inputs"], request["outputs"])

    threads = [threading.Thread(target=work, args=(i,)) for i in range(len(answers))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def main() -> None:
    library, operations, folder = sys.argv[1:]
    session: Session | None = None
    for line in sys.stdin:
        request = json.loads(line)
        began = time.perf_counter()
        try:
            session = session or Session(Library(library, operations), folder)
            if request.get("threads"):
                answer: dict[str, Any] = {"all": together(session, request)}
            else:
                answer = {"outputs": session.run(request["inputs"], request["outputs"])}
        except RuntimeError as error:
            answer = {"error": str(error)}
        answer["seconds"] = time.perf_counter() - began
        print(json.dumps(answer), flush=True)
    assert not {"tensorflow", "keras", "nmt", "numpy"} & set(sys.modules)


if __name__ == "__main__":
    main()
