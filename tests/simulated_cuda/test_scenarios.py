"""Each simulated machine: what its driver, torch and this project's code find there."""

import io
import os
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pynvml
import pytest
import torch

from bench.machine.gpu import open_gpu
from bench.measuring.worker import run_job
from bench.results.codec import decode_result
from bench.results.measurements import LatencyTimes, MemoryPeaks
from bench.results.record import Status
from bench.results.workload import Phase
from tests.bench.example_records import make_job
from tests.simulated_cuda.install import simulated_cuda
from tests.simulated_cuda.scenarios import (
    H100,
    ONE_SLICE,
    OTHER_SLICE,
    RTX_3060,
    SCENARIOS,
    visible_cards,
)

N_SAMPLES = 400


@pytest.fixture(autouse=True)
def _all_visible(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER"):
        monkeypatch.delenv(variable, raising=False)


def outcome(probe: str, phase: Phase = "update", model: str = "healthy") -> dict[str, Any]:
    """Of a job on the card, in this process; one turn, where there are turns."""
    job = make_job(
        model,
        probe,
        phase,
        factory=f"tests.fault_models:{model}",
        device="cuda",
        n_samples=N_SAMPLES,
        threads=torch.get_num_threads(),
    )
    channel = Channel('{"turn": 0}\n{"stopped_by": "budget", "waited_s": 0.0}\n')
    return run_job(replace(job, budget_s=0.0), channel)


class Channel(io.TextIOWrapper):
    """A channel that is read from a text, and takes what is written to it."""

    def __init__(self, orders: str) -> None:
        super().__init__(io.BytesIO(orders.encode()))

    def write(self, text: str) -> int:
        return len(text)


@pytest.mark.parametrize("phase", ["inference", "update"])
def test_memory_is_split_and_adds_up(phase: Phase) -> None:
    with simulated_cuda("data-centre card"):
        found = outcome("memory", phase)
        assert (found["status"], found["reason"]) == (Status.OK, "")
    peaks = decode_result("memory", found["result"])
    assert isinstance(peaks, MemoryPeaks)
    parts = (
        peaks.weight_bytes,
        peaks.gradient_bytes,
        peaks.optimiser_bytes,
        peaks.activation_bytes,
    )
    assert sum(parts) == peaks.peak_allocated_bytes
    assert peaks.peak_reserved_bytes is not None
    assert peaks.peak_reserved_bytes >= peaks.peak_allocated_bytes
    assert peaks.cold_peak_allocated_bytes is not None


def test_times_are_taken_with_the_cards_events_and_what_its_driver_says() -> None:
    with simulated_cuda("data-centre card"):
        found = outcome("latency")
        assert (found["status"], found["reason"]) == (Status.OK, "")
    times = decode_result("latency", found["result"])
    assert isinstance(times, LatencyTimes)
    assert times.cold_cache_times_s
    assert times.host_times_s is not None
    assert all(wall >= call for wall, call in zip(times.host_times_s, times.times_s, strict=True))
    assert times.gpu_during is not None
    assert times.gpu_during.name == H100.name
    assert times.gpu_during.sm_clock_hz == 1e6 * H100.sm_mhz[1]
    assert times.gpu_slowed_by == ()


def test_heat_is_told_while_kernels_run_and_not_before() -> None:
    with simulated_cuda("hot"):
        gpu = open_gpu()
        assert gpu is not None
        assert gpu.throttle_reasons() == ("idle",)
        times = decode_result("latency", outcome("latency")["result"])
    assert isinstance(times, LatencyTimes)
    assert times.gpu_slowed_by == (
        "thermal slowdown by the driver",
        "thermal slowdown by the hardware",
    )


@pytest.mark.parametrize(
    ("scenario", "probe", "status"),
    [
        ("full at once", "memory", Status.OOM),
        ("full at once", "latency", Status.OOM),
        ("full later", "memory", Status.OK),  # it makes two calls
        ("full later", "latency", Status.OOM),
        ("no kernels", "memory", Status.ERROR),
        ("no kernels", "latency", Status.ERROR),
    ],
)
def test_what_the_card_refuses_is_a_status_and_its_own_words(
    scenario: str, probe: str, status: Status, capsys: pytest.CaptureFixture[str]
) -> None:
    with simulated_cuda(scenario) as gpus, warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # of a card without kernels, torch's own (_check_capability)
        found = outcome(probe)
        assert gpus.n_calls >= 1
    assert found["status"] == status
    words = {
        Status.OK: "",
        Status.OOM: "OutOfMemoryError: CUDA out of memory. Tried to allocate ",
        Status.ERROR: "CUDA error: no kernel image is available for execution on the device",
    }
    assert words[status] in found["reason"]


def test_torch_itself_says_that_it_has_no_kernels_for_a_card() -> None:
    """_check_capability and _check_cubins of torch/cuda/__init__.py, at the first use."""
    with simulated_cuda("no kernels"):
        assert torch.cuda.is_available()
        with pytest.warns(UserWarning, match="GTX 1080") as caught:
            torch.cuda.init()
    assert any("not compatible" in str(each.message) for each in caught)


def test_a_driver_that_is_too_old_is_a_warning_and_no_device() -> None:
    with simulated_cuda("old driver"):
        with pytest.warns(UserWarning, match=r"driver on your system is too old \(found version"):
            assert not torch.cuda.is_available()
        assert torch.cuda.device_count() == 0
        with pytest.raises(RuntimeError, match="too old"):
            torch.ones(1, device="cuda")
        pynvml.nvmlInit()
        handle = pynvml.nvmlDeviceGetHandleByIndex(0)
        assert pynvml.nvmlDeviceGetName(handle) == H100.name
        with pytest.raises(pynvml.NVMLError_FunctionNotFound):
            pynvml.nvmlDeviceGetCurrentClocksEventReasons(handle)
        with pytest.raises(pynvml.NVMLLibraryMismatchError):
            pynvml.nvmlDeviceGetComputeRunningProcesses(handle)


def test_without_the_drivers_library_torch_works_all_the_same() -> None:
    with simulated_cuda("no NVML"):
        with pytest.raises(pynvml.NVMLError_LibraryNotFound):
            pynvml.nvmlInit()
        assert open_gpu() is None
        times = decode_result("latency", outcome("latency")["result"])
    assert isinstance(times, LatencyTimes)
    assert times.gpu_during is None


def test_a_desktop_draws_and_does_not_compute() -> None:
    with simulated_cuda("laptop with a desktop"):
        pynvml.nvmlInit()
        handle = pynvml.nvmlDeviceGetHandleByIndex(0)
        assert pynvml.nvmlDeviceGetComputeRunningProcesses(handle) == []
        drawing = pynvml.nvmlDeviceGetGraphicsRunningProcesses(handle)
        assert [process.pid for process in drawing] == [1100, 1250]
        assert pynvml.nvmlDeviceGetUtilizationRates(handle).gpu == 1
        torch.ones(1, device="cuda")
        computing = pynvml.nvmlDeviceGetComputeRunningProcesses(handle)
        assert [process.pid for process in computing] == [os.getpid()]


def test_a_container_hides_processes_and_not_their_memory() -> None:
    with simulated_cuda("container"):
        pynvml.nvmlInit()
        handle = pynvml.nvmlDeviceGetHandleByIndex(0)
        torch.ones(1, device="cuda")
        assert pynvml.nvmlDeviceGetComputeRunningProcesses(handle) == []
        assert pynvml.nvmlDeviceGetMemoryInfo(handle).used > 18e9


@pytest.mark.parametrize(
    ("scenario", "variables", "expected"),
    [
        ("two cards", {}, [H100, RTX_3060]),
        ("two cards", {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"}, [RTX_3060, H100]),
        ("two cards", {"CUDA_VISIBLE_DEVICES": "1"}, [RTX_3060]),
        ("two cards", {"CUDA_VISIBLE_DEVICES": "1,0"}, [RTX_3060, H100]),
        ("two cards", {"CUDA_VISIBLE_DEVICES": "0,7,1"}, [H100]),
        ("two cards", {"CUDA_VISIBLE_DEVICES": RTX_3060.uuid}, [RTX_3060]),
        ("two cards", {"CUDA_VISIBLE_DEVICES": RTX_3060.uuid[:8]}, [RTX_3060]),
        ("two cards", {"CUDA_VISIBLE_DEVICES": "GPU-"}, []),
        ("two cards", {"CUDA_VISIBLE_DEVICES": ""}, []),
        ("MIG", {}, [ONE_SLICE]),
        ("MIG", {"CUDA_VISIBLE_DEVICES": "0"}, [ONE_SLICE]),
        ("MIG", {"CUDA_VISIBLE_DEVICES": OTHER_SLICE.uuid}, [OTHER_SLICE]),
    ],
)
def test_cuda_sees_what_the_variables_say(
    scenario: str, variables: dict[str, str], expected: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert visible_cards(SCENARIOS[scenario], os.environ) == expected
    with simulated_cuda(scenario):
        assert torch.cuda.device_count() == len(expected)
        found = [torch.cuda.get_device_properties(index) for index in range(len(expected))]
        assert [each.name for each in found] == [card.name for card in expected]
        assert [str(each.uuid) for each in found] == [card.uuid[4:] for card in expected]
        assert torch.cuda.is_available() == bool(expected)


def test_the_drivers_numbers_are_not_cudas() -> None:
    with simulated_cuda("two cards"):
        pynvml.nvmlInit()
        first = pynvml.nvmlDeviceGetHandleByIndex(0)
        assert pynvml.nvmlDeviceGetName(first) == RTX_3060.name
        assert torch.cuda.get_device_name(0) == H100.name
        second = torch.ones(1, device="cuda:1")
        assert second.device == torch.device("cuda", 1)
        with pytest.raises(RuntimeError, match="on the same device"):
            second + torch.ones(1, device="cuda:0")
        assert torch.cuda.memory_allocated(1) == 512


def test_a_part_of_a_card_has_memory_and_processes_of_its_own() -> None:
    with simulated_cuda("MIG"):
        pynvml.nvmlInit()
        torch.ones(1, device="cuda")
        board = pynvml.nvmlDeviceGetHandleByIndex(0)
        assert pynvml.nvmlDeviceGetMigMode(board) == [pynvml.NVML_DEVICE_MIG_ENABLE] * 2
        parts = [pynvml.nvmlDeviceGetMigDeviceHandleByIndex(board, index) for index in (0, 1)]
        listed = [pynvml.nvmlDeviceGetComputeRunningProcesses(part) for part in parts]
        assert [[process.pid for process in each] for each in listed] == [[os.getpid()], []]
        uuid = pynvml.nvmlDeviceGetUUID(parts[0])
        assert pynvml.nvmlDeviceGetHandleByUUID(uuid) == parts[0]
        assert pynvml.nvmlDeviceGetDeviceHandleFromMigDeviceHandle(parts[1]) == board
        refused: list[Callable[[Any], Any]] = [
            pynvml.nvmlDeviceGetPowerUsage,
            pynvml.nvmlDeviceGetUtilizationRates,
        ]
        for function in refused:
            with pytest.raises(pynvml.NVMLError_NotSupported):
                function(parts[0])


def test_a_network_that_leaves_a_tensor_on_the_cpu_is_found_out() -> None:
    """As it would be on a card: networks that pass here have their tensors where they belong."""
    with simulated_cuda("data-centre card"):
        found = outcome("memory", "inference", model="keeps_a_tensor_on_the_cpu")
    assert found["status"] == Status.ERROR
    assert "Expected all tensors to be on the same device" in found["reason"]
