"""What a measuring process says of itself, also where torch, the GPU or the machine won't tell.

Stand-ins raise and warn as torch 2.13 does: the flags of float32 in aten/src/ATen/Context.cpp, a
driver that is too old in c10/cuda/CUDAFunctions.cpp, a card without kernels at its first launch.
"""

import warnings
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Never

import psutil
import pytest
import torch

from bench.measuring import gpu
from bench.measuring.environment import describe_environment, describe_torch, describe_variables
from bench.results.environment import GpuDevice

OLD_DRIVER = (
    "CUDA initialization: The NVIDIA driver on your system is too old (found version 11040). "
    "Please update your GPU driver."
)
NO_KERNEL = (
    "CUDA error: no kernel image is available for execution on the device\n"
    "CUDA kernel errors might be asynchronously reported at some other API call."
)
CARD = GpuDevice("Example GPU", 24_000_000_000, "9.0", n_visible=2)
UUID = "6a1f2b3c-0d4e-5f60-7182-93a4b5c6d7e8"


class Uuid:
    """As torch gives it: an object of its own kind, whose text is bare."""

    def __str__(self) -> str:
        return UUID


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> None:
    """A GPU that works."""
    properties = SimpleNamespace(
        name="Example GPU", total_memory=24_000_000_000, major=9, minor=0, uuid=Uuid()
    )
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda index: properties)
    monkeypatch.setattr(torch.backends.cudnn, "version", lambda: 91_000)
    monkeypatch.setattr(gpu, "run_kernel", lambda: None)


def failing(message: str) -> Callable[..., Never]:
    def fail(*_: object) -> Never:
        raise RuntimeError(message)

    return fail


@pytest.mark.usefixtures("card")
def test_a_card_that_works_has_no_problem() -> None:
    described = describe_environment()
    assert (described.machine.gpu, described.usable_gpu, described.problems) == (CARD, CARD, {})
    assert described.machine.gpu is not None
    assert described.machine.gpu.uuid == UUID
    assert described.torch.cudnn == 91_000


@pytest.mark.usefixtures("card")
def test_a_build_that_gives_no_uuid_is_no_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    properties = SimpleNamespace(name="Example GPU", total_memory=24_000_000_000, major=9, minor=0)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda index: properties)
    described = describe_environment()
    assert (described.machine.gpu, described.problems) == (CARD, {})
    assert described.machine.gpu is not None
    assert described.machine.gpu.uuid is None


@pytest.mark.usefixtures("card")
def test_a_card_that_can_not_be_described_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_properties", failing("CUDA unknown error"))
    described = describe_environment()
    assert described.machine.gpu is described.usable_gpu is None
    assert described.problems == {"cuda": "RuntimeError: CUDA unknown error"}


@pytest.mark.usefixtures("card")
def test_a_card_without_kernels_is_described_and_not_usable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """torch warns when CUDA starts, and fails at the first launch; both are its words."""

    def fail() -> Never:
        warnings.warn("Your installed torch does not include\nkernels for this GPU.", stacklevel=1)
        raise RuntimeError(NO_KERNEL)

    monkeypatch.setattr(gpu, "run_kernel", fail)
    described = describe_environment()
    assert (described.machine.gpu, described.usable_gpu) == (CARD, None)
    assert described.problems == {
        "cuda": "RuntimeError: CUDA error: no kernel image is available for execution on the "
        "device. Your installed torch does not include kernels for this GPU"
    }


def test_a_kernel_is_tried_where_torch_runs_it() -> None:
    """Here there is no such device, so it must fail."""
    if not torch.cuda.is_available():
        with pytest.raises((AssertionError, RuntimeError)):
            gpu.run_kernel()


@pytest.mark.cuda
def test_a_kernel_runs_on_cuda_and_the_driver_finds_the_same_card() -> None:
    gpu.run_kernel()
    problems: dict[str, str] = {}
    device = gpu.describe_gpu(problems)
    assert device is not None
    assert problems == {}
    driver = gpu.open_own_gpu()
    assert driver is not None
    assert driver.read().name == device.name


def test_a_driver_that_is_too_old_is_told_in_torchs_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def is_available() -> bool:
        warnings.warn(
            f"{OLD_DRIVER} (Triggered internally at CUDAFunctions.cpp:119.)", stacklevel=1
        )
        return False

    monkeypatch.setattr(torch.cuda, "is_available", is_available)
    problems: dict[str, str] = {}
    assert gpu.describe_gpu(problems) is None
    assert problems == {"cuda": OLD_DRIVER.rstrip(".")}


def test_cudnn_that_does_not_fit_is_a_problem_and_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """torch.backends.cudnn.version raises where it was built against another one."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.backends.cudnn, "version", failing("cuDNN version incompatibility"))
    problems: dict[str, str] = {}
    assert describe_torch(problems).cudnn is None
    assert problems == {"cudnn": "RuntimeError: cuDNN version incompatibility"}


def test_memory_that_can_not_be_read_is_a_problem_and_no_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(psutil, "virtual_memory", failing("no /proc/meminfo"))
    described = describe_environment()
    assert described.machine.memory_bytes is None
    assert described.problems["memory_bytes"] == "RuntimeError: no /proc/meminfo"


@pytest.fixture
def flags() -> Iterator[None]:
    """Both interfaces as they were, in a way that they agree."""
    cudnn, matmul = torch.backends.cudnn.allow_tf32, torch.get_float32_matmul_precision()
    yield
    torch.backends.cudnn.allow_tf32 = cudnn
    torch.set_float32_matmul_precision(matmul)


@pytest.mark.usefixtures("flags")
def test_both_interfaces_of_float32_are_read() -> None:
    problems: dict[str, str] = {}
    torch.backends.cudnn.allow_tf32 = True
    torch.set_float32_matmul_precision("high")
    found = describe_torch(problems)
    assert (found.cudnn_allow_tf32, found.matmul_precision) == (True, "high")
    assert found.fp32_precision == {"conv": "tf32", "rnn": "tf32", "matmul": "tf32"}
    torch.backends.cudnn.allow_tf32 = False
    torch.set_float32_matmul_precision("highest")
    found = describe_torch(problems)
    assert (found.cudnn_allow_tf32, found.matmul_precision) == (False, "highest")
    assert "tf32" not in found.fp32_precision.values()
    assert problems == {}


@pytest.mark.usefixtures("flags")
def test_what_is_mixed_is_not_known_by_the_older_interface() -> None:
    """torch refuses to answer there: a network has used the newer one."""
    torch.backends.cudnn.allow_tf32 = False
    torch.set_float32_matmul_precision("highest")
    torch._C._set_fp32_precision_setter("cuda", "conv", "tf32")
    torch._C._set_fp32_precision_setter("cuda", "matmul", "tf32")
    problems: dict[str, str] = {}
    found = describe_torch(problems)
    assert (found.cudnn_allow_tf32, found.matmul_precision) == (None, None)
    assert found.fp32_precision["conv"] == found.fp32_precision["matmul"] == "tf32"
    assert found.fp32_precision["rnn"] != "tf32"
    assert problems.keys() == {"cudnn_allow_tf32", "matmul_precision"}
    assert all(problem.startswith("RuntimeError: ") for problem in problems.values())


@pytest.mark.parametrize(
    "name",
    [
        "NVIDIA_TF32_OVERRIDE",
        "CUDA_MODULE_LOADING",
        "HIP_VISIBLE_DEVICES",
        "MIOPEN_FIND_MODE",
        "ROCR_VISIBLE_DEVICES",
        "CUDA_VISIBLE_DEVICES",
        "CUDA_DEVICE_ORDER",
        "CUBLAS_WORKSPACE_CONFIG",
    ],
)
def test_variables_that_change_a_result_are_described(name: str) -> None:
    assert describe_variables({name: "1", "HOME": "/home/somebody"}) == {name: "1"}


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (f"GPU-{UUID},1", "GPU-...,1"),
        (f"MIG-{UUID}", "MIG-..."),
        (f"MIG-GPU-{UUID}/1/0", "MIG-..."),
        ("/home/somebody/.cache/miopen", "miopen"),
        ("~/cache:/srv/somebody/b", "cache:b"),
        ("1,0", "1,0"),
        (":4096:8", ":4096:8"),
        ("{0:4}:2", "{0:4}:2"),
        ("expandable_segments:True", "expandable_segments:True"),
    ],
)
def test_a_variable_names_no_card_and_no_person(value: str, kept: str) -> None:
    assert describe_variables({"CUDA_VISIBLE_DEVICES": value}) == {"CUDA_VISIBLE_DEVICES": kept}
