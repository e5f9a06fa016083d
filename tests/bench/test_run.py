"""The command, with measuring replaced by made-up records: input, endings, what is said."""

import csv
import io
from collections.abc import Iterable
from contextlib import redirect_stderr
from dataclasses import replace
from pathlib import Path
from typing import Never

import pytest

from bench import options, run
from bench.errors import UsageError
from bench.plan import EFFORTS
from bench.registry import KNOWN, TABLE1, Entry
from bench.render.tables.markdown import plain
from bench.render.terminal.expectations import (
    describe_precision,
    describe_time,
    say_what_to_expect,
    warn_of_threads,
)
from bench.results.measurements import LatencyTimes
from bench.results.record import Job, Record, Status
from tests.bench.example_records import SETTINGS, make_job, make_record
from tests.bench.made_up_run import (
    FAILED_JOBS,
    NULL_JOBS,
    QUICK_JOBS,
    Bench,
    Call,
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
    assert plain("no room [here].") in (tmp_path / "out" / "table1.md").read_text()


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
    "a precision that eager lacks": (["--dtype", "int8"], "--dtype must be one of float32, "),
    "a runtime that is none": (["--runtime", "tensorrt"], "--runtime must be some of eager, "),
    "a precision that no runtime asked for has": (
        ["--runtime", "eager,native", "--precision", "float32,int8"],
        "No runtime that was asked for has --precision int8; these have it: onnxruntime, openvino.",
    ),
    "energy of runtimes": (
        ["--runtime", "eager,native", "--energy"],
        "Energy is of eager PyTorch in one precision: leave out --energy.",
    ),
    "cuda": (["--device", "cuda"], "--device cuda: torch 2.13.0 is built without CUDA."),
    "no such shard": (["--shard", "5/4"], "the number of a shard must lie between 1 and 4."),
    "no shards": (["--shard", "1/0"], "the number of shards must be at least 1."),
    "too many": (["--shard", "1/7"], "of 7 networks at most 6 can be made"),
    "runtimes": (["--shard", "1/2", "--runtime", "compile"], "leave out --resume, --beside, "),
    "exact runtimes": (["--exact", "--runtime", "compile"], "--beside, --shard and --exact."),
    "a runtime of a GPU on the CPU": (
        ["--runtime", "cudagraph"],
        "The runtime cudagraph does not run on cpu; these do: eager, compile, onnxruntime, ",
    ),
    "a runtime of a GPU that is not there": (
        ["--runtime", "cudagraph", "--device", "cuda"],
        "--device cuda: torch 2.13.0 is built without CUDA.",
    ),
    "ceilings of a GPU": (
        ["--runtime", "compile", "--device", "cuda", "--roofline"],
        "Ceilings are of the CPU: leave out --roofline, or --device cuda.",
    ),
    "time of no times": (["--exact", "--time", "5"], "leave out --time, --roofline and --energy."),
    "energy of no times": (["--exact", "--energy"], "--exact measures no times"),
    "ceilings of no times": (["--exact", "--roofline"], "--exact measures no times"),
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


def test_the_list_names_everything(capsys: pytest.CaptureFixture[str], bench: Bench) -> None:
    assert run.main(["--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(KNOWN)
    for line, entry in zip(lines, KNOWN.values(), strict=True):
        assert entry.display_name in line


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
