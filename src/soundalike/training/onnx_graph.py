"""An ONNX graph, written node by node: one method per layer, no tracing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
IR_VERSION = 8  # what goes with the opset: older runtimes load it
_HALF_FROM = (
    1024  # tensors of fewer values are kept in float32: they weigh nothing, and biases need their digits
)


class GraphWriter:
    """Collects nodes and weights.

    Args:
        half: Whether large weights are stored as float16 and turned into float32 when the model is loaded.
    """

    def __init__(self, *, half: bool = False) -> None:
        self._half = half
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

    def constant(self, values: float | Sequence[int]) -> str:
        """Store a number as float32, or a list of indices as int64."""
        if isinstance(values, int | float):
            return self.weight(f"constant_{values!r}", np.array(values, np.float32))
        return self.weight("list_" + "_".join(map(str, values)), np.array(values, np.int64))

    def node(self, kind: str, inputs: Sequence[str], *, output: str | None = None, **attributes: Any) -> str:
        """Append a node of one output, and name that."""
        name = output if output is not None else f"value_{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def model(
        self,
        inputs: dict[str, Sequence[int | str]],
        outputs: dict[str, Sequence[int | str]],
        properties: dict[str, str],
    ) -> onnx.ModelProto:
        """Make the model of all nodes.

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
        graph = helper.make_graph(self._nodes, "ear", ends[0], ends[1], list(self._weights.values()))
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="soundalike",
        )
        helper.set_model_props(model, properties)
        onnx.checker.check_model(model)
        return model
