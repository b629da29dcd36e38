"""Parameters, speed and BLEU of every attention, cell and architecture, on the built-in corpus.

    python benchmarks/family.py --to family.jsonl --epochs 2 --seeds 1 2 3

Every model has the same data, the same number of steps and the settings of ``nmt demo``, except those in its name. Each
run adds a line to the file; a run that is already in the file is not repeated. At the end the table is printed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras

from nmt.config import with_settings
from nmt.data.corpora import from_files
from nmt.evaluation.scores import score
from nmt.inference.translator import Translator
from nmt.model_folder import JOURNAL
from nmt.models.seq2seq import Seq2Seq
from nmt.presets import preset
from nmt.synthetic import demo
from nmt.training.fit import train_model

OUTPUT = "model.context=output"
TRANSFORMER = ["model.architecture=transformer", "model.feed_forward=512"]
MODELS: dict[str, list[str]] = {
    "none (fixed vector)": ["model.attention=none"],
    "bahdanau": [],
    "bahdanau, output": [OUTPUT],
    "dot, output": ["model.attention=dot", OUTPUT],
    "dot, feed": ["model.attention=dot", "model.context=feed"],
    "general, output": ["model.attention=general", OUTPUT],
    "concat, output": ["model.attention=concat", OUTPUT],
    "scaled_dot, 4 heads, output": ["model.attention=scaled_dot", OUTPUT],
    "cosine, output": ["model.attention=cosine", OUTPUT],
    "bahdanau, lstm": ["model.cell=lstm"],
    "bahdanau, rnn": ["model.cell=rnn"],
    "transformer, 2 + 2 layers": [*TRANSFORMER, "model.encoder_layers=2", "model.decoder_layers=2"],
}


def run(name: str, seed: int, epochs: int) -> dict[str, Any]:
    """Train one model and score it."""
    settings = [f"training.seed={seed}", f"training.epochs={epochs}", *MODELS[name]]
    config = with_settings(preset("demo", 0)[0], settings)
    with tempfile.TemporaryDirectory() as place:
        data, folder = Path(place, "data"), Path(place, "model")
        demo.write(data)
        parts = [from_files(data / f"{split}.ko", data / f"{split}.en") for split in ("train", "dev")]
        translator = train_model(config, parts[0], parts[1], folder, say=lambda _: None)
        assert isinstance(translator, Translator) and isinstance(translator.model, Seq2Seq)
        records = [json.loads(line) for line in (folder / JOURNAL).read_text("utf-8").splitlines()]
        scores = {}
        for split in ("test", "combinations"):
            pairs = demo.pairs(split)
            written = [t.text for t in translator.translate([pair.source for pair in pairs])]
            scores[split] = score(written, [pair.target for pair in pairs])
    found = {
        "model": name,
        "seed": seed,
        "epochs": epochs,
        "parameters": translator.model.count_params(),
        "tokens/s": records[-1]["tokens/s"],
        "steps": records[-1]["step"],
        "signature": scores["test"].bleu_signature,
        **{split: scores[split].bleu for split in scores},
    }
    keras.backend.clear_session()
    return found


def spread(values: list[float]) -> str:
    deviation = f" ± {statistics.stdev(values):.1f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.1f}{deviation}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--to", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=list(MODELS))
    arguments = parser.parse_args()
    done = [json.loads(line) for line in arguments.to.read_text().splitlines()] if arguments.to.exists() else []
    known = {(row["model"], row["seed"], row["epochs"]) for row in done}
    for seed in arguments.seeds:
        for name in arguments.models:
            if (name, seed, arguments.epochs) not in known:
                done.append(run(name, seed, arguments.epochs))
                with arguments.to.open("a") as file:
                    file.write(json.dumps(done[-1]) + "\n")
                print(done[-1], file=sys.stderr, flush=True)
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print("command:", " ".join(sys.argv))
    print("| model | parameters | target tokens/s | BLEU, test | BLEU, combinations |\n|---|---|---|---|---|")
    for name in arguments.models:
        rows = [row for row in done if row["model"] == name and row["epochs"] == arguments.epochs]
        if rows:
            speed = statistics.median(row["tokens/s"] for row in rows)
            bleus = " | ".join(spread([row[split] for row in rows]) for split in ("test", "combinations"))
            print(f"| {name} | {rows[0]['parameters']:,} | {speed:,.0f} | {bleus} |")
    print("signature:", done[0]["signature"] if done else "")


if __name__ == "__main__":
    main()
