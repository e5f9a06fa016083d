"""Readings of a GPU: from a made-up driver, and with names and bits held against pynvml's own."""

import sys
from dataclasses import fields
from types import SimpleNamespace
from typing import Any

import pynvml
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.machine.gpu import (
    COMPUTE_MODES,
    SLOWDOWNS,
    THROTTLE_WORDS,
    GpuProcess,
    decode_throttle,
    open_gpu,
)


class DriverError(Exception):
    """Any NVML error, with the code of one."""

    value: int | None = None


def driver(**answers: Any) -> SimpleNamespace:
    """A driver with one GPU that answers what is given, and refuses the rest of pynvml's names."""

    def answering(answer: Any) -> Any:
        def function(*arguments: Any) -> Any:
            if answer is None:
                raise DriverError
            return answer(*arguments) if callable(answer) else answer

        return function

    functions = {
        name: answering(None) for name in vars(pynvml) if name.startswith(("nvmlD", "nvmlS"))
    }
    constants = {name: value for name, value in vars(pynvml).items() if name.startswith("NVML_")}
    basics = {
        "NVMLError": DriverError,
        "nvmlInit": lambda: None,
        "nvmlDeviceGetCount": lambda: 3,
        "nvmlDeviceGetHandleByIndex": lambda index: f"index {index}",
        "nvmlDeviceGetHandleByUUID": lambda uuid: f"uuid {uuid}",
    }
    unknown = answers.keys() - vars(pynvml).keys()
    assert not unknown, "pynvml has no such function"
    given_answers = {name: answering(answer) for name, answer in answers.items()}
    return SimpleNamespace(**(functions | constants | basics | given_answers))


def process(pid: int, used: int | None) -> SimpleNamespace:
    return SimpleNamespace(pid=pid, usedGpuMemory=used)


WHOLE = {
    "nvmlDeviceGetName": "Example GPU",
    "nvmlSystemGetDriverVersion": "600.1",
    "nvmlDeviceGetPersistenceMode": 1,
    "nvmlDeviceGetComputeMode": pynvml.NVML_COMPUTEMODE_EXCLUSIVE_PROCESS,
    "nvmlDeviceGetClockInfo": lambda _, kind: {1: 1500, 2: 2600}[kind],
    "nvmlDeviceGetMaxClockInfo": lambda _, kind: {1: 1980, 2: 2619}[kind],
    "nvmlDeviceGetCurrentClocksEventReasons": pynvml.nvmlClocksEventReasonSwPowerCap,
    "nvmlDeviceGetTemperature": lambda _, sensor: {0: 61}[sensor],
    "nvmlDeviceGetPowerUsage": 345_678,
    "nvmlDeviceGetEnforcedPowerLimit": 700_000,
    "nvmlDeviceGetTotalEnergyConsumption": 12_345_678,
    "nvmlDeviceGetMemoryInfo": SimpleNamespace(used=3_000_000_000),
    "nvmlDeviceGetUtilizationRates": SimpleNamespace(gpu=7, memory=3),
    "nvmlDeviceGetComputeRunningProcesses": [process(10, 2_000_000_000), process(7, None)],
    "nvmlDeviceGetGraphicsRunningProcesses": [process(12, 50_000_000)],
}


@pytest.fixture(autouse=True)
def _all_visible(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.delenv("CUDA_DEVICE_ORDER", raising=False)


def test_everything_in_base_units() -> None:
    gpu = open_gpu(driver(**WHOLE))
    assert gpu is not None
    state = gpu.read()
    assert (state.name, state.driver_version) == ("Example GPU", "600.1")
    assert (state.is_persistent, state.compute_mode) == (True, "exclusive process")
    assert (state.sm_clock_hz, state.sm_clock_max_hz) == (1.5e9, 1.98e9)
    assert (state.memory_clock_hz, state.memory_clock_max_hz) == (2.6e9, 2.619e9)
    assert state.throttle_reasons == ("power cap",)
    assert state.temperature_c == 61
    assert state.power_w == pytest.approx(345.678)
    assert state.power_limit_w == pytest.approx(700)
    assert state.total_energy_j == pytest.approx(12_345.678)
    assert state.memory_used_bytes == 3_000_000_000
    assert state.busy_share == pytest.approx(0.07)
    assert gpu.processes() == (
        GpuProcess(7, None),
        GpuProcess(10, 2_000_000_000),
        GpuProcess(12, 50_000_000, draws=True),
    )


def field_value(status: int, milliwatts: int) -> list[SimpleNamespace]:
    return [SimpleNamespace(nvmlReturn=status, value=SimpleNamespace(uiVal=milliwatts))]


def test_the_instant_power_is_a_field_with_a_status_of_its_own() -> None:
    def answer(status: int) -> Any:
        def function(handle: object, fields: list[int]) -> list[SimpleNamespace]:
            assert fields == [pynvml.NVML_FI_DEV_POWER_INSTANT]
            return field_value(status, 123_456)

        return function

    for status, power_w in ((pynvml.NVML_SUCCESS, 123.456), (pynvml.NVML_ERROR_NOT_FOUND, None)):
        gpu = open_gpu(driver(nvmlDeviceGetFieldValues=answer(status)))
        assert gpu is not None
        assert gpu.instant_power_w() == (power_w and pytest.approx(power_w))
        assert gpu.power_w() is None
    gpu = open_gpu(driver(**WHOLE))
    assert gpu is not None
    assert gpu.instant_power_w() is None
    assert gpu.power_w() == pytest.approx(345.678)


def test_a_driver_that_refuses_everything_gives_none_everywhere() -> None:
    gpu = open_gpu(driver())
    assert gpu is not None
    state = gpu.read()
    assert {getattr(state, field.name) for field in fields(state)} == {None}
    assert gpu.processes() is None
    assert gpu.process_bytes(1) is None


@pytest.mark.parametrize("name", sorted(name for name in WHOLE if "Processes" not in name))
def test_a_value_that_is_refused_takes_no_other_with_it(name: str) -> None:
    whole, partial = open_gpu(driver(**WHOLE)), open_gpu(driver(**WHOLE | {name: None}))
    assert whole is not None
    assert partial is not None
    expected, found = whole.read(), partial.read()
    changed = {
        field.name
        for field in fields(found)
        if getattr(found, field.name) != getattr(expected, field.name)
    }
    assert 1 <= len(changed) <= 2  # a clock of the cores and one of the memory share a function
    assert {getattr(found, field) for field in changed} == {None}
    assert partial.processes() == whole.processes()


@pytest.mark.parametrize(("name", "left"), [("Compute", [12]), ("Graphics", [7, 10])])
def test_one_of_two_lists_of_processes_is_still_a_list(name: str, left: list[int]) -> None:
    refused = {f"nvmlDeviceGet{name}RunningProcesses": None}
    whole, partial = open_gpu(driver(**WHOLE)), open_gpu(driver(**WHOLE | refused))
    assert whole is not None
    assert partial is not None
    assert [process.pid for process in partial.processes() or ()] == left
    assert partial.read() == whole.read()


def test_an_old_driver_is_asked_by_the_old_name() -> None:
    gpu = open_gpu(driver(nvmlDeviceGetCurrentClocksThrottleReasons=0x48))
    assert gpu is not None
    words = ("hardware slowdown", "thermal slowdown by the hardware")
    assert gpu.throttle_reasons() == words


def test_a_library_that_is_newer_than_the_driver_is_no_failure() -> None:
    """Before driver 510: the mismatch is no NVMLError."""

    def mismatch(_: object) -> None:
        raise pynvml.NVMLLibraryMismatchError("Unversioned function called")

    gpu = open_gpu(driver(**WHOLE | {"nvmlDeviceGetComputeRunningProcesses": mismatch}))
    assert gpu is not None
    assert [process.pid for process in gpu.processes() or ()] == [12]


def test_a_library_without_a_function_is_no_failure() -> None:
    nvml = driver(**WHOLE)
    del nvml.nvmlDeviceGetTotalEnergyConsumption
    gpu = open_gpu(nvml)
    assert gpu is not None
    assert gpu.total_energy_j() is None


def test_memory_of_a_process_is_its_own_or_not_available() -> None:
    gpu = open_gpu(driver(**WHOLE))
    assert gpu is not None
    assert gpu.process_bytes(10) == 2_000_000_000
    assert gpu.process_bytes(7) is None  # listed, its memory hidden
    assert gpu.process_bytes(99) is None  # a container's numbers are not the host's


def test_a_process_that_draws_and_computes_is_one_that_draws() -> None:
    both = {"nvmlDeviceGetGraphicsRunningProcesses": [process(10, 2_000_000_000)]}
    gpu = open_gpu(driver(**WHOLE | both))
    assert gpu is not None
    assert [process.draws for process in gpu.processes() or ()] == [False, True]


def test_a_part_has_memory_and_processes_and_its_board_the_rest() -> None:
    """As NVML documents for MIG: no clock, heat, power or energy of an instance."""

    def only(of: str, answer: Any) -> Any:
        def function(handle: str, *arguments: Any) -> Any:
            if handle != of:
                raise DriverError
            return answer(handle, *arguments) if callable(answer) else answer

        return function

    own = ("Name", "MemoryInfo", "ComputeRunningProcesses", "GraphicsRunningProcesses")
    answers = {
        name: only("part" if name.removeprefix("nvmlDeviceGet") in own else "board", WHOLE[name])
        for name in WHOLE
        if name.startswith("nvmlDevice")
    }
    nvml = driver(
        **answers,
        nvmlDeviceGetHandleByUUID=lambda uuid: {"MIG-ab": "part"}[uuid],
        nvmlDeviceGetDeviceHandleFromMigDeviceHandle=lambda part: "board",
    )
    gpu = open_gpu(nvml, uuid="ab")
    assert gpu is not None
    reading = gpu.read()
    assert (reading.name, reading.memory_used_bytes) == ("Example GPU", 3_000_000_000)
    assert (reading.temperature_c, reading.sm_clock_hz) == (61, 1.5e9)
    assert reading.throttle_reasons == ("power cap",)
    assert gpu.total_energy_j() == pytest.approx(12_345.678)
    assert gpu.process_bytes(10) == 2_000_000_000


def test_what_processes_took_is_a_share_of_the_time_since() -> None:
    def sample(pid: int, percent: int) -> SimpleNamespace:
        return SimpleNamespace(pid=pid, smUtil=percent)

    asked: list[int] = []

    def answer(_: object, since_us: int) -> list[SimpleNamespace]:
        asked.append(since_us)
        return [sample(10, 25), sample(12, 4_000_000_000)]  # some drivers give nonsense

    gpu = open_gpu(driver(nvmlDeviceGetProcessUtilization=answer))
    assert gpu is not None
    assert gpu.busy_shares(since_s=1.5) == {10: 0.25, 12: 1.0}
    assert asked == [1_500_000]


@pytest.mark.parametrize(
    ("code", "shares"),
    [
        (pynvml.NVML_ERROR_NOT_FOUND, {}),
        (pynvml.NVML_SUCCESS, {}),
        (pynvml.NVML_ERROR_NOT_SUPPORTED, None),
    ],
)
def test_no_sample_is_no_time_and_no_support_is_not_known(
    code: int, shares: dict[int, float] | None
) -> None:
    def refuse(*_: object) -> None:
        error = DriverError()
        error.value = code
        raise error

    gpu = open_gpu(driver(nvmlDeviceGetProcessUtilization=refuse))
    assert gpu is not None
    assert gpu.busy_shares(0.0) == shares


@pytest.mark.parametrize(
    ("visible", "handle"), [("2,0", "index 2"), ("GPU-ab-c,1", "uuid GPU-ab-c"), (None, "index 0")]
)
def test_the_gpu_is_the_first_that_cuda_may_use(
    monkeypatch: pytest.MonkeyPatch, visible: str | None, handle: str
) -> None:
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    monkeypatch.setenv("CUDA_DEVICE_ORDER", "PCI_BUS_ID")
    gpu = open_gpu(driver(nvmlDeviceGetName=lambda handle: handle))
    assert gpu is not None
    assert gpu.read().name == handle


def test_no_library_no_driver_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise DriverError

    without_driver, without_gpu = driver(**WHOLE), driver(**WHOLE)
    without_driver.nvmlInit = refuse
    without_gpu.nvmlDeviceGetHandleByIndex = refuse
    assert open_gpu(without_driver) is None
    assert open_gpu(without_gpu) is None
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert open_gpu(driver(**WHOLE)) is None
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert open_gpu() is None


def test_every_bit_that_the_library_names_has_a_word() -> None:
    for family in ("nvmlClocksEventReason", "nvmlClocksThrottleReason"):
        bits = {
            value
            for name, value in vars(pynvml).items()
            if name.startswith(family) and isinstance(value, int)
        } - {getattr(pynvml, f"{family}All"), 0}
        assert bits <= THROTTLE_WORDS.keys()
    assert set(THROTTLE_WORDS) == {1 << position for position in range(11)}
    assert decode_throttle(pynvml.nvmlClocksEventReasonSwThermalSlowdown) == (
        "thermal slowdown by the driver",
    )
    assert decode_throttle(pynvml.nvmlClocksEventReasonHwThermalSlowdown) == (
        "thermal slowdown by the hardware",
    )
    assert decode_throttle(pynvml.nvmlClocksEventReasonHwPowerBrakeSlowdown) == ("power brake",)
    assert decode_throttle(pynvml.nvmlClocksEventReasonGpuIdle) == ("idle",)
    harmless = pynvml.nvmlClocksEventReasonGpuIdle | pynvml.nvmlClocksEventReasonSyncBoost
    assert not SLOWDOWNS & set(decode_throttle(harmless))


@settings(max_examples=50)
@given(bits=st.integers(0, (1 << 16) - 1))
def test_there_are_as_many_words_as_bits(bits: int) -> None:
    words = decode_throttle(bits)
    assert len(set(words)) == bits.bit_count()


def test_compute_modes_are_those_of_the_library() -> None:
    modes = ("DEFAULT", "EXCLUSIVE_THREAD", "PROHIBITED", "EXCLUSIVE_PROCESS")
    numbers = [getattr(pynvml, f"NVML_COMPUTEMODE_{mode}") for mode in modes]
    assert [COMPUTE_MODES[number] for number in numbers] == [
        mode.lower().replace("_", " ") for mode in modes
    ]
