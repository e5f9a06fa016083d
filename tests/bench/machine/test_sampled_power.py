"""Power that is sampled and added up: laws of the integral, and a sensor that is silent."""

import threading
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.machine.sampled_power import SampledPower

steps = st.lists(st.floats(0.001, 2.0), min_size=1, max_size=20)


def integrate(moments_s: Sequence[float], powers_w: Sequence[float | None]) -> list[float | None]:
    clock, sensor = iter(moments_s), iter(powers_w)
    power = SampledPower(lambda: next(sensor), lambda: next(clock))
    return [power.sample() for _ in moments_s]


@given(steps_s=steps, start_w=st.floats(0, 700), slope=st.floats(0, 50))
def test_a_power_that_rises_steadily_is_added_up_exactly(
    steps_s: list[float], start_w: float, slope: float
) -> None:
    """However often it is looked at."""
    moments_s = [sum(steps_s[:n]) for n in range(len(steps_s) + 1)]
    found = integrate(moments_s, [start_w + slope * moment_s for moment_s in moments_s])
    expected = [start_w * moment_s + slope * moment_s**2 / 2 for moment_s in moments_s]
    assert found == pytest.approx(expected, abs=1e-9)


def test_a_sensor_that_is_silent_for_a_while_is_bridged() -> None:
    assert integrate([0.0, 1.0, 2.0], [10.0, None, 30.0]) == [0.0, None, 40.0]


def test_a_sensor_that_never_tells_gives_no_counter() -> None:
    counter = SampledPower(lambda: None).counter("nothing")
    assert (counter.name, counter.read()) == ("nothing", None)


def test_a_thread_looks_meanwhile_and_not_afterwards() -> None:
    seen = threading.Semaphore(0)

    def read_w() -> float:
        seen.release()
        return 1.0

    power = SampledPower(read_w)
    before = threading.active_count()
    with power.sampling():
        for _ in range(3):
            assert seen.acquire(timeout=60)
    assert threading.active_count() == before
