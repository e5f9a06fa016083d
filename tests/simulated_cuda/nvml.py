"""Stand-ins for pynvml's functions. Quotations are from NVIDIA's NVML API Reference Guide.

Structures, constants and errors are pynvml's own. A function that has no stand-in is pynvml's too:
without the driver's library it raises NVMLError_Uninitialized. Handles are opaque in NVML; here
they are the cards.
"""

from collections.abc import Sequence
from types import ModuleType
from typing import Any

from tests.simulated_cuda.scenarios import Card, Scenario
from tests.simulated_cuda.usage import USAGE, processes


class Driver:
    """The driver's side: its functions by pynvml's names and parameters (pynvml.py)."""

    def __init__(self, nvml: ModuleType, scenario: Scenario) -> None:
        self._nvml: Any = nvml
        self._scenario = scenario
        self._is_open = False

    def _error(self, name: str) -> Exception:
        error: Exception = self._nvml.NVMLError(getattr(self._nvml, f"NVML_ERROR_{name}"))
        return error

    def _opened(self) -> None:
        """All functions but nvmlInit: "NVML_ERROR_UNINITIALIZED if the library has not been
        successfully initialized".
        """
        if not self._is_open:
            raise self._error("UNINITIALIZED")

    def _board(self, handle: Card) -> Card:
        """A whole card; of a MIG instance's handle most functions are not supported: User Guide of
        MIG, "MIG device handles": they are for memory, name, UUID, identifiers and processes.
        """
        self._opened()
        if handle not in self._scenario.cards:
            raise self._error("NOT_SUPPORTED")
        return handle

    def nvmlInit(self) -> None:
        """Without the driver "NVML_ERROR_LIBRARY_NOT_FOUND": pynvml raises it by itself."""
        if not self._scenario.has_nvml:
            raise self._error("LIBRARY_NOT_FOUND")
        self._is_open = True

    def nvmlSystemGetDriverVersion(self) -> str:
        self._opened()
        return self._scenario.driver

    def nvmlDeviceGetCount(self) -> int:
        """Of boards: MIG instances are not counted."""
        self._opened()
        return len(self._scenario.cards)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> Card:
        """ "NVML_ERROR_INVALID_ARGUMENT if index is invalid"; the order "may not correlate with
        other APIs, such as the CUDA device index".
        """
        self._opened()
        if not 0 <= index < len(self._scenario.cards):
            raise self._error("INVALID_ARGUMENT")
        return self._scenario.cards[index]

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> Card:
        """ "NVML_ERROR_NOT_FOUND if uuid does not match a valid device on the system"; takes those
        of MIG instances too.
        """
        self._opened()
        for card in self._scenario.cards:
            for handle in (card, *card.instances):
                if handle.uuid == uuid:
                    return handle
        raise self._error("NOT_FOUND")

    def nvmlDeviceGetName(self, handle: Card) -> str:
        self._opened()
        return handle.name

    def nvmlDeviceGetUUID(self, handle: Card) -> str:
        self._opened()
        return handle.uuid

    def nvmlDeviceGetPersistenceMode(self, handle: Card) -> int:
        """nvmlEnableState_t: 1 is enabled."""
        return int(self._board(handle).is_persistent)

    def nvmlDeviceGetComputeMode(self, handle: Card) -> int:
        self._board(handle)
        return int(self._nvml.NVML_COMPUTEMODE_DEFAULT)

    def nvmlDeviceGetClockInfo(self, handle: Card, type: int) -> int:
        """In MHz."""
        return self._clocks(handle, type)[self._is_busy(handle)]

    def nvmlDeviceGetMaxClockInfo(self, handle: Card, type: int) -> int:
        return self._clocks(handle, type)[1]

    def _clocks(self, handle: Card, kind: int) -> tuple[int, int]:
        card = self._board(handle)
        return card.memory_mhz if kind == self._nvml.NVML_CLOCK_MEM else card.sm_mhz

    def _is_busy(self, handle: Card) -> bool:
        return any(USAGE[card.uuid].n_launches for card in (handle, *handle.instances))

    def nvmlDeviceGetCurrentClocksEventReasons(self, handle: Card) -> int:
        """Since driver 535 (its release notes); before, the library has no such function."""
        if int(self._scenario.driver.split(".")[0]) < 535:
            raise self._error("FUNCTION_NOT_FOUND")
        return self.nvmlDeviceGetCurrentClocksThrottleReasons(handle)

    def nvmlDeviceGetCurrentClocksThrottleReasons(self, handle: Card) -> int:
        """ "nvmlClocksEventReasonGpuIdle: nothing is running on the GPU"."""
        card = self._board(handle)
        return card.busy_reasons if self._is_busy(card) else self._nvml.nvmlClocksEventReasonGpuIdle

    def nvmlDeviceGetTemperature(self, handle: Card, sensor: int) -> int:
        """In degrees C."""
        return 88 if self._board(handle).busy_reasons and self._is_busy(handle) else 41

    def nvmlDeviceGetPowerUsage(self, handle: Card) -> int:
        """In milliwatts."""
        return self._board(handle).power_limit_mw // (2 if self._is_busy(handle) else 10)

    def nvmlDeviceGetFieldValues(self, handle: Card, fieldIds: Sequence[int]) -> Any:
        """Of each field its own status: "nvmlReturn" is that of "retrieving this value"."""
        values = (self._nvml.c_nvmlFieldValue_t * len(fieldIds))()
        for value, field in zip(values, fieldIds, strict=True):
            value.fieldId = field
            value.nvmlReturn = self._nvml.NVML_ERROR_NOT_SUPPORTED
            if field == self._nvml.NVML_FI_DEV_POWER_INSTANT:
                value.nvmlReturn = self._nvml.NVML_SUCCESS
                value.value.uiVal = self.nvmlDeviceGetPowerUsage(handle)
        return values

    def nvmlDeviceGetEnforcedPowerLimit(self, handle: Card) -> int:
        return self._board(handle).power_limit_mw

    def nvmlDeviceGetTotalEnergyConsumption(self, handle: Card) -> int:
        """In millijoules "since the driver was last reloaded"; "for Volta or newer"."""
        card = self._board(handle)
        if card.capability < (7, 0):
            raise self._error("NOT_SUPPORTED")
        return sum(USAGE[part.uuid].energy_mj for part in (card, *card.instances))

    def nvmlDeviceGetMemoryInfo(self, handle: Card, version: int | None = None) -> Any:
        """Of a MIG instance its own."""
        self._opened()
        known = [*self._neighbours(handle), *self._own(handle)]
        used = handle.hidden_bytes + sum(process.usedGpuMemory or 0 for process in known)
        return self._nvml.c_nvmlMemory_t(handle.total_bytes, handle.total_bytes - used, used)

    def nvmlDeviceGetUtilizationRates(self, handle: Card) -> Any:
        """ "On MIG-enabled GPUs, querying device utilization rates is not currently supported"."""
        card = self._board(handle)
        if card.instances:
            raise self._error("NOT_SUPPORTED")
        busy = 100 if self._is_busy(card) else sum(n.sm_percent for n in card.neighbours)
        return self._nvml.c_nvmlUtilization_t(min(100, busy), 0)

    def nvmlDeviceGetProcessUtilization(self, handle: Card, timeStamp: int) -> Sequence[Any]:
        """ "NVML_ERROR_NOT_FOUND if sample entries are not found"; "On MIG-enabled GPUs, querying
        process utilization is not currently supported".
        """
        card = self._board(handle)
        if card.instances:
            raise self._error("NOT_SUPPORTED")
        found = [
            self._nvml.c_nvmlProcessUtilizationSample_t(
                pid=one.pid, timeStamp=timeStamp + 1, smUtil=one.sm_percent
            )
            for one in card.neighbours
            if one.sm_percent
        ]
        if not found:
            raise self._error("NOT_FOUND")
        return found

    def nvmlDeviceGetComputeRunningProcesses(self, handle: Card) -> list[Any]:
        self._has_processes()
        hidden = self._scenario.hides_processes
        return [] if hidden else [*self._neighbours(handle, draws=False), *self._own(handle)]

    def nvmlDeviceGetGraphicsRunningProcesses(self, handle: Card) -> list[Any]:
        self._has_processes()
        return [] if self._scenario.hides_processes else self._neighbours(handle, draws=True)

    def _has_processes(self) -> None:
        """pynvml asks for version 3 of these functions, which came with driver 510 (CUDA 11.6);
        where it is not there, it raises an error that is no NVMLError (throwOnVersionMismatch).
        """
        self._opened()
        if int(self._scenario.driver.split(".")[0]) < 510:
            raise self._nvml.NVMLLibraryMismatchError(
                "Unversioned function called and the pyNVML version does not match the NVML lib "
                "version."
            )

    def _own(self, handle: Card) -> list[Any]:
        """This run's processes; an instance's are the board's too."""
        listed = [processes(part.uuid) for part in (handle, *handle.instances)]
        return [self._process(pid, used) for each in listed for pid, used in each.items()]

    def _neighbours(self, handle: Card, draws: bool | None = None) -> list[Any]:
        chosen = [one for one in handle.neighbours if draws in (None, one.draws)]
        return [self._process(one.pid, one.used_bytes) for one in chosen]

    def _process(self, pid: int, used_bytes: int | None) -> Any:
        """A nvmlProcessInfo_t; outside MIG mode both identifiers are 0xFFFFFFFF."""
        fields = {"pid": pid, "usedGpuMemory": used_bytes}
        ids = {"gpuInstanceId": 0xFFFFFFFF, "computeInstanceId": 0xFFFFFFFF}
        return self._nvml.nvmlFriendlyObject(fields | ids)

    def nvmlDeviceGetMigMode(self, device: Card) -> list[int]:
        """Current and pending mode; "For Ampere or newer"."""
        card = self._board(device)
        if card.capability < (8, 0) or card.total_bytes < 20 * 2**30:
            raise self._error("NOT_SUPPORTED")
        return [int(bool(card.instances))] * 2

    def nvmlDeviceGetMaxMigDeviceCount(self, device: Card) -> int:
        """ "Returns zero if MIG is not supported or enabled"; seven at most."""
        return 7 if self._board(device).instances else 0

    def nvmlDeviceGetMigDeviceHandleByIndex(self, device: Card, index: int) -> Card:
        """ "NVML_ERROR_NOT_FOUND if no valid MIG device was found at index"."""
        instances = self._board(device).instances
        if not 0 <= index < len(instances):
            raise self._error("NOT_FOUND")
        return instances[index]

    def nvmlDeviceGetDeviceHandleFromMigDeviceHandle(self, migDevice: Card) -> Card:
        self._opened()
        for card in self._scenario.cards:
            if migDevice in card.instances:
                return card
        raise self._error("INVALID_ARGUMENT")


def functions(nvml: ModuleType, scenario: Scenario) -> dict[str, Any]:
    """The stand-ins by the names that they have in pynvml."""
    driver = Driver(nvml, scenario)
    return {name: getattr(driver, name) for name in dir(Driver) if name.startswith("nvml")}
