"""The command, with measuring replaced by made-up records: input, endings, what is on disk."""

import csv
import errno
import io
import os
import shutil
import signal
from collections.abc import Callable, Iterable
from contextlib import redirect_stderr
from dataclasses import replace
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Never

import pytest

from bench import options, run
from bench.errors import UsageError
from bench.machine.lock import measuring_alone
from bench.plan import EFFORTS
from bench.registry import REGISTRY, TABLE1, Entry
from bench.render.terminal.expectations import (
    describe_precision,
    describe_time,
    say_what_to_expect,
    warn_of_threads,
)
from bench.results.environment import GpuDevice
from bench.results.measurements import LatencyTimes
from bench.results.record import Job, Record, Status
from bench.results.store import read_records
from tests.bench.example_records import GPU, SETTINGS, environment, make_job, make_record
from tests.bench.made_up_run import (
    FAILED_JOBS,
    NULL_JOBS,
    QUICK_JOBS,
    Bench,
    Call,
    interrupt,
    stored,
)
from tests.bench.made_up_run import bench_fixture as bench_fixture
from tests.bench.made_up_run import call_fixture as call_fixture
from tests.bench.made_up_run import no_figure_fixture as no_figure_fixture


@pytest.mark.parametrize(
    ("threads", "n_available", "warning"),
    [
        (
            64,
            2,
            "64 threads on 2 processors will wait for each other; the counters will call it "
            "waiting, not other work.",
        ),
        (2, 1, "2 threads on 1 processor will wait for each other; the counters"),
        (2, 2, ""),
        (1, 2, ""),
    ],
)
def test_more_threads_than_processors(threads: int, n_available: int, warning: str) -> None:
    said = warn_of_threads(threads, n_available)
    assert said.startswith(warning)
    assert bool(said) == bool(warning)


def test_more_threads_than_processors_are_warned_of_before_any_process_starts(
    call: Call, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(entries: Iterable[Entry], threads: int) -> Never:
        raise UsageError("No measuring process starts.")

    monkeypatch.setattr(run, "available_cpus", lambda: 2)
    monkeypatch.setattr(run, "prepare_measuring", refuse)
    assert call("--models", "dprnn", "--threads", "64") == 2
    warning, error = capsys.readouterr().err.splitlines()
    assert warning == warn_of_threads(64, 2)
    assert error == "error: No measuring process starts."


def test_all_measured(call: Call, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call() == 0
    records = stored(tmp_path / "out")
    assert len(records) == QUICK_JOBS * 7 + NULL_JOBS
    printed = capsys.readouterr().out
    for name in ("table1.md", "table1.csv", "pareto.svg", "pareto.png"):
        assert (tmp_path / "out" / name).stat().st_size > 0
        assert str(tmp_path / "out" / name) in printed
    for entry in TABLE1:
        assert entry.display_name in (tmp_path / "out" / "table1.md").read_text()


@pytest.mark.usefixtures("no_figure")
def test_one_failure_leaves_the_other_six_complete_and_says_why(
    call: Call, bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.failures["demucs"] = (Status.OOM, "RuntimeError: no room [here].")
    assert call() == 1
    text = (tmp_path / "out" / "table1.csv").read_text()
    rows = {row["model"]: row for row in csv.DictReader(text.splitlines())}
    assert list(rows) == [entry.name for entry in TABLE1]
    for name, row in rows.items():
        statuses = {value for key, value in row.items() if key.endswith("_status")}
        assert statuses == ({"oom"} if name == "demucs" else {"ok"})
    said = capsys.readouterr().err.splitlines()
    assert said.count("demucs: oom: RuntimeError: no room [here].") == 1
    assert sum("demucs" in line and "no room [here]." in line for line in said) == 1 + FAILED_JOBS
    assert "no room [here]." in (tmp_path / "out" / "table1.md").read_text()


@pytest.mark.usefixtures("no_figure")
@pytest.mark.parametrize("status", [status for status in Status if status != Status.OK])
def test_any_fault_ends_with_one_and_leaves_every_record_readable(
    call: Call, bench: Bench, tmp_path: Path, status: Status
) -> None:
    bench.failures["demucs"] = (status, "The reason is this.")
    assert call("--models", "demucs", "dprnn") == 1
    statuses = {(record.job.model, record.status) for record in stored(tmp_path / "out")}
    assert statuses == {("demucs", status), ("dprnn", Status.OK), ("null", Status.OK)}


def test_even_when_all_fail_there_are_records_and_reports(
    call: Call, bench: Bench, tmp_path: Path
) -> None:
    bench.failures = {"dprnn": (Status.KILLED, "The kernel did it.")}
    assert call("--models", "dprnn") == 1
    records = [r for r in stored(tmp_path / "out") if r.job.model == "dprnn"]
    assert {record.status for record in records} == {Status.KILLED}
    assert "killed" in (tmp_path / "out" / "table1.md").read_text()


BAD_INPUT = {
    "unknown": (["--models", "sudormrf-1.0"], "Did you mean 'sudormrf-1.0x'?"),
    "unknown beside known": (["--models", "all", "waveunet"], "No model matches 'waveunet'."),
    "pattern without match": (["--models", "tasnet-*"], "No model matches 'tasnet-*'."),
    "zero models": (["--models", ""], "No model was selected."),
    "only commas": (["--models", ",", " , "], "No model was selected."),
    "samples": (["--samples", "0"], "--samples must be at least 1, not 0."),
    "batch": (["--batch", "-3"], "--batch must be at least 1, not -3."),
    "threads": (["--threads", "0"], "--threads must be at least 1, not 0."),
    "threads of a later run": (["--threads", "1,0"], "--threads must be at least 1, not 0."),
    "no time": (["--time", "0"], "--time must be above 0 s and finite, not 0."),
    "negative time": (["--time=-5"], "--time must be above 0 s and finite, not -5."),
    "time without end": (["--time", "inf"], "--time must be above 0 s and finite, not inf."),
    "time that is no number": (["--time", "nan"], "--time must be above 0 s and finite, not nan."),
    "seed": (["--seed", "-1"], "--seed must lie between 0 and 9223372036854775807, not -1."),
    "cuda": (["--device", "cuda"], "--device cuda: torch 2.13.0 is built without CUDA."),
}


@pytest.mark.parametrize("case", BAD_INPUT)
def test_bad_input_is_told_before_anything_is_measured(
    call: Call, bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str], case: str
) -> None:
    arguments, message = BAD_INPUT[case]
    assert call(*arguments) == 2
    assert message in capsys.readouterr().err
    assert bench.jobs == []
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--samples", "many"],
        ["--dtype", "int8"],
        ["--device", "tpu"],
        ["--device", "cuda:x"],
        ["--modles"],
    ],
)
def test_words_that_are_no_command_line(call: Call, bench: Bench, arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        call(*arguments)
    assert stopped.value.code == 2
    assert bench.jobs == []


@pytest.mark.parametrize(
    ("text", "part"),
    [("many", "many"), ("1,most", "most"), ("1,", ""), ("-1", "-1"), ("2.5", "2.5")],
)
def test_threads_that_are_no_number_are_told(
    call: Call, bench: Bench, capsys: pytest.CaptureFixture[str], text: str, part: str
) -> None:
    with pytest.raises(SystemExit) as stopped:
        call(f"--threads={text}")
    assert stopped.value.code == 2
    assert f"argument --threads: a number of threads or `all`, not {part!r}" in (
        capsys.readouterr().err
    )
    assert bench.jobs == []


def test_cuda_without_a_gpu_says_what_the_build_is(
    call: Call, bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.environment = environment(torch={"cuda_build": "12.8"})
    assert call("--device", "cuda") == 2
    assert "is built for CUDA 12.8 but sees no GPU" in capsys.readouterr().err


def test_cuda_on_a_card_that_fails_says_torchs_words(
    call: Call, bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    described = environment(machine={"gpu": GPU}, torch={"cuda_build": "12.8"})
    bench.environment = replace(described, problems={"cuda": "RuntimeError: no kernel image"})
    assert call("--device", "cuda") == 2
    said = capsys.readouterr().err
    assert "torch 2.13.0 can't use Example GPU: RuntimeError: no kernel image." in said
    assert bench.jobs == []


@pytest.mark.usefixtures("no_figure")
@pytest.mark.parametrize(
    ("requested", "problems", "said"),
    [
        ("auto", {}, ["--device auto takes the GPU: Example GPU."]),
        (
            "auto",
            {"cuda": "It fails."},
            ["--device auto takes the CPU: torch 2.13.0 can't use Example GPU: It fails."],
        ),
        ("cpu", {}, []),
        ("cuda", {}, []),
    ],
)
def test_auto_says_which_device_it_takes(
    call: Call,
    bench: Bench,
    capsys: pytest.CaptureFixture[str],
    requested: str,
    problems: dict[str, str],
    said: list[str],
) -> None:
    described = environment(machine={"gpu": GPU}, torch={"cuda_build": "12.8"})
    bench.environment = replace(described, problems=problems)
    assert call("--models", "dprnn", "--device", requested) == 0
    lines = capsys.readouterr().err.splitlines()
    assert [line for line in lines if line.startswith("--device")] == said


@pytest.mark.usefixtures("no_figure")
def test_a_card_by_number_is_the_only_one_that_measuring_processes_see(
    call: Call, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5,3")
    bench.environment = environment(machine={"gpu": GPU})
    seen: list[str] = []
    bench.act = lambda job: seen.append(os.environ["CUDA_VISIBLE_DEVICES"])
    assert call("--models", "dprnn", "--device", "cuda:1") == 0
    assert set(seen) == {"3"}
    assert {job.workload.device for job in bench.jobs} == {"cpu", "cuda"}


@pytest.mark.usefixtures("no_figure")
@pytest.mark.parametrize(
    ("requested", "gpu", "device", "prefix"),
    [
        ("auto", None, "cpu", "cpu-"),
        ("auto", GPU, "cuda", "example-gpu-"),
        ("cuda", GPU, "cuda", "example-gpu-"),
        ("cpu", GPU, "cpu", "cpu-"),
    ],
)
def test_where_the_update_step_runs(
    call: Call,
    bench: Bench,
    tmp_path: Path,
    requested: str,
    gpu: GpuDevice | None,
    device: str,
    prefix: str,
) -> None:
    bench.environment = environment(machine={"gpu": gpu})
    call("--models", "dprnn", "--device", requested)
    devices = {job.workload.phase: job.workload.device for job in bench.jobs}
    on_gpu = {"gpu_inference": "cuda"} if device == "cuda" else {}
    assert devices == {"inference": "cpu", "update": device} | on_gpu
    (path,) = (tmp_path / "out" / "records").iterdir()
    assert path.name.startswith(prefix)


@pytest.mark.usefixtures("no_figure")
def test_options_reach_every_job(call: Call, bench: Bench) -> None:
    call(
        *["--models", "sudormrf-0.5x,dprnn", "--samples", "123", "--batch", "4", "--seed", "5"],
        *["--threads", "3", "--dtype", "bfloat16"],
    )
    assert {job.model for job in bench.jobs} == {"dprnn", "sudormrf-0.5x", "null"}
    for job in bench.jobs:
        work = job.workload
        assert (work.n_samples, work.batch, work.seed) == (123, 4, 5)
        assert (work.threads, work.dtype) == (3, "bfloat16")


@pytest.mark.usefixtures("no_figure")
def test_one_thread_is_the_default(call: Call, bench: Bench) -> None:
    call("--models", "dprnn")
    assert {job.workload.threads for job in bench.jobs} == {1}


@pytest.mark.usefixtures("no_figure")
def test_each_number_of_threads_is_a_run_of_its_own(
    call: Call, bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A number that is named twice is one, also where the second is called `all`."""
    monkeypatch.setattr(options, "available_cpus", lambda: 3)
    assert call("--models", "dprnn", "--threads", "1,all,3,1") == 0
    out = tmp_path / "out"
    for folder, threads in ((out, 1), (out / "threads-3", 3)):
        records = stored(folder)
        assert len(records) == QUICK_JOBS + NULL_JOBS
        assert {record.job.workload.threads for record in records} == {threads}
        assert (folder / "table1.md").stat().st_size > 0
    assert sorted(path.name for path in out.iterdir() if path.is_dir()) == ["records", "threads-3"]


@pytest.mark.usefixtures("no_figure")
def test_a_failure_on_any_number_of_threads_is_one_of_the_command(call: Call, bench: Bench) -> None:
    def act(job: Job) -> None:
        bench.failures = {"dprnn": (Status.OOM, "Full.")} if job.workload.threads == 1 else {}

    bench.act = act
    assert call("--models", "dprnn", "--threads", "1,2") == 1
    assert {job.workload.threads for job in bench.jobs} == {1, 2}


@pytest.mark.usefixtures("no_figure")
@pytest.mark.parametrize(("time_s", "n_rounds"), [("1000", 3), ("1", 1)])
def test_the_time_replaces_that_of_the_effort(
    call: Call, bench: Bench, capsys: pytest.CaptureFixture[str], time_s: str, n_rounds: int
) -> None:
    """Each made-up process takes 1.25 s: a first round is beyond one second."""
    assert call("--models", "dprnn", "--time", time_s) == 0
    times = [j for j in bench.jobs if (j.probe, j.workload.phase) == ("latency", "inference")]
    assert {job.round for job in times} == set(range(n_rounds))
    assert f"for about {time_s} s" in capsys.readouterr().err


@pytest.mark.usefixtures("no_figure")
def test_before_times_it_says_how_long_and_after_the_first_round_how_well(
    call: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("--models", "dprnn", "sudormrf-1.0x") == 0
    said = capsys.readouterr().err.splitlines()
    (times,) = [k for k, line in enumerate(said) if line.startswith("Times: ")]
    (precision,) = [k for k, line in enumerate(said) if line.startswith("By the first calls, ")]
    (first, *_) = [k for k, line in enumerate(said) if " latency " in line]
    assert times < first < precision
    effort = EFFORTS["quick"]
    assert said[times] == describe_time(replace(SETTINGS, effort=effort))
    assert f"in up to {effort.max_rounds} rounds, for about {effort.time_s:.0f} s" in said[times]
    assert f"within {effort.precise_within:.0%}" in said[times]


def test_a_precision_is_said_once_and_changes_no_job() -> None:
    rounds = [[make_job("a"), make_job("b")]] * 4
    answers = iter([[make_job("a", "memory")], *rounds, []])
    plan = say_what_to_expect(lambda records: next(answers), SETTINGS)
    turns = [
        make_record(make_job(name), LatencyTimes((1.0, 1.0), turns=(0, 1))) for name in ("a", "b")
    ]
    known: list[list[Record]] = [[], [], [], turns, turns, turns]
    printed = io.StringIO()
    with redirect_stderr(printed):
        assert [len(plan(records)) for records in known] == [1, 2, 2, 2, 2, 0]
    assert printed.getvalue().splitlines() == [describe_time(SETTINGS), describe_precision(0.0)]


def test_a_file_where_the_folder_should_be(
    call: Call, bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").write_text("mine")
    assert call() == 2
    assert "can't be written to" in capsys.readouterr().err
    assert bench.jobs == []
    assert (tmp_path / "out").read_text() == "mine"


@pytest.mark.usefixtures("no_figure")
def test_each_record_is_on_disk_before_the_next_job_starts(
    call: Call, bench: Bench, tmp_path: Path
) -> None:
    n_stored = []
    bench.act = lambda job: n_stored.append(len(stored(tmp_path / "out")))
    call("--models", "dprnn")
    assert n_stored == list(range(QUICK_JOBS + NULL_JOBS))


@pytest.mark.parametrize(
    ("stop", "code", "word"),
    [
        (interrupt, 130, "Interrupted"),
        (lambda: os.kill(os.getpid(), signal.SIGTERM), 143, "Terminated"),
    ],
)
def test_a_stop_keeps_what_was_measured(
    call: Call,
    bench: Bench,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    stop: Callable[[], None],
    code: int,
    word: str,
) -> None:
    bench.act = lambda job: stop() if len(bench.jobs) == 3 else None
    assert call("--models", "dprnn") == code
    assert len(stored(tmp_path / "out")) == 3
    assert word in capsys.readouterr().err
    assert bench.is_closed


def test_a_full_disk_ends_the_run_with_a_sentence_and_whole_records(
    call: Call,
    bench: Bench,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fill_up(job: Job) -> None:
        def refuse(descriptor: int) -> Never:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        if len(bench.jobs) == 2:
            monkeypatch.setattr(os, "fsync", refuse)

    bench.act = fill_up
    assert call("--models", "dprnn") == 2
    assert "No space left on device" in capsys.readouterr().err
    assert len(stored(tmp_path / "out")) >= 2
    assert bench.is_closed


@pytest.mark.usefixtures("no_figure")
def test_an_error_that_is_not_unicode_is_stored_like_any_other(
    call: Call, bench: Bench, tmp_path: Path
) -> None:
    reason = "No weights in caf\udce9."
    bench.failures["dprnn"] = (Status.ERROR, reason)
    assert call("--models", "dprnn") == 1
    records = [record for record in stored(tmp_path / "out") if record.job.model == "dprnn"]
    assert [record.reason for record in records] == [reason]


def test_the_list_names_everything(capsys: pytest.CaptureFixture[str], bench: Bench) -> None:
    assert run.main(["--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(REGISTRY)
    for line, entry in zip(lines, REGISTRY.values(), strict=True):
        assert entry.display_name in line


@pytest.mark.usefixtures("no_figure")
def test_nothing_is_written_into_the_records_of_another_run(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two that begin in the same second."""

    class Stopped(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> "Stopped":
            return cls(2026, 1, 2, 3, 4, 5, tzinfo=tz)

    monkeypatch.setattr(run, "datetime", Stopped)
    assert call("--models", "dprnn") == 0
    first = stored(tmp_path / "out")
    assert call("--models", "demucs") in (0, 2)
    path = tmp_path / "out" / "records" / "cpu-20260102T030405Z.jsonl"
    assert read_records(path).records == first


def test_two_runs_do_not_measure_at_once(
    call: Call, bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    with measuring_alone():
        assert call("--models", "dprnn") == 2
    assert "Another run is measuring" in capsys.readouterr().err
    assert bench.jobs == []


def test_a_run_that_is_refused_leaves_no_file(call: Call, bench: Bench, tmp_path: Path) -> None:
    with measuring_alone():
        assert call("--models", "dprnn") == 2
    assert not (tmp_path / "out").exists()


def test_a_disk_that_is_nearly_full_is_found_before_the_run(
    call: Call,
    bench: Bench,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1_000_000))
    assert call("--models", "dprnn") == 2
    assert "Only 1 MB are free" in capsys.readouterr().err
    assert bench.jobs == []
    assert list((tmp_path / "out" / "records").iterdir()) == []


def test_ratios_beside_those_of_a_folder_where_one_run_can_be_read(
    call: Call, no_figure: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("--models", "dprnn", "sudormrf-1.0x", "--output", str(tmp_path / "before")) == 0
    (tmp_path / "before" / "records" / "cpu-99991231T000000Z.jsonl").write_text("torn {\n")
    capsys.readouterr()
    beside = ("--beside", str(tmp_path / "before"))
    assert call("--models", "dprnn", "sudormrf-1.0x", *beside) == 0
    printed = capsys.readouterr().out
    assert "Here / there" in printed
    assert "DPRNN B" in printed
