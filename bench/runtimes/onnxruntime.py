"""ONNX Runtime, on the processor or a GPU."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from bench.results.workload import INT8
from bench.runtimes.form import Asked, Prepared
from bench.runtimes.made_once import Made, make_once
from bench.runtimes.onnx_file import bytes_of, shared_file
from bench.runtimes.onnx_session import INPUT, open_cuda_session, open_session


def prepare(model: nn.Module, asked: Asked) -> Prepared:
    """The network's file of ONNX, or that with its matrix products in 8 bits, in a session."""
    if asked.mixture.is_cuda:
        return _prepare_on_cuda(model, asked)
    exported = shared_file(model, asked)
    made, precision = exported, "float32"
    if asked.dtype == INT8:
        made = _quantise(exported, asked)
        precision = "int8 in matrix products and convolutions of width 1, else float32"
    session = open_session(made.path, asked.threads, n_samples=asked.mixture.shape[-1])
    earlier_s = exported.earlier_s + (made.earlier_s if made is not exported else 0.0)
    return Prepared(
        session.forward,
        session.version,
        precision,
        "passive",
        earlier_s,
        bytes_of(made.path),
        exported.notes["any_length"],
    )


def _prepare_on_cuda(model: nn.Module, asked: Asked) -> Prepared:
    """The same file, which is traced and tried on the processor."""
    on_cpu = replace(asked, mixture=asked.mixture.cpu(), speech=())
    exported = shared_file(deepcopy(model).cpu(), on_cpu)
    with torch.inference_mode():
        n_src = model(asked.mixture).shape[1]
    n_samples = asked.mixture.shape[-1]
    session = open_cuda_session(exported.path, asked.threads, n_samples, n_src)
    return Prepared(
        session.forward,
        session.version,
        "float32",
        "passive",
        exported.earlier_s,
        bytes_of(exported.path),
        exported.notes["any_length"],
    )


def products_of(graph: Any) -> list[str]:
    """The names of an ONNX graph's nodes that are matrix products: convolutions of width 1 too."""
    return [
        node.name
        for node in graph.node
        if node.op_type in ("MatMul", "Gemm") or (node.op_type == "Conv" and _is_pointwise(node))
    ]


def _is_pointwise(node: Any) -> bool:
    fields = {field.name: field for field in node.attribute}
    kernel = fields["kernel_shape"].ints if "kernel_shape" in fields else ()
    groups = fields["group"].i if "group" in fields else 1
    return bool(kernel) and set(kernel) == {1} and groups == 1


def _quantise(exported: Made, asked: Asked) -> Made:
    """The file with its products in 8 bits, their ranges taken from speech."""
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_static

    class Speech(CalibrationDataReader):  # type: ignore[misc]
        """One mixture after another."""

        def __init__(self) -> None:
            self._left: Iterator[Tensor] = iter(asked.speech)

        def get_next(self) -> dict[str, Any] | None:
            mixture = next(self._left, None)
            return None if mixture is None else {INPUT: mixture.numpy()}

    def make(path: Path) -> dict[str, Any]:
        graph = onnx.load(exported.path, load_external_data=False).graph
        quantize_static(
            exported.path,
            path,
            Speech(),
            quant_format=QuantFormat.QDQ,
            nodes_to_quantize=products_of(graph),
            per_channel=True,
            use_external_data_format=len(list(exported.path.parent.glob("*.onnx.data"))) > 0,
        )
        return {}

    return make_once(exported.path.with_name("network-int8.onnx"), make)
