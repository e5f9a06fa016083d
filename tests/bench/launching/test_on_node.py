"""A command on a node: in the node's own environment, told as it comes, gone with its parent.

A process stands in for the node's manager, and another for a worker of Ray, which sets what Ray
sets.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from bench.launching import on_node
from bench.launching.on_node import (
    BEGAN,
    ENDED,
    FAILED,
    PRINTED,
    RECORD,
    SAID,
    own_variables,
    run_command,
)
from tests.bench.processes import remaining

ROOT = Path(__file__).parents[3]
BY_RAY = {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "RAY_JOB_ID": "7"}
PACKAGE = """
import os, pathlib, sys, time
folder = pathlib.Path(sys.argv[sys.argv.index("--output") + 1]) / "records"
"""
"""The beginning of a program that takes the place of this project's."""


@contextmanager
def manager(variables: Mapping[str, str]) -> Iterator[int]:
    """A process with these variables and a niceness of 3, by its number."""
    with subprocess.Popen(
        [sys.executable, "-c", "import os; os.nice(3); print(flush=True); input()"],
        env=dict(variables),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process.pid
        process.kill()


@pytest.fixture(name="worker")
def worker_fixture(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This process as a worker of Ray, whose manager has variables of its own."""
    own = {"PATH": os.environ["PATH"], "MKL_NUM_THREADS": "7", "RAY_ADDRESS": "auto"}
    with manager(own | {"LD_PRELOAD": "/venv/ray/core/libjemalloc.so"}) as process:
        for name, value in {**BY_RAY, "RAY_RAYLET_PID": str(process)}.items():
            monkeypatch.setenv(name, value)
        yield


def program(folder: Path, text: str) -> str:
    """A folder in which the command is this program."""
    (folder / "separation_bench.py").write_text(PACKAGE + text)
    return str(folder)


def test_nothing_but_the_standard_library_goes_to_a_node() -> None:
    code = "import runpy, sys; runpy.run_path(sys.argv[1]); print('bench' in sys.modules)"
    run = subprocess.run(
        [sys.executable, "-I", "-c", code, str(on_node.__file__)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip() == "False"


@pytest.mark.usefixtures("worker")
def test_a_command_has_what_its_node_has_and_nothing_of_rays(tmp_path: Path) -> None:
    text = "import json\nprint(json.dumps([dict(os.environ), os.getpriority(0, 0), os.getcwd()]))\n"
    told = list(run_command(["run", "--exact"], program(tmp_path, text)))
    assert [what for what, _ in told] == [BEGAN, PRINTED, ENDED]
    variables, niceness, folder = json.loads(told[1][1])
    variables.pop("LC_CTYPE", None)  # which Python sets
    assert variables == {"PATH": os.environ["PATH"], "MKL_NUM_THREADS": "7"}
    assert folder == str(tmp_path)
    began = json.loads(told[0][1])
    assert began["python"] == sys.executable
    assert niceness == began["niceness"] >= 3
    assert told[2][1] == "0"


def test_a_library_that_someone_else_preloads_stays() -> None:
    preloaded = {"LD_PRELOAD": "/usr/lib/libtcmalloc.so", "A": "b"}
    assert own_variables({**preloaded, "RAY_CLIENT_MODE": "0"}) == preloaded


@pytest.mark.usefixtures("worker")
def test_records_are_told_before_what_is_said_of_them_and_torn_ones_never(tmp_path: Path) -> None:
    text = (
        "folder.mkdir()\n"
        "with (folder / 'cpu.jsonl').open('w', buffering=1) as file:\n"
        "    file.write('first\\nsec'); file.flush(); print('[1/2]', file=sys.stderr)\n"
        "    file.write('ond\\n'); print('[2/2]', file=sys.stderr)\n"
        "    file.write('last\\ntorn')\n"
        "sys.exit(3)\n"
    )
    told = list(run_command([], program(tmp_path, text)))
    assert [line for what, line in told if what == RECORD] == ["first", "second", "last"]
    assert told.index((RECORD, "first")) < told.index((SAID, "[1/2]"))
    assert told.index((RECORD, "second")) < told.index((SAID, "[2/2]"))
    assert told[-2:] == [(PRINTED, ""), (ENDED, "3")]


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("content", [b"old\n", b"old\nto"])
def test_a_command_goes_on_with_records_that_are_not_told_again(
    tmp_path: Path, content: bytes
) -> None:
    text = (
        "path = folder / 'cpu-1.jsonl'\n"
        "print(path.read_text())\n"
        "with path.open('a') as file: file.write('\\nnew\\n')\n"
    )
    told = list(run_command([], program(tmp_path, text), "cpu-1.jsonl", content))
    assert told[1:3] == [(RECORD, "new"), (PRINTED, content.decode() + "\n")]


@pytest.mark.usefixtures("worker")
def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(on_node, "_start", lambda *_: Path("/dev/full").write_text("full"))
    assert list(run_command([], str(tmp_path))) == [(FAILED, "[Errno 28] No space left on device.")]


@pytest.mark.usefixtures("worker")
def test_a_folder_that_a_node_lacks_is_no_error(tmp_path: Path) -> None:
    """Where the project is installed, it is found from any folder."""
    told = list(run_command(["--help"], str(tmp_path / "nowhere")))
    assert told[-1][0] == ENDED


WORKER = """
import sys
from bench.launching.on_node import run_command
for what, text in run_command([], sys.argv[1]):
    print(text, flush=True)
"""


@pytest.mark.usefixtures("worker")
def test_a_command_ends_with_the_worker_that_started_it(tmp_path: Path) -> None:
    """However that ends: nothing goes on measuring on a node that takes part no more."""
    text = "print(os.getpid(), file=sys.stderr, flush=True)\ntime.sleep(10**6)\n"
    with subprocess.Popen(
        [sys.executable, "-c", WORKER, program(tmp_path, text)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as worker:
        assert worker.stdout is not None
        worker.stdout.readline()
        command = int(worker.stdout.readline())
        worker.kill()
    assert remaining([command]) == []
