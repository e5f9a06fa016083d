"""Networks that break in every way a run must survive, by their dotted path.

Each is a function without arguments, as the registry's are: ``tests.fault_models:healthy``.
"""

import ctypes
import importlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable

import torch
from torch import Tensor, nn

MIB = 2**20
STARTED = "FAULT_MODELS_STARTED"
"""Names the environment variable with the path of a file or FIFO: a network that blocks writes
the identifiers of its own process and of the process that it started there, in one line."""

BUILT = "FAULT_MODELS_BUILT"
"""Names the environment variable with the path of a file that grows when a network is built."""


class Tiny(nn.Module):
    """One convolution, ``[batch, 1, time] -> [batch, 2, time]``, and what spoils its estimates."""

    def __init__(self, spoil: Callable[[Tensor], object]) -> None:
        super().__init__()
        self.conv = nn.Conv1d(1, 2, kernel_size=3, padding=1)
        self.spoil = spoil

    def forward(self, mixture: Tensor) -> object:
        return self.spoil(self.conv(mixture))


def healthy() -> nn.Module:
    return Tiny(lambda estimates: estimates)


class Fusing(Tiny):
    """Has a fast form, whose estimates differ by a factor."""

    def __init__(self, factor: float) -> None:
        super().__init__(lambda estimates: estimates)
        self.factor = factor

    def fuse(self) -> nn.Module:
        fused = Tiny(lambda estimates: estimates)
        fused.load_state_dict({key: self.factor * w for key, w in self.state_dict().items()})
        return fused


def fuses() -> nn.Module:
    return Fusing(1.0)


def fuses_wrongly() -> nn.Module:
    return Fusing(1.5)


def multiplies() -> nn.Module:
    """A product of small matrices follows the convolution."""
    return nn.Sequential(nn.Conv1d(1, 2, kernel_size=3, padding=1), Sources())


def null() -> nn.Module:
    """Returns its input: one source."""
    return nn.Identity()


def returns_nan() -> nn.Module:
    def spoil(estimates: Tensor) -> Tensor:
        """Three values of the first source of the first mixture."""
        estimates = estimates.clone()
        estimates[0, 0, :3] = torch.tensor([float("nan"), float("inf"), -float("inf")])
        return estimates

    return Tiny(spoil)


class Sources(nn.Module):
    """Mixes two sources."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.eye(2))

    def forward(self, sources: Tensor) -> Tensor:
        mixed: Tensor = self.weight @ sources
        return mixed


class Cusp(nn.Module):
    """Adds a root whose value is 0 and whose gradient is none: training makes a weight NaN."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(1, 2, kernel_size=3, padding=1)
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, mixture: Tensor) -> Tensor:
        estimates: Tensor = self.conv(mixture)
        return estimates + (self.weight - self.weight.detach()).abs().sqrt()


def trains_to_nan() -> nn.Module:
    return Cusp()


def wrong_shape() -> nn.Module:
    return Tiny(lambda estimates: estimates[..., :-1])


def returns_tuple() -> nn.Module:
    return Tiny(lambda estimates: (estimates, estimates))


def raises() -> nn.Module:
    def spoil(estimates: Tensor) -> Tensor:
        raise ValueError("This network [/never] works.\nIt says so in two lines.")

    return Tiny(spoil)


def raises_undecodable() -> nn.Module:
    """An error about a file whose name is not UTF-8, as Python spells such names."""

    def spoil(estimates: Tensor) -> Tensor:
        raise ValueError(f"No weights in {os.fsdecode(b'caf' + bytes([0xE9]))}.")

    return Tiny(spoil)


def crashes() -> nn.Module:
    return Tiny(lambda estimates: ctypes.string_at(0))


def kills_itself() -> nn.Module:
    return Tiny(lambda estimates: os.kill(os.getpid(), signal.SIGKILL))


def aborts() -> nn.Module:
    return Tiny(lambda estimates: os.abort())


def ends_by_realtime_signal() -> nn.Module:
    """A signal that Python has no name for."""
    return Tiny(lambda estimates: os.kill(os.getpid(), signal.SIGRTMIN + 3))


def exits() -> nn.Module:
    return Tiny(lambda estimates: os._exit(3))


def exits_politely() -> nn.Module:
    return Tiny(lambda estimates: sys.exit(4))


class Hanging(nn.Module):
    """Blocks for ever in its first forward, with a process of its own that does so too."""

    def forward(self, mixture: Tensor) -> Tensor:
        child = subprocess.Popen(["tail", "-f", "/dev/null"])
        announce(os.getpid(), child.pid)
        threading.Event().wait()
        return mixture


def hangs() -> nn.Module:
    return Hanging()


def hangs_without_pipes() -> nn.Module:
    """Closes every file it did not open, as daemons do, and blocks for ever."""

    def spoil(estimates: Tensor) -> Tensor:
        announce(os.getpid())
        os.closerange(3, 256)
        threading.Event().wait()
        return estimates

    return Tiny(spoil)


def leaves_a_process() -> nn.Module:
    """Forks a process that outlives the forward and keeps every inherited file open."""

    def spoil(estimates: Tensor) -> Tensor:
        child = os.fork()
        if child == 0:
            signal.pause()
            os._exit(0)
        announce(os.getpid(), child)
        return estimates

    return Tiny(spoil)


def names_its_server() -> nn.Module:
    def spoil(estimates: Tensor) -> Tensor:
        announce(os.getppid())
        return estimates

    return Tiny(spoil)


def leaves_a_process_and_crashes() -> nn.Module:
    def spoil(estimates: Tensor) -> Tensor:
        if os.fork() == 0:
            signal.pause()
            os._exit(0)
        ctypes.string_at(0)
        return estimates

    return Tiny(spoil)


def kills_its_server() -> nn.Module:
    def spoil(estimates: Tensor) -> Tensor:
        os.kill(os.getppid(), signal.SIGKILL)
        threading.Event().wait()
        return estimates

    return Tiny(spoil)


def announce(*processes: int) -> None:
    """Say in one write that a forward has begun, where the environment says to."""
    if path := os.environ.get(STARTED):
        with open(path, "ab", buffering=0) as file:
            file.write(" ".join(map(str, processes)).encode() + b"\n")


def sets_threads() -> nn.Module:
    torch.set_num_threads(3)
    return healthy()


def sets_threads_in_its_forward() -> nn.Module:
    def spoil(estimates: Tensor) -> Tensor:
        torch.set_num_threads(3)
        return estimates

    return Tiny(spoil)


def allocates_100_mib() -> nn.Module:
    """Holds exactly 100 MiB more during a forward than the healthy network."""

    def spoil(estimates: Tensor) -> Tensor:
        block = torch.ones(100 * MIB, dtype=torch.uint8, device=estimates.device)
        return estimates * block[0]

    return Tiny(spoil)


def out_of_memory() -> nn.Module:
    return Tiny(lambda estimates: torch.empty(2**60, dtype=torch.uint8))


def out_of_gpu_memory() -> nn.Module:
    """What torch raises when a GPU is full."""

    def spoil(estimates: Tensor) -> Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")

    return Tiny(spoil)


def out_of_memory_in_a_library(message: str) -> nn.Module:
    """Libraries below torch have words of their own for it, in a RuntimeError."""

    def spoil(estimates: Tensor) -> Tensor:
        raise RuntimeError(message)

    return Tiny(spoil)


def out_of_driver_memory() -> nn.Module:
    return out_of_memory_in_a_library("CUDA error: out of memory")


def out_of_cublas_memory() -> nn.Module:
    return out_of_memory_in_a_library(
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"
    )


def out_of_cpp_memory() -> nn.Module:
    return out_of_memory_in_a_library("std::bad_alloc")


def no_source() -> nn.Module:
    return Tiny(lambda estimates: estimates[:, :0])


def seven_sources() -> nn.Module:
    return Tiny(lambda estimates: estimates[:, :1].repeat(1, 7, 1))


def imports_missing() -> nn.Module:
    importlib.import_module("package_that_nobody_has.networks")
    return healthy()


def prints_a_lot() -> nn.Module:
    def spoil(estimates: Tensor) -> Tensor:
        """More than a pipe holds, on both streams, above and below Python's buffers."""
        for stream in (sys.stdout, sys.stderr):
            stream.write('{"status": "error"}\n' * 10_000)
        for descriptor in (1, 2):
            os.write(descriptor, b"\xff not UTF-8\n" * 10_000)
        return estimates

    return Tiny(spoil)


def waits_for_a_reader() -> nn.Module:
    """Ends when ``reads`` is built beside it: a FIFO opens once it is opened at both ends."""
    os.close(os.open(os.environ[STARTED], os.O_WRONLY))
    return healthy()


def reads() -> nn.Module:
    """Ends when ``waits_for_a_reader`` is built beside it."""
    os.close(os.open(os.environ[STARTED], os.O_RDONLY))
    return healthy()


def out_of_memory_at_first() -> nn.Module:
    """Has enough memory when it is built for the second time in a run."""
    first = not os.path.exists(os.environ[STARTED])
    announce(os.getpid())
    return out_of_memory() if first else healthy()


def hangs_once() -> nn.Module:
    """Blocks while it is built for the fourth time, after its contract and some of its counts."""
    with open(os.environ[BUILT], "ab", buffering=0) as file:
        file.write(b".")
        is_fourth = file.tell() == 4
    if is_fourth:
        announce(os.getpid())
        threading.Event().wait()
    return healthy()


def keeps_a_tensor_on_the_cpu() -> nn.Module:
    """A constant that is no buffer, and so stays behind when the network moves to a GPU."""
    scale = torch.ones(2, 1)
    return Tiny(lambda estimates: estimates * scale)
