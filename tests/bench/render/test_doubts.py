"""Why a value is missing or in doubt: each kind of doubt from records, and its words."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from bench.render.doubts import describe_doubts, explain
from bench.results.contention import Contention
from bench.results.environment import GpuReading
from bench.results.measurements import LatencyTimes
from bench.results.record import Record, Status
from bench.results.summary import Value, summarize
from bench.results.timing import Doubt, DoubtKind
from tests.bench.example_records import fail, make_job, make_record, undisturbed


def timed(times_s: Sequence[Sequence[float]], **measured: Any) -> list[Record]:
    return [
        make_record(make_job(round_index=index), LatencyTimes(tuple(times), **measured))
        for index, times in enumerate(times_s)
    ]


def explained(records: Sequence[Record]) -> str:
    """What is said of the time of the only network; of no other metric there is anything."""
    (row,) = summarize(records).models
    explanations = [explain(value) for value in row.to_explain()]
    assert explanations in ([explain(row.values["latency_s_inference"])], [])
    return "".join(explanations)


def test_of_a_sound_value_nothing_is_said() -> None:
    assert explain(Value(1.0)) == describe_doubts(()) == ""
    assert explained(timed([[1.0]] * 6, contention=undisturbed(1))) == ""


def test_a_gap_has_the_reason_of_its_record() -> None:
    failed = [fail(record, Status.OOM, "It is full.") for record in timed([[1.0]])]
    assert explained(failed) == "It is full."


def test_calls_during_which_others_worked() -> None:
    """In each first call of 1 s, others used a whole processor more than in the second."""
    disturbed = replace(undisturbed(2, n_cpus=2), others_cpu_s=(1.0, 0.0))
    assert explained(timed([[1.0, 1.0]] * 6, contention=disturbed)) == (
        "Noisy: other work during 6 of 12 calls (others used 1.0 of 2 processors)."
    )


@pytest.mark.parametrize(("n_disturbed", "is_noisy"), [(2, False), (3, True)])
def test_a_fifth_of_the_calls_may_be_disturbed(n_disturbed: int, is_noisy: bool) -> None:
    waits_s = (0.5,) * n_disturbed + (0.0,) * (10 - n_disturbed)
    disturbed = replace(undisturbed(10), wait_s=waits_s)
    assert bool(explained(timed([[1.0] * 10] * 6, contention=disturbed))) == is_noisy


COUNTERS = ("wait_s", "others_cpu_s", "steal_s", "pressure_s")


def test_calls_that_nobody_could_watch_are_not_said_to_be_disturbed() -> None:
    blind: dict[str, Any] = dict.fromkeys(COUNTERS, (None,))
    assert explained(timed([[1.0]] * 6, contention=replace(undisturbed(1), **blind))) == ""


def test_calls_that_nobody_could_watch_are_not_said_to_be_quiet() -> None:
    """One call of ten was disturbed, and of only four is anything known."""
    half_blind: dict[str, Any] = dict.fromkeys(COUNTERS, (0.0,) * 4 + (None,) * 6)
    half_blind["wait_s"] = (0.5, *half_blind["wait_s"][1:])
    contention = replace(undisturbed(10), **half_blind)
    assert explained(timed([[1.0] * 10] * 6, contention=contention)) == (
        "Noisy: other work during 6 of 24 calls (2 threads together waited 500 ms of 1000 ms for a "
        "processor)."
    )


BUSY = Contention(
    wall_s=10.0,
    threads=2,
    n_cpus=2,
    wait_s=0.0,
    involuntary_switches=0,
    others_cpu_s=9.0,
    steal_s=0.0,
    pressure_s=0.0,
    n_others_running=1,
)


def test_a_neighbour_that_single_calls_can_not_show_is_seen_beside_the_series() -> None:
    beside = {"series_contention": BUSY, "is_series_contended": True}
    assert explained(timed([[1.0]] * 6, contention=undisturbed(1), **beside)) == (
        "Noisy: other work beside 6 of 6 processes (others used 0.9 of 2 processors)."
    )


def test_half_of_the_processes_may_have_a_neighbour() -> None:
    quiet = timed([[1.0]] * 6, is_series_contended=False)
    beside = timed([[1.0]] * 6, is_series_contended=True)
    assert explained([*quiet[:3], *beside[3:]]) == ""
    assert explained([*quiet[:2], *beside[2:]]) == "Noisy: other work beside 4 of 6 processes."


def test_a_wide_interval() -> None:
    assert explained(timed([[1.0], [2.0]] * 3)) == "Noisy: an interval of ± 33%."


GPU_DOUBTS: dict[str, tuple[dict[str, Any], str]] = {
    "power": ({"gpu_slowed_by": ("power cap",)}, "Noisy: the GPU's clock lowered by power cap."),
    "other": (
        {"gpu_during": GpuReading(n_other_processes=1)},
        "Noisy: another process on the GPU.",
    ),
    "alone": ({"gpu_during": GpuReading(n_other_processes=0)}, ""),
    "not told": ({"gpu_during": GpuReading()}, ""),
    "hidden": ({"gpu_during": None, "gpu_slowed_by": ()}, ""),
}


@pytest.mark.parametrize("case", GPU_DOUBTS)
def test_what_disturbed_a_gpu(case: str) -> None:
    measured, words = GPU_DOUBTS[case]
    assert explained(timed([[1.0]] * 6, **measured)) == words


def test_every_cause_of_a_slow_clock_is_named_once() -> None:
    records = [*timed([[1.0]] * 3, gpu_slowed_by=("power cap", "heat"))]
    records += timed([[1.0]] * 6, gpu_slowed_by=("heat",))[3:]
    assert explained(records) == "Noisy: the GPU's clock lowered by heat, power cap."


def test_rounds_that_failed_come_after_the_noise() -> None:
    good, bad, other = timed([[1.0], [1.0], [2.0]])
    assert explained([good, fail(bad, Status.TIMEOUT, "Too slow."), other]) == (
        "Noisy: an interval of ± 33%. 1 of 3 rounds failed: Too slow."
    )


BEGINNINGS = {
    DoubtKind.ROUNDS_FAILED: "1 of 2 rounds",
    DoubtKind.UNKNOWN_OPERATORS: "Not in the count: 1 call of",
}


@pytest.mark.parametrize("kind", DoubtKind)
def test_every_kind_of_doubt_has_a_sentence(kind: DoubtKind) -> None:
    text = describe_doubts([Doubt(kind, 1, 2, causes=("It was so.",))])
    assert text.endswith(".")
    assert text.startswith(BEGINNINGS.get(kind, "Noisy: "))


def test_several_doubts_are_one_sentence() -> None:
    both = [Doubt(DoubtKind.GPU_SHARED), Doubt(DoubtKind.WIDE_INTERVAL, share=0.1)]
    assert describe_doubts(both) == "Noisy: another process on the GPU and an interval of ± 10%."


def test_operators_without_a_formula_are_named_and_are_no_noise() -> None:
    unknown = Doubt(DoubtKind.UNKNOWN_OPERATORS, 3, causes=("fft", "sort"))
    assert describe_doubts([unknown]) == (
        "Not in the count: 3 calls of operators without a formula (fft, sort)."
    )
