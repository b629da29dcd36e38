"""What an export preserves of a model: equal texts, BLEU, size, the time of one sentence, the time to start.

    python benchmarks/exports.py MODEL --source test.de --reference test.en [--set beam=5 --set length_penalty=1]

The SavedModel is run by TensorFlow's C library in a process without Python's TensorFlow, as TF Serving runs it
(``tests/export/c_library.py``). The TFLite models are run by ai-edge-litert on one thread; the TFLite models of
strings, which only a unigram tokenizer allows, by TensorFlow's interpreter with tensorflow-text.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import tensorflow as tf
import tensorflow_text
from tensorflow.core.protobuf import saved_model_pb2

from nmt.data.corpora import from_files
from nmt.evaluation.scores import score
from nmt.export import saved_model, tflite, tflite_strings
from nmt.inference.translator import Translator

PROGRAM = Path(__file__).parents[1] / "tests" / "export" / "c_library.py"
Translate = Callable[[list[str]], list[str]]


def served(folder: Path) -> tuple[Translate, float]:
    """Start the C library in its own process; return how to translate with it, and the seconds to its first answer."""
    operations = Path(tensorflow_text.__file__).parent / "python" / "ops" / "_sentencepiece_tokenizer.so"
    library = Path(tf.__file__).parent / "libtensorflow_cc.so.2"
    command = [sys.executable, "-S", "-E", PROGRAM, library, operations, folder]
    saved = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    signature = saved.meta_graphs[0].signature_def["serving_default"]
    began = time.perf_counter()
    process = subprocess.Popen(
        [str(part) for part in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )

    def translate(texts: list[str]) -> list[str]:
        assert process.stdin and process.stdout
        inputs, outputs = {signature.inputs["text"].name: texts}, {"text": signature.outputs["translation"].name}
        process.stdin.write(json.dumps({"inputs": inputs, "outputs": outputs}) + "\n")
        process.stdin.flush()
        return json.loads(process.stdout.readline())["outputs"]["text"]["values"]

    translate(["a"])
    return translate, time.perf_counter() - began


def on_device(folder: Path) -> tuple[Translate, float]:
    """Open the export for a device; return how to translate with it, and the seconds to its first answer."""
    from nmt.export import tflite_runtime

    began = time.perf_counter()
    translator = tflite_runtime.Translator(folder)
    translator.translate(["a"])
    return lambda texts: [found.text for found in translator.translate(texts)], time.perf_counter() - began


def measured(translate: Translate, sources: list[str], references: list[str], expected: list[str]) -> list[str]:
    texts: list[str] = []
    for start in range(0, len(sources), 16):
        texts += translate(sources[start : start + 16])
    times = []
    for text in sources[:200]:
        began = time.perf_counter()
        translate([text])
        times.append(1000 * (time.perf_counter() - began))
    same = sum(one == other for one, other in zip(texts, expected, strict=True))
    return [
        f"{same} of {len(texts)}",
        f"{score(texts, references).bleu:.2f}",
        f"{statistics.median(times):.1f}, {sorted(times)[int(0.95 * len(times))]:.1f}",
    ]


def size(place: Path) -> int:
    return sum(path.stat().st_size for path in place.rglob("*") if path.is_file())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--source", type=Path, required=True)
    parser.add_argument("--reference", type=Path, required=True)
    parser.add_argument("--set", action="append", default=[], help="a key of decoding, as in beam=5")
    arguments = parser.parse_args()
    changes: dict[str, Any] = {}
    for setting in arguments.set:
        key, _, value = setting.partition("=")
        changes[key] = tomllib.loads(f"value = {value}")["value"]
    pairs = list(from_files(arguments.source, arguments.reference).pairs())
    sources, references = [left for left, _ in pairs], [right for _, right in pairs]
    translator = Translator.load(arguments.model)
    how = translator.decoding(**changes)
    expected = [found.text for found in translator.translate(sources, **changes)]
    print("command:", " ".join(sys.argv))
    print(f"the translator itself: BLEU {score(expected, references).bleu:.2f}  {score(['a'], ['a']).bleu_signature}")
    print("| export | texts as the translator's | BLEU | one sentence, median and 95th, ms | MB | first answer, s |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as place:
        folder = saved_model.export(translator, Path(place, "served"), how, lambda version: "")
        ask, first = served(folder)
        row = measured(ask, sources, references, expected)
        print(
            "|",
            " | ".join(["SavedModel, C library", *row, f"{size(folder) / 1e6:.2f}", f"{first:.1f}"]),
            "|",
            flush=True,
        )
        takes = {"ids": tflite.export}
        if translator.config.text.kind == "unigram" and how.n_best == 1:
            takes["strings"] = tflite_strings.export
        for quantize in ("none", "float16", "int8"):
            for kind, export in takes.items():
                device = Path(place, f"{kind}-{quantize}")
                export(translator, device, how, quantize=quantize, card="")  # type: ignore[arg-type]
                ask, first = on_device(device)
                row = measured(ask, sources, references, expected)
                name = f"TFLite{' of strings' * (kind == 'strings')}, {quantize}"
                model = (device / "model.tflite").stat().st_size / 1e6
                print("|", " | ".join([name, *row, f"{model:.2f}", f"{first:.1f}"]), "|", flush=True)


if __name__ == "__main__":
    main()
