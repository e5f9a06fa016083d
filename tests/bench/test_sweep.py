"""The command: with measuring made up, and once in real processes."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import pytest

from bench import sweep
from bench.command import Terminated
from bench.files import append_line
from bench.registry import Entry
from bench.render import sweep as render
from bench.results.forecast import MemoryForecast
from bench.results.record import Job, Record, Status, results_of
from bench.results.store import read_records
from bench.sweeping import Sweep
from tests.bench.example_records import ENVIRONMENT, environment
from tests.bench.made_up_machine import MadeUpMachine

NETWORK = "sudormrf-0.25x"
GRID = ("--models", NETWORK, "--samples", "1000,2000,4000")
N_RECORDS = 1 + 3 * 6  # the contract; of each cell operations, forecast, memory, three times
Call = Callable[..., int]


class Rendered:
    """Stands in for what renders a sweep: keeps what it was given."""

    def __init__(self) -> None:
        self.entries: Sequence[Entry] = ()
        self.records: Sequence[Record] = ()

    def write_sweep(
        self, entries: Sequence[Entry], records: Sequence[Record], folder: Path
    ) -> list[Path]:
        self.entries, self.records = entries, records
        return [folder / "sweep.md"]

    def print_sweep(self, entries: Sequence[Entry], records: Sequence[Record]) -> None:
        pass


@pytest.fixture(name="rendered", autouse=True)
def rendered_fixture(monkeypatch: pytest.MonkeyPatch) -> Rendered:
    rendered = Rendered()
    monkeypatch.setattr(render, "write_sweep", rendered.write_sweep)
    monkeypatch.setattr(render, "print_sweep", rendered.print_sweep)
    return rendered


@pytest.fixture(name="machine")
def machine_fixture(monkeypatch: pytest.MonkeyPatch) -> MadeUpMachine:
    machine = MadeUpMachine()
    monkeypatch.setattr(sweep, "prepare_measuring", lambda entries, threads: ENVIRONMENT)
    monkeypatch.setattr(sweep, "fetch_environment", lambda threads: ENVIRONMENT)
    monkeypatch.setattr(sweep, "monotonic", machine.clock)
    made_up = partial(Sweep, clock=machine.clock, run_jobs=machine.run_jobs)
    monkeypatch.setattr(sweep, "Sweep", made_up)
    return machine


@pytest.fixture(name="call")
def call_fixture(tmp_path: Path, machine: MadeUpMachine) -> Call:
    return lambda *arguments: sweep.main(["--output", str(tmp_path), *arguments])


def stored(folder: Path) -> tuple[Record, ...]:
    (path,) = (folder / "records" / "sweep").iterdir()
    contents = read_records(path)
    assert contents.bad_lines == ()
    return contents.records


def test_a_whole_sweep(
    call: Call, rendered: Rendered, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(*GRID) == 0
    records = stored(tmp_path)
    assert len(records) == len({record.job.cell for record in records}) == N_RECORDS
    assert {record.job.cell for record in rendered.records} == {r.job.cell for r in records}
    assert [entry.name for entry in rendered.entries] == [NETWORK]
    out, err = capsys.readouterr()
    assert str(tmp_path / "sweep" / "sweep.md") in out
    assert f"[3/3] {NETWORK} inference, 4000 samples, batch 1, float32, 1 thread: latency" in err
    assert len(err.splitlines()) == N_RECORDS


def test_stored_records_are_rendered_and_nothing_is_measured(
    call: Call, machine: MadeUpMachine, rendered: Rendered, tmp_path: Path
) -> None:
    assert call(*GRID) == 0
    first = rendered.records
    machine.jobs.clear()
    (path,) = (tmp_path / "records" / "sweep").iterdir()
    assert call("--records", str(path)) == 0  # of table1, what it holds
    assert rendered.records == first
    assert [entry.name for entry in rendered.entries] == [NETWORK]
    assert machine.jobs == []


def test_records_of_other_networks_are_refused_by_name(
    call: Call, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(*GRID) == 0
    (path,) = (tmp_path / "records" / "sweep").iterdir()
    assert call("--records", str(path), "--models", "dprnn") == 2
    assert f"no records of these --models, but of: {NETWORK}." in capsys.readouterr().err


def stop_at(machine: MadeUpMachine, n_jobs: int, error: BaseException) -> None:
    def act(job: Job) -> None:
        if len(machine.jobs) == n_jobs:
            raise error

    machine.act = act


@pytest.mark.parametrize("n_jobs", range(1, N_RECORDS))
@pytest.mark.parametrize(("error", "code"), [(KeyboardInterrupt(), 130), (Terminated(), 143)])
def test_interrupted_at_any_record_and_resumed_nothing_is_measured_twice(
    call: Call,
    machine: MadeUpMachine,
    tmp_path: Path,
    n_jobs: int,
    error: BaseException,
    code: int,
) -> None:
    stop_at(machine, n_jobs, error)
    assert call(*GRID) == code
    before = stored(tmp_path)
    assert len(before) == n_jobs
    machine.act = lambda job: None
    assert call(*GRID, "--resume") == 0
    cells = [job.cell for job in machine.jobs]
    assert len(cells) == len(set(cells)) == N_RECORDS
    assert stored(tmp_path)[:n_jobs] == before


def test_a_whole_sweep_resumed_measures_nothing(call: Call, machine: MadeUpMachine) -> None:
    assert call(*GRID) == 0
    machine.jobs.clear()
    assert call(*GRID, "--resume") == 0
    assert machine.jobs == []


def test_what_was_left_out_is_tried_again_and_a_larger_grid_goes_on(
    call: Call, machine: MadeUpMachine, rendered: Rendered
) -> None:
    machine.available_bytes = 238_000_000  # 4000 samples need 216 MB
    assert call(*GRID) == 1
    machine.available_bytes = 10**12
    machine.jobs.clear()
    longer = ("--models", NETWORK, "--samples", "1000,2000,4000,8000")
    assert call(*longer, "--resume") == 0
    again = {job.workload.n_samples for job in machine.jobs if job.probe == "memory"}
    assert again == {4000, 8000}
    assert {record.status for record in rendered.records} == {Status.OK}


def test_a_sweep_of_other_code_is_not_resumed(
    call: Call,
    machine: MadeUpMachine,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    stop_at(machine, 5, KeyboardInterrupt())
    call(*GRID)
    other = environment(code={"sources_sha256": "ff"})
    monkeypatch.setattr(sweep, "prepare_measuring", lambda entries, threads: other)
    assert call(*GRID, "--resume") == 2
    assert "other code" in capsys.readouterr().err
    assert len(machine.jobs) == 5


def test_a_torn_line_is_named_and_its_job_made_again(
    call: Call, machine: MadeUpMachine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stop_at(machine, 6, KeyboardInterrupt())
    call(*GRID)
    (path,) = (tmp_path / "records" / "sweep").iterdir()
    append_line(path, '{"torn')
    machine.act = lambda job: None
    assert call(*GRID, "--resume") == 0
    assert "is left out" in capsys.readouterr().err
    assert len({job.cell for job in machine.jobs}) == len(machine.jobs) == N_RECORDS


def test_what_does_not_fit_is_named_with_its_size(
    call: Call, machine: MadeUpMachine, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.rate = 1e7  # 8 s a call at 4000 samples
    assert call(*GRID, "--time", "60s") == 1
    said = capsys.readouterr().err.splitlines()[-1]
    cell = f"{NETWORK} inference, 4000 samples, batch 1, float32, 1 thread"
    assert said.startswith(f"{cell}: skipped: It would take about ")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--models", "sudormrf-1x"], "Did you mean 'sudormrf-1.0x'?"),
        (["--samples", "4000:x2"], "4000:256000:x2 doubles"),
        (["--samples", "0"], "--samples must be at least 1, not 0"),
        (["--batch", "0"], "--batch must be at least 1"),
        (["--threads", "0"], "--threads must be at least 1"),
        (["--dtype", "float31"], "--dtype takes some of"),
        (["--time", "soon"], "--time takes"),
        (["--samples", "8000:4000:x2"], "holds no size"),
        (["--device", "cuda"], "--device cuda: "),
        (["--records", "no-such-file.jsonl"], "no-such-file.jsonl"),
    ],
)
def test_a_request_that_cant_be_met_writes_no_record(
    call: Call,
    options: list[str],
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert call(*options) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "records").exists()


@pytest.mark.parametrize(
    ("available_bytes", "time", "said"),
    [(10**6, "10m", "1.00 MB are free"), (10**12, "6s", "time")],
)
def test_a_grid_without_a_cell_that_can_run_says_so(
    call: Call,
    machine: MadeUpMachine,
    available_bytes: int,
    time: str,
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    machine.available_bytes = available_bytes
    assert call(*GRID, "--time", time) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("error: No cell of the grid can be measured. One of them: ")
    assert said in error


@pytest.mark.thorough
def test_in_real_processes_a_killed_cell_leaves_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("bench.sweeping.N_ROUNDS", 1)
    network = "tests.bench.sweep_networks:KilledAt2000"
    options = ["--models", network, "--samples", "1000,2000,4000", "--output", str(tmp_path)]
    assert sweep.main(options) == 1
    records = stored(tmp_path)
    ended = {(r.job.probe, r.job.workload.n_samples): r.status for r in records}
    assert [key for key, status in ended.items() if status != Status.OK] == [("memory", 2000)]
    assert ended["memory", 2000] == Status.KILLED
    assert {key for key in ended if key[0] == "latency"} == {("latency", 1000), ("latency", 4000)}
    forecasts = [forecast.n_smaller for _, forecast in results_of(MemoryForecast, records)]
    assert forecasts == [0, 1, 1]
    assert f"{network} inference, 2000 samples" in capsys.readouterr().err
