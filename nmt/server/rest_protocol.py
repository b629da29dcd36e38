"""The REST protocol of TF Serving, as `nmt serve` speaks it: paths, the two forms of a request, and error messages.

Rows are ``{"instances": [...]}``, answered by ``{"predictions": [...]}``; columns are ``{"inputs": ...}``, answered by
``{"outputs": ...}``. See https://www.tensorflow.org/tfx/serving/api_rest.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
import zlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from nmt.server.backends import Answer, Backend, Row, as_text, rows, stacked
from nmt.signatures import Signature

DEFAULT = "serving_default"

_MODEL = r"/v1/models/(?P<name>[^/:]+)(?:/versions/(?P<version>\d{1,18}))?"
_PREDICT = re.compile(_MODEL + r":(?P<verb>predict|classify|regress)")
_STATUS = re.compile(_MODEL + r"(?P<metadata>/metadata)?")


class Refused(Exception):
    """A request that is answered with an error.

    Attributes:
        code: the HTTP status.
        headers: of the answer.
    """

    def __init__(self, code: int, message: str, **headers: str) -> None:
        super().__init__(message)
        self.code = code
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class ModelPath(NamedTuple):
    """What a path asks for: a verb, a model and, maybe, its version."""

    verb: str
    name: str
    version: int | None


class PredictRequest(NamedTuple):
    """A request to predict, and whether its body has columns."""

    signature: str
    rows: list[Row]
    columns: bool


def parse_path(method: str, path: str) -> ModelPath:
    """Read a path under ``/v1/``.

    Raises:
        Refused: if the server has no such path.

    >>> parse_path("POST", "/v1/models/ko-en/versions/3:predict")
    ModelPath(verb='predict', name='ko-en', version=3)
    """
    found = None
    if method == "POST":
        found = _PREDICT.fullmatch(path)
    elif method in ("GET", "HEAD"):
        found = _STATUS.fullmatch(path)
    if not found:
        raise Refused(400, f"Malformed request: {method} {path}")
    parts = found.groupdict()
    verb = parts.get("verb") or ("metadata" if parts["metadata"] else "status")
    return ModelPath(verb, parts["name"], int(parts["version"]) if parts["version"] else None)


def check_served(backend: Backend, path: ModelPath) -> None:
    """Make sure that the model and the version are those that are served.

    Raises:
        Refused: if not.
    """
    if path.name == backend.name and path.version in (None, backend.version):
        return
    if path.verb == "status":
        which = "any versions" if path.version is None else f"version {path.version}"
        raise Refused(404, f"Could not find {which} of model {path.name}")
    which = f"Latest({path.name})" if path.version is None else f"Specific({path.name}, {path.version})"
    raise Refused(404, f"Servable not found for request: {which}")


def decompressed(body: bytes, encoding: str, max_bytes: int) -> bytes:
    """Return a body as it was before its ``Content-Encoding``: gzip, which TF Serving takes too, or none.

    Raises:
        Refused: if the encoding is another one, the body is damaged, or more than ``max_bytes`` come out of it.

    >>> import gzip
    >>> decompressed(gzip.compress(b"{}"), "gzip", max_bytes=2)
    b'{}'
    """
    if encoding.strip().lower() in ("", "identity"):
        return body
    if encoding.strip().lower() not in ("gzip", "x-gzip"):
        raise Refused(
            415,
            f"Content-Encoding: {_shown(encoding)} is not understood. Send the body as it is, or with gzip.",
            accept_encoding="gzip",
        )
    unzip = zlib.decompressobj(16 + zlib.MAX_WBITS)  # 16 is for the header of gzip
    try:
        whole = unzip.decompress(body, max_bytes + 1)
    except zlib.error:
        raise Refused(400, "The body is not gzip, or damaged, although its Content-Encoding is gzip.") from None
    if len(whole) > max_bytes:
        raise too_large(max_bytes)
    if not unzip.eof or unzip.unused_data:
        raise Refused(400, "The body is not one whole gzip: it was cut short, or something follows it.")
    return whole


def too_large(max_bytes: int) -> Refused:
    """Refuse a request that has more bytes than may be sent."""
    return Refused(413, f"The request has more than {max_bytes:,} bytes. Send fewer sentences at once.")


def document(body: bytes) -> dict[str, Any]:
    """Read a body as an object of JSON.

    Raises:
        Refused: if it is not one.
    """
    if not body.strip():
        raise Refused(400, "JSON Parse error: The document is empty")
    try:
        found = json.loads(body.decode("utf-8"))
        # Half of a surrogate pair can be written in JSON, but it is not text.
        json.dumps(found, ensure_ascii=False).encode("utf-8")
    except json.JSONDecodeError as error:
        raise Refused(400, f"JSON Parse error: {error.msg} at offset: {error.pos}") from None
    except UnicodeDecodeError as error:
        raise Refused(400, f"JSON Parse error: the body is not UTF-8 at offset: {error.start}") from None
    except UnicodeEncodeError:
        raise Refused(400, "JSON Parse error: The surrogate pair in string is invalid.") from None
    except RecursionError:
        raise Refused(400, "JSON Parse error: the document is nested too deeply") from None
    except ValueError:
        raise Refused(400, "JSON Parse error: a number is too long") from None
    if not isinstance(found, dict):
        raise Refused(400, f"JSON Value: {_shown(found)} Is not object")
    return found


def read(backend: Backend, path: ModelPath, body: bytes, max_sentences: int) -> PredictRequest:
    """Read a request to predict.

    Arguments:
        backend: the model that answers.
        path: where it was sent.
        body: its JSON.
        max_sentences: the number of sentences that it may have.

    Raises:
        Refused: for what TF Serving refuses, with its codes, or too many sentences.
    """
    found = document(body)
    name = found.get("signature_name", DEFAULT)
    if not isinstance(name, str):
        raise Refused(400, "JSON Value is not formatted correctly. 'signature_name' key must be a string value.")
    check_served(backend, path)
    if path.verb != "predict":
        raise Refused(400, f'Signature "{name}" is for :predict; this model has none for :{path.verb}.')
    if name not in backend.signatures:
        known = ", ".join(backend.signatures)
        raise Refused(400, f'Serving signature name: "{name}" not found in signature def. Known: {known}.')
    signature = backend.signatures[name]
    if "instances" in found and "inputs" in found:
        raise Refused(400, "Not expecting 'inputs' and 'instances' keys to exist together.")
    if "instances" in found:
        given = _rows(signature, found["instances"], max_sentences)
    elif "inputs" in found:
        given = _columns(signature, found["inputs"], max_sentences)
    else:
        raise Refused(400, "Missing 'inputs' or 'instances' key")
    return PredictRequest(name, given, "inputs" in found)


def written(signature: Signature, answers: Sequence[Answer], columns: bool) -> bytes:
    """Write an answer in the form of its request.

    Floats have as many digits as they need to be read back exactly. Rows are written one at a time, because an
    alignment takes much more memory as Python numbers than as text.
    """
    texts = {
        name: [json.dumps(_plain(each), ensure_ascii=False) for each in array]
        for name, array in stacked(signature, answers).items()
    }
    if columns:
        tensors = {name: f"[{', '.join(each)}]" for name, each in texts.items()}
        whole = next(iter(tensors.values())) if len(tensors) == 1 else _object(tensors)
        return f'{{"outputs": {whole}}}'.encode()
    lines = [dict(zip(texts, row, strict=True)) for row in zip(*texts.values(), strict=True)]
    each = [next(iter(line.values())) if len(line) == 1 else _object(line) for line in lines]
    return f'{{"predictions": [{", ".join(each)}]}}'.encode()


def padded_size(answers: Sequence[Answer]) -> int:
    """Return how many numbers and strings :func:`written` writes, with the padding to the longest answer.

    >>> padded_size([{"alignment": np.zeros([2, 5])}, {"alignment": np.zeros([3, 1])}])
    30
    """
    shapes = [[answer[name].shape for answer in answers] for name in (answers[0] if answers else ())]
    return len(answers) * sum(math.prod(map(max, zip(*each, strict=True))) for each in shapes)


def status(backend: Backend) -> dict[str, Any]:
    """Return the status of the model: its one version is available."""
    fine = {"error_code": "OK", "error_message": ""}
    return {"model_version_status": [{"version": str(backend.version), "state": "AVAILABLE", "status": fine}]}


def metadata(backend: Backend) -> dict[str, Any]:
    """Return the signatures of a model, as the server writes them."""
    definitions = {
        key: {
            "inputs": _parts(signature.inputs),
            "outputs": _parts(signature.outputs),
            "method_name": "tensorflow/serving/predict",
        }
        for key, signature in backend.signatures.items()
    }
    return {
        "model_spec": {"name": backend.name, "signature_name": "", "version": str(backend.version)},
        "metadata": {"signature_def": {"signature_def": definitions}},
    }


def _rows(signature: Signature, instances: Any, max_sentences: int) -> list[Row]:
    """Read the row format: values, where there is one input, or objects with a key for each."""
    if not isinstance(instances, list):
        raise Refused(400, "Expecting 'instances' to be a list/array")
    if not instances:
        raise Refused(400, "No values in 'instances' array")
    _check_number(len(instances), max_sentences)
    objects = _is_object(instances[0])
    if not objects and len(signature.inputs) > 1:
        raise Refused(
            400,
            "instances is a plain list, but expecting list of objects as multiple input tensors required as per "
            "tensorinfo_map",
        )
    given = []
    for i, instance in enumerate(instances):
        if objects != _is_object(instance):
            kinds = ("object", "value") if objects else ("value", "object")
            raise Refused(400, f"Expecting {kinds[0]} but got {kinds[1]} at item {i} of input list")
        if objects and set(instance) != set(signature.inputs):
            raise Refused(
                400,
                f"Failed to process element: {i} of 'instances' list. JSON object: {_shown(instance)} must only have "
                f"keys: {','.join(signature.inputs)}",
            )
        values = [instance[name] for name in signature.inputs] if objects else [instance]
        try:
            given.append(tuple(map(_text, values)))
        except ValueError as error:
            raise Refused(400, f"Failed to process element: {i} of 'instances' list. Error: {error}") from None
    return given


def _columns(signature: Signature, inputs: Any, max_sentences: int) -> list[Row]:
    """Read the columnar format: a list, where there is one input, or an object of lists."""
    if not _is_object(inputs):
        if len(signature.inputs) > 1:
            raise Refused(
                400,
                "inputs is a plain value/list, but expecting an object as multiple input tensors required as per "
                "tensorinfo_map",
            )
        inputs = {next(iter(signature.inputs)): inputs}
    for name in signature.inputs:
        if name in inputs and not isinstance(inputs[name], list):
            raise Refused(400, f"JSON Value: {_shown(inputs[name])} of the input {name} must be a list of strings.")
        _check_number(len(inputs.get(name, ())), max_sentences)
    try:
        columns = {
            name: np.array([*map(_text, column)], object) if name in signature.inputs else column
            for name, column in inputs.items()
        }
        return rows(signature, columns)
    except ValueError as error:
        raise Refused(400, str(error)) from None


def _check_number(sentences: int, max_sentences: int) -> None:
    # TF Serving's batching refuses a task that is too large with these words.
    if sentences > max_sentences:
        raise Refused(
            400,
            f"Task size {sentences} is larger than maximum input batch size {max_sentences}. "
            "Send fewer sentences at once.",
        )


def _is_object(value: Any) -> bool:
    """Return whether a value is an object with the inputs by name, and not a string in base64."""
    return isinstance(value, dict) and not (set(value) == {"b64"} and isinstance(value["b64"], str))


def _text(value: Any) -> str:
    """Return a string, given as text or in base64."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and not _is_object(value):
        try:
            return as_text(base64.b64decode(value["b64"], validate=True))
        except (binascii.Error, ValueError):
            raise ValueError("Unable to base64 decode") from None
    if isinstance(value, list):
        raise ValueError(f"JSON Value: {_shown(value)} Encountered list at unexpected level; expected a string")
    raise ValueError(f"JSON Value: {_shown(value)} Type: {_kind(value)} is not of expected type: string")


def _kind(value: Any) -> str:
    return {bool: "Bool", int: "Number", float: "Number", dict: "Object"}.get(type(value), "Null")


def _shown(value: Any) -> str:
    """Return JSON of a value, shortened: it may be long, and the answer repeats it."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 200 else text[:200] + "…"


def _plain(value: Any) -> Any:
    """Return a tensor as lists of strings and numbers."""
    if isinstance(value, np.ndarray):
        return [_plain(each) for each in value]
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return bool(value) if isinstance(value, bool | np.bool_) else float(str(value))


def _object(members: dict[str, str]) -> str:
    return "{" + ", ".join(f"{json.dumps(name)}: {text}" for name, text in members.items()) + "}"


def _parts(parts: dict[str, Any]) -> dict[str, Any]:
    kinds = {"string": "DT_STRING", "float32": "DT_FLOAT", "bool": "DT_BOOL"}
    return {
        name: {
            "dtype": kinds[part.dtype],
            "tensor_shape": {
                "dim": [{"size": str(-1 if size is None else size), "name": ""} for size in part.shape],
                "unknown_rank": False,
            },
            "name": name,
        }
        for name, part in parts.items()
    }
