"""The measuring process's side: what it says beside a result, how its server hears of ends."""

import errno
import os
import signal
from collections.abc import Iterator
from dataclasses import asdict, replace
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from bench.measuring import worker
from bench.measuring.forkserver import ForkServer
from bench.measuring.isolate import run_jobs
from bench.results.environment import MachineState
from bench.results.record import Job, Status
from tests.bench.example_records import ENVIRONMENT, make_job

ROOT = Path(__file__).parents[3]


@pytest.fixture
def described(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the machine's state was described with, of a job that succeeds at once."""
    calls: list[dict[str, Any]] = []

    def describe_state(**given: Any) -> MachineState:
        calls.append(given)
        return MachineState()

    monkeypatch.setattr(worker, "describe_state", describe_state)
    monkeypatch.setattr(worker, "run_job", lambda job, channel: {"status": Status.OK})
    return calls


@pytest.mark.parametrize("is_started", [False, True])
def test_describing_the_machine_starts_no_cuda_and_says_whether_it_had_started(
    described: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, is_started: bool
) -> None:
    """As torch does: whoever asks for a GPU's properties starts CUDA."""
    started = [is_started]

    def get_device_properties(_: object) -> SimpleNamespace:
        started[0] = True
        return SimpleNamespace(uuid="ab-c")

    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: started[0])
    monkeypatch.setattr(torch.cuda, "get_device_properties", get_device_properties)
    worker.answer(asdict(make_job()), StringIO())
    uuid = "ab-c" if is_started else None
    assert described == [{"has_cuda_context": is_started, "gpu_uuid": uuid}]
    assert started == [is_started]


def test_what_a_network_sets_of_tf32_is_undone() -> None:
    """Captions say what was asked for."""
    factory, threads = "tests.bench.measuring.test_worker:sets_tf32", torch.get_num_threads()
    convolutions = torch.backends.cudnn.allow_tf32
    try:
        worker.factory_of(make_job(factory=factory, device="cuda", threads=threads, tf32=False))()
        assert not torch.backends.cuda.matmul.allow_tf32
    finally:
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = convolutions


def sets_tf32() -> torch.nn.Module:
    torch.backends.cuda.matmul.allow_tf32 = True
    return torch.nn.Conv1d(1, 2, 1)


def test_a_child_that_fails_prints_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    with ForkServer(threads=1) as server:
        ending = server.run({"colour": "red"}, 60.0)
    assert (ending.outcome, ending.returncode) == (None, 1)
    assert ending.stderr_tail.startswith("Traceback (most recent call last):\n")
    assert ending.stderr_tail.splitlines()[-1].startswith("msgspec.ValidationError: ")


def fault_job(name: str) -> Job:
    job = make_job(name, factory=f"tests.fault_models:{name}", n_samples=400, threads=1)
    return replace(job, budget_s=0.0)


REFUSALS: dict[str, str] = {
    "the kernel": f"os.pidfd_open = refuse({errno.ENOSYS})",
    "a sandbox": f"os.pidfd_open = refuse({errno.EPERM})",
    "Python": "del os.pidfd_open",
}
SITE = """import os

def refuse(number):
    def fail(*arguments):
        raise OSError(number, os.strerror(number))
    return fail

"""


@pytest.mark.parametrize("case", REFUSALS)
def test_the_end_of_a_process_is_heard_without_pidfd_open(
    case: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Also of one that crashes and leaves another behind, which holds all of its descriptors."""
    (tmp_path / "sitecustomize.py").write_text(SITE + REFUSALS[case])
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.chdir(ROOT)
    names = ("healthy", "leaves_a_process_and_crashes", "null")
    records = list(run_jobs([fault_job(name) for name in names], ENVIRONMENT))
    assert [record.status for record in records] == [Status.OK, Status.SEGFAULT, Status.OK]
    assert records[1].elapsed_s < records[1].job.deadline_s


@pytest.fixture
def endings() -> Iterator[int]:
    """What can be read when a child of this process has ended."""
    before = signal.getsignal(signal.SIGCHLD)
    reader = worker.hear_endings()
    yield reader
    os.close(signal.set_wakeup_fd(-1))
    os.close(reader)
    signal.signal(signal.SIGCHLD, before)


def test_endings_that_come_together_are_all_taken(endings: int) -> None:
    """Signals of one kind that wait are one signal."""
    scripts = ("exit 3", "kill -KILL $$")
    children = {os.posix_spawn("/bin/sh", ["sh", "-c", script], {}) for script in scripts}
    for child in children:  # both have ended, and nobody has taken their codes
        os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    assert os.read(endings, 100)
    left = set(children)
    assert sorted(code for _, code in worker.take_ended(left)) == [-signal.SIGKILL, 3]
    assert left == set()
    assert worker.take_ended(left) == []
