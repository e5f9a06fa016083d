"""The measuring process's side: what it says beside a result, how its server hears of ends."""

import errno
import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bench.measure import worker
from bench.measure.forkserver import ForkServer
from bench.measure.isolate import run_jobs
from bench.results.record import Job, Status
from tests.bench.example_records import ENVIRONMENT, make_job

ROOT = Path(__file__).parents[3]


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
