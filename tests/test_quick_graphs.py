"""What tests trace with shortcuts is what users trace without."""

import re

import pytest
import tensorflow as tf
from quick_graphs import shortcuts

# Equal to each other, or nearly, and not alike.
CONSTANTS = [0.0, -0.0, 0, False, 1.0, 1, True, [1, 0], (1, 0), [True, False], [1.0, -0.0], []]


def traced() -> list[str]:
    """Return the parts of a graph with loops, their gradients, branches, constants, and writes whose order counts."""
    total, count = tf.Variable(1.0), tf.Variable(0)
    table = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(["a"], [3.0]), 0.5)

    @tf.function(input_signature=[tf.TensorSpec([None, 2]), tf.TensorSpec([None], tf.string)])
    def step(x: tf.Tensor, keys: tf.Tensor) -> tuple[tf.Tensor, ...]:
        with tf.GradientTape() as tape:
            looked = tf.reduce_sum(table.lookup(keys))
            _, y = tf.while_loop(lambda i, _: i < 3, lambda i, y: (i + 1, tf.tanh(y * total) + looked), (0, x))
            loss = tf.cond(tf.reduce_sum(y) > 0, lambda: tf.reduce_sum(y) * total, lambda: total.read_value())
        gradient = tape.gradient(loss, total)
        before = total.read_value()
        total.assign_sub(gradient)
        count.assign_add(1)
        total.assign(total * 2)
        for value in CONSTANTS:
            tf.constant(value)
        tf.constant(1, tf.int64), tf.constant(1, shape=[2]), tf.constant(1, shape=(2, 1))
        return before, total.read_value(), count.read_value()

    graph = step.get_concrete_function().graph.as_graph_def()
    # The graphs of loops and branches are numbered on and on.
    return sorted(re.sub(r"_\d+", "_N", str(part)) for part in (*graph.node, *graph.library.function))


def test_a_graph_is_the_same_with_every_shortcut(monkeypatch: pytest.MonkeyPatch) -> None:
    for shortcut in shortcuts():
        monkeypatch.setattr(shortcut.owner, shortcut.name, shortcut.plain)
    plain = traced()
    for shortcut in shortcuts():
        monkeypatch.setattr(shortcut.owner, shortcut.name, shortcut.quick)
    assert traced() == plain
    assert any('input: "^' in part for part in plain)  # something waits for something else
