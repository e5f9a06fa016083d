"""What torch's profiler lists of a simulated card: its launches, and no calls of the runtime.

torch.autograd.profiler's own Python asks for activities, starts, ends and parses.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch._C._autograd import DeviceType
from torch.profiler import ProfilerActivity

from tests.simulated_cuda.gpus import Gpus, Launch


class Event:
    """torch/_C/_autograd.pyi, class _KinetoEvent, of a kernel or copy on a card."""

    def __init__(self, launch: Launch) -> None:
        self._launch = launch

    def name(self) -> str:
        return self._launch.name

    def start_ns(self) -> int:
        return self._launch.start_ns

    def end_ns(self) -> int:
        return self._launch.end_ns

    def duration_ns(self) -> int:
        return self._launch.end_ns - self._launch.start_ns

    def device_type(self) -> DeviceType:
        return DeviceType.CUDA

    def activity_type(self) -> str:
        return "gpu_memcpy" if self._launch.name.startswith("Memcpy") else "kernel"

    def __getattr__(self, name: str) -> Callable[[], Any]:
        """The rest is as of an event that has none of it."""
        if name not in EMPTY:
            raise AttributeError(name)
        return lambda: EMPTY[name]


EMPTY: dict[str, Any] = {
    **dict.fromkeys(("overload_name", "metadata_json"), ""),
    **dict.fromkeys(("is_async", "is_user_annotation", "is_python_function"), False),
    **dict.fromkeys(("is_hidden_event", "flow_start"), False),
    **dict.fromkeys(("device_index", "device_resource_id", "linked_correlation_id"), 0),
    **dict.fromkeys(("external_id", "start_thread_id", "end_thread_id", "correlation_id"), 0),
    **dict.fromkeys(("fwd_thread_id", "scope", "flops", "cuda_elapsed_us", "nbytes"), 0),
    **dict.fromkeys(("privateuse1_elapsed_us", "flow_id", "flow_type", "python_id"), 0),
    **dict.fromkeys(("python_parent_id", "python_module_id"), 0),
    **dict.fromkeys(("shapes", "dtypes", "concrete_inputs", "stack"), ()),
    **dict.fromkeys(("structured_input_shapes", "structured_input_strides"), ()),
    "kwinputs": {},
    "extra_meta": {},
    "sequence_nr": -1,
}


class Results:
    """torch/_C/_autograd.pyi, class _ProfilerResult: events of the CPU, if any, and the cards'."""

    def __init__(self, launches: Sequence[Launch], of_cpu: Any) -> None:
        self._events = [Event(launch) for launch in launches]
        self._of_cpu = of_cpu

    def events(self) -> list[Any]:
        return [*(self._of_cpu.events() if self._of_cpu else ()), *self._events]

    def trace_start_ns(self) -> int:
        if self._of_cpu:
            return int(self._of_cpu.trace_start_ns())
        return min((event.start_ns() for event in self._events), default=0)


def functions(gpus: Gpus) -> dict[str, Callable[..., Any]]:
    """By the names that torch.autograd.profiler has them under."""
    real = {name: getattr(torch.autograd.profiler, name) for name in NAMES}
    asked: set[Any] = set()

    def on_cpu(call: str, config: Any, activities: set[Any], **more: Any) -> None:
        rest = activities - {ProfilerActivity.CUDA}
        if rest:
            real[call](config, rest, **more)

    def prepare(config: Any, activities: set[Any], **more: Any) -> None:
        on_cpu("_prepare_profiler", config, activities, **more)

    def enable(config: Any, activities: set[Any]) -> None:
        asked.clear()
        asked.update(activities)
        gpus.launches = [] if ProfilerActivity.CUDA in activities else None
        on_cpu("_enable_profiler", config, activities)

    def disable() -> Any:
        of_cpu = real["_disable_profiler"]() if asked - {ProfilerActivity.CUDA} else None
        launches, gpus.launches = gpus.launches, None
        return of_cpu if launches is None else Results(launches, of_cpu)

    def supported() -> set[Any]:
        return {ProfilerActivity.CPU, ProfilerActivity.CUDA}

    return dict(zip(NAMES, (prepare, enable, disable, supported), strict=True))


NAMES = ("_prepare_profiler", "_enable_profiler", "_disable_profiler", "_supported_activities")
