"""The memory of a simulated card, as torch's caching allocator books it."""

from dataclasses import dataclass, field
from typing import NoReturn

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef

from tests.simulated_cuda.scenarios import MIB, Card
from tests.simulated_cuda.usage import CONTEXT_BYTES, USAGE

# c10/cuda/CUDACachingAllocator.cpp: "all sizes are rounded to at least 512 bytes" (kMinBlockSize),
# and are multiples of it; "round up large allocations to 2 MiB" (kRoundLarge).
BLOCK_BYTES = 512
SEGMENT_BYTES = 2 * MIB
# aten/src/ATen/cuda/CublasHandlePool.cpp, getChosenWorkspaceSize: 32 MiB on Hopper and Blackwell,
# ":4096:2:16:8" elsewhere, in KiB. Allocated by the first product, kept until it is cleared.
HOPPER_WORKSPACE_BYTES = 4096 * 8 * 1024
WORKSPACE_BYTES = 2 * 4096 * 1024 + 8 * 16 * 1024


def storage_key(tensor: Tensor) -> int | None:
    """The address of a tensor's storage, or None of one that has none (sparse ones, say)."""
    try:
        key: int = tensor.untyped_storage()._cdata
    except (NotImplementedError, RuntimeError):
        return None
    return key


@dataclass
class Memory:
    """What torch's allocator holds on one card for this process."""

    card: Card
    index: int
    is_full: bool = False  # nothing more is to be had
    allocated: int = 0
    peak: int = 0
    reserved: int = 0
    peak_reserved: int = 0
    workspace: int = 0
    _blocks: dict[int, tuple[StorageWeakRef, int]] = field(default_factory=dict)

    def holds(self, key: int | None) -> bool:
        """Whether a storage is on this card."""
        return key in self._blocks

    def take(self, tensor: Tensor) -> None:
        """Book the storage of a tensor that has come to be on the card; a meta tensor has none.

        Raises:
            OutOfMemoryError: there is no room for it.
        """
        key = storage_key(tensor)
        if key is None or tensor.is_meta:
            return
        storage = tensor.untyped_storage()
        n_bytes = -(-storage.nbytes() // BLOCK_BYTES) * BLOCK_BYTES
        if self.allocated + n_bytes > self.peak or self.is_full:
            self.sweep()  # what is freed can only matter here
        self._require(n_bytes)
        # A weak reference keeps the address from being given out again.
        self._blocks[key] = (StorageWeakRef(storage), n_bytes)
        self._add(n_bytes)

    def take_workspace(self) -> None:
        """Of cuBLAS, at the first product."""
        if not self.workspace:
            is_large = self.card.capability[0] in (9, 10)
            self.workspace = HOPPER_WORKSPACE_BYTES if is_large else WORKSPACE_BYTES
            self._add(self.workspace)

    def clear_workspace(self) -> None:
        """By torch._C._cuda_clearCublasWorkspaces."""
        self.allocated -= self.workspace
        self.workspace = 0

    def sweep(self) -> None:
        """Take note of what was freed."""
        gone = [key for key, (reference, _) in self._blocks.items() if reference.expired()]
        for key in gone:
            self.allocated -= self._blocks.pop(key)[1]

    def empty_cache(self) -> None:
        """ "Release all unoccupied cached memory" (torch.cuda.empty_cache)."""
        self.sweep()
        self._reserve(0)

    def reset_peaks(self) -> None:
        """reset_peak_stat: the peak is what is held now."""
        self.sweep()
        self.peak, self.peak_reserved = self.allocated, self.reserved

    def stats(self) -> dict[str, dict[str, dict[str, int]]]:
        """Nested as torch._C._cuda_memoryStats gives it, of what torch.cuda.memory_stats lists."""
        self.sweep()
        allocated = {"current": self.allocated, "peak": self.peak}
        reserved = {"current": self.reserved, "peak": self.peak_reserved}
        return {
            "allocated_bytes": {"all": allocated},
            "reserved_bytes": {"all": reserved},
            "active_bytes": {"all": allocated},
            "requested_bytes": {"all": allocated},
        }

    @property
    def free_bytes(self) -> int:
        """As cudaMemGetInfo has it: what no process holds."""
        if self.is_full:
            return 0
        others = sum(neighbour.used_bytes or 0 for neighbour in self.card.neighbours)
        held = self.reserved + CONTEXT_BYTES + others + self.card.hidden_bytes
        return self.card.total_bytes - held

    def _add(self, n_bytes: int) -> None:
        self.allocated += n_bytes
        self.peak = max(self.peak, self.allocated)
        if self.allocated > self.reserved:
            self._reserve(self.allocated)

    def _reserve(self, at_least: int) -> None:
        """Whole segments for what is allocated; cached ones stay until the cache is emptied."""
        wanted = max(at_least, self.allocated)
        self.reserved = -(-wanted // SEGMENT_BYTES) * SEGMENT_BYTES
        self.peak_reserved = max(self.peak_reserved, self.reserved)
        USAGE[self.card.uuid].reserved_bytes = self.reserved

    def _require(self, n_bytes: int) -> None:
        cached = 0 if self.is_full else self.reserved - self.allocated
        if n_bytes > self.free_bytes + cached:
            self.refuse(n_bytes)

    def refuse(self, n_bytes: int) -> NoReturn:
        """The words are those of c10/cuda/CUDACachingAllocator.cpp, malloc."""
        raise torch.OutOfMemoryError(
            f"CUDA out of memory. Tried to allocate {_size(n_bytes)}. GPU {self.index} has a total "
            f"capacity of {_size(self.card.total_bytes)} of which {_size(self.free_bytes)} is "
            f"free. Of the allocated memory {_size(self.allocated)} is allocated by PyTorch, and "
            f"{_size(max(0, self.reserved - self.allocated))} is reserved by PyTorch but "
            "unallocated. If reserved but unallocated memory is large try setting "
            "PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True to avoid fragmentation.  See "
            "documentation for Memory Management  "
            "(https://pytorch.org/docs/stable/notes/cuda.html#environment-variables)"
        )


def _size(n_bytes: int) -> str:
    """format_size of the same file."""
    for unit, name in ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB")):
        if n_bytes > unit:
            return f"{n_bytes / unit:.2f} {name}"
    return f"{n_bytes} bytes"
