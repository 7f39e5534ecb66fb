"""Looking into an ONNX file for weights that it keeps outside itself, without loading it."""

from __future__ import annotations

from collections.abc import Iterator

from soundalike.core.errors import EncoderError

# Which fields of which message hold messages, by the numbers of onnx.proto; only what can lead to a tensor.
_MESSAGES: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
_EXTERNAL_DATA, _DATA_LOCATION, _EXTERNAL = 13, 14, 1
_DEEPEST = 100  # the depth that protobuf's own readers allow


def has_external_data(content: bytes) -> bool:
    """Tell whether an ONNX model names other files that its weights lie in.

    Args:
        content: The model's file.

    Returns:
        True where any tensor, in subgraphs and functions too, is kept elsewhere.

    Raises:
        EncoderError: The bytes are not a well-formed message.

    Source:
        onnx.proto (ONNX IR version 10), messages ModelProto to TensorProto; the protobuf wire format.
    """
    waiting = [("model", memoryview(content), 0)]
    while waiting:
        kind, message, depth = waiting.pop()
        if depth > _DEEPEST:
            raise EncoderError("The file is not an ONNX model: its messages are nested too deeply.")
        inner = _MESSAGES[kind]
        for number, value in _fields(message):
            if kind == "tensor" and (
                number == _EXTERNAL_DATA or (number == _DATA_LOCATION and value == _EXTERNAL)
            ):
                return True
            if number in inner and isinstance(value, memoryview):
                waiting.append((inner[number], value, depth + 1))
    return False


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Walk the fields of one message: their numbers, and their integers or bytes."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        wire = tag & 7
        value: int | memoryview
        if wire == 0:
            value, at = _varint(message, at)
        elif wire == 2:
            size, at = _varint(message, at)
            value, at = message[at : at + size], at + size
        elif wire in (1, 5):
            size = 8 if wire == 1 else 4
            value, at = message[at : at + size], at + size
        else:
            raise EncoderError("The file is not an ONNX model: it holds a field of no known form.")
        if at > len(message):
            raise EncoderError("The file is not an ONNX model, or it is cut short.")
        yield tag >> 3, value


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """Read an integer of seven bits per byte, lowest first."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(message):
            raise EncoderError("The file is not an ONNX model, or it is cut short.")
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise EncoderError("The file is not an ONNX model: it holds an integer that does not end.")
