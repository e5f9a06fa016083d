"""The GPU that torch uses in this process, in torch's words, and the driver's view of the same one.

Asking torch about a GPU starts CUDA, which takes memory and time: a process that measures on the
CPU must not do so.
"""

import os
import warnings
from collections.abc import MutableMapping

import torch

from bench.machine.attempt import attempt
from bench.machine.gpu import Gpu, open_gpu
from bench.machine.state import read_gpu
from bench.results.environment import NO_CUDA, GpuDevice, GpuReading

TRIGGERED = " (Triggered internally at "
"""Before a place in torch's sources, at the end of its warnings."""


def describe_gpu(problems: MutableMapping[str, str]) -> GpuDevice | None:
    """The first CUDA device, or None; what keeps torch from using it is in ``problems``.

    torch says of a driver that is too old only in a warning, and then knows no GPU; a card that
    this build has no kernels for is there until the first one is to run.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        device = _describe(problems)
    if device is None or NO_CUDA in problems:
        words = [str(warning.message).split(TRIGGERED)[0] for warning in caught]
        said = [" ".join(text.split()).rstrip(".") for text in (problems.get(NO_CUDA, ""), *words)]
        if any(said):
            problems[NO_CUDA] = ". ".join(filter(None, said))
    return device


def _describe(problems: MutableMapping[str, str]) -> GpuDevice | None:
    if not attempt(problems, NO_CUDA, torch.cuda.is_available):
        return None
    device = attempt(problems, NO_CUDA, _read_properties)
    if device is not None:
        attempt(problems, NO_CUDA, run_kernel)
    return device


def _read_properties() -> GpuDevice:
    properties = torch.cuda.get_device_properties(0)
    return GpuDevice(
        name=properties.name,
        memory_bytes=properties.total_memory,
        compute_capability=f"{properties.major}.{properties.minor}",
        n_visible=torch.cuda.device_count(),
        uuid=_uuid_of(properties),
    )


def run_kernel() -> None:
    """Add two numbers on the GPU.

    Raises:
        RuntimeError: it can't be done; says why.
    """
    torch.ones(1).to("cuda").add(1.0)
    torch.cuda.synchronize()


def open_own_gpu(index: int | None = None) -> Gpu | None:
    """The driver's view of a device of this process, by default the one that it uses.

    None where there is no driver to ask. Starts CUDA.
    """
    return open_gpu(uuid=own_uuid(index))


def read_own_gpu() -> GpuReading | None:
    """Clocks, what slows them, heat, power, energy and neighbours; None without the driver."""
    driver = open_own_gpu()
    return None if driver is None else read_gpu(driver, os.getpid(), has_context=True)


def own_uuid(index: int | None = None) -> str | None:
    """The UUID of a device of this process; None where torch does not tell. Starts CUDA."""
    return attempt({}, "uuid", lambda: _uuid_of(torch.cuda.get_device_properties(index)))


def _uuid_of(properties: object) -> str | None:
    """Bare, without the driver's GPU- or MIG-; not every build of torch has it."""
    uuid = getattr(properties, "uuid", None)
    return None if uuid is None else str(uuid)
