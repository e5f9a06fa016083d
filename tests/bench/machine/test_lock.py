"""Two runs never measure at once: not in one process, not in two, and a dead one holds nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.errors import UsageError
from bench.machine.lock import lock_path, measuring_alone, measuring_process

HOLD = (
    "import sys\n"
    "from bench.machine.lock import measuring_alone\n"
    "with measuring_alone():\n"
    "    print('held', flush=True)\n"
    "    sys.stdin.read()\n"
)
ROOT = Path(__file__).parents[3]


def test_a_second_run_is_refused_and_the_first_is_named() -> None:
    with (
        measuring_alone(),
        pytest.raises(UsageError, match=rf"Another run is measuring.*process {os.getpid()}"),
        measuring_alone(),
    ):
        pass


def test_a_run_that_ended_lets_the_next_one_begin() -> None:
    for _ in range(2):
        with measuring_alone():
            assert lock_path().exists()


def test_a_killed_process_frees_the_machine() -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(UsageError, match=f"process {holder.pid}"), measuring_alone():
            pass
        holder.kill()
    with measuring_alone():
        pass


def test_who_measures_is_known_without_being_disturbed() -> None:
    assert measuring_process() is None
    with measuring_alone():
        assert measuring_process() == f"another run (process {os.getpid()})"
    assert measuring_process() is None


def test_to_ask_who_measures_leaves_the_name_of_the_last_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or a run that begins meanwhile would be told of a process that never measured."""
    lock = tmp_path / "lock"
    lock.write_text("1234567")
    monkeypatch.setattr("bench.machine.lock.lock_path", lambda: lock)
    assert measuring_process() is None
    assert lock.read_text() == "1234567"


def test_a_lock_that_can_not_be_opened_is_a_sentence_and_no_other_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where it belongs to another user; here a folder is in its place."""
    monkeypatch.setattr("bench.machine.lock.lock_path", lambda: tmp_path)
    with pytest.raises(UsageError, match=r"can't be taken.*Remove that file"), measuring_alone():
        pass
    assert measuring_process() is None


def test_only_the_lock_file_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of one user beside it would stop the next."""
    monkeypatch.setattr("bench.machine.lock.lock_path", lambda: tmp_path / "lock")
    with measuring_alone():
        assert [path.name for path in tmp_path.iterdir()] == ["lock"]
    assert (tmp_path / "lock").stat().st_mode & 0o777 == 0o666
