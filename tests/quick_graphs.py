"""Shortcuts in the tracing of graphs, which is most of what the tests compute, and in the making of variables.

The graphs are those of users. TensorFlow prepares each operation of a graph, in Python, for what no test does: another
graph, a session that runs while the graph grows, an attribute that hardly any operation has. And most of a graph's
constants are a few numbers that are encoded each time. That is more than a quarter of the time of tracing. A quarter of
the time of building a model is the making of a kernel for each variable, because each is given a name.
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
    from tensorflow.python.eager import context
    from tensorflow.python.framework import auto_control_deps, dtypes, func_graph, op_def_library, ops, tensor_util
    from tensorflow.python.ops import gen_resource_variable_ops
    from tensorflow.python.util import traceback_utils

    enter, touched = func_graph.FuncGraph.as_default, auto_control_deps._get_resource_inputs
    encode, encoded = tensor_util.make_tensor_proto, dict[tuple, Any]()
    handle, satisfies = gen_resource_variable_ops.var_handle_op, op_def_library._SatisfiesTypeConstraint

    def as_default(graph: Any) -> contextlib.AbstractContextManager[Any]:
        # Each operation enters its graph, and nearly always that is the default already.
        return contextlib.nullcontext(graph) if ops.get_default_graph() is graph else enter(graph)

    def resource_inputs(operation: Any) -> Any:
        # Which of its resources an operation only reads is an attribute, and asking for one that it lacks is slow.
        return touched(operation) if any(each.dtype == dtypes.resource for each in operation.inputs) else ()

    def mutation_lock(graph: Any) -> contextlib.AbstractContextManager[Any]:
        # It keeps sessions out, and there are none.
        return contextlib.nullcontext()

    def make_tensor_proto(
        values: Any, dtype: Any = None, shape: Any = None, verify_shape: bool = False, allow_broadcast: bool = False
    ) -> Any:
        rest = dtype, shape, verify_shape, allow_broadcast
        few = values if type(values) in (list, tuple) and len(values) < 9 else [values]
        if any(type(value) not in (int, float, bool) for value in few) or type(shape) not in (type(None), tuple):
            return encode(values, *rest)
        # 0.0 equals -0.0 and False, but is not written like them. A constant copies what it is given.
        key = (repr(values), *rest)
        if key not in encoded:
            encoded[key] = encode(values, *rest)
        return encoded[key]

    def satisfies_type_constraint(dtype: Any, attribute: Any, param_name: str) -> None:
        # The message of an error is composed before it is known whether there is one.
        if dtype not in attribute.allowed_values.list.type:
            satisfies(dtype, attribute, param_name)

    def var_handle_op(*arguments: Any, debug_name: str = "", **keywords: Any) -> Any:
        # Only messages of errors have that name. Without it all variables of one shape have one kernel.
        return handle(*arguments, debug_name="" if context.executing_eagerly() else debug_name, **keywords)

    return [
        Shortcut(func_graph.FuncGraph, "as_default", enter, as_default),
        Shortcut(auto_control_deps, "_get_resource_inputs", touched, resource_inputs),
        Shortcut(ops.Graph, "_mutation_lock", ops.Graph._mutation_lock, mutation_lock),
        Shortcut(tensor_util, "make_tensor_proto", encode, make_tensor_proto),
        Shortcut(op_def_library, "_SatisfiesTypeConstraint", satisfies, satisfies_type_constraint),
        Shortcut(gen_resource_variable_ops, "var_handle_op", handle, var_handle_op),
        # Each function of the interface asks whether its part of a traceback is to be left out.
        Shortcut(
            traceback_utils,
            "is_traceback_filtering_enabled",
            traceback_utils.is_traceback_filtering_enabled,
            lambda: False,
        ),
    ]


def take_shortcuts() -> None:
    """Let this process trace with all of them."""
    for shortcut in shortcuts():
        setattr(shortcut.owner, shortcut.name, shortcut.quick)
