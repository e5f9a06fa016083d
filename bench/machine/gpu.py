"""What the driver says of the GPU (NVML): clocks, what slows them, power, energy, processes.

Without the library, the driver or a GPU there is no ``Gpu``; a value that the driver or a
container hides is None, never 0. The only file that imports pynvml.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

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

COMPUTE_MODES = {0: "default", 1: "exclusive thread", 2: "prohibited", 3: "exclusive process"}


@dataclass(frozen=True)
class GpuProcess:
    """A process with a context on the GPU, and its share of the memory if the driver tells."""

    pid: int
    memory_bytes: int | None


class Gpu:
    """One GPU as the driver sees it. ``open_gpu`` makes it."""

    def __init__(self, nvml: Any, handle: Any) -> None:
        self._nvml = nvml
        self._handle = handle

    def read(self) -> GpuReading:
        """Everything at this moment but who else uses it."""
        nvml = self._nvml
        mode, memory = self._ask("nvmlDeviceGetComputeMode"), self._ask("nvmlDeviceGetMemoryInfo")
        persistence = self._ask("nvmlDeviceGetPersistenceMode")
        return GpuReading(
            name=self._ask("nvmlDeviceGetName"),
            driver_version=_ask(nvml, "nvmlSystemGetDriverVersion"),
            is_persistent=None if persistence is None else persistence == 1,
            compute_mode=COMPUTE_MODES.get(mode),
            sm_clock_hz=self._scaled(1e6, "nvmlDeviceGetClockInfo", nvml.NVML_CLOCK_SM),
            sm_clock_max_hz=self._scaled(1e6, "nvmlDeviceGetMaxClockInfo", nvml.NVML_CLOCK_SM),
            memory_clock_hz=self._scaled(1e6, "nvmlDeviceGetClockInfo", nvml.NVML_CLOCK_MEM),
            memory_clock_max_hz=self._scaled(1e6, "nvmlDeviceGetMaxClockInfo", nvml.NVML_CLOCK_MEM),
            throttle_reasons=self.throttle_reasons(),
            temperature_c=self._scaled(1.0, "nvmlDeviceGetTemperature", nvml.NVML_TEMPERATURE_GPU),
            power_w=self._scaled(1e-3, "nvmlDeviceGetPowerUsage"),
            power_limit_w=self._scaled(1e-3, "nvmlDeviceGetEnforcedPowerLimit"),
            total_energy_j=self.total_energy_j(),
            memory_used_bytes=None if memory is None else int(memory.used),
        )

    def throttle_reasons(self) -> tuple[str, ...] | None:
        """Why the clocks are below their highest, in words; an unknown bit as its number."""
        bits = self._ask("nvmlDeviceGetCurrentClocksEventReasons")
        if bits is None:  # a driver before 535 knows only the old name
            bits = self._ask("nvmlDeviceGetCurrentClocksThrottleReasons")
        return None if bits is None else decode_throttle(int(bits))

    def total_energy_j(self) -> float | None:
        """Since the driver was loaded; a difference of two readings is what work has used."""
        return self._scaled(1e-3, "nvmlDeviceGetTotalEnergyConsumption")

    def processes(self) -> tuple[GpuProcess, ...] | None:
        """All with a compute or graphics context; their numbers are the host's in a container."""
        listed = [
            self._ask("nvmlDeviceGetComputeRunningProcesses"),
            self._ask("nvmlDeviceGetGraphicsRunningProcesses"),
        ]
        if listed == [None, None]:
            return None
        found = {process.pid: process.usedGpuMemory for group in listed for process in group or ()}
        return tuple(GpuProcess(pid, memory) for pid, memory in sorted(found.items()))

    def process_bytes(self, pid: int) -> int | None:
        """GPU memory of one process, its context included; None where it is not listed."""
        sizes = {process.pid: process.memory_bytes for process in self.processes() or ()}
        return sizes.get(pid)

    def _ask(self, function: str, *arguments: Any) -> Any:
        return _ask(self._nvml, function, self._handle, *arguments)

    def _scaled(self, unit: float, function: str, *arguments: Any) -> float | None:
        value = self._ask(function, *arguments)
        return None if value is None else value * unit


def open_gpu(nvml: Any = None) -> Gpu | None:
    """The first GPU that CUDA may use, or None where there is no library, driver or GPU.

    CUDA_VISIBLE_DEVICES is followed by number or UUID; numbers are taken in the driver's order.
    """
    nvml = nvml or _library()
    if nvml is None:
        return None
    first = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0].strip()
    try:
        nvml.nvmlInit()
        if first.startswith("GPU-"):
            return Gpu(nvml, nvml.nvmlDeviceGetHandleByUUID(first))
        return Gpu(nvml, nvml.nvmlDeviceGetHandleByIndex(int(first)))
    except (nvml.NVMLError, ValueError):
        return None


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


def _ask(nvml: Any, function: str, *arguments: Any) -> Any:
    """What a function of the driver answers; None where it, or its answer, is not there."""
    try:
        return getattr(nvml, function)(*arguments)
    except (nvml.NVMLError, AttributeError):
        return None
