"""Why a value is missing or in doubt: each kind of doubt from records, and its words."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from bench.render.doubts import describe_doubts, explain
from bench.results.environment import GpuReading
from bench.results.record import Record, Status
from bench.results.summary import Value, summarize
from bench.results.timing import Doubt, DoubtKind
from tests.bench.example_records import fail, make_rounds
from tests.bench.example_results import undisturbed


def explained(records: Sequence[Record]) -> str:
    """What is said of the time of the only network; of no other metric there is anything."""
    (row,) = summarize(records).models
    explanations = [explain(value) for value in row.to_explain()]
    assert explanations in ([explain(row.values["latency_s_inference"])], [])
    return "".join(explanations)


SIX = [[1.0]] * 6


def test_of_a_sound_value_nothing_is_said() -> None:
    assert explain(Value(1.0)) == describe_doubts(()) == ""
    assert explained(make_rounds(SIX, contention=undisturbed(1))) == ""


def test_a_gap_has_the_reason_of_its_record() -> None:
    failed = [fail(record, Status.OOM, "It is full.") for record in make_rounds(SIX)]
    assert explained(failed) == "It is full."


@pytest.mark.parametrize(
    ("times_s", "words"),
    [
        ([[1.0] * 9], "Noisy: 1 process of the 3 that a value needs."),
        ([[1.0] * 9] * 2, "Noisy: 2 processes of the 3 that a value needs."),
        ([[1.0]] * 3, "Noisy: 3 calls of the 5 that a value needs."),
        (
            [[1.0]],
            "Noisy: 1 process of the 3 that a value needs; 1 call of the 5 that a value needs.",
        ),
    ],
)
def test_too_few_processes_and_calls(times_s: list[list[float]], words: str) -> None:
    assert explained(make_rounds(times_s)) == words


def test_too_few_calls_without_other_work() -> None:
    """In each second call of 1 s, others used a whole processor."""
    disturbed = replace(undisturbed(2, n_cpus=2), others_cpu_s=(0.0, 1.0))
    assert explained(make_rounds([[1.0, 1.0]] * 4, contention=disturbed)) == (
        "Noisy: 4 of 8 calls were undisturbed, and 5 are needed (others used 1.0 of 2 processors)."
    )


def test_too_few_processes_without_other_work() -> None:
    quiet = make_rounds([[1.0]] * 4, contention=undisturbed(1))
    loud = make_rounds([[0.05]] * 4, contention=replace(undisturbed(1), n_others_running=(2,)))
    assert explained([quiet[0], *loud[1:]]) == (
        "Noisy: 1 of 4 processes had undisturbed calls, and 3 are needed; "
        "1 of 4 calls was undisturbed, and 5 are needed "
        "(2 other processes running right before or after)."
    )


def test_more_threads_than_processors_are_named_as_the_cause() -> None:
    crowd = replace(undisturbed(1, threads=4, n_cpus=2), wait_s=(0.9,))
    assert "(4 threads on 2 processors)." in explained(make_rounds(SIX, contention=crowd))


COUNTERS = ("wait_s", "others_cpu_s", "steal_s", "pressure_s", "n_others_running")


def test_calls_that_nobody_could_watch_are_not_said_to_be_disturbed() -> None:
    blind: dict[str, Any] = dict.fromkeys(COUNTERS, (None,))
    assert explained(make_rounds(SIX, contention=replace(undisturbed(1), **blind))) == ""


def test_a_wide_interval() -> None:
    """Six rounds have Wilcoxon's interval: the smallest and the largest."""
    rounds = [[1.0], [1.4]] * 3
    assert explained(make_rounds(rounds)) == "Noisy: an interval of ± 17 %."
    narrow = [[1.0], [1.15]] * 3
    assert explained(make_rounds(narrow)) == ""


GPU_DOUBTS: dict[str, tuple[dict[str, Any], str]] = {
    "power": ({"gpu_slowed_by": ("power cap",)}, "Noisy: the GPU's clock lowered by power cap."),
    "other": (
        {"gpu_during": GpuReading(n_other_processes=1)},
        "Noisy: another process on the GPU.",
    ),
    "alone": ({"gpu_during": GpuReading(n_other_processes=0)}, ""),
    "not told": ({"gpu_during": GpuReading()}, ""),
    "hidden": ({"gpu_during": None, "gpu_slowed_by": ()}, ""),
    "a desktop at rest": (
        {
            "gpu_during": GpuReading(
                n_other_processes=3,
                n_other_graphics=3,
                other_graphics_bytes=900_000_000,
                other_graphics_share=0.03,
            )
        },
        "",
    ),
    "a desktop at work": (
        {
            "gpu_during": GpuReading(
                n_other_processes=3, n_other_graphics=3, other_graphics_share=0.3
            )
        },
        "Noisy: another process on the GPU.",
    ),
    "a desktop, and one that computes": (
        {"gpu_during": GpuReading(n_other_processes=4, n_other_graphics=3)},
        "Noisy: another process on the GPU.",
    ),
}


@pytest.mark.parametrize("case", GPU_DOUBTS)
def test_what_disturbed_a_gpu(case: str) -> None:
    measured, words = GPU_DOUBTS[case]
    assert explained(make_rounds(SIX, **measured)) == words


def test_every_cause_of_a_slow_clock_is_named_once() -> None:
    records = make_rounds(SIX, gpu_slowed_by=("power cap", "heat"))[:3]
    records += make_rounds(SIX, gpu_slowed_by=("heat",))[3:]
    assert explained(records) == "Noisy: the GPU's clock lowered by heat, power cap."


def test_rounds_that_failed_come_after_the_noise() -> None:
    good, other, bad = make_rounds([[1.0] * 5] * 3)
    assert explained([good, other, fail(bad, Status.TIMEOUT, "Too slow.")]) == (
        "Noisy: 2 processes of the 3 that a value needs. 1 of 3 rounds failed: Too slow."
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
    assert describe_doubts(both) == "Noisy: another process on the GPU; an interval of ± 10 %."


def test_operators_without_a_formula_are_named_and_are_no_noise() -> None:
    unknown = Doubt(DoubtKind.UNKNOWN_OPERATORS, 3, causes=("fft", "sort"))
    assert describe_doubts([unknown]) == (
        "Not in the count: 3 calls of operators without a formula (fft, sort)."
    )
