"""What this process does on each simulated card, and which other processes use it.

Nothing here imports torch. Processes of one run find each other by a folder, so that the simulated
driver lists them all, as a real one does.
"""

import os
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from tests.simulated_cuda.scenarios import MIB

CONTEXT_BYTES = 500 * MIB
"""A CUDA context with torch's kernels takes some hundred MB, as nvidia-smi shows."""
IDLE_MW = 70_000
FOLDER_VARIABLE = "SIMULATED_CUDA_FOLDER"


@dataclass
class Usage:
    """Of one card by this process."""

    n_launches: int = 0
    reserved_bytes: int = 0  # by torch's allocator

    @property
    def energy_mj(self) -> int:
        """Grows with time and work, as nvmlDeviceGetTotalEnergyConsumption does; no real figure."""
        return 1_000_000 + int(IDLE_MW * time.monotonic()) + 10 * self.n_launches


USAGE: dict[str, Usage] = defaultdict(Usage)
"""By the card's UUID."""
_contexts: dict[str, int] = {}
"""The process that made a context, by the card's UUID: a fork inherits this, and no context."""


def make_context(uuid: str) -> None:
    """From now on the driver lists this process."""
    _contexts[uuid] = os.getpid()
    if folder := os.environ.get(FOLDER_VARIABLE):
        Path(folder, f"{os.getpid()}.{uuid}").touch()


def forget() -> None:
    """At the end of a simulation."""
    USAGE.clear()
    _contexts.clear()


def processes(uuid: str) -> dict[int, int]:
    """Those with a context on a card, and the memory they hold there."""
    found = {}
    if folder := os.environ.get(FOLDER_VARIABLE):
        names = [path.name.split(".", 1) for path in Path(folder).glob(f"*.{uuid}")]
        living = [int(pid) for pid, _ in names if Path("/proc", pid).exists()]
        found = dict.fromkeys(living, CONTEXT_BYTES)
    if _contexts.get(uuid) == os.getpid():
        found[os.getpid()] = CONTEXT_BYTES + USAGE[uuid].reserved_bytes
    return found
