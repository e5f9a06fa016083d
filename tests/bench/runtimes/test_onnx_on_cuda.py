"""ONNX Runtime on a GPU: how a session is asked for, and what comes where there is none.

The package is a stand-in whose network doubles its input; the card is simulated.
"""

import ctypes
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from bench.results.record import CellError, Status
from bench.runtimes.onnx_session import CUDA, Session, open_cuda_session
from tests.simulated_cuda import simulated_cuda

CPU = "CPUExecutionProvider"
N_SRC, N_SAMPLES = 2, 50


@pytest.fixture(autouse=True)
def gpu() -> Iterator[None]:
    with simulated_cuda("data-centre card"):
        yield


class Binding:
    """Tensors by their address, as the package takes them."""

    def __init__(self) -> None:
        self.bound: dict[str, np.ndarray[Any, Any]] = {}

    def _bind(
        self, name: str, kind: str, index: int, dtype: type, shape: tuple[int, ...], address: int
    ) -> None:
        assert (kind, index, dtype) == ("cuda", 0, np.float32)
        numbers = (ctypes.c_float * math.prod(shape)).from_address(address)
        self.bound[name] = np.ctypeslib.as_array(numbers).reshape(shape)

    bind_input = bind_output = _bind


class StandIn(ModuleType):
    """The package, with the providers of its build and those that a session comes to have."""

    def __init__(self, built: list[str], loaded: list[str]) -> None:
        super().__init__("onnxruntime")
        self.__version__ = "1.2.3"
        self.asked: list[Any] = []
        self.preload_dlls = lambda: self.asked.append("libraries")
        self.get_available_providers = lambda: built
        self.SessionOptions = lambda: SimpleNamespace(
            add_session_config_entry=lambda key, value: None,
            add_free_dimension_override_by_name=lambda name, value: self.asked.append(value),
        )
        self._loaded = loaded

    def InferenceSession(self, path: Path, options: object, providers: list[Any]) -> Any:  # noqa: N802 - its name
        self.asked.append(providers)

        def run(binding: Binding) -> None:
            binding.bound["estimates"][:] = 2 * binding.bound["mixture"]

        return SimpleNamespace(
            get_providers=lambda: self._loaded, io_binding=Binding, run_with_iobinding=run
        )


def open_session(monkeypatch: pytest.MonkeyPatch, package: StandIn) -> Session:
    monkeypatch.setitem(sys.modules, "onnxruntime", package)
    return open_cuda_session(Path("network.onnx"), 1, N_SAMPLES, N_SRC)


def test_mixture_and_estimates_stay_on_the_card(monkeypatch: pytest.MonkeyPatch) -> None:
    session = open_session(monkeypatch, StandIn([CUDA, CPU], [CUDA, CPU]))
    for strided in (False, True):
        mixture = torch.rand(3, 1, 2 * N_SAMPLES).to("cuda")
        mixture = mixture[..., ::2] if strided else mixture[..., :N_SAMPLES].contiguous()
        estimates = session.forward(mixture)
        assert estimates.is_cuda
        assert torch.equal(estimates, 2 * mixture.expand(3, N_SRC, N_SAMPLES))
    assert session.version == "onnxruntime-gpu 1.2.3"


@pytest.mark.parametrize("has_tf32", [False, True])
def test_it_rounds_factors_where_torch_does(
    monkeypatch: pytest.MonkeyPatch, has_tf32: bool
) -> None:
    before = torch.backends.cuda.matmul.allow_tf32
    package = StandIn([CUDA, CPU], [CUDA, CPU])
    torch.backends.cuda.matmul.allow_tf32 = has_tf32
    try:
        open_session(monkeypatch, package)
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before
    providers = [(CUDA, {"device_id": 0, "use_tf32": int(has_tf32)})]
    assert package.asked == ["libraries", N_SAMPLES, providers]


@pytest.mark.parametrize(
    ("built", "loaded", "sentence"),
    [
        ([CPU], [CPU], r"pip install 'separation-bench\[onnx-cuda\]'"),
        ([CUDA, CPU], [CPU], "could not load its kernels for GPUs"),
    ],
)
def test_without_kernels_for_gpus_there_is_no_such_form(
    monkeypatch: pytest.MonkeyPatch, built: list[str], loaded: list[str], sentence: str
) -> None:
    """A session would take the processor, with no more than a warning."""
    with pytest.raises(CellError, match=sentence) as refused:
        open_session(monkeypatch, StandIn(built, loaded))
    assert refused.value.status is Status.UNSUPPORTED
