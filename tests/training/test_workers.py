"""Two processes train together what one would with the same batches, and their metrics are those of all."""

import json
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
from command_line import program
from free_ports import free_ports

from nmt.data.pipeline import worker_seed
from nmt.training.cluster import Cluster
from nmt.training.worker_steps import set_dropout_seeds

# A process of its own for each worker, and one that reads both shares and learns from each pair of batches as one.
PROGRAM = """
import json, os, sys, threading
import numpy as np
from pathlib import Path
from nmt.config import Config, with_settings
from nmt.data.corpora import from_pairs
from nmt.tf_import import import_tensorflow
from nmt.training.cluster import Cluster, find_cluster

import_tensorflow()
import keras, tensorflow as tf
from nmt.training.inputs import run_parts, workers_share
from nmt.training import workers as joined
from nmt.training.worker_steps import WorkerSteps
from nmt.training.workers import Workers

# Other tests can keep a processor busy for longer than a worker may be silent.
joined.HEARTBEAT = 200

def words(letters, i, count):
    return " ".join(letters[i * j % 5] for j in range(count))
pairs = [(words("abcde", i, 1 + i % 4), words("vwxyz", i, 1 + i % 5)) for i in range(200)]
config = with_settings(Config(), ["text.vocabulary_size=auto", "text.joint=false", "model.units=5", "model.embedding=5",
    "model.attention_units=7", "training.warmup_steps=1", "training.batch_size=14", "data.buckets=2",
    "training.epochs=1", "training.clip_norm=0.1", "training.schedule=linear"]
    + [f"model.{kind}=0" for kind in ("dropout", "embedding_dropout", "context_dropout", "output_dropout")])
corpus = from_pairs(pairs)
cluster = find_cluster({"TF_CONFIG": sys.argv[1]})
workers = Workers(cluster) if cluster else None
if workers:
    config = with_settings(config, ["training.precision=auto"])
parts = run_parts(config, corpus, corpus, workers=workers)
assert parts.config.training.precision == "float32"
model = parts.model
# Where a gradient is next to nothing, Adam would make steps of rounding errors.
model.optimizer.epsilon = 1e-3
if workers:
    steps = WorkerSteps(workers, model, parts.schedule, parts.pipeline, asked=threading.Event(), stop=threading.Event(),
        clocked=False)
    seen = []
    class See(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append(logs)
    steps.epoch(keras.callbacks.CallbackList([See()], model=model), 0, 0, True)
    again = workers.bytes_from_chief([b"\\0\\xff", b"text"] if workers.is_chief else None)
    assert again == [b"\\0\\xff", b"text"]
    logs = seen[0]
else:
    held, barrier, taken = [None, None], threading.Barrier(2), [[], []]
    def share(index):
        class Two:
            count = 2
            cluster = Cluster(("a:1", "b:1"), index, "")
            def gather(self, own):
                held[index] = own
                barrier.wait()
                found = np.stack(held)
                barrier.wait()
                return found
        pipeline = workers_share(parts.pipeline, corpus, Two())
        steps = WorkerSteps.__new__(WorkerSteps)
        steps.workers, steps.pipeline = Two(), pipeline
        taken[index] = list(steps.batches(0, 0))
    threads = [threading.Thread(target=share, args=[index]) for index in range(2)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    def joined(a, b):
        width = max(a.shape[1], b.shape[1])
        return np.concatenate([np.pad(x, [(0, 0), (0, width - x.shape[1])]) for x in (a, b)])
    def batches():
        for (x, y), (v, w) in zip(*taken, strict=True):
            yield {name: joined(x[name].numpy(), v[name].numpy()) for name in x}, joined(y.numpy(), w.numpy())
    ids = tf.TensorSpec([None, None], tf.int32)
    data = tf.data.Dataset.from_generator(batches, output_signature=({"source": ids, "target": ids}, ids))
    logs = {name: values[0] for name, values in model.fit(data, verbose=0).history.items()}
drawn = keras.random.uniform([3], seed=model.network.sampling_seed)
steps = int(np.asarray(model.optimizer.iterations))
print(json.dumps({"logs": logs, "drawn": np.asarray(drawn).tolist(), "steps": steps,
    "weights": [np.asarray(v).ravel().tolist() for v in model.trainable_variables]}))
"""


def test_what_hangs_is_ended() -> None:
    done = program(
        """
import time
from nmt.training.workers import ended_after
with ended_after(30):
    pass
print("first", flush=True)
with ended_after(0.1):
    time.sleep(60)
"""
    )
    assert (done.returncode, done.stdout, done.stderr) == (1, b"first\n", b"")


def test_a_worker_draws_for_itself_and_goes_on_where_it_was() -> None:
    state = keras.random.SeedGenerator(5).state
    weight = keras.Variable([7, 11])
    model: Any = SimpleNamespace(parts=3, variables=[weight, state])
    for index, expected in enumerate(([5, 8], [worker_seed(5, 1), 12])):
        # The chief, with a batch in two parts, has taken four steps; so has a worker with three.
        state.assign([5, 8])
        workers: Any = SimpleNamespace(
            cluster=Cluster(("a:1", "b:1"), index, ""), gather=lambda _: np.array([[2], [3]])
        )
        set_dropout_seeds(workers, model)
        assert np.asarray(state).tolist() == expected and np.asarray(weight).tolist() == [7, 11]


def test_two_workers_learn_what_one_process_does() -> None:
    addresses = [f"localhost:{port}" for port in free_ports(2)]
    tasks = [json.dumps({"cluster": {"worker": addresses}, "task": {"type": "worker", "index": i}}) for i in range(2)]
    with ThreadPoolExecutor(3) as pool:
        running = list(pool.map(lambda task: program(PROGRAM, task), [*tasks, "{}"]))
    found = []
    for done in running:
        assert done.returncode == 0, done.stderr.decode()[-3000:]
        found.append(json.loads(done.stdout.splitlines()[-1]))
    first, second, alone = found
    assert first["steps"] == second["steps"] == alone["steps"] > 12
    for one, other, single in zip(first["weights"], second["weights"], alone["weights"], strict=True):
        assert one == other
        np.testing.assert_allclose(one, single, atol=1e-5)
    assert first["drawn"] == alone["drawn"] != second["drawn"]
    assert first["logs"] == second["logs"]
    for name, value in alone["logs"].items():
        # Keras weighs the loss of a batch by its sentences; perplexity and accuracy are counted by token.
        assert abs(first["logs"][name] - value) < (0.02 if name == "loss" else 1e-4), name
