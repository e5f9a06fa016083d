"""OpenVINO, on the processor.

It reads the file of ONNX: its own front end for PyTorch stops at ``aten::mT``.
"""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from bench.results.record import CellError, Status
from bench.results.workload import INT8
from bench.runtimes.form import Asked, Prepared
from bench.runtimes.made_once import Made, make_once
from bench.runtimes.onnx_file import bytes_of, shared_file

HINTS = {"float32": "f32", "bfloat16": "bf16", INT8: "f32"}
STATIC = frozenset(("Parameter", "Constant", "Result"))


def prepare(model: nn.Module, asked: Asked) -> Prepared:
    """The network's file of ONNX, compiled for the length and the threads that are asked for.

    Raises:
        CellError: the network can't be exported, or this processor lacks the precision.
    """
    import openvino

    exported = shared_file(model, asked)
    made, precision = exported, asked.dtype
    if asked.dtype == INT8:
        made = _quantise(exported, asked)
        precision = "int8 in matrix products and convolutions of width 1, else float32"
    core = openvino.Core()
    network = core.read_model(made.path)
    network.reshape(list(asked.mixture.shape))  # the file holds for more; this is what is run
    settings = {
        "INFERENCE_NUM_THREADS": asked.threads,
        "NUM_STREAMS": 1,
        "INFERENCE_PRECISION_HINT": HINTS[asked.dtype],
    }
    compiled = core.compile_model(network, "CPU", settings)
    hint = compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()
    if hint != HINTS[asked.dtype]:
        reason = f"OpenVINO computes in {hint} here: this processor has no {asked.dtype}."
        raise CellError(Status.UNSUPPORTED, reason)
    request = compiled.create_infer_request()

    def forward(mixture: Tensor) -> Tensor:
        results = request.infer([mixture.numpy()], share_inputs=True, share_outputs=False)
        return torch.from_numpy(results[0])

    return Prepared(
        forward,
        f"openvino {openvino.__version__.split('-')[0]}",
        precision,
        "passive",
        exported.earlier_s + (made.earlier_s if made is not exported else 0.0),
        bytes_of(made.path) if asked.dtype != INT8 else _bytes_of_pair(made.path),
        exported.notes["any_length"],
    )


def _bytes_of_pair(path: Path) -> int:
    """OpenVINO's own form: the graph, and the weights beside it."""
    return sum(part.stat().st_size for part in (path, path.with_suffix(".bin")))


def _quantise(exported: Made, asked: Asked) -> Made:
    """The network with its products in 8 bits, their ranges taken from speech."""
    import nncf
    import openvino

    def make(path: Path) -> dict[str, Any]:
        network = openvino.Core().read_model(exported.path)
        network.reshape(list(asked.mixture.shape))
        speech = nncf.Dataset([mixture.numpy() for mixture in asked.speech])
        others = [op.get_friendly_name() for op in network.get_ops() if not _may_be_short(op)]
        quantised = nncf.quantize(
            network,
            speech,
            ignored_scope=nncf.IgnoredScope(names=others, validate=False),
            subset_size=len(asked.speech),
        )
        openvino.save_model(quantised, path, compress_to_fp16=False)
        return {}

    return make_once(exported.path.with_name("network-int8.xml"), make)


def _may_be_short(op: Any) -> bool:
    """Whether it is a matrix product, or nothing that computes."""
    kind = op.get_type_name()
    if kind in STATIC or kind == "MatMul":
        return True
    if kind != "Convolution":
        return False
    kernel = list(op.input(1).get_partial_shape())[2:]
    return all(str(size) == "1" for size in kernel)
