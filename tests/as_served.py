"""An export in a process that holds it as TF Serving does."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_text
from tensorflow.core.protobuf import saved_model_pb2

PROGRAM = Path(__file__).parent / "export" / "c_library.py"


class Served:
    """A child process that holds an export as the server does."""

    def __init__(self, folder: Path) -> None:
        place = Path(tf.__file__).parent
        operations = Path(tensorflow_text.__file__).parent / "python" / "ops" / "_sentencepiece_tokenizer.so"
        # Without site-packages nothing of TensorFlow, Keras or this package can be imported there.
        command = [sys.executable, "-S", "-E", PROGRAM, place / "libtensorflow_cc.so.2", operations, folder]
        self.process = subprocess.Popen(
            [str(part) for part in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd="/"
        )
        saved = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())
        (self.graph,) = saved.meta_graphs
        self.signatures = self.graph.signature_def

    def ask(self, name: str, threads: int = 0, **inputs: list) -> Any:
        """Ask a signature, with strings or with numbers in nested lists, in ``threads`` threads at once."""
        signature = self.signatures[name]
        request = {
            "inputs": {signature.inputs[key].name: texts for key, texts in inputs.items()},
            "outputs": {key: part.name for key, part in signature.outputs.items()},
            "threads": threads,
        }
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        if "error" in answer:
            raise RuntimeError(answer["error"])
        if threads:
            return [shaped(one) for one in answer["all"]]
        return shaped(answer["outputs"])

    def close(self) -> int:
        """End the process, and return its exit status, which is 0 if nothing of Python's TensorFlow was imported."""
        assert self.process.stdin
        self.process.stdin.close()
        return self.process.wait(60)


def shaped(outputs: dict[str, Any]) -> dict[str, np.ndarray]:
    return {name: np.array(found["values"]).reshape(found["shape"]) for name, found in outputs.items()}
