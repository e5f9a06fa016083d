"""Which records may stand in one table, and which are refused with the reason."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from bench.errors import UsageError
from bench.results.environment import MachineState
from bench.results.record import Record
from bench.results.summary import summarize
from tests.bench.example_records import GPU, environment, make_job, make_record
from tests.bench.results.summaries import moved, rounds, update_on, value_of


def resized(record: Record, **workload: Any) -> Record:
    return replace(
        record, job=replace(record.job, workload=replace(record.job.workload, **workload))
    )


MIXTURES: dict[str, tuple[Callable[[Record], Record], str]] = {
    "processor": (lambda r: moved(r, machine={"cpu": "Other CPU"}), "machines.*Other CPU"),
    "number of them": (lambda r: moved(r, machine={"n_available_cpus": 1}), "machines"),
    "GPU": (lambda r: moved(r, machine={"gpu": GPU}), "machines.*Example GPU"),
    "torch": (lambda r: moved(r, versions={"torch": "2.11.0"}), "torch, .*2.11.0"),
    "commit": (lambda r: moved(r, code={"commit": "ff"}), "versions of the code.*ff"),
    "sources": (lambda r: moved(r, code={"sources_sha256": "ff"}), "versions of the code.*ff"),
    "samples": (lambda r: resized(r, n_samples=9), "n_samples, .*9"),
    "batch": (lambda r: resized(r, batch=2), "batch"),
    "dtype": (lambda r: resized(r, dtype="float64"), "dtype, .*float64"),
    "threads": (lambda r: resized(r, threads=7), "threads"),
    "seed": (lambda r: resized(r, seed=3), "seed"),
    "allocator": (lambda r: resized(r, keeps_pages=False), "allocators, .*pages kept"),
}


@pytest.mark.parametrize("case", MIXTURES)
def test_what_can_not_share_a_table_is_refused(case: str) -> None:
    change, message = MIXTURES[case]
    first, second = rounds([1.0], [2.0])
    with pytest.raises(UsageError, match=f"{message}.*one at a time"):
        summarize([first, change(second)])


@pytest.mark.parametrize(
    "other",
    [update_on("cpu"), moved(update_on("cuda"), machine={"gpu": replace(GPU, name="Other GPU")})],
    ids=["a CPU and a GPU", "two GPUs"],
)
def test_update_steps_of_different_devices_are_refused(other: Record) -> None:
    with pytest.raises(
        UsageError, match=r"different (machines|devices of the training step).*Example GPU"
    ):
        summarize([update_on("cuda"), other])


def test_steps_with_and_without_tf32_are_refused_and_inference_on_the_cpu_is_neither() -> None:
    plain, rounded = update_on("cuda"), update_on("cuda", tf32=True)
    with pytest.raises(UsageError, match=r"settings of TF32.*TF32 off.*TF32 on"):
        summarize([plain, rounded])
    inference = make_record(make_job(), environment=environment(machine={"gpu": GPU}))
    found = [summarize([inference, *more]).tf32 for more in ([], [plain], [rounded])]
    assert found == [None, False, True]


def test_two_files_of_one_machine_share_a_table() -> None:
    first, second = rounds([1.0], [3.0])
    busier = replace(second, state=MachineState(load_average=(9.0, 9.0, 9.0)))
    assert value_of(summarize([first, busier]), "latency_s_inference").span == (1.0, 3.0)


def test_a_machine_that_was_given_memory_meanwhile_is_the_same() -> None:
    first, second = rounds([1.0], [3.0])
    larger = moved(second, machine={"memory_bytes": 9_000_000_000})
    assert value_of(summarize([first, larger]), "latency_s_inference").span == (1.0, 3.0)


def test_no_records_are_refused() -> None:
    with pytest.raises(UsageError, match="no complete records"):
        summarize([])
