"""The messages in the file of a SentencePiece model, as far as they are read or changed here.

The module that SentencePiece brings for them refuses every protobuf that is older than the one it was made with, 7.36,
and Apache Beam wants 6. A field that is not named here is kept as it is.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

# https://github.com/google/sentencepiece/blob/master/src/sentencepiece_model.proto
_MESSAGES: dict[str, dict[str, tuple[int, str]]] = {
    "ModelProto": {
        "pieces": (1, "repeated SentencePiece"),
        "trainer_spec": (2, "TrainerSpec"),
        "normalizer_spec": (3, "NormalizerSpec"),
    },
    "SentencePiece": {"piece": (1, "string"), "score": (2, "float"), "type": (3, "Type")},
    "TrainerSpec": {"model_type": (3, "ModelType"), "vocab_size": (4, "int32")},
    "NormalizerSpec": {
        "name": (1, "string"),
        "precompiled_charsmap": (2, "bytes"),
        "normalization_rule_tsv": (6, "string"),
    },
}
# The first value is that of a field that is missing.
_ENUMS = {
    "Type": {"NORMAL": 1, "UNKNOWN": 2, "CONTROL": 3, "USER_DEFINED": 4, "UNUSED": 5, "BYTE": 6},
    "ModelType": {"UNIGRAM": 1, "BPE": 2, "WORD": 3, "CHAR": 4},
}
_PACKAGE = "nmt.sentencepiece"


def _field(name: str, number: int, kind: str) -> dict[str, Any]:
    label, _, plain = kind.rpartition(" ")
    kept = {"name": name, "number": number, "label": f"LABEL_{(label or 'optional').upper()}"}
    if plain in _MESSAGES or plain in _ENUMS:
        what = "TYPE_MESSAGE" if plain in _MESSAGES else "TYPE_ENUM"
        return {**kept, "type": what, "typeName": f".{_PACKAGE}.{plain}"}
    return {**kept, "type": f"TYPE_{plain.upper()}"}


def _made() -> Any:
    described = {
        "name": "nmt/sentencepiece_model.proto",
        "package": _PACKAGE,
        "messageType": [
            {"name": name, "field": [_field(field, *how) for field, how in fields.items()]}
            for name, fields in _MESSAGES.items()
        ],
        "enumType": [
            {"name": name, "value": [{"name": f"{value}", "number": number} for value, number in values.items()]}
            for name, values in _ENUMS.items()
        ],
    }
    pool = descriptor_pool.DescriptorPool()
    pool.Add(json_format.ParseDict(described, descriptor_pb2.FileDescriptorProto()))
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.ModelProto"))


ModelProto: Any = _made()
NORMAL, BPE = _ENUMS["Type"]["NORMAL"], _ENUMS["ModelType"]["BPE"]


def without_path(model: bytes) -> bytes:
    """Return the bytes of a model without the path of the rules that it was trained with.

    They were read from a temporary folder, so that the path is another one each time. Two models of the same pairs are
    the same without it.
    """
    found = ModelProto.FromString(model)
    found.normalizer_spec.ClearField("normalization_rule_tsv")
    return found.SerializeToString()
