"""How fast our models train beside models of the same size made of stock parts: real target tokens per second.

    python benchmarks/beside_keras.py --source train.de --target train.en --architecture transformer --layers 3 \\
        --set text.kind=bpe --set text.vocabulary_size=8000

``recurrent``, the default, compares our model with Bahdanau's attention to Keras's own Bidirectional, GRU and
AdditiveAttention. Stock layers can attend to the source only after the recurrence, which is our ``context=output``. Our
default, ``context=input``, attends inside the loop and is measured as well. ``transformer`` compares our Transformer to
KerasHub's layers, and needs KerasHub: ``pip install keras-hub``.

The stock models have the same layers, widths, weights and dropouts as ours, with one exception: KerasHub also drops
attention weights, at the rate of ``model.dropout``. With ``--set model.dropout=0`` neither side does. Each stock model
is trained twice: with our optimizer, loss and metrics, and with Keras's, which means no label smoothing and no metric
but the accuracy.

All models train on the same batches of our pipeline, held in memory, in one process and in turns. First each model sees
a batch of every shape, so that no tracing is measured.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import os
import platform
import statistics
import sys
import time
import warnings
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

from nmt.config import Config, Model, with_settings
from nmt.data.corpora import from_files
from nmt.data.pipeline import prefetched
from nmt.errors import InputError
from nmt.models.build import build_model
from nmt.models.precision import precision
from nmt.training.inputs import fit_tokenizers, make_pipeline
from nmt.training.setup import chosen_precision, compile_for_training
from nmt.training.training_model import TrainingModel

# What the stock models do not have.
_FIXED = (
    "cell",
    "attention",
    "context",
    "bidirectional",
    "layer_norm",
    "residual",
    "recurrent_dropout",
    "word_dropout",
)
# The epsilon of our layer normalisation; Keras's default differs.
_EPSILON = 1e-5


class Bias(keras.layers.Layer):
    """A bias for the output: our output layer has one, a ReversibleEmbedding in reverse has none."""

    def build(self, input_shape: tuple) -> None:
        self.bias = self.add_weight((input_shape[-1],), "zeros", name="bias")

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return inputs + self.bias


class Ends(NamedTuple):
    """The parts before and after the layers of a stock model.

    Attributes:
        inputs: the ids, by name.
        source, target: embedded tokens.
        mask: true at real source tokens.
        table: the target embedding, which is also the output layer.
    """

    inputs: dict[str, Any]
    source: Any
    target: Any
    mask: Any
    table: Any

    def model(self, config: Config, readouts: Any) -> Any:
        """Return the model that ends in these readouts."""
        readouts = keras.layers.Dropout(config.model.output_dropout)(readouts)
        return keras.Model(self.inputs, Bias()(self.table(readouts, reverse=True)))


def ends(config: Config, source_vocabulary: int, target_vocabulary: int) -> Ends:
    """Return the embeddings of a stock model, with our dropout."""
    m = config.model
    inputs = {name: keras.Input((None,), dtype="int32", name=name) for name in ("source", "target")}
    initializer = keras.initializers.RandomNormal(stddev=m.embedding**-0.5)
    table = keras.layers.ReversibleEmbedding(
        target_vocabulary,
        m.embedding,
        m.tied != "none",
        initializer,
        # By default it multiplies in float32 even if everything else is in half precision.
        reverse_dtype=keras.config.dtype_policy().compute_dtype,
    )
    tables = {
        "source": table if m.tied == "all" else keras.layers.Embedding(source_vocabulary, m.embedding, initializer),
        "target": table,
    }
    words = {name: keras.layers.Dropout(m.embedding_dropout)(tables[name](inputs[name])) for name in inputs}
    # Not mask_zero: a shared table cannot mask the source only, and a mask of the target would slow the stock decoder
    # down for nothing, since the target's padding comes last and is left out of the loss.
    mask = keras.ops.not_equal(inputs["source"], 0)
    return Ends(inputs, source=words["source"], target=words["target"], mask=mask, table=table)


def stock_recurrent(config: Config, source_vocabulary: int, target_vocabulary: int) -> Any:
    """Return our recurrent model with ``context=output``, in Keras's layers."""
    m, layers = config.model, keras.layers
    end = ends(config, source_vocabulary, target_vocabulary)
    annotations, states = end.source, []
    for i in range(m.encoder_layers):
        annotations = layers.Dropout(m.dropout)(annotations) if i else annotations
        both = layers.Bidirectional(layers.GRU(m.units, return_sequences=True, return_state=True))
        annotations, *states = both(annotations, mask=end.mask)
    last = layers.Concatenate()(states)
    outputs = end.target
    for i in range(m.decoder_layers):
        outputs = layers.Dropout(m.dropout)(outputs) if i else outputs
        first = layers.Dense(m.units, activation="tanh")(last)
        outputs = layers.GRU(m.units, return_sequences=True)(outputs, initial_state=first)
    queries = layers.Dense(m.attention_units, use_bias=False)(outputs)
    keys = layers.Dense(m.attention_units, use_bias=False)(annotations)
    values = layers.Dropout(m.context_dropout, noise_shape=(None, 1, None))(annotations)
    contexts = layers.AdditiveAttention()([queries, values, keys], mask=[None, end.mask])
    readouts = layers.Dense(m.embedding, activation="tanh")(layers.Concatenate()([outputs, contexts]))
    return end.model(config, readouts)


def stock_transformer(config: Config, source_vocabulary: int, target_vocabulary: int) -> Any:
    """Return our Transformer, in KerasHub's layers."""
    m, hub = config.model, keras_hub()
    end = ends(config, source_vocabulary, target_vocabulary)
    shape = {"intermediate_dim": m.feed_forward, "num_heads": m.heads, "dropout": m.dropout}
    shape |= {"layer_norm_epsilon": _EPSILON, "normalize_first": True}

    def placed(words: Any) -> Any:
        learned = m.positions == "learned"
        places = hub.layers.PositionEmbedding(m.max_positions) if learned else hub.layers.SinePositionEncoding()
        return keras.layers.Dropout(m.dropout)(words * m.units**0.5 + places(words))

    annotations = placed(end.source)
    for _ in range(m.encoder_layers):
        annotations = hub.layers.TransformerEncoder(**shape)(annotations, padding_mask=end.mask)
    annotations = keras.layers.LayerNormalization(epsilon=_EPSILON)(annotations)
    outputs = placed(end.target)
    for _ in range(m.decoder_layers):
        outputs = hub.layers.TransformerDecoder(**shape)(outputs, annotations, encoder_padding_mask=end.mask)
    return end.model(config, keras.layers.LayerNormalization(epsilon=_EPSILON)(outputs))


def keras_hub() -> Any:
    """Return KerasHub, which only the Transformer's comparison needs.

    Raises:
        InputError: if it is missing.
    """
    try:
        return importlib.import_module("keras_hub")
    except ImportError as error:
        raise InputError(
            f"To measure a Transformer, install KerasHub with 'pip install keras-hub' ({error})."
        ) from None


def compile_stock(model: Any, config: Config, optimizer: Any) -> None:
    """Compile with Keras's own loss and Adam, with the same settings as our optimizer."""
    settings = {**optimizer.get_config(), "learning_rate": config.training.learning_rate}
    model.compile(
        optimizer=keras.optimizers.Adam.from_config(settings),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0),
        metrics=["accuracy"],
    )


def models(config: Config, source_vocabulary: int, target_vocabulary: int, steps: int) -> dict[str, Any]:
    """Return the compiled models by their names in the table; ours come first."""
    sizes = (source_vocabulary, target_vocabulary)
    named: dict[str, Any] = {}
    with precision(chosen_precision(config.training.precision)):
        if config.model.architecture == "transformer":
            stock = stock_transformer
            named["ours"] = TrainingModel(build_model(config, *sizes))
        else:
            stock = stock_recurrent
            for context in ("output", "input"):
                one = dataclasses.replace(config, model=dataclasses.replace(config.model, context=context))
                named[f"ours, context={context}"] = TrainingModel(build_model(one, *sizes))
        named["stock layers, our optimizer and loss"] = stock(config, *sizes)
        for model in named.values():
            compile_for_training(model, config, steps)
        named["all stock"] = stock(config, *sizes)
        compile_stock(named["all stock"], config, model.optimizer)
    return named


class Clock(keras.callbacks.Callback):
    """Measure the seconds from the end of the first batch to the end of the last."""

    def __init__(self, batches: int) -> None:
        super().__init__()
        self.last = batches - 1
        self.begin = self.seconds = 0.0

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if batch not in (0, self.last):
            return
        # An accelerator may still work on a batch; reading the loss waits for it.
        float((logs or {})["loss"])
        if batch:
            self.seconds = time.perf_counter() - self.begin
        else:
            self.begin = time.perf_counter()


def measure(named: dict[str, Any], batches: tf.data.Dataset, rounds: int) -> dict[str, list[float]]:
    """Train the models in turns, and return the target tokens per second of every round."""
    tokens, shapes = [], []
    for inputs, target in batches.as_numpy_iterator():
        tokens.append(int(np.count_nonzero(target)))
        shapes.append((inputs["source"].shape, target.shape))
    if len(tokens) < 2:
        raise InputError("A speed needs two batches or more: raise --steps, or bring more pairs.")
    firsts = tf.constant(sorted(shapes.index(shape) for shape in set(shapes)), tf.int64)
    one_of_each = batches.enumerate().filter(lambda i, _: tf.reduce_any(firsts == i)).map(lambda _, batch: batch)
    print(f"{len(tokens)} batches of {len(set(shapes))} shapes, {sum(tokens):,} target tokens, {rounds} rounds")
    for name, model in named.items():
        print(f"Warming up: {name}", flush=True)
        model.fit(prefetched(one_of_each), verbose=0, shuffle=False)
    speeds: dict[str, list[float]] = {name: [] for name in named}
    for count in range(rounds):
        for name, model in named.items():
            clock = Clock(len(tokens))
            model.fit(prefetched(batches), callbacks=[clock], verbose=0, shuffle=False)
            speeds[name].append(sum(tokens[1:]) / clock.seconds)
            print(f"Round {count + 1}: {name}, {speeds[name][-1]:,.0f}", flush=True)
    return speeds


def table(named: dict[str, Any], speeds: dict[str, list[float]]) -> None:
    """Print the speeds, and which models differ in size."""
    width = max(map(len, named))
    print(f"\n{'target tokens a second':{width}}  parameters    median    lowest   highest  ratio")
    first = next(iter(named))
    for name, model in named.items():
        median = statistics.median(speeds[name])
        print(
            f"{name:{width}}  {model.count_params():>10,}  {median:>8,.0f}  {min(speeds[name]):>8,.0f}  "
            f"{max(speeds[name]):>8,.0f}  {statistics.median(speeds[first]) / median:>5.2f}"
        )
    print(f"ratio: the median of '{first}' over that of the model")
    for name, model in named.items():
        if more := model.count_params() - named[first].count_params():
            print(f"'{name}' has {more:+,} parameters beside '{first}'")


def surroundings(config: Config) -> None:
    """Print the machine, the versions and the command."""
    versions = {"Python": platform.python_version(), "TensorFlow": tf.__version__, "Keras": keras.__version__}
    if config.model.architecture == "transformer":
        versions["KerasHub"] = keras_hub().__version__
    devices = [
        tf.config.experimental.get_device_details(d)["device_name"] for d in tf.config.list_physical_devices("GPU")
    ]
    print(", ".join([platform.processor() or platform.machine(), f"{os.cpu_count()} cores", *devices]))
    print(", ".join(f"{name} {version}" for name, version in versions.items()))
    print("command:", " ".join(sys.argv))


def read_config(arguments: argparse.Namespace) -> Config:
    """Return the config that the options describe.

    Raises:
        InputError: if the options are wrong, or no stock model corresponds to them.
    """
    if arguments.rounds < 1:
        raise InputError("--rounds must be 1 or more.")
    transformer, units, layers = arguments.architecture == "transformer", arguments.units, arguments.layers
    settings = [f"model.architecture={arguments.architecture}"]
    if units is not None:
        settings += [f"model.units={units}", f"model.embedding={units}"]
        settings.append(f"model.feed_forward={4 * units}" if transformer else f"model.attention_units={units}")
    if layers is not None:
        settings += [f"model.encoder_layers={layers}", f"model.decoder_layers={layers}"]
    config = with_settings(Config(), settings + arguments.settings)
    if config.model.architecture != arguments.architecture:
        raise InputError("The architecture is chosen with --architecture, not with --set.")
    for key in _FIXED:
        if getattr(config.model, key) != getattr(Model(), key):
            raise InputError(f"No stock model here has model.{key} = {getattr(config.model, key)!r}. Leave it out.")
    return config


def run(arguments: argparse.Namespace) -> None:
    config = read_config(arguments)
    if config.model.architecture == "transformer":
        keras_hub()  # if it is missing, say so before the corpus is read
    keras.utils.set_random_seed(config.training.seed)
    corpus = from_files(arguments.source, arguments.target)
    tokenizers = fit_tokenizers(config, corpus)
    pipeline, _ = make_pipeline(config, corpus, tokenizers)
    batches = pipeline.epoch(0).take(arguments.steps).cache()
    sizes = (tokenizers.source.vocabulary, tokenizers.target.vocabulary)
    named = models(config, *sizes, steps=arguments.steps * arguments.rounds)
    speeds = measure(named, batches, arguments.rounds)
    table(named, speeds)
    surroundings(config)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path, required=True)
    parser.add_argument("--target", type=Path, required=True)
    parser.add_argument("--architecture", choices=["recurrent", "transformer"], default="recurrent")
    parser.add_argument("--steps", type=int, default=100, help="batches in a round (default: 100)")
    parser.add_argument("--rounds", type=int, default=4, help="rounds of each model (default: 4)")
    parser.add_argument("--units", type=int, help="every width; a Transformer's inner layers have four times as many")
    parser.add_argument("--layers", type=int, help="layers of the encoder, and of the decoder")
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="KEY=VALUE")
    arguments = parser.parse_args()
    # Both are intended: the batches are not counted beforehand, and a model is built on a single token.
    for meant in ("Your input ran out of data", "You are using a softmax over axis"):
        warnings.filterwarnings("ignore", message=meant)
    try:
        run(arguments)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
