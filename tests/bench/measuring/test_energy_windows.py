"""Windows of energy: laws on a machine whose power is known, and on traces of counters."""

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.measuring import energy_windows
from bench.measuring.energy_windows import LEAST_STEPS, POLL_S, SETTLE_S, measure_windows
from bench.results.contention import Contention
from bench.results.energy_use import EnergyUse
from bench.results.record import CellError, Status
from tests.bench.measuring.clock import QUIET
from tests.bench.measuring.made_up_power import MadeUpPower, Trace

WINDOW_S = 5.0
AUDIO_S = 2.0
ROUNDING_J = 1e-6


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever runs on this machine meanwhile: the time of these tests is made up."""

    def between(before: object, after: object, wall_s: float, threads: int) -> Contention:
        return replace(QUIET, wall_s=wall_s)

    monkeypatch.setattr(energy_windows, "read_counters", lambda: None)
    monkeypatch.setattr(energy_windows, "contention_between", between)


def measure(machine: MadeUpPower, *counters: Any) -> EnergyUse:
    return measure_windows(machine.call, AUDIO_S, counters, WINDOW_S, 1, machine.clock)


watts = st.floats(1.0, 700.0)


@settings(max_examples=60)
@given(
    idle_w=watts,
    more_w=watts,
    call_s=st.floats(0.02, 8.0),
    update_s=st.floats(0.001, 0.4),
)
def test_a_constant_power_is_found_within_what_the_steps_of_the_counter_leave_open(
    idle_w: float, more_w: float, call_s: float, update_s: float
) -> None:
    """Of calls of so many seconds, for two seconds of audio each."""
    machine = MadeUpPower(idle_w, idle_w + more_w, call_s)
    found = measure(machine, machine.counter(update_s))
    gross_j = (idle_w + more_w) * call_s / AUDIO_S
    net_j = more_w * call_s / AUDIO_S
    assert abs(found.gross_j - gross_j) <= found.gross_off_j + ROUNDING_J
    assert abs(found.net_j - net_j) <= found.net_off_j + ROUNDING_J
    assert update_s - ROUNDING_J <= found.update_s <= update_s + 3 * POLL_S
    # What is left open is no more than the steps explain: one at each end of each window.
    steps_j = (2 * idle_w + more_w) * 2 * found.update_s / WINDOW_S * call_s / AUDIO_S
    assert found.net_off_j <= 2 * steps_j + ROUNDING_J


@pytest.mark.parametrize("update_s", [0.001, 0.1])
def test_finer_steps_leave_less_open(update_s: float) -> None:
    machine = MadeUpPower(10.0, 50.0, 0.1)
    found = measure(machine, machine.counter(update_s))
    assert found.gross_off_j / found.gross_j == pytest.approx(update_s / WINDOW_S, rel=3)


@pytest.mark.parametrize("at_s", [3.0, 9.0, 15.0])  # in each of the three windows
def test_a_new_beginning_changes_nothing(at_s: float) -> None:
    plain, wrapped = (MadeUpPower(20.0, 60.0, 0.25) for _ in range(2))
    expected = measure(plain, plain.counter(0.001))
    spent_j = 20.0 * at_s + 40.0 * min(max(0.0, at_s - 6.0), 6.0)
    found = measure(wrapped, wrapped.counter(0.001, start_j=1000.0 - spent_j, reach_j=1000.0))
    for one, other in zip(found.windows, expected.windows, strict=True):
        assert one.energies_j["made up"] == pytest.approx(other.energies_j["made up"], abs=1e-6)
    assert found.net_j == pytest.approx(expected.net_j)


def test_calls_are_whole_and_back_to_back_and_begin_before_they_count() -> None:
    machine = MadeUpPower(20.0, 60.0, 0.75)
    found = measure(machine, machine.counter(0.001))
    before_s = math.ceil(SETTLE_S / 0.75) * 0.75
    assert found.work.n_calls == math.ceil(WINDOW_S / 0.75) == len(machine.calls_s) - 2
    assert found.work.wall_s == pytest.approx(0.75 * found.work.n_calls)
    assert machine.calls_s[-1] - machine.calls_s[0] == pytest.approx(before_s + 0.75 * 6)
    for rest in (found.before, found.after):
        assert rest.n_calls == 0
        assert rest.wall_s == pytest.approx(WINDOW_S)


@pytest.mark.parametrize("frozen_from_s", [0.0, 2.0, 8.0, 12.5])
def test_a_counter_that_stands_still_is_no_energy_of_zero(frozen_from_s: float) -> None:
    machine = MadeUpPower(20.0, 60.0, 0.25)
    with pytest.raises(CellError, match=r"made up stood still for 5(\.\d+)? s") as refused:
        measure(machine, machine.counter(0.001, frozen_from_s=frozen_from_s))
    assert refused.value.status == Status.UNSUPPORTED


def test_a_counter_that_moves_seldom_is_refused_with_its_steps() -> None:
    machine = MadeUpPower(20.0, 60.0, 0.25)
    with pytest.raises(CellError, match="moved 7 times in 5 s, and 11 are needed") as refused:
        measure(machine, machine.counter(0.7))
    assert refused.value.status == Status.UNSUPPORTED
    assert LEAST_STEPS == 10


def test_a_second_counter_is_kept_beside_the_first_and_may_fall_silent() -> None:
    machine = MadeUpPower(20.0, 60.0, 0.25)
    counters = [machine.counter(0.001, name="one"), machine.counter(0.05, name="other")]
    found = measure(machine, *counters)
    assert (found.counter, found.other_counter) == ("one", "other")
    assert found.apart(found.work) == pytest.approx(0.0, abs=0.05 / WINDOW_S)
    silent = replace(counters[1], registers=(replace(counters[1].registers[0], read_j=_nothing),))
    found = measure(machine, counters[0], silent)
    assert found.work.energies_j.keys() == {"one"}
    assert found.apart(found.work) is None


def _nothing() -> None:
    return None


def test_a_counter_that_falls_silent_is_said_to() -> None:
    machine = MadeUpPower(20.0, 60.0, 0.25)
    counter = machine.counter(0.001)

    def read_j() -> float | None:
        return None if machine.calls_s else counter.registers[0].read_j()

    registers = (replace(counter.registers[0], read_j=read_j),)
    with pytest.raises(CellError, match="fell silent"):
        measure(machine, replace(counter, registers=registers))


TRACES = {
    # file: seconds before the first window settles, joules of a new beginning, power at work less
    # that at rest (of the drift: that in the middle of the work), relative noise of a mean
    "rapl_begins_again.txt": (0.22, 262143328851, 43.0 - 11.5, 0.02),
    "nvml_every_100_ms.txt": (1.1, None, 310.0 - 75.0, 0.03),
    "rapl_idle_drifts.txt": (0.55, 262143328851, 40.0 - (18.0 + 6.0 * 9.55 / 19), 0.02),
}


@pytest.mark.parametrize("name", TRACES)
def test_a_trace_of_a_counter_gives_its_energy(name: str) -> None:
    """The windows lie where the trace has its work; sums of the file's steps are what was used."""
    start_s, reach_uj, more_w, noise = TRACES[name]
    trace = Trace.read(name)
    machine = MadeUpPower(1.0, 1.0, 0.25)
    found = measure(machine, trace.counter(lambda: machine.now_s, reach_uj))
    assert machine.calls_s[0] == pytest.approx(start_s + SETTLE_S + WINDOW_S, abs=0.005)
    begin_s = start_s + SETTLE_S
    for window in found.windows:
        spent_j = trace.spent_j(begin_s, begin_s + WINDOW_S)
        step_j = 2 * spent_j / WINDOW_S * found.update_s
        assert window.energies_j["a trace"] == pytest.approx(spent_j, abs=step_j)
        begin_s += WINDOW_S + SETTLE_S
    net_j = more_w * 0.25 / AUDIO_S
    assert abs(found.net_j - net_j) <= found.net_off_j + noise * net_j
    assert found.net_off_j < 0.12 * net_j or name == "rapl_idle_drifts.txt"


def test_a_power_at_rest_that_moves_is_stored_and_left_open() -> None:
    """18 W and 6 W more after 19 s: 12 s lie between the middles of the two rests."""
    trace = Trace.read("rapl_idle_drifts.txt")
    machine = MadeUpPower(1.0, 1.0, 0.25)
    found = measure(machine, trace.counter(lambda: machine.now_s))
    assert found.idle_change_w == pytest.approx(6.0 * 12 / 19, rel=0.05)
    assert found.idle_off_j == pytest.approx(6.0 * 6 / 19 * 0.25 / AUDIO_S, rel=0.05)
    assert found.net_off_j >= found.idle_off_j
