"""Several devices share a batch and learn what one would, however its words and their links are shared out."""

import json

import pytest
from command_line import program

from nmt.errors import InputError
from nmt.training.distribute import strategy

# Logical devices must be made before TensorFlow starts, so a process of its own is needed. Two models of two devices
# are trained in it, each with a strategy asked for anew: their sums must not be mixed up.
PROGRAM = """
import dataclasses, json
import numpy as np, tensorflow as tf, keras
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)
from nmt.config import Config, with_settings
from nmt.training.distribute import strategy
from nmt.training.setup import make_training_model

def differences(setting, **parts):
    config = with_settings(Config(), ["text.vocabulary_size=23", "model.units=5", "model.embedding=5",
        "model.attention_units=7", "training.warmup_steps=1", "training.clip_norm=0.1", setting]
        + [f"model.{kind}=0" for kind in ("dropout", "embedding_dropout", "context_dropout", "output_dropout")])
    data = tf.data.Dataset.from_tensor_slices((parts, parts["target"])).batch(5)
    results = []
    for devices in (1, 2):
        chosen = strategy(devices)
        assert chosen.num_replicas_in_sync == devices
        keras.utils.set_random_seed(1)
        one = dataclasses.replace(config, training=dataclasses.replace(config.training, devices=devices))
        model, _ = make_training_model(one, 100)
        # Where a gradient is next to nothing, Adam would make steps of rounding errors.
        model.optimizer.epsilon = 1e-3
        logs = model.fit(data, epochs=2, verbose=0, shuffle=False).history
        shown = [np.array(logs["loss"]), *(np.asarray(v) for v in model.trainable_variables)]
        if config.training.average_decay:
            shown += [np.asarray(v) for v in model.optimizer.averages()]
        if config.training.guided_alignment:
            shown += [np.array(logs["alignment_loss"])]
        results.append(shown)
    return [float(np.max(np.abs(a - b))) for a, b in zip(*results, strict=True)]

rng = np.random.default_rng(1)
source, target = rng.integers(4, 23, [12, 3]), rng.integers(4, 23, [12, 4])
links = np.eye(3, dtype=np.float32)[rng.integers(0, 3, [12, 4])]
links[::4, 1:] = links[1] = 0  # the devices have fewer and more linked words
found = {"guided": differences("training.guided_alignment=2", source=source, target=target, links=links)}
target[::4, 1:] = 0  # the devices have fewer and more words, and sentences
found["averaged"] = differences("training.average_decay=.5", source=source, target=target)
print(json.dumps(found))
"""


def test_two_devices_learn_what_one_does() -> None:
    done = program(PROGRAM)
    assert done.returncode == 0, done.stderr.decode()[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert set(found) == {"guided", "averaged"}
    for what, differences in found.items():
        assert differences and max(differences) < 1e-5, what


RUN = """
import sys
from pathlib import Path
import tensorflow as tf
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)
from nmt.config import Config, with_settings
from nmt.data.corpora import from_tsv
from nmt.training.fit import train_model
config = with_settings(Config(), ["model.units=8", "model.embedding=8",
    "training.devices=2", "training.batch_size=7", "data.buckets=2", "training.epochs=1",
    "decoding.max_length=9"])  # an untrained model does not stop
corpus = from_tsv(Path(sys.argv[1]))
train_model(config, corpus, corpus, Path(sys.argv[2]))
more = with_settings(config, ["training.epochs=2"])
translator = train_model(more, corpus, corpus, Path(sys.argv[2]), resume=True)
print("translation:", translator.translate(["mina bap mogo"])[0].text)
"""


def test_a_whole_run_on_two_devices_and_its_resumption(tmp_path) -> None:
    who, what = ("mina", "juno", "sora"), ("bap", "cha", "mul", "kong", "pang")
    pairs = [f"{w} {o} {v}\t{w.title()} {v} {o}\n" for w in who for o in what for v in ("mogo", "pado", "tana")]
    (tmp_path / "pairs.tsv").write_text("".join(pairs))
    done = program(RUN, tmp_path / "pairs.tsv", tmp_path / "model")
    assert done.returncode == 0, done.stderr.decode()[-3000:]
    assert b"translation:" in done.stdout
    assert len((tmp_path / "model" / "metrics.jsonl").read_text().splitlines()) == 2


def test_more_devices_than_there_are_is_an_error() -> None:
    with pytest.raises(InputError, match=r"training\.devices = 64, but TensorFlow sees"):
        strategy(64)
