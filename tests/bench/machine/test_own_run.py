"""Which processes are of one run: those that it has started, at any depth, and no others."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from types import SimpleNamespace

import pytest

from bench.machine.gpu import Gpu
from bench.machine.own_run import RUN_VARIABLE, own_processes
from bench.machine.state import read_gpu

WAITS = "import sys; print('here', flush=True); sys.stdin.read()"


@pytest.fixture
def children() -> Iterator[list[int]]:
    """Two processes of this one, which wait for their standard input to end."""
    with ExitStack() as stack:
        started = []
        for _ in range(2):
            command = [sys.executable, "-S", "-c", WAITS]
            pipe = subprocess.PIPE
            process = stack.enter_context(subprocess.Popen(command, stdin=pipe, stdout=pipe))
            assert process.stdout is not None
            process.stdout.readline()
            started.append(process)
        yield [process.pid for process in started]


def test_what_a_run_has_started_is_its_own(children: list[int]) -> None:
    run = {RUN_VARIABLE: str(os.getpid())}
    assert own_processes(children[0], run) >= {os.getpid(), *children}
    assert os.getppid() not in own_processes(children[0], run)


@pytest.mark.parametrize("run", [{}, {RUN_VARIABLE: "no number"}, {RUN_VARIABLE: str(2**22 + 1)}])
def test_without_a_run_a_process_is_alone(run: dict[str, str], children: list[int]) -> None:
    assert own_processes(children[0], run) == {children[0]}


def test_a_run_that_has_not_started_a_process_is_not_its_own(children: list[int]) -> None:
    """A variable that was left over from another."""
    assert own_processes(os.getpid(), {RUN_VARIABLE: str(children[0])}) == {os.getpid()}


@pytest.mark.parametrize(("is_of_run", "n_others"), [(True, 1), (False, 2)])
def test_on_a_gpu_those_of_a_round_are_no_neighbours_of_each_other(
    is_of_run: bool, n_others: int, children: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(RUN_VARIABLE, raising=False)
    if is_of_run:
        monkeypatch.setenv(RUN_VARIABLE, str(os.getpid()))
    listed = [SimpleNamespace(pid=pid, usedGpuMemory=1000) for pid in (*children, os.getppid())]
    driver = SimpleNamespace(
        nvmlDeviceGetComputeRunningProcesses=lambda handle: listed,
        nvmlDeviceGetGraphicsRunningProcesses=lambda handle: [],
        NVML_CLOCK_SM=1,
        NVML_CLOCK_MEM=2,
        NVML_TEMPERATURE_GPU=0,
        NVMLError=ArithmeticError,
    )
    reading = read_gpu(Gpu(driver, None), children[0], has_context=True)
    assert reading.n_other_processes == n_others
    assert reading.other_processes_bytes == 1000 * n_others
