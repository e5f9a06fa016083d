"""Measuring from Python: the same jobs and values as bench.run's, and nothing said."""

import os
from pathlib import Path
from typing import Any

import pytest

import bench
from bench.errors import UsageError
from bench.interface import measure as interface
from bench.interface.measure import Options, measure
from bench.results.record import Status
from bench.results.store import read_records
from bench.results.summary import summarize
from tests.bench.made_up_run import NULL_JOBS, QUICK_JOBS, Bench
from tests.bench.made_up_run import bench_fixture as bench_fixture


@pytest.fixture
def lab(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Stands in for the processes that the interface starts."""
    monkeypatch.setattr(interface, "prepare_measuring", bench.prepare_measuring)
    return bench


def test_it_measures_what_a_run_does_and_says_nothing(
    lab: Bench, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "kept" / "records.jsonl"
    found = measure("dprnn", Options(threads=2), records=path)
    assert len(lab.jobs) == QUICK_JOBS + NULL_JOBS
    assert found.records == read_records(path).records
    assert found.model == summarize(found.records).models[0]
    assert found.values["macs_inference"].value == int(1_234_567_891 * 1.5)
    assert found.environment == lab.environment
    assert capfd.readouterr() == ("", "")


def test_progress_is_shown_where_it_is_asked_for(
    lab: Bench, capfd: pytest.CaptureFixture[str]
) -> None:
    measure("dprnn", progress=True)
    said = capfd.readouterr()
    assert said.out == ""
    assert f"/{QUICK_JOBS}] dprnn" in said.err or "dprnn contract" in said.err


@pytest.mark.parametrize(("phase", "other"), [("inference", "update"), ("update", "inference")])
def test_one_phase_alone_is_measured(lab: Bench, phase: Any, other: str) -> None:
    """With what is of the network alone: its contract and its parameters."""
    found = measure("dprnn", Options(phases=(phase,)))
    measured = {(job.probe, job.workload.phase) for job in lab.jobs}
    assert {probe for probe, of in measured if of == other} <= {"contract", "parameters"}
    assert found.values["n_params"].value is not None
    assert found.values[f"latency_s_{phase}"].value is not None
    missing = found.values[f"latency_s_{other}"]
    assert (missing.status, missing.reason) == (Status.SKIPPED, "Not part of this run.")


def test_options_reach_the_jobs(lab: Bench) -> None:
    measure("dprnn", Options(samples=123, batch=4, threads=3, dtype="float64", seed=7))
    made = {
        (w.n_samples, w.batch, w.threads, w.dtype, w.seed)
        for w in (job.workload for job in lab.jobs)
    }
    assert made == {(123, 4, 3, "float64", 7)}


def test_a_cell_that_fails_has_its_reason(lab: Bench) -> None:
    lab.failures["dprnn"] = (Status.OOM, "Full.")
    value = measure("dprnn").values["macs_inference"]
    assert (value.value, value.status, value.reason) == (None, Status.OOM, "Full.")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (Options(device="gpu"), "device must be cpu, cuda, cuda:N or auto, not 'gpu'"),
        (Options(device="cuda"), "torch 2.13.0 is built without CUDA"),
        (Options(effort="slow"), "effort must be one of quick, standard, thorough, not 'slow'"),
        (Options(time_s=0.0), "time_s must be above 0 s and finite"),
        (Options(samples=0), "samples must be at least 1"),
        (Options(phases=("gpu_inference",)), "phases must be some of inference, update, not"),
        (Options(phases=()), "phases must be some of inference, update, not"),
    ],
)
def test_what_means_nothing_is_told_before_anything_is_measured(
    lab: Bench, options: Options, sentence: str
) -> None:
    with pytest.raises(UsageError) as caught:
        measure("dprnn", options)
    assert sentence in str(caught.value)
    assert lab.jobs == []


def test_records_that_are_there_are_not_written_over(lab: Bench, tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    path.write_text("mine")
    with pytest.raises(UsageError, match="File exists"):
        measure("dprnn", records=path)
    assert path.read_text() == "mine"


def test_a_network_beside_the_script_is_measured_for_real(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Its folder is no current one, and only this process's path leads there."""
    (tmp_path / "beside_the_script.py").write_text(
        "from torch import nn\n\ndef build():\n    return nn.Conv1d(1, 2, 3, padding=1)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    import beside_the_script  # type: ignore[import-not-found]

    before = dict(os.environ)
    options = Options(samples=400, phases=("inference",), time_s=0.1)
    found = bench.measure(beside_the_script.build, options)
    assert found.values["n_params"].value == 2 * 3 + 2
    assert found.values["macs_inference"].value == 2 * 3 * 400
    assert found.values["latency_s_inference"].status == Status.OK
    assert dict(os.environ) == before
    assert capfd.readouterr() == ("", "")
