"""What the driver says of the GPU (NVML): clocks, what slows them, power, energy, processes.

Without the library, the driver or a GPU there is no ``Gpu``; a value that the driver or a
container hides is None, never 0. The only file that imports pynvml.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bench.machine.gpu_lookup import ask, find_device
from bench.results.environment import GpuReading

THROTTLE_WORDS: Mapping[int, str] = {
    0x001: "idle",
    0x002: "clocks set by a user",
    0x004: "power cap",
    0x008: "hardware slowdown",
    0x010: "synchronised with other GPUs",
    0x020: "thermal slowdown by the driver",
    0x040: "thermal slowdown by the hardware",
    0x080: "power brake",
    0x100: "clocks set for the display",
    0x200: "board limit",
    0x400: "reliability limit",
}
"""Bits of nvmlClocksEventReasons* (nvmlClocksThrottleReasons* before driver 535) in nvml.h."""

SLOWDOWNS = frozenset(THROTTLE_WORDS[bit] for bit in (0x4, 0x8, 0x20, 0x40, 0x80, 0x200, 0x400))
"""Those that make a busy GPU slower than its settings say."""

POWER_INSTANT = 186
"""NVML_FI_DEV_POWER_INSTANT in nvml.h: milliwatts, as an unsigned int."""

COMPUTE_MODES = {0: "default", 1: "exclusive thread", 2: "prohibited", 3: "exclusive process"}


@dataclass(frozen=True)
class GpuProcess:
    """A process with a context on the GPU, and its share of the memory if the driver tells."""

    pid: int
    memory_bytes: int | None
    draws: bool = False  # it has a graphics context, maybe beside one for computing


class Gpu:
    """One GPU, or one part of a split one, as the driver sees it. ``open_gpu`` makes it.

    A part (a MIG instance) has a name, memory and processes of its own; clocks, heat, power and
    energy are told of its ``board`` only.
    """

    def __init__(self, nvml: Any, handle: Any, board: Any = None) -> None:
        self._nvml = nvml
        self._handle = handle
        self._board = handle if board is None else board

    def read(self) -> GpuReading:
        """Everything at this moment but who else uses it."""
        nvml = self._nvml
        mode = self._ask_board("nvmlDeviceGetComputeMode")
        memory = ask(nvml, "nvmlDeviceGetMemoryInfo", self._handle)
        persistence = self._ask_board("nvmlDeviceGetPersistenceMode")
        busy = self._ask_board("nvmlDeviceGetUtilizationRates")
        return GpuReading(
            name=ask(nvml, "nvmlDeviceGetName", self._handle),
            driver_version=ask(nvml, "nvmlSystemGetDriverVersion"),
            is_persistent=None if persistence is None else persistence == 1,
            compute_mode=COMPUTE_MODES.get(mode),
            sm_clock_hz=self._scaled(1e6, "nvmlDeviceGetClockInfo", nvml.NVML_CLOCK_SM),
            sm_clock_max_hz=self._scaled(1e6, "nvmlDeviceGetMaxClockInfo", nvml.NVML_CLOCK_SM),
            memory_clock_hz=self._scaled(1e6, "nvmlDeviceGetClockInfo", nvml.NVML_CLOCK_MEM),
            memory_clock_max_hz=self._scaled(1e6, "nvmlDeviceGetMaxClockInfo", nvml.NVML_CLOCK_MEM),
            throttle_reasons=self.throttle_reasons(),
            temperature_c=self._scaled(1.0, "nvmlDeviceGetTemperature", nvml.NVML_TEMPERATURE_GPU),
            power_w=self.power_w(),
            power_limit_w=self._scaled(1e-3, "nvmlDeviceGetEnforcedPowerLimit"),
            total_energy_j=self.total_energy_j(),
            memory_used_bytes=None if memory is None else int(memory.used),
            busy_share=None if busy is None else busy.gpu / 100,
        )

    def throttle_reasons(self) -> tuple[str, ...] | None:
        """Why the clocks are below their highest, in words; an unknown bit as its number."""
        bits = self._ask_board("nvmlDeviceGetCurrentClocksEventReasons")
        if bits is None:  # a driver before 535 knows only the old name
            bits = self._ask_board("nvmlDeviceGetCurrentClocksThrottleReasons")
        return None if bits is None else decode_throttle(int(bits))

    def total_energy_j(self) -> float | None:
        """Since the driver was loaded; a difference of two readings is what work has used."""
        return self._scaled(1e-3, "nvmlDeviceGetTotalEnergyConsumption")

    def power_w(self) -> float | None:
        """Of the board: the mean of the last second from Ampere on, but for the A100."""
        return self._scaled(1e-3, "nvmlDeviceGetPowerUsage")

    def instant_power_w(self) -> float | None:
        """Of the board, as the sensor saw it last; drivers from 2023 on tell it."""
        values = self._ask_board("nvmlDeviceGetFieldValues", [POWER_INSTANT])
        is_told = values is not None and values[0].nvmlReturn == self._nvml.NVML_SUCCESS
        return values[0].value.uiVal * 1e-3 if is_told else None

    def processes(self) -> tuple[GpuProcess, ...] | None:
        """All with a compute or graphics context; their numbers are the host's in a container."""
        computing = ask(self._nvml, "nvmlDeviceGetComputeRunningProcesses", self._handle)
        drawing = ask(self._nvml, "nvmlDeviceGetGraphicsRunningProcesses", self._handle)
        if computing is None and drawing is None:
            return None
        found = {
            process.pid: GpuProcess(process.pid, process.usedGpuMemory, draws)
            for group, draws in ((computing, False), (drawing, True))
            for process in group or ()
        }
        return tuple(process for _, process in sorted(found.items()))

    def busy_shares(self, since_s: float) -> Mapping[int, float] | None:
        """Of the GPU's time since a moment (Unix time), the share of each process that took some.

        None where the driver does not tell, as of a split GPU.
        """
        nvml, since_us = self._nvml, int(1e6 * since_s)
        try:
            samples = nvml.nvmlDeviceGetProcessUtilization(self._board, since_us)
        except Exception as error:  # as broad as ``ask``, and for its reason
            # No sample is an error; pynvml raises where none is a success too.
            none_found = (nvml.NVML_ERROR_NOT_FOUND, nvml.NVML_SUCCESS)
            return {} if getattr(error, "value", None) in none_found else None
        return {sample.pid: min(sample.smUtil, 100) / 100 for sample in samples}

    def process_bytes(self, pid: int) -> int | None:
        """GPU memory of one process, its context included; None where it is not listed."""
        sizes = {process.pid: process.memory_bytes for process in self.processes() or ()}
        return sizes.get(pid)

    def _ask_board(self, function: str, *arguments: Any) -> Any:
        return ask(self._nvml, function, self._board, *arguments)

    def _scaled(self, unit: float, function: str, *arguments: Any) -> float | None:
        value = self._ask_board(function, *arguments)
        return None if value is None else value * unit


def open_gpu(nvml: Any = None, uuid: str | None = None) -> Gpu | None:
    """The GPU of a UUID as torch gives it, or else the first that CUDA may use.

    None where there is no library, driver or GPU, or where the driver can't tell which it is.
    """
    nvml = nvml or _library()
    if nvml is None:
        return None
    try:
        nvml.nvmlInit()
    except nvml.NVMLError:
        return None
    device = find_device(nvml, uuid, os.environ)
    return None if device is None else Gpu(nvml, device.handle, device.board)


def decode_throttle(bits: int) -> tuple[str, ...]:
    """The words of the bits that are set, lowest first."""
    set_bits = (1 << position for position in range(bits.bit_length()) if bits >> position & 1)
    return tuple(THROTTLE_WORDS.get(bit, f"unknown reason {bit:#x}") for bit in set_bits)


def _library() -> Any:
    try:
        import pynvml
    except ImportError:
        return None
    return pynvml
