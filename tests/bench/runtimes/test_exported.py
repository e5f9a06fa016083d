"""The runtimes that need packages of their own or minutes of a compiler, on a small network."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from bench.measuring.form import PREPARE
from bench.results.record import CellError, Status
from bench.runtimes.onnx_file import add_metadata, export
from bench.runtimes.onnx_session import open_session
from tests.bench.runtimes.asking import Small, ask, small

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.filterwarnings("ignore"),  # the packages' own, another with each release
]
TOLERANCES = {"float32": 1e-5, "bfloat16": 5e-2, "int8": 0.2}


@pytest.mark.parametrize(
    ("runtime", "dtype"),
    [
        ("compile", "float32"),
        ("onnxruntime", "float32"),
        ("onnxruntime", "int8"),
        ("openvino", "float32"),
        ("openvino", "int8"),
    ],
)
@torch.inference_mode()
def test_a_form_computes_what_the_network_does(tmp_path: Path, runtime: str, dtype: str) -> None:
    model, asked = small(), ask(tmp_path, dtype)
    prepared = PREPARE[runtime](model, asked)
    other = asked.speech[0]
    expected = model(other)
    error = (prepared.forward(other) - expected).abs().max() / expected.abs().max()
    assert error <= TOLERANCES[dtype]
    if dtype == "int8":
        assert error > 1e-5  # something is in 8 bits


@torch.inference_mode()
def test_one_file_holds_for_all_lengths(tmp_path: Path) -> None:
    model, path = small(), tmp_path / "network.onnx"
    assert export(model, ask(tmp_path).mixture, path)
    session = open_session(path, threads=1)
    for n_samples in (1001, 1600, 4321):
        mixture = ask(tmp_path, n_samples=n_samples).mixture
        assert torch.allclose(session.forward(mixture), model(mixture), atol=1e-5)


class Fixed(Small):
    """Multiplies by as many weights as there are samples."""

    def __init__(self) -> None:
        super().__init__()
        self.window = nn.Parameter(torch.linspace(0.5, 1.0, 1600))

    def forward(self, mixture: Tensor) -> Tensor:
        return super().forward(mixture * self.window)


def test_a_network_of_one_length_has_a_file_for_that_length(tmp_path: Path) -> None:
    model, asked = Fixed().eval(), ask(tmp_path)
    path = tmp_path / "network.onnx"
    assert not export(model, asked.mixture, path)
    with torch.inference_mode():
        found = open_session(path, threads=1).forward(asked.mixture)
        assert torch.allclose(found, model(asked.mixture), atol=1e-5)


class Listing(nn.Module):
    """Asks a tensor for the axes to take the mean over."""

    def forward(self, mixture: Tensor) -> Tensor:
        axes = torch.arange(1, mixture.ndim).tolist()
        return mixture - mixture.mean(axes, keepdim=True)


def test_axes_that_a_tensor_lists_can_be_exported(tmp_path: Path) -> None:
    assert export(Listing().eval(), ask(tmp_path).mixture, tmp_path / "network.onnx")


class Sorting(nn.Module):
    """Looks at a value to decide what to compute."""

    def forward(self, mixture: Tensor) -> Tensor:
        if torch.linalg.cond(mixture[0, :, :1]).item() > 2:
            return mixture
        return -mixture


def test_what_cannot_be_exported_names_operator_and_line(tmp_path: Path) -> None:
    with pytest.raises(CellError) as refused:
        export(Sorting().eval(), ask(tmp_path).mixture, tmp_path / "network.onnx")
    assert refused.value.status == Status.UNSUPPORTED
    assert "stopped at" in str(refused.value)
    assert "test_exported.py, line " in str(refused.value)


def test_metadata_is_in_the_file(tmp_path: Path) -> None:
    import onnxruntime

    path = tmp_path / "network.onnx"
    export(small(), ask(tmp_path).mixture, path)
    add_metadata(path, {"sample_rate": "8000"})
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    assert session.get_modelmeta().custom_metadata_map["sample_rate"] == "8000"
