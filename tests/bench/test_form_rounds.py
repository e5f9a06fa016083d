"""Which forms take part in a round."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from bench.form_rounds import plan_next_forms
from bench.plan import Effort, Settings
from bench.registry import TABLE1, Entry
from bench.results.measurements import LatencyTimes, ParameterCount
from bench.results.record import Job, Record, Status
from bench.runtimes import RUNTIMES
from tests.bench.example_records import fail, make_record
from tests.bench.example_results import measured
from tests.bench.made_up_forms import FORMS

ENTRIES = TABLE1[:2]
Answer = Callable[[Job], Record]


def steady(job: Job) -> Record:
    if job.probe != "latency":
        return make_record(job, measured(1.0, job))
    return make_record(job, LatencyTimes((0.1, 0.1), turns=(0, 1)))


def run(
    forms: Sequence[Settings] = FORMS,
    answer: Answer = steady,
    entries: Sequence[Entry] = ENTRIES,
    effort: Effort | None = None,
) -> list[list[Job]]:
    """The rounds of times, each with its jobs; whatever is planned is answered at once."""
    effort = effort or Effort(3, 1e9, 0.0, budget_s=0.5, deadline_s=60.0)
    forms = [replace(form, effort=effort) for form in forms]
    records: list[Record] = []
    planned: list[list[Job]] = []
    while jobs := plan_next_forms(entries, forms, records):
        records += map(answer, jobs)
        if jobs[0].probe == "latency":
            planned.append(jobs)
        assert len(records) < 500, "it does not end"
    return planned


def name(job: Job) -> str:
    return f"{job.workload.runtime} {job.workload.dtype}"


def test_a_round_is_of_one_network_with_eager_float32_first() -> None:
    for jobs in run():
        assert len({job.model for job in jobs}) == len({job.round for job in jobs}) == 1
        assert name(jobs[0]) == "eager float32"
        assert {job.workload.phase for job in jobs} == {"inference"}


def test_forms_of_a_gpu_are_timed_there_after_the_contract_on_the_cpu() -> None:
    able = [form for form in FORMS if form.dtype in RUNTIMES[form.runtime].dtypes_on("cuda")]
    assert len(able) == 2
    forms = [form.on("cuda") for form in able]
    planned = run(forms)
    assert planned
    for jobs in planned:
        assert {(job.workload.phase, job.workload.device) for job in jobs} == {
            ("gpu_inference", "cuda")
        }
    counts = Counter((job.model, name(job)) for jobs in planned for job in jobs)
    assert counts == {(e.name, f"{f.runtime} {f.dtype}"): 3 for e in ENTRIES for f in forms}


def test_each_form_of_each_network_has_three_rounds() -> None:
    counts = Counter((job.model, name(job)) for jobs in run() for job in jobs)
    assert counts == {(e.name, f"{f.runtime} {f.dtype}"): 3 for e in ENTRIES for f in FORMS}


def test_each_round_has_the_ceilings_of_its_dtypes_where_they_are_asked_for() -> None:
    """8 bits have none; a form that is told in float32 has those of eager float32."""
    with_ceilings = [replace(form, roofline=True) for form in FORMS]
    for jobs in run(with_ceilings):
        ceilings = [job for job in jobs if job.probe == "ceilings"]
        assert [name(job) for job in ceilings] == ["eager float32", "eager bfloat16"]
        assert {(job.model, job.round) for job in jobs} == {(jobs[0].model, jobs[0].round)}
    assert not [job for jobs in run() for job in jobs if job.probe == "ceilings"]


def test_no_round_has_the_number_of_another_of_its_network() -> None:
    numbers = Counter((jobs[0].model, jobs[0].round) for jobs in run())
    assert set(numbers.values()) == {1}


@pytest.mark.parametrize("status", [Status.MISMATCH, Status.UNSUPPORTED, Status.TIMEOUT])
def test_a_form_that_failed_is_not_tried_again(status: Status) -> None:
    def answer(job: Job) -> Record:
        is_bad = job.workload.runtime == "openvino"
        return fail(steady(job), status, "So it is.") if is_bad else steady(job)

    counts = Counter(name(job) for jobs in run(answer=answer) for job in jobs)
    assert counts["openvino bfloat16"] == len(ENTRIES)
    assert counts["onnxruntime int8"] == 3 * len(ENTRIES)


def test_where_eager_fails_there_is_nothing_to_compare_with() -> None:
    def answer(job: Job) -> Record:
        is_bad = name(job) == "eager float32" and job.probe == "latency"
        return fail(steady(job), Status.OOM, "No room.") if is_bad else steady(job)

    assert len(run(answer=answer)) == len(ENTRIES)  # one round of each


def test_a_broken_contract_ends_a_network() -> None:
    def answer(job: Job) -> Record:
        is_bad = job.model == ENTRIES[0].name
        return fail(steady(job), Status.BAD_SHAPE, "Too short.") if is_bad else steady(job)

    assert {jobs[0].model for jobs in run(answer=answer)} == {ENTRIES[1].name}


def test_large_networks_share_a_round_with_fewer() -> None:
    """6 GB free, of which four fifths may be used. Of weights of 0.4 GB a process holds two copies
    and 0.6 GB, and one of them three more copies: two at once.
    """

    def answer(job: Job) -> Record:
        record = steady(job)
        assert record.state is not None
        record = replace(record, state=replace(record.state, memory_available_bytes=6 * 10**9))
        if job.probe == "parameters":
            return replace(record, result=ParameterCount(10**8, 10**8, 0, 4 * 10**8))
        return record

    planned = run(answer=answer)
    assert {len(jobs) for jobs in planned} == {2}
    counts = Counter(name(job) for jobs in planned for job in jobs)
    assert {counts[f"{f.runtime} {f.dtype}"] for f in FORMS[1:]} == {3 * len(ENTRIES)}


def test_what_is_not_known_well_goes_on_while_there_is_time() -> None:
    def answer(job: Job) -> Record:
        record = steady(job)
        if job.probe == "latency" and job.workload.dtype == "int8":
            call_s = 0.1 * 1.3 ** (job.round % 2)
            return replace(record, result=LatencyTimes((call_s, call_s), turns=(0, 1)))
        return record

    patient = Effort(6, 1e9, 0.01, budget_s=0.5, deadline_s=60.0)
    counts = Counter(name(job) for jobs in run(answer=answer, effort=patient) for job in jobs)
    assert counts["onnxruntime int8"] == 6 * len(ENTRIES)
    assert counts["onnxruntime float32"] == 3 * len(ENTRIES)
    hasty = replace(patient, time_s=0.0)
    counts = Counter(name(job) for jobs in run(answer=answer, effort=hasty) for job in jobs)
    assert set(counts.values()) == {3 * len(ENTRIES)}


def test_eager_float32_alone_has_its_rounds() -> None:
    assert [len(jobs) for jobs in run(forms=FORMS[:1], entries=ENTRIES[:1])] == [1, 1, 1]
