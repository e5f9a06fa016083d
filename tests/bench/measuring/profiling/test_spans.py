"""The tree of a step, from events as torch's profiler gives them."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import torch
from torch._C._autograd import DeviceType
from torch._C._profiler import RecordScope, _EventType

from bench.measuring.profiling.markers import profile_step
from bench.measuring.profiling.spans import (
    MODULE,
    PART,
    STEP,
    Allocation,
    Span,
    read_step,
    walk,
)
from tests.bench.measuring.profiling.networks import Chain, warm_step


def event(name: str, start: int, end: int, *children: Any, number: int = 0) -> Any:
    scope = RecordScope.BACKWARD_FUNCTION if "evaluate" in name else RecordScope.FUNCTION
    fields = SimpleNamespace(scope=scope, sequence_number=11)
    return SimpleNamespace(
        name=name,
        start_time_ns=start,
        end_time_ns=end,
        children=children,
        correlation_id=number,
        typed=(_EventType.TorchOp, fields),
    )


def allocation(time: int, n_bytes: int, device: str) -> Any:
    fields = SimpleNamespace(ptr=5, alloc_size=n_bytes, device=torch.device(device))
    return SimpleNamespace(
        start_time_ns=time, children=(), typed=(_EventType.Allocation, fields), name="[memory]"
    )


def launch(time: int) -> Any:
    """A call of the driver, which is no span of ours."""
    return SimpleNamespace(start_time_ns=time, children=(), typed=(_EventType.Kineto, None))


def kernel(launched_by: int, ns: int, device: DeviceType = DeviceType.CUDA) -> Any:
    return SimpleNamespace(
        device_type=lambda: device,
        is_user_annotation=lambda: False,
        linked_correlation_id=lambda: launched_by,
        duration_ns=lambda: ns,
    )


def recorded(roots: Sequence[Any], kernels: Sequence[Any] = ()) -> Any:
    results = SimpleNamespace(events=lambda: kernels, experimental_event_tree=lambda: roots)
    return SimpleNamespace(profiler=SimpleNamespace(kineto_results=results))


def names(span: Span) -> list[str]:
    return [one.name for one in walk(span)]


def test_kernels_are_time_of_the_operator_that_launched_them() -> None:
    operator = event("aten::mm", 10, 20, launch(12), number=3)
    step = event(STEP, 0, 100, event(f"{PART}forward", 0, 90, operator))
    kernels = [kernel(3, 400), kernel(3, 50), kernel(9, 1), kernel(3, 7, DeviceType.CPU)]
    found = read_step(recorded([step], kernels), "cuda")
    assert [one.device_ns for one in walk(found) if one.name == "aten::mm"] == [450]


def test_backwards_own_thread_is_put_below_the_part_in_which_it_ran() -> None:
    parts = [event(f"{PART}forward", 0, 40), event(f"{PART}backward", 40, 90)]
    other = event(
        "autograd::engine::evaluate_function: MmBackward0", 50, 60, event("aten::mm", 51, 59)
    )
    before, after = event("aten::add", -9, -5), event("aten::add", 120, 130)
    found = read_step(recorded([before, event(STEP, 0, 100, *parts), other, after]), "cuda")
    assert names(found) == [STEP, f"{PART}forward", f"{PART}backward", other.name, "aten::mm"]
    evaluated = next(one for one in walk(found) if one.name == other.name)
    assert evaluated.sequence == 11


def test_allocations_are_those_of_the_steps_device() -> None:
    step = event(STEP, 0, 100, allocation(3, 64, "cpu"), allocation(4, 128, "cuda:0"))
    assert read_step(recorded([step]), "cuda").inside == [Allocation(4, 5, 128)]


def test_a_real_step_has_its_parts_modules_and_operators() -> None:
    step = warm_step(Chain(), "update")
    found = read_step(profile_step(step, lambda run: run(), with_memory=True), "cpu")
    parts = [one.name.removeprefix(PART) for one in walk(found) if one.name.startswith(PART)]
    assert parts == ["zero_grad", "forward", "loss", "backward", "optimiser"]
    modules = [one.name.removeprefix(MODULE) for one in walk(found) if one.name.startswith(MODULE)]
    blocks = [path for n in range(3) for path in (f"blocks.{n}", f"blocks.{n}.0", f"blocks.{n}.1")]
    assert modules == ["", "encoder", *blocks, "decoder"]
    assert names(found).count("aten::convolution_backward") == 5
    assert all(one.own_ns >= 0 for one in walk(found))
    changes = [one for span in walk(found) for one in span.inside if isinstance(one, Allocation)]
    assert any(one.n_bytes > 0 for one in changes)
    assert any(one.n_bytes < 0 for one in changes)
