"""Every way in which a network can break, in one run: each gets its status, none hurts another."""

import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import pytest

from bench.errors import UsageError
from bench.measuring.endings import classify, last_line, to_record
from bench.measuring.forkserver import Ending, ForkServer
from bench.measuring.isolate import fetch_environment, run_jobs
from bench.results.codec import EnvironmentLine, decode_line, encode_environment, encode_record
from bench.results.environment import MachineState
from bench.results.measurements import LatencyTimes
from bench.results.record import Job, Record, Status
from tests import fault_models
from tests.bench.example_records import ENVIRONMENT, STATE, make_job
from tests.bench.processes import Announcements, remaining

ROOT = Path(__file__).parents[3]
N_SAMPLES = 400
HEALTHY = ("healthy", "null", "prints_a_lot")
FAULTS = {
    "raises": (Status.ERROR, "ValueError: This network [/never] works."),
    "returns_nan": (Status.NON_FINITE, "NaN or Inf (3 of 800 values)."),
    "wrong_shape": (Status.BAD_SHAPE, "a tensor [1, 2, 399]; expected a tensor [1, n_src, 400]."),
    "returns_tuple": (Status.BAD_SHAPE, "returned tuple; expected a tensor [1, n_src, 400]."),
    "crashes": (Status.SEGFAULT, "invalid memory access."),
    "kills_itself": (Status.KILLED, "killed from outside"),
    "aborts": (Status.KILLED, "by the signal SIGABRT."),
    "raises_undecodable": (Status.ERROR, "No weights in caf\\udce9."),
    "ends_by_realtime_signal": (Status.KILLED, "by signal 37."),
    "exits": (Status.ERROR, "exited with code 3"),
    "exits_politely": (Status.ERROR, "ended its process with exit(4)."),
    "hangs": (Status.TIMEOUT, "Not finished after 1 s"),
    "out_of_memory": (Status.OOM, "can't allocate memory"),
    "out_of_gpu_memory": (Status.OOM, "OutOfMemoryError: CUDA out of memory."),
    "out_of_driver_memory": (Status.OOM, "RuntimeError: CUDA error: out of memory"),
    "out_of_cublas_memory": (Status.OOM, "CUBLAS_STATUS_ALLOC_FAILED"),
    "out_of_cpp_memory": (Status.OOM, "RuntimeError: std::bad_alloc"),
    "no_source": (Status.BAD_SHAPE, "a tensor [1, 0, 400]; expected a tensor [1, n_src, 400]."),
    "seven_sources": (Status.BAD_SHAPE, "The network returned 7 sources; expected 2."),
    "sets_threads": (Status.ERROR, "set the number of threads to 3, and 1 was asked for: take "),
    "imports_missing": (
        Status.MISSING_DEPENDENCY,
        "There is no module 'package_that_nobody_has': neither in ",
    ),
    "no_such_network": (Status.ERROR, "'tests.fault_models' has no function 'no_such_network'."),
}


def fault_job(name: str, deadline_s: float = 60.0, round_index: int = 0) -> Job:
    job = make_job(
        name,
        factory=f"tests.fault_models:{name}",
        round_index=round_index,
        n_samples=N_SAMPLES,
        threads=1,
    )
    n_src = 2 if name == "seven_sources" else None
    return replace(job, budget_s=0.0, deadline_s=deadline_s, n_src=n_src)


@pytest.fixture(scope="module", autouse=True)
def at_the_root() -> Iterator[None]:
    """Where workers can import the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        yield


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file in which networks name their processes."""
    return tmp_path_factory.mktemp("faults") / "started"


@pytest.fixture(scope="module")
def records(started: Path) -> Mapping[str, Record]:
    """One run over all of them, a healthy one at each end."""
    names = ["healthy", *FAULTS, "null", "prints_a_lot"]
    jobs = [fault_job(name, 1.0 if name == "hangs" else 60.0) for name in names]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(fault_models.STARTED, str(started))
        return {record.job.model: record for record in run_jobs(jobs, ENVIRONMENT)}


@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_network_is_measured_beside_broken_ones(
    records: Mapping[str, Record], name: str
) -> None:
    record = records[name]
    assert (record.status, record.reason, record.stderr_tail) == (Status.OK, "", "")
    assert isinstance(record.result, LatencyTimes)
    assert record.result.turns is not None
    assert min(record.result.times_s) > 0


@pytest.mark.parametrize(("name", "ending"), FAULTS.items())
def test_a_fault_has_a_status_and_a_sentence(
    records: Mapping[str, Record], name: str, ending: tuple[Status, str]
) -> None:
    record = records[name]
    status, reason = ending
    assert record.status == status
    assert reason in record.reason
    assert "\n" not in record.reason
    assert record.result is None


def test_every_job_has_one_record_in_order(records: Mapping[str, Record]) -> None:
    assert list(records) == ["healthy", *FAULTS, "null", "prints_a_lot"]


def test_every_record_can_be_stored(records: Mapping[str, Record]) -> None:
    for record in records.values():
        line = encode_record(record).encode()
        assert decode_line(line, {ENVIRONMENT.identity: ENVIRONMENT}) == record


def test_what_a_broken_network_printed_is_kept(records: Mapping[str, Record]) -> None:
    assert "It says so in two lines." in records["raises"].stderr_tail
    assert "Traceback" in records["raises"].stderr_tail


@pytest.mark.parametrize("name", [*HEALTHY, "raises", "returns_nan", "out_of_memory"])
def test_a_process_that_lived_describes_the_state_of_its_machine(
    records: Mapping[str, Record], name: str
) -> None:
    state = records[name].state
    assert state is not None
    assert state.load_average is not None
    assert state != STATE  # not made up


@pytest.mark.parametrize("name", ["crashes", "hangs", "exits"])
def test_a_process_that_did_not_live_describes_nothing(
    records: Mapping[str, Record], name: str
) -> None:
    assert records[name].state is None


def test_every_record_has_the_environment_of_the_run(records: Mapping[str, Record]) -> None:
    assert all(record.environment == ENVIRONMENT for record in records.values())


def test_a_hanging_network_takes_its_own_processes_with_it(
    records: Mapping[str, Record], started: Path
) -> None:
    assert records["hangs"].elapsed_s >= 1.0
    processes = [int(process) for process in started.read_text().split()]
    assert len(processes) == 2
    assert remaining(processes) == []


def test_each_round_has_a_fresh_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.measuring.conductor.ForkServer", ForkServer)
    monkeypatch.setenv(fault_models.STARTED, str(tmp_path / "started"))
    jobs = [fault_job("names_its_server", round_index=index) for index in (0, 0, 1)]
    assert [record.status for record in run_jobs(jobs, ENVIRONMENT)] == [Status.OK] * 3
    calls = [int(server) for server in (tmp_path / "started").read_text().split()]
    servers = list(dict.fromkeys(calls))
    assert len(servers) == 2
    assert calls == sorted(calls, key=servers.index)  # the first is gone when the second begins
    assert remaining(servers) == []


def test_leaving_early_ends_the_process_that_measures(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Ctrl-C while a network hangs: it is gone, and its own processes with it."""
    started = Announcements(tmp_path / "started")
    monkeypatch.setenv(fault_models.STARTED, str(started.path))
    processes: list[int] = []

    def interrupt_once_started() -> None:
        processes.extend(started.wait())
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    reader = threading.Thread(target=interrupt_once_started)
    reader.start()
    with closing(run_jobs([fault_job("hangs")], ENVIRONMENT)) as measured:
        assert next(measured).status == Status.INTERRUPTED
        with pytest.raises(KeyboardInterrupt):
            next(measured)
    reader.join()
    assert len(processes) == 2
    assert remaining(processes) == []


def test_a_network_that_closes_its_pipes_and_hangs_is_a_timeout() -> None:
    (record,) = run_jobs([fault_job("hangs_without_pipes", deadline_s=1.0)], ENVIRONMENT)
    assert record.status == Status.TIMEOUT


@pytest.fixture(scope="module")
def left_behind(tmp_path_factory: pytest.TempPathFactory) -> tuple[Record, list[int]]:
    """The record of a network that forks, and the two processes."""
    started = tmp_path_factory.mktemp("left_behind") / "started"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(fault_models.STARTED, str(started))
        (record,) = run_jobs([fault_job("leaves_a_process")], ENVIRONMENT)
    return record, [int(process) for process in started.read_text().split()]


def test_a_process_that_a_network_leaves_behind_is_ended(
    left_behind: tuple[Record, list[int]],
) -> None:
    assert len(left_behind[1]) >= 2
    assert remaining(left_behind[1]) == []


def test_a_process_that_a_network_leaves_behind_costs_nothing(
    left_behind: tuple[Record, list[int]],
) -> None:
    assert left_behind[0].status == Status.OK
    assert left_behind[0].elapsed_s < left_behind[0].job.deadline_s


def test_a_crash_is_seen_at_once_even_when_a_process_is_left_behind() -> None:
    (record,) = run_jobs([fault_job("leaves_a_process_and_crashes")], ENVIRONMENT)
    assert record.status == Status.SEGFAULT
    assert record.elapsed_s < record.job.deadline_s


def test_a_network_that_ends_the_server_is_no_timeout_and_others_complete() -> None:
    ended, other = run_jobs([fault_job("kills_its_server"), fault_job("healthy")], ENVIRONMENT)
    assert ended.status == Status.KILLED
    assert other.status == Status.OK


def test_an_outcome_may_be_longer_than_a_pipe_holds() -> None:
    factory = "models.sudormrf:sudormrf_1_0x"
    (record,) = run_jobs(
        [replace(fault_job("healthy"), factory=factory, probe="layers")], ENVIRONMENT
    )
    assert record.status == Status.OK
    assert len(encode_record(record)) > 1 << 16


@pytest.mark.parametrize(
    ("returncode", "status", "reason"),
    [
        (-signal.SIGSEGV, Status.SEGFAULT, "invalid memory access"),
        (-signal.SIGBUS, Status.SEGFAULT, "invalid memory access"),
        (-signal.SIGKILL, Status.KILLED, "out of memory"),
        (-signal.SIGTERM, Status.KILLED, "SIGTERM"),
        (-signal.SIGFPE, Status.KILLED, "SIGFPE"),
        (0, Status.ERROR, "code 0 and no result: Ouch: it hurts"),
        (7, Status.ERROR, "code 7 and no result: Ouch: it hurts"),
        (-(signal.SIGRTMIN + 3), Status.KILLED, f"by signal {signal.SIGRTMIN + 3}."),
    ],
)
def test_an_ending_without_an_outcome_is_classified(
    returncode: int, status: Status, reason: str
) -> None:
    ending = Ending(None, returncode, False, "Traceback:\n  somewhere\nOuch: it hurts\n")
    found, sentence = classify(ending, 60.0)
    assert found == status
    assert reason in sentence


def test_an_outcome_counts_more_than_how_the_process_ended_afterwards() -> None:
    outcome = {"status": "non_finite", "reason": "Why not."}
    ending = Ending(outcome, -signal.SIGSEGV, False, "")
    assert classify(ending, 60.0) == (Status.NON_FINITE, "Why not.")


def test_the_deadline_counts_more_than_the_signal_that_enforced_it() -> None:
    status, reason = classify(Ending(None, -signal.SIGKILL, True, ""), 2.5)
    assert status == Status.TIMEOUT
    assert "2.5 s" in reason


@pytest.mark.parametrize(
    ("text", "line"),
    [("", "it printed nothing"), ("\n \n", "it printed nothing"), ("a\nb\n\n", "b")],
)
def test_last_line(text: str, line: str) -> None:
    assert last_line(text) == line


def test_an_environment_is_a_value_that_can_be_stored() -> None:
    environment = fetch_environment(1)
    line = decode_line(encode_environment(environment).encode(), {})
    assert line == EnvironmentLine(environment.identity, environment)
    assert environment.versions["torch"] == version("torch")
    assert environment.variables["OMP_NUM_THREADS"] == "1"
    assert environment.torch.threads == 1
    assert environment.machine.n_available_cpus >= 1


def test_an_environment_lasts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes are in the same one until a setting changes that a library listens to."""
    first = fetch_environment(1)
    assert fetch_environment(1).identity == first.identity
    monkeypatch.setenv("OMP_WAIT_POLICY", "PASSIVE")
    assert fetch_environment(1).identity != first.identity


def test_torch_that_can_not_be_imported_is_named_before_anything_is_measured(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "torch.py").write_text("raise ImportError('libtorch.so is torn')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(UsageError, match=r"could not start: ImportError: libtorch\.so is torn"):
        fetch_environment(1)


@pytest.mark.parametrize("result", [None, {}, {"times_s": "1.0"}, {"times_s": [1.0, "x"]}])
def test_an_incomplete_result_is_an_error_with_a_sentence(result: object) -> None:
    outcome = {"status": "ok", "reason": "", "result": result, "state": {"governor": "powersave"}}
    ending = Ending(outcome, 0, False, "")
    record = to_record(fault_job("healthy"), ENVIRONMENT, ending, datetime.now(UTC), 1.0)
    assert (record.status, record.result) == (Status.ERROR, None)
    assert "gave no complete result" in record.reason
    assert record.state == MachineState(governor="powersave")
