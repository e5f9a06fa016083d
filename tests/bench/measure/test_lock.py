"""Two runs never measure at once: not in one process, not in two, and a dead one holds nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.errors import UsageError
from bench.measure.lock import lock_path, measuring_alone, measuring_process

HOLD = (
    "import sys\n"
    "from bench.measure.lock import measuring_alone\n"
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
