"""What a GPU does in one call, as torch's profiler lists it."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import torch
from torch._C._autograd import DeviceType
from torch.profiler import ProfilerActivity, profile, supported_activities

from bench.measuring.step import Run

COPIES = ("Memcpy", "Memset")
"""How the profiler's names of copies and fills begin; everything else on the device is a kernel."""


class Work(NamedTuple):
    """One kernel, copy or fill on the device; both moments are of one clock."""

    name: str
    start_ns: int
    end_ns: int


def count_kernels(works: Iterable[Work]) -> int:
    """How many kernels were launched."""
    return sum(not work.name.startswith(COPIES) for work in works)


def busy_ns(works: Sequence[Work]) -> int:
    """In how many nanoseconds at least one of them ran: the length of their union."""
    busy = 0
    reached = min((work.start_ns for work in works), default=0)
    for work in sorted(works, key=lambda work: work.start_ns):
        busy += max(0, work.end_ns - max(reached, work.start_ns))
        reached = max(reached, work.end_ns)
    return busy


def profile_device(run: Run) -> list[Work] | None:
    """What the device does in one call; None where torch's profiler sees no device.

    The activities of the host are not asked for: to record them would take longer than many a call.
    """
    if ProfilerActivity.CUDA not in supported_activities():
        return None
    torch.cuda.synchronize()
    # There is one cycle; without acc_events torch 2.11 warns that earlier ones are lost.
    with profile(activities=[ProfilerActivity.CUDA], acc_events=True) as profiler:
        run()
        torch.cuda.synchronize()
    return read_works(profiler.profiler.kineto_results.events())


def read_works(events: Iterable[Any]) -> list[Work]:
    """Of the profiler's events those on the device."""
    return [
        Work(event.name(), event.start_ns(), event.start_ns() + event.duration_ns())
        for event in events
        if is_work(event)
    ]


def is_work(event: Any) -> bool:
    """Whether the device did it; a range that somebody named is no work."""
    on_device: bool = event.device_type() == DeviceType.CUDA
    return on_device and not event.is_user_annotation()
