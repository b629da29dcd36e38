"""What an export may do."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from exported import trained

from nmt.checksums import CHECKSUMS
from nmt.errors import InputError
from nmt.export.operations import _SAVER, ALLOWED, check_operations
from nmt.export.saved_model import export
from nmt.server.backends import ExportBackend


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    translator = trained(tmp_path_factory.mktemp("operations"))
    return export(translator, tmp_path_factory.mktemp("saved") / "toy", translator.decoding(beam=2, n_best=2))


def saved(place: Path, answer: Callable[[tf.Tensor], tf.Tensor], **parts: object) -> Path:
    """Save a program with the signature of an export."""
    module = tf.Module()
    module.parts = parts
    module.serve = tf.function(
        lambda text: {"translation": answer(text), "score": tf.zeros(tf.shape(text))},
        input_signature=[tf.TensorSpec([None], tf.string, "text")],
    )
    tf.saved_model.save(module, str(place), signatures={"serving_default": module.serve})
    return place


def test_an_export_of_ours_is_opened(folder: Path) -> None:
    assert (folder / CHECKSUMS).is_file()
    backend = ExportBackend(folder, "toy", 1)
    assert set(backend.signatures) == {"serving_default", "translate", "score"}


def test_all_that_exports_were_seen_to_use_is_allowed() -> None:
    """tests/export holds every export to that list."""
    served = Path(__file__).parent.parent / "export" / "served_operations.txt"
    assert set(served.read_text().split()) <= ALLOWED | _SAVER


def hidden(text: tf.Tensor) -> tf.Tensor:
    """Read a file in a branch of a loop's body."""
    body = lambda i, found: (i + 1, tf.cond(i > 5, lambda: tf.io.read_file("/etc/hostname"), lambda: found))  # noqa: E731
    return tf.fill(tf.shape(text), tf.while_loop(lambda i, found: i < 9, body, (0, ""))[1])


def written(text: tf.Tensor) -> tf.Tensor:
    with tf.control_dependencies([tf.io.write_file("/tmp/never-written", "x")]):
        return tf.identity(text)


def restored(text: tf.Tensor) -> tf.Tensor:
    return tf.raw_ops.RestoreV2(prefix="/etc/x", tensor_names=["a"], shape_and_slices=[""], dtypes=[tf.string])[0]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda text: tf.fill(tf.shape(text), tf.io.read_file("/etc/hostname")), "ReadFile"),
        (hidden, "ReadFile"),
        (written, "WriteFile"),
        (lambda text: tf.numpy_function(lambda x: x, [text], tf.string), "PyFunc"),
        (lambda text: tf.fill(tf.shape(text), tf.io.matching_files("/*")[0]), "MatchingFiles"),
        (restored, "reads or writes files"),
        (lambda text: tf.fill(tf.shape(text), tf.strings.as_string(tf.zeros([2**27])[0])), "AsString"),
    ],
)
def test_what_no_export_needs_is_refused(tmp_path: Path, answer: Callable, words: str) -> None:
    place = saved(tmp_path / "1", answer)
    with pytest.raises(InputError, match=f"{words}.*--trust"):
        ExportBackend(place, "x", 1)


def test_what_is_trusted_is_run(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("read")
    place = saved(tmp_path / "1", lambda text: tf.fill(tf.shape(text), tf.io.read_file(str(tmp_path / "file"))))
    (answer,) = ExportBackend(place, "x", 1, trust=True).answers("serving_default", [("a",)])
    assert answer["translation"].item() == b"read"


def changed(place: Path, change: Callable[[Any], None]) -> Path:
    """Change the graph of a small program by hand, as ``tf.saved_model.save`` never writes it."""
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    saved(place, lambda text: tf.fill(tf.shape(text), "a"), weights=tf.Variable(tf.zeros([7])))
    graph = SavedModel.FromString((place / "saved_model.pb").read_bytes())
    change(graph.meta_graphs[0])
    (place / "saved_model.pb").write_bytes(graph.SerializeToString())
    return place


def large_constants(graph: Any) -> None:
    for function in graph.graph_def.library.function:
        for node in function.node_def:
            if node.op == "Const":
                del node.attr["value"].tensor.tensor_shape.dim[:]
                node.attr["value"].tensor.tensor_shape.dim.add(size=10**12)


def two_of_one_name(graph: Any) -> None:
    graph.graph_def.library.function.add().CopyFrom(graph.graph_def.library.function[0])


def named_like_an_operation(graph: Any) -> None:
    graph.graph_def.library.function[0].signature.name = "WriteFile"


def calls_an_operation(graph: Any) -> None:
    (serve, *_) = [each for each in graph.graph_def.library.function if any(n.op == "Fill" for n in each.node_def)]
    node = serve.node_def.add(name="x", op="If")
    node.attr["then_branch"].func.name = serve.signature.name
    node.attr["then_branch"].func.attr["f"].func.name = "WriteFile"


def variables(graph: Any) -> list[Any]:
    return [node.variable for node in graph.object_graph_def.nodes if node.HasField("variable")]


def variable_of_no_type(graph: Any) -> None:
    variables(graph)[0].dtype = 999


def variable_of_a_negative_size(graph: Any) -> None:
    variables(graph)[0].shape.dim[0].size = -(10**9)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (large_constants, "constant numbers"),
        (two_of_one_name, "two functions of one name"),
        (named_like_an_operation, "name of the operation WriteFile"),
        (calls_an_operation, "calls WriteFile"),
        (variable_of_no_type, "damaged: it has a variable of a type"),
        (variable_of_a_negative_size, "its variables need 4,000,000"),
    ],
)
def test_graphs_made_by_hand_are_refused(tmp_path: Path, change: Callable[[Any], None], words: str) -> None:
    with pytest.raises(InputError, match=words):
        check_operations(changed(tmp_path / "1", change))


def test_more_variables_than_are_stored(tmp_path: Path) -> None:
    place = saved(tmp_path / "1", lambda text: text, weights=tf.Variable(tf.zeros([10**6])))
    data = next((place / "variables").glob("*.data*"))
    data.write_bytes(data.read_bytes()[:100])
    with pytest.raises(InputError, match=r"need 4,000,\d+ bytes, but 100 are stored"):
        check_operations(place)


def test_files_that_others_files_point_to(tmp_path: Path) -> None:
    place = saved(tmp_path / "1", lambda text: text)
    (place / "saved_model.pb").rename(tmp_path / "outside")
    (place / "saved_model.pb").symlink_to(tmp_path / "outside")
    with pytest.raises(InputError, match="leads out of the folder"):
        ExportBackend(place, "x", 1, trust=True)
