"""Parts of ``speed.py``: the training step, its memory and its input."""

from __future__ import annotations

import contextlib
import os
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from beside_keras import Clock, models
from measuring import Row, Setting, apart, in_turns, ratios, seconds

from nmt.config import Config, with_settings
from nmt.data.corpora import from_files
from nmt.data.pipeline import Pipeline, prefetched
from nmt.errors import InputError
from nmt.models.build import build_model
from nmt.training.batch_parts import batch_parts, share_cores_among
from nmt.training.inputs import fit_tokenizers, make_pipeline
from nmt.training.losses import MaskedCrossEntropy
from nmt.training.memory import peak_mb
from nmt.training.optimizers import Adam
from nmt.training.setup import make_training_model

# Weights that are multiplied once a step of the recurrence, because they read what the step before has computed.
_RECURRENT = ("recurrent_kernel", "context_kernel", "feed_kernel", "query_kernel")
_LARGE_VOCABULARY = 64_000
# Those that any implementation needs, and those that a loop over time makes.
_BOUNDS = {"the fewest matrix products": False, "the matrix products as loops make them": True}


class Product(NamedTuple):
    """A matrix product, ``(rows, inner)`` by ``(inner, columns)``, of ``matrices`` pairs, ``times`` one after another.

    ``tokens`` says which of the three dimensions is the number of real target tokens, and is 1 here.
    """

    rows: int
    inner: int
    columns: int
    times: int = 1
    matrices: int = 1
    tokens: str = ""


def products(network: Any, batch: int, source: int, target: int, looped: bool = False) -> list[Product]:
    """Return the matrix products of a training step of a recurrent network, forward and backward.

    What depends on the step before is multiplied step by step, in both directions. Everything else, and the gradient of
    every weight, is one product for all steps. So no implementation in which each product is a product of its own can
    take less time. Padding is not multiplied with the output layer.

    Arguments:
        network: the model.
        batch, source, target: the sizes of a batch.
        looped: whether the gradients of weights that are multiplied step by step are made so, too, as TensorFlow makes
            them, and the context of Bahdanau's attention as well: the products as our loops have them.
    """
    found: list[Product] = []
    context = network.decoder.context
    for weight in network.trainable_weights:
        if len(weight.shape) != 2 or weight.path.endswith(("embeddings", "bias", "output_kernel")):
            continue
        name, (inner, columns) = weight.path.rsplit("/", 1)[-1], weight.shape
        steps = source if "encoder" in weight.path or name == "key_kernel" else target
        if "bridge" in weight.path:
            steps = 1
        stepped = name in _RECURRENT and not (name == "query_kernel" and context == "output")
        rows, times = (batch, steps) if stepped else (batch * steps, 1)
        found += [
            Product(rows, inner, columns, times),
            Product(rows, columns, inner, times),
            Product(inner, batch, columns, steps) if stepped and looped else Product(inner, batch * steps, columns),
        ]
    if network.aligned:  # the contexts, and for scores that are products the scores
        widths = [network.encoder.width]
        if network.decoder.attention.needs_equal_width:
            widths *= 2
        rows, times = (1, target) if looped and context != "output" else (target, 1)
        for width in widths:
            found += [
                Product(rows, inner=source, columns=width, times=times, matrices=batch),
                Product(rows, inner=width, columns=source, times=times, matrices=batch),
                Product(source, inner=rows, columns=width, times=times, matrices=batch),
            ]
    readout, vocabulary = network.decoder.readout, network.target_embedding.input_dim
    return [
        *found,
        Product(1, readout, vocabulary, tokens="rows"),
        Product(1, vocabulary, readout, tokens="rows"),
        Product(readout, 1, vocabulary, tokens="inner"),
    ]


def multiplication(needed: list[Product]) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
    """Return a graph that computes these products one after another and nothing else.

    It takes numbers to make the matrices of, and the number of real target tokens.
    """

    def one(product: Product, numbers: tf.Tensor, tokens: tf.Tensor, done: tf.Tensor) -> tf.Tensor:
        rows = tokens if product.tokens == "rows" else product.rows
        inner = tokens if product.tokens == "inner" else product.inner
        shapes = ([product.matrices, rows, inner], [product.matrices, inner, product.columns])
        left, right = (tf.reshape(numbers[: shape[0] * shape[1] * shape[2]], shape) for shape in shapes)
        if product.matrices == 1:
            left, right = left[0], right[0]

        def body(count: tf.Tensor, done: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            with tf.control_dependencies([done]):  # else it would be taken out of the loop, or left out
                result = tf.matmul(left, right)
            return count + 1, tf.reshape(result, [-1])[0]

        if product.times == 1:
            return body(tf.constant(0), done)[1]
        return tf.while_loop(lambda count, _: count < product.times, body, (0, done), parallel_iterations=1)[1]

    @tf.function(autograph=False)
    def run(numbers: tf.Tensor, tokens: tf.Tensor) -> tf.Tensor:
        done = tf.constant(0.0)
        for product in needed:
            done = one(product, numbers, tokens, done)
        return done

    return run


class Bound:
    """The time that the matrix products of some batches take by themselves."""

    def __init__(self, network: Any, batches: list[Any], looped: bool = False) -> None:
        self.tokens = [int(np.count_nonzero(target)) for _, target in batches]
        self.shapes = [(*inputs["source"].shape, target.shape[1]) for inputs, target in batches]
        needed = {
            (b, s, t): products(network, batch=b, source=s, target=t, looped=looped) for b, s, t in set(self.shapes)
        }
        self.graphs = {shape: multiplication(each) for shape, each in needed.items()}
        most = max(self.tokens)
        sizes = [
            p.matrices * max(_dimension(p.rows, "rows", p, most), p.columns) * _dimension(p.inner, "inner", p, most)
            for each in needed.values()
            for p in each
        ]
        self.numbers = tf.random.normal([max(sizes)])
        self.seconds()  # traces each shape

    def seconds(self) -> float:
        """Compute them all, and return the seconds."""
        began = time.perf_counter()
        for shape, tokens in zip(self.shapes, self.tokens, strict=True):
            float(self.graphs[shape](self.numbers, tf.constant(tokens)))
        return time.perf_counter() - began


def _dimension(size: int, name: str, product: Product, tokens: int) -> int:
    return tokens if product.tokens == name else size


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        # Both are intended: batches are not counted beforehand, and a model is built on a single token.
        for meant in ("Your input ran out of data", "You are using a softmax over axis"):
            warnings.filterwarnings("ignore", message=meant)
        yield


def _prepared(setting: Setting, *more: str) -> tuple[Config, Pipeline, tuple[int, int]]:
    """Return the config, the batches and the sizes of the vocabularies."""
    config = with_settings(Config(), [*setting.settings, *more])
    share_cores_among(batch_parts(config.training))
    keras.utils.set_random_seed(config.training.seed)
    corpus = from_files(setting.source, setting.target)
    tokenizers = fit_tokenizers(config, corpus)
    pipeline, _ = make_pipeline(config, corpus, tokenizers)
    return config, pipeline, (tokenizers.source.vocabulary, tokenizers.target.vocabulary)


def training(setting: Setting) -> list[Row]:
    """Target tokens a second beside the products alone and beside stock layers, on the same batches, in turns."""
    rows: list[Row] = []
    with _quiet():
        # Stock layers have no parts: what these bring is measured by itself.
        config, pipeline, sizes = _prepared(setting, "training.batch_parts=1")
        dataset = pipeline.epoch(0).take(setting.size(8, 60)).cache()
        batches = list(dataset.as_numpy_iterator())
        tokens = sum(int(np.count_nonzero(target)) for _, target in batches[1:])
        named = models(config, *sizes, steps=1000)

        def tokens_a_second(model: Any) -> float:
            clock = Clock(len(batches))
            model.fit(prefetched(dataset), callbacks=[clock], verbose=0, shuffle=False)
            return tokens / clock.seconds

        def bound(model: Any, looped: bool) -> Callable[[], float]:
            # All batches but the first, as the clock counts.
            products_alone = Bound(model.network, batches[1:], looped)
            return lambda: tokens / products_alone.seconds()

        measures: dict[str, Callable[[], float]] = {}
        for name, model in named.items():
            tokens_a_second(model)  # traces each shape
            measures[name] = partial(tokens_a_second, model)
            if name.startswith("ours"):
                for kind, looped in _BOUNDS.items():
                    measures[f"{kind} of {name}"] = bound(model, looped)
        found = in_turns(measures, setting.rounds)
    batch = config.training.batch_size
    for name in named:
        rows.append(Row("training", f"{name}, batch {batch}", "tokens/s", found[name]))
        for kind in _BOUNDS if name.startswith("ours") else ():
            alone = found[f"{kind} of {name}"]
            rows.append(Row("training", f"{kind} of {name} alone", "tokens/s", alone))
            rows.append(
                Row(
                    "training",
                    name=f"{name}, share of that bound",
                    unit="",
                    values=ratios(found[name], alone),
                    goal="≥ 0.80",
                )
            )
    for name in named:
        if not name.startswith("ours"):
            ours = found["ours, context=output"]
            rows.append(
                Row(
                    "training",
                    name=f"ours, context=output, against {name}",
                    unit="times",
                    values=ratios(ours, found[name]),
                    goal="≥ 1.5",
                )
            )
    return rows


def cores(setting: Setting) -> list[Row]:
    """Target tokens a second of whole programs, in turns: ours as it is, ours with whole batches, and stock layers."""
    parts, whole, stock = "ours, batches in parts", "ours, whole batches", "all stock"
    found = in_turns(
        {
            parts: partial(apart, whole_program, setting),
            whole: partial(apart, whole_program, setting, "training.batch_parts=1"),
            stock: partial(apart, stock_program, setting),
        },
        setting.rounds,
    )
    rows = [Row("cores", name, "tokens/s", values) for name, values in found.items()]
    for other, goal in ((whole, ""), (stock, "≥ 1.5")):
        rows.append(
            Row(
                "cores",
                name=f"{parts}, against {other}",
                unit="times",
                values=ratios(found[parts], found[other]),
                goal=goal,
            )
        )
    return rows


def whole_program(setting: Setting, *settings: str) -> float:
    """Return the target tokens a second of a training, real pipeline and step, without the tracing of shapes."""
    with _quiet():
        config, pipeline, sizes = _prepared(setting, *settings)
        model, _ = make_training_model(config, 1000, *sizes)
        return _tokens_a_second(setting, model, pipeline)


def stock_program(setting: Setting) -> float:
    """Return the same of a model of the same size made of stock layers, in TensorFlow's own threads."""
    with _quiet():
        config, pipeline, sizes = _prepared(setting, "training.batch_parts=1")
        return _tokens_a_second(setting, models(config, *sizes, steps=1000)["all stock"], pipeline)


def _tokens_a_second(setting: Setting, model: Any, pipeline: Pipeline) -> float:
    steps = setting.size(20, 150)
    batches = pipeline.epoch(0).take(steps)
    tokens = [int(np.count_nonzero(target)) for _, target in batches.as_numpy_iterator()]
    model.fit(batches, verbose=0, shuffle=False)
    clock = Clock(steps)
    model.fit(batches, callbacks=[clock], verbose=0, shuffle=False)
    return sum(tokens[1:]) / clock.seconds


def step(setting: Setting) -> list[Row]:
    """Milliseconds of each part of a training step, each with its gradient, on one batch, in turns."""
    with _quiet():
        config, pipeline, sizes = _prepared(setting, "training.batch_parts=1")
        model, _ = make_training_model(config, 1000, *sizes)
        network, optimizer = model.network, model.optimizer
        # The batch with most tokens of the first few.
        inputs, target = max(
            pipeline.epoch(0).take(20).as_numpy_iterator(), key=lambda batch: np.count_nonzero(batch[1])
        )
        source, read, written = (tf.constant(part) for part in (inputs["source"], inputs["target"], target))
        variables = network.trainable_variables
        encoded = network.run_encoder(source)
        readouts, _ = network.read_target(read, encoded)
        gradients = [tf.ones_like(variable) * 1e-6 for variable in variables]

        def of(outputs: Callable[[], Any], *watched: tf.Tensor) -> Any:
            with tf.GradientTape() as tape:
                tape.watch(watched)
                loss = tf.add_n([tf.reduce_sum(part) for part in tf.nest.flatten(outputs()) if part.dtype.is_floating])
            return [g for g in tape.gradient(loss, [*variables, *watched]) if g is not None]

        def of_output_layer() -> Any:
            with tf.GradientTape() as tape:
                tape.watch(readouts)
                scores = model._score(readouts, written, True)
            return tape.gradient(scores.total, readouts), scores.gradient

        parts = {
            "encoder": lambda: of(lambda: network.run_encoder(source, True)[:2]),
            "decoder": lambda: of(
                lambda: network.read_target(read, encoded, True)[0],
                encoded.annotations,
            ),
            "output layer and loss": of_output_layer,
            "optimizer": lambda: optimizer.apply(gradients, variables),
        }
        graphs = {name: tf.function(part, autograph=False) for name, part in parts.items()}
        alone, looped = (Bound(network, [(inputs, target)], each) for each in _BOUNDS.values())
        whole = {"whole step": lambda: model.train_on_batch({"source": source, "target": read}, written)}
        for work in (*whole.values(), *graphs.values()):
            work()
        repeats = setting.size(3, 20)

        def milliseconds(work: Callable[[], object]) -> float:
            return 1000 * seconds(lambda: [work() for _ in range(repeats)]) / repeats

        found = in_turns(
            {
                **{name: partial(milliseconds, work) for name, work in {**whole, **graphs}.items()},
                "matrix products alone, the fewest": lambda: milliseconds(alone.seconds),
                "matrix products alone, as loops make them": lambda: milliseconds(looped.seconds),
            },
            setting.rounds,
        )
    shape = f"{source.shape[0]} sentences of {source.shape[1]} and {target.shape[1]} tokens"
    return [Row("step", f"{name}, {shape}", "ms", values) for name, values in found.items()]


def input_(setting: Setting) -> list[Row]:
    """How long a step waits for its batch."""
    with _quiet():
        config, pipeline, sizes = _prepared(setting)
        model, _ = make_training_model(config, 1000, *sizes)
        warm = list(pipeline.epoch(0).take(setting.size(12, 100)))
        steps = len(warm) - 1  # every epoch has at least as many
        if steps < 1:
            raise InputError("A wait needs two batches or more: bring more pairs.")
        for inputs, target in {
            tuple(target.shape) + tuple(i["source"].shape): (i, target) for i, target in warm
        }.values():
            model.train_on_batch(inputs, target)

        def share() -> float:
            batches = iter(pipeline.epoch(1))
            next(batches)  # fills the shuffle buffer
            waited = worked = 0.0
            for _ in range(steps):
                began = time.perf_counter()
                inputs, target = next(batches)
                came = time.perf_counter()
                model.train_on_batch(inputs, target)
                waited, worked = waited + came - began, worked + time.perf_counter() - came
            return 100 * waited / (waited + worked)

        found = in_turns({"waiting": share}, setting.rounds)
    return [Row("input", name="waiting for a batch, share of a step", unit="%", values=found["waiting"], goal="≤ 2")]


def _peak(settings: list[str], vocabulary: int, length: int, plain: bool) -> tuple[float, float]:
    """Train a few steps on random tokens; return the peak of memory before the first step, and in the end, in MB."""
    config = with_settings(Config(), settings)
    rng = np.random.default_rng(1)
    source, target = (rng.integers(4, vocabulary, [config.training.batch_size, length], np.int32) for _ in range(2))
    with _quiet():
        if plain:
            model: Any = build_model(config, vocabulary, vocabulary)
            optimizer = Adam(config.training.learning_rate, global_clipnorm=config.training.clip_norm)
            model.compile(optimizer, MaskedCrossEntropy(config.training.label_smoothing), jit_compile=False)
            optimizer.build(model.trainable_variables)
        else:
            model, _ = make_training_model(config, 10, vocabulary, vocabulary)
        before = peak_mb()
        for _ in range(3):
            model.train_on_batch({"source": source, "target": target}, target)
    return before, peak_mb()


def memory(setting: Setting) -> list[Row]:
    """The peak of memory with a vocabulary of 64,000, beside a loss that computes the logits of the whole batch."""
    rows: list[Row] = []
    names = {False: "in chunks", True: "plain"}
    for length in (15, 40):
        before: dict[bool, list[float]] = {False: [], True: []}
        peaks: dict[bool, list[float]] = {False: [], True: []}
        for _ in range(setting.size(1, setting.rounds)):
            for plain in names:
                first, last = apart(_peak, setting.settings, vocabulary=_LARGE_VOCABULARY, length=length, plain=plain)
                before[plain].append(first)
                peaks[plain].append(last)
        what = f"peak of memory, {_LARGE_VOCABULARY:,} pieces, {length} tokens a sentence"
        rows += [Row("memory", f"{what}: loss {name}", "MB", peaks[plain]) for plain, name in names.items()]
        rows.append(Row("memory", f"{what}: before the first step", "MB", before[False]))
        rows.append(
            Row(
                "memory",
                name=f"{what}: share of the plain loss",
                unit="",
                values=ratios(peaks[False], peaks[True]),
                goal="≤ 0.4",
            )
        )
        more = [[p - b for p, b in zip(peaks[plain], before[plain], strict=True)] for plain in (False, True)]
        rows.append(Row("memory", f"{what}: the same of what the steps add", "", ratios(*more)))
    return rows
