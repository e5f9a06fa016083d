"""The command that goes on with an earlier run: what it measures, and which runs it refuses."""

from pathlib import Path

import pytest

from bench.files import append_line
from bench.results.record import Job, Status
from bench.results.store import read_records
from bench.results.workload import PHASES
from tests.bench.example_records import environment
from tests.bench.made_up_run import NULL_JOBS, QUICK_JOBS, Bench, Call, stop_after, stored
from tests.bench.made_up_run import bench_fixture as bench_fixture
from tests.bench.made_up_run import call_fixture as call_fixture
from tests.bench.made_up_run import no_figure_fixture as no_figure_fixture


@pytest.mark.usefixtures("no_figure")
def test_a_run_that_was_stopped_goes_on_where_it_was(
    call: Call, bench: Bench, tmp_path: Path
) -> None:
    stop_after(bench, 5)
    assert call("--models", "dprnn") == 130
    before = stored(tmp_path / "out")
    bench.act = lambda job: None
    assert call("--models", "dprnn", "--resume") == 0
    cells = [record.job.cell for record in stored(tmp_path / "out")]
    assert len(cells) == len(set(cells)) == QUICK_JOBS + NULL_JOBS
    assert stored(tmp_path / "out")[: len(before)] == before
    (path,) = (tmp_path / "out" / "records").iterdir()
    assert path.read_text().count('"environment":{') == 1  # once for both parts


@pytest.mark.usefixtures("no_figure")
def test_resuming_a_whole_run_measures_nothing(call: Call, bench: Bench, tmp_path: Path) -> None:
    assert call("--models", "dprnn") == 0
    bench.jobs.clear()
    assert call("--models", "dprnn", "--resume") == 0
    assert bench.jobs == []


@pytest.mark.usefixtures("no_figure")
def test_resuming_tries_again_what_failed(call: Call, bench: Bench, tmp_path: Path) -> None:
    bench.failures["dprnn"] = (Status.OOM, "Full.")
    assert call("--models", "dprnn") == 1
    bench.failures.clear()
    assert call("--models", "dprnn", "--resume") == 0
    assert "oom" not in (tmp_path / "out" / "table1.csv").read_text()


@pytest.mark.usefixtures("no_figure")
@pytest.mark.parametrize(("failing", "code"), [(0, 0), (2, 1)])
def test_a_failed_round_counts_until_a_later_one_is_measured(
    call: Call,
    bench: Bench,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    failing: int,
    code: int,
) -> None:
    """Resumed, a network meets the others in a new round; the failed one is not made again."""

    def act(job: Job) -> None:
        is_lost = (job.probe, job.round) == ("latency", failing)
        bench.failures = {"dprnn": (Status.OOM, "Full.")} if is_lost else {}

    bench.act = act
    assert call("--models", "dprnn", "demucs") == 1
    if code == 0:
        capsys.readouterr()
        assert call("--models", "dprnn", "demucs", "--resume") == code
    failed = [r for r in stored(tmp_path / "out") if r.status == Status.OOM]
    assert len(failed) == len(PHASES)
    assert ("dprnn: oom: Full." in capsys.readouterr().err.splitlines()) == bool(code)


def test_a_run_of_other_code_is_not_resumed(
    call: Call, bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    stop_after(bench, 2)
    call("--models", "dprnn")
    bench.environment = environment(code={"sources_sha256": "ff"})
    assert call("--models", "dprnn", "--resume") == 2
    assert "other code" in capsys.readouterr().err
    assert len(bench.jobs) == 2


@pytest.mark.parametrize(
    ("options", "difference"),
    [
        (["--samples", "4000"], "n_samples 8000 and not 4000"),
        (["--batch", "2"], "batch 1 and not 2"),
        (["--dtype", "float64"], "dtype float32 and not float64"),
        (["--seed", "7"], "seed 0 and not 7"),
        (["--threads", "37"], "threads 1 and not 37"),
    ],
)
def test_a_run_of_other_settings_is_not_resumed(
    call: Call,
    bench: Bench,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    difference: str,
) -> None:
    stop_after(bench, 2)
    call("--models", "dprnn")
    before = stored(tmp_path / "out")
    assert call("--models", "dprnn", "--resume", *options) == 2
    assert f"other settings ({difference})" in capsys.readouterr().err
    assert stored(tmp_path / "out") == before


@pytest.mark.usefixtures("no_figure")
def test_a_torn_line_of_a_resumed_run_is_named(
    call: Call, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("--models", "dprnn") == 0
    (path,) = (tmp_path / "out" / "records").iterdir()
    append_line(path, '{"torn')
    assert call("--models", "dprnn", "--resume") == 0
    # The first line is the environment.
    assert f"{path}, line {1 + QUICK_JOBS + NULL_JOBS + 1}, is left out" in capsys.readouterr().err


@pytest.mark.usefixtures("no_figure")
@pytest.mark.parametrize("n_killed", [0, 1])
def test_where_there_is_nothing_to_resume_a_run_begins(
    call: Call, tmp_path: Path, n_killed: int
) -> None:
    """No run at all, or one that was killed before its first record."""
    folder = tmp_path / "out" / "records"
    folder.mkdir(parents=True)
    for index in range(n_killed):
        (folder / f"cpu-2026010{1 + index}T000000Z.jsonl").touch()
    assert call("--models", "dprnn", "--resume") == 0
    newest = max(folder.iterdir())
    assert len(read_records(newest).records) == QUICK_JOBS + NULL_JOBS
    assert len(list(folder.iterdir())) == n_killed + 1


@pytest.mark.usefixtures("no_figure")
def test_every_run_of_several_is_resumed(call: Call, bench: Bench) -> None:
    threads = ("--models", "dprnn", "--threads", "1,2")
    stop_after(bench, QUICK_JOBS + NULL_JOBS + 4)
    assert call(*threads) == 130
    bench.act = lambda job: None
    assert call(*threads, "--resume") == 0
    cells = [job.cell for job in bench.jobs]
    assert len(cells) == len(set(cells)) == 2 * (QUICK_JOBS + NULL_JOBS)
