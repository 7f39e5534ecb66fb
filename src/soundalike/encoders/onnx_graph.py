"""An ONNX graph, written node by node, without tracing."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

_OPSET, _IR_VERSION = 17, 8  # ONNX 1.12, so that ONNX Runtime from 1.12 on reads it
_HALF_FROM = (
    1024  # tensors of fewer values are kept in float32: they weigh nothing, and biases need their digits
)


class GraphWriter:
    """Collects nodes and weights.

    Args:
        title: The graph's name in the file.
        half: Whether large weights are stored as float16 and turned into float32 when the model is loaded.
        names: What is called by no name of its own is called by the next of these. An encoder's fingerprint
            covers its file, so that other names would make it another encoder.
    """

    def __init__(self, title: str, *, half: bool = False, names: Iterator[str] | None = None) -> None:
        self._title = title
        self._half = half
        self._names = names if names is not None else (f"value_{n}" for n in itertools.count())
        self._nodes: list[onnx.NodeProto] = []
        self._weights: dict[str, onnx.TensorProto] = {}
        self._given: dict[str, str] = {}

    def weight(self, name: str, values: NDArray[Any]) -> str:
        """Store an array, and name it as nodes do."""
        if name in self._given:
            return self._given[name]
        stored = np.ascontiguousarray(values)
        if self._half and stored.dtype == np.float32 and stored.size >= _HALF_FROM:
            self._weights[name] = numpy_helper.from_array(stored.astype(np.float16), name)
            self._given[name] = self.node("Cast", [name], to=TensorProto.FLOAT)
        else:
            self._weights[name] = numpy_helper.from_array(stored, name)
            self._given[name] = name
        return self._given[name]

    def array(self, values: NDArray[Any]) -> str:
        """Store an array that needs no name of its own."""
        return self.weight(next(self._names), values)

    def constant(self, values: float | Sequence[int]) -> str:
        """Store a number as float32, or a list of indices as int64."""
        if isinstance(values, int | float):
            return self.weight(f"constant_{values!r}", np.array(values, np.float32))
        return self.weight("list_" + "_".join(map(str, values)), np.array(values, np.int64))

    def node(self, kind: str, inputs: Sequence[str], *, output: str | None = None, **attributes: Any) -> str:
        """Append a node of one output, and name that."""
        name = output if output is not None else next(self._names)
        self._nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def model(
        self,
        inputs: Mapping[str, Sequence[int | str]],
        outputs: Mapping[str, Sequence[int | str]],
        properties: Mapping[str, str],
    ) -> onnx.ModelProto:
        """Make the model of all nodes that lead to an output, and check it.

        Args:
            inputs: Name and shape of each; all float32.
            outputs: The same.
            properties: Texts that the file carries along.
        """
        ends = [
            [
                helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape))
                for name, shape in some.items()
            ]
            for some in (inputs, outputs)
        ]
        graph = helper.make_graph(
            self._leading_to(outputs), self._title, ends[0], ends[1], list(self._weights.values())
        )
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", _OPSET)],
            ir_version=_IR_VERSION,
            producer_name="soundalike",
        )
        helper.set_model_props(model, dict(properties))
        onnx.checker.check_model(model, full_check=True)
        return model

    def _leading_to(self, outputs: Mapping[str, object]) -> list[onnx.NodeProto]:
        """The nodes whose outputs are used, in order."""
        wanted, kept = set(outputs), []
        for node in reversed(self._nodes):
            if wanted.intersection(node.output):
                wanted.update(node.input)
                kept.append(node)
        return kept[::-1]
