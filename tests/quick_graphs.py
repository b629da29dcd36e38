"""Shortcuts in the tracing of graphs, which is most of what the tests compute. The graphs are those of users.

TensorFlow prepares each operation of a graph, in Python, for what no test does: another graph, a session that runs
while the graph grows, an attribute that hardly any operation has. That is a sixth of the time of tracing.
"""

import contextlib
import functools
from collections.abc import Callable
from typing import Any, NamedTuple


class Shortcut(NamedTuple):
    """A function of TensorFlow and the one that stands in for it."""

    owner: Any
    name: str
    plain: Callable[..., Any]
    quick: Callable[..., Any]


@functools.cache
def shortcuts() -> list[Shortcut]:
    """Return all of them, which are made once: ``plain`` is what TensorFlow has."""
    from tensorflow.python.framework import auto_control_deps, dtypes, func_graph, ops

    enter, touched = func_graph.FuncGraph.as_default, auto_control_deps._get_resource_inputs

    def as_default(graph: Any) -> contextlib.AbstractContextManager[Any]:
        # Each operation enters its graph, and nearly always that is the default already.
        return contextlib.nullcontext(graph) if ops.get_default_graph() is graph else enter(graph)

    def resource_inputs(operation: Any) -> Any:
        # Which of its resources an operation only reads is an attribute, and asking for one that it lacks is slow.
        return touched(operation) if any(each.dtype == dtypes.resource for each in operation.inputs) else ()

    def mutation_lock(graph: Any) -> contextlib.AbstractContextManager[Any]:
        # It keeps sessions out, and there are none.
        return contextlib.nullcontext()

    return [
        Shortcut(func_graph.FuncGraph, "as_default", enter, as_default),
        Shortcut(auto_control_deps, "_get_resource_inputs", touched, resource_inputs),
        Shortcut(ops.Graph, "_mutation_lock", ops.Graph._mutation_lock, mutation_lock),
    ]


def take_shortcuts() -> None:
    """Let this process trace with all of them."""
    for shortcut in shortcuts():
        setattr(shortcut.owner, shortcut.name, shortcut.quick)
