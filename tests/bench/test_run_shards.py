"""The command as a part of a run, and without times: what it measures, writes and says."""

from pathlib import Path

import pytest

from bench.machine.lock import measuring_alone
from bench.registry import TABLE1
from bench.results.record import Record
from bench.results.store import read_records
from tests.bench.example_records import GPU, environment
from tests.bench.made_up_run import NULL_JOBS, QUICK_JOBS, Bench, Call, stop_after, stored
from tests.bench.made_up_run import bench_fixture as bench_fixture
from tests.bench.made_up_run import call_fixture as call_fixture
from tests.bench.made_up_run import no_figure_fixture as no_figure_fixture

REFERENCE = "sudormrf-1.0x"
EXACT_JOBS = 6  # of one network: contract, parameters, twice operations and memory


def files(folder: Path) -> dict[str, tuple[Record, ...]]:
    """The records of each file, by what its name has before the time."""
    paths = (folder / "records").glob("*.jsonl")
    return {path.stem.rpartition("-")[0]: read_records(path).records for path in paths}


def test_shards_together_measure_each_network_once_and_the_reference_each_time(
    call: Call, tmp_path: Path
) -> None:
    for index in (1, 2, 3, 4):
        assert call("--shard", f"{index}/4") == 0
    found = files(tmp_path / "out")
    assert len(found) == 4
    measured = [{record.job.model for record in records} for records in found.values()]
    others = [name for names in measured for name in names - {REFERENCE, "null"}]
    assert sorted(others) == sorted({entry.name for entry in TABLE1} - {REFERENCE})
    assert all({REFERENCE, "null"} < names for names in measured)


def test_every_record_says_of_which_shard_of_which_plan_it_is(call: Call, tmp_path: Path) -> None:
    assert call("--shard", "2/3") == 0
    (shard,) = {record.shard for record in stored(tmp_path / "out")}
    assert shard is not None
    assert (shard.index, shard.count, shard.reference) == (2, 3, REFERENCE)
    assert shard.networks == tuple(entry.name for entry in TABLE1)


def test_a_record_of_a_whole_run_is_of_no_shard(
    call: Call, tmp_path: Path, no_figure: None
) -> None:
    assert call("--models", "dprnn") == 0
    assert {record.shard for record in stored(tmp_path / "out")} == {None}


def test_a_shard_writes_no_report_and_says_what_will(
    call: Call, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Shards that share a folder would write over each other's."""
    assert call("--shard", "2/3") == 0
    out = tmp_path / "out"
    assert [path.name for path in out.iterdir()] == ["records"]
    (path,) = (out / "records").iterdir()
    (said,) = [line for line in capsys.readouterr().err.splitlines() if "bench.report" in line]
    assert said.startswith("This is shard 2 of 3. When all are done: ")
    pattern, output = said.partition("bench.report ")[2].split(" --output ")
    assert list(tmp_path.glob(str(Path(pattern).relative_to(tmp_path)))) == [path]
    assert output == str(out)


def test_a_shard_goes_on_with_its_own_file_only(call: Call, bench: Bench, tmp_path: Path) -> None:
    """Beside it lie a newer shard of the plan, the same shard of another plan, and a whole run."""
    stop_after(bench, 5)
    assert call("--shard", "1/2") == 130
    bench.act = lambda job: None
    assert call("--shard", "2/2") == 0
    assert call("--shard", "1/3") == 0
    before = files(tmp_path / "out")
    bench.jobs.clear()
    assert call("--shard", "1/2", "--resume") == 0
    after = files(tmp_path / "out")
    changed = [name for name in after if after[name] != before[name]]
    assert [name.startswith("cpu-shard-1-of-2-") for name in changed] == [True]
    assert len(bench.jobs) == 4 * QUICK_JOBS + NULL_JOBS - 5
    cells = [record.job.cell for record in after[changed[0]]]
    assert len(cells) == len(set(cells))


def test_a_whole_run_does_not_go_on_with_a_shard(
    call: Call, bench: Bench, tmp_path: Path, no_figure: None
) -> None:
    assert call("--models", "dprnn", REFERENCE, "--shard", "1/1") == 0
    bench.jobs.clear()
    assert call("--models", "dprnn", REFERENCE, "--resume") == 0
    assert len(bench.jobs) == 2 * QUICK_JOBS + NULL_JOBS
    assert len(files(tmp_path / "out")) == 2


@pytest.mark.parametrize("text", ["2", "1/", "/2", "a/b", "1/2/3", "1.5/2", "1 / 2", ""])
def test_what_is_not_of_the_form_is_told(
    call: Call, bench: Bench, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    with pytest.raises(SystemExit) as stopped:
        call("--shard", text)
    assert stopped.value.code == 2
    assert f"I/N, such as 2/4 (the second of four), not {text!r}" in capsys.readouterr().err
    assert bench.jobs == []


@pytest.mark.usefixtures("no_figure")
def test_an_exact_run_reads_no_clock_and_its_tables_say_so(
    call: Call, bench: Bench, tmp_path: Path
) -> None:
    assert call("--models", "dprnn", "demucs", "--exact") == 0
    assert not any(job.spec.takes_time for job in bench.jobs)
    assert len(bench.jobs) == 2 * EXACT_JOBS
    rows = (tmp_path / "out" / "table1.md").read_text().splitlines()
    cells = [row.split(" | ") for row in rows if row.startswith(("| Network |", "| DPRNN |"))]
    first = dict(zip(*cells[:2], strict=True))
    times = [text for head, text in first.items() if head.startswith("Time")]
    assert [text.strip(" |") for text in times] == ["not measured", "not measured"]


def test_an_exact_run_goes_on_with_times(
    call: Call, bench: Bench, tmp_path: Path, no_figure: None
) -> None:
    assert call("--models", "dprnn", "--exact") == 0
    bench.jobs.clear()
    assert call("--models", "dprnn", "--resume") == 0
    assert len(bench.jobs) == QUICK_JOBS - EXACT_JOBS + NULL_JOBS
    assert all(job.spec.takes_time for job in bench.jobs)


@pytest.mark.usefixtures("no_figure")
def test_an_exact_run_may_have_others_beside_it(call: Call) -> None:
    with measuring_alone():
        assert call("--models", "dprnn", "--exact") == 0
        assert call("--models", "dprnn") == 2


def test_on_a_gpu_which_has_one_memory_it_may_not(
    call: Call, bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.environment = environment(machine={"gpu": GPU})
    with measuring_alone():
        assert call("--models", "dprnn", "--exact", "--device", "cuda") == 2
    assert "Another run is measuring" in capsys.readouterr().err
