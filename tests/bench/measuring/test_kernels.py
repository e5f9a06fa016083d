"""What ran on a device, from the profiler's events: how many kernels, and for how long."""

from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch._C._autograd import DeviceType
from torch.profiler import ProfilerActivity

from bench.measuring import kernels
from bench.measuring.kernels import Work, busy_ns, count_kernels, profile_device, read_works
from bench.measuring.step import no_mark

intervals = st.lists(st.tuples(st.integers(0, 300), st.integers(0, 60)), max_size=12)


def works_of(found: list[tuple[int, int]], offset: int = 0) -> list[Work]:
    """Kernels that begin at the first number and last for the second."""
    return [Work("kernel", offset + start, offset + start + length) for start, length in found]


@given(found=intervals)
def test_the_union_is_the_number_of_moments_that_any_of_them_covers(
    found: list[tuple[int, int]],
) -> None:
    moments = {moment for start, length in found for moment in range(start, start + length)}
    assert busy_ns(works_of(found)) == len(moments)


@given(found=intervals, data=st.data(), offset=st.integers(-(10**18), 10**18))
def test_neither_their_order_nor_the_clocks_zero_matters(
    found: list[tuple[int, int]], data: st.DataObject, offset: int
) -> None:
    shuffled = data.draw(st.permutations(works_of(found, offset)))
    assert busy_ns(shuffled) == busy_ns(works_of(found))


@given(found=intervals, more=intervals)
def test_more_work_keeps_it_busy_for_as_long_at_least_and_no_longer_than_one_after_another(
    found: list[tuple[int, int]], more: list[tuple[int, int]]
) -> None:
    alone, besides = busy_ns(works_of(found)), busy_ns(works_of(more))
    together = busy_ns(works_of(found + more))
    assert max(alone, besides) <= together <= alone + besides


def test_copies_and_fills_are_no_kernels_but_keep_it_busy() -> None:
    works = [
        Work("void at::native::elementwise_kernel<4>", 0, 10),
        Work("Memcpy HtoD (Pageable -> Device)", 20, 25),
        Work("Memset (Device)", 30, 31),
    ]
    assert count_kernels(works) == 1
    assert busy_ns(works) == 16


def event(
    name: str, start_ns: int, duration_ns: int, device: DeviceType, is_user_annotation: bool = False
) -> SimpleNamespace:
    """One of the profiler's: ``_KinetoEvent`` in torch/_C/_autograd.pyi."""
    return SimpleNamespace(
        name=lambda: name,
        start_ns=lambda: start_ns,
        duration_ns=lambda: duration_ns,
        device_type=lambda: device,
        is_user_annotation=lambda: is_user_annotation,
    )


def test_what_the_host_did_and_ranges_with_a_name_are_no_work_of_the_device() -> None:
    events = [
        event("cudaLaunchKernel", 0, 3, DeviceType.CPU),
        event("gemm", 5, 10, DeviceType.CUDA),
        event("Optimizer.step#Adam.step", 0, 1000, DeviceType.CUDA, is_user_annotation=True),
    ]
    assert read_works(events) == [Work("gemm", 5, 15)]


def test_the_profilers_real_events_have_what_is_read_of_them() -> None:
    """Of the host alone here; their names and types are those of the device's."""
    with torch.profiler.profile(
        activities=[torch.profiler.ProfilerActivity.CPU], acc_events=True
    ) as profiler:
        torch.ones(2) + 1
    events = profiler.profiler.kineto_results.events()
    assert events
    assert read_works(events) == []
    assert all(one.start_ns() > 0 and one.duration_ns() >= 0 and one.name() for one in events)


def test_where_the_profiler_sees_no_gpu_nothing_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "supported_activities", lambda: {ProfilerActivity.CPU})

    def run(mark: object = no_mark) -> torch.Tensor:
        raise AssertionError("nothing is run")

    assert profile_device(run) is None
