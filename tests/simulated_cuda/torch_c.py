"""Stand-ins for functions of ``torch._C`` that a build with CUDA has.

torch's own Python calls them, so that ``torch.cuda`` itself is real. Names and parameters are those
of torch/_C/__init__.pyi, behaviour that of torch/csrc/cuda/Module.cpp.
"""

import warnings
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import torch

from tests.simulated_cuda.gpus import Gpus
from tests.simulated_cuda.usage import make_context

STREAM_TYPE = 1
"""c10::DeviceType::CUDA (c10/core/DeviceType.h)."""


class Uuid:
    """torch/csrc/cuda/Module.cpp, class _CUuuid: the bytes, and as text without a prefix."""

    def __init__(self, nvml_uuid: str) -> None:
        self._text = nvml_uuid.partition("-")[2]

    @property
    def bytes(self) -> bytes:
        return bytes.fromhex(self._text.replace("-", ""))

    def __str__(self) -> str:
        return self._text


class Functions:
    """By the names that they have in ``torch._C``."""

    def __init__(self, gpus: Gpus) -> None:
        self._gpus = gpus
        self._has_warned = False

    def _cuda_getDeviceCount(self) -> int:
        """c10/cuda/CUDAFunctions.cpp, device_count: an error is a warning, once, and no device."""
        if not self._gpus.scenario.is_driver_too_old:
            return len(self._gpus.cards)
        if not self._has_warned:
            self._has_warned = True
            warnings.warn(f"CUDA initialization: {self._too_old()}", stacklevel=2)
        return 0

    def _too_old(self) -> str:
        """c10/cuda/CUDAFunctions.cpp, cudaErrorInsufficientDriver."""
        return (
            "The NVIDIA driver on your system is too old (found version "
            f"{self._gpus.scenario.cuda_of_driver}). Please update your GPU driver by downloading "
            "and installing a new version from the URL: "
            "http://www.nvidia.com/Download/index.aspx Alternatively, go to: "
            "https://pytorch.org to install a PyTorch version that has been compiled with your "
            "version of the CUDA driver."
        )

    def _cuda_init(self) -> None:
        """c10/cuda/CUDAFunctions.cpp, device_count_ensure_non_zero; THCPModule_initExtension."""
        if self._gpus.scenario.is_driver_too_old:
            raise RuntimeError(self._too_old())
        if not self._gpus.cards:
            raise RuntimeError("No CUDA GPUs are available")
        generators = tuple(torch.Generator() for _ in self._gpus.cards)
        torch.cuda.default_generators = generators  # type: ignore[assignment]  # declared of one
        for card in self._gpus.cards[self._gpus.current :][:1]:
            make_context(card.uuid)

    def _cuda_getArchFlags(self) -> str | None:
        return self._gpus.scenario.architectures

    def _cuda_getDevice(self) -> int:
        return self._gpus.current

    def _cuda_setDevice(self, device: int) -> None:
        if device >= len(self._gpus.cards):
            raise torch.AcceleratorError("CUDA error: invalid device ordinal")
        self._gpus.current = device
        make_context(self._gpus.cards[device].uuid)

    def _cuda_exchangeDevice(self, device: int) -> int:
        """ "if (device < 0) return -1"; the device that was current."""
        before = self._gpus.current
        if device < 0:
            return -1
        if device != before:
            self._cuda_setDevice(device)
        return before

    def _cuda_maybeExchangeDevice(self, device: int) -> int:
        return self._cuda_exchangeDevice(device)

    def _cuda_synchronize(self) -> None:
        """All work is done when its call returns."""
        self._gpus.refuse_while_capturing()

    def _cuda_getCurrentStream(self, device: int) -> tuple[int, int, int]:
        """Stream, device, kind of device."""
        return self._gpus.stream, device, STREAM_TYPE

    def _cuda_getCurrentRawStream(self, device: int) -> int:
        """torch._dynamo takes it, by name, when it is imported."""
        return self._gpus.stream

    def _cuda_getDefaultStream(self, device: int) -> tuple[int, int, int]:
        return 0, device, STREAM_TYPE

    def _cuda_setStream(self, stream_id: int, device_index: int, device_type: int) -> None:
        self._gpus.stream = stream_id

    def _cuda_memoryStats(self, device: int) -> dict[str, Any]:
        return self._gpus.memories[device].stats()

    def _cuda_resetPeakMemoryStats(self, device: int) -> None:
        self._gpus.memories[device].reset_peaks()

    def _cuda_emptyCache(self) -> None:
        for memory in self._gpus.memories:
            memory.empty_cache()

    def _cuda_clearCublasWorkspaces(self) -> None:
        for memory in self._gpus.memories:
            memory.clear_workspace()

    def _host_emptyCache(self) -> None:
        """There is no pinned memory here."""

    def _cuda_isCurrentStreamCapturing(self) -> bool:
        return self._gpus.capture is not None

    def _graph_pool_handle(self) -> tuple[int, int]:
        """c10/cuda/CUDACachingAllocator.h, MempoolId_t: two numbers."""
        return 0, 1


def functions(gpus: Gpus) -> dict[str, Callable[..., Any]]:
    """The stand-ins by the names that they have in ``torch._C``."""
    chosen = Functions(gpus)
    names = [name for name in dir(Functions) if name.startswith(("_cuda_", "_host_", "_graph_"))]
    return {name: getattr(chosen, name) for name in names}


def device_properties(gpus: Gpus) -> Callable[[int], SimpleNamespace]:
    """torch.cuda._get_device_properties: of the fields of torch._C._CudaDeviceProperties some."""

    def of(device: int) -> SimpleNamespace:
        card = gpus.cards[device]
        return SimpleNamespace(
            name=card.name,
            major=card.capability[0],
            minor=card.capability[1],
            multi_processor_count=card.n_multiprocessors,
            total_memory=card.total_bytes,
            L2_cache_size=card.l2_bytes,
            uuid=Uuid(card.uuid),
            is_integrated=0,
            is_multi_gpu_board=0,
            max_threads_per_multi_processor=2048,
            warp_size=32,
            gcnArchName=card.name,  # of AMD's; on NVIDIA's the name again
        )

    return of


def runtime(gpus: Gpus) -> SimpleNamespace:
    """torch.cuda.cudart(): what torch.cuda calls of it, free and total bytes in this order."""

    def memory_info(device: int) -> tuple[int, int]:
        memory = gpus.memories[device]
        return memory.free_bytes, memory.card.total_bytes

    return SimpleNamespace(cudaMemGetInfo=memory_info)
