"""The command as users start it: real processes, real signals, nothing of it left over."""

import csv
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bench import run
from bench.results.metrics import METRICS
from bench.results.record import Status
from bench.results.store import read_records
from tests import fault_models
from tests.bench.processes import Announcements, parent_of, remaining

ROOT = Path(__file__).parents[2]
INTERRUPTIBLE = (
    "import runpy, signal\n"
    "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    "runpy.run_module('bench.run', run_name='__main__', alter_sys=True)\n"
)
"""bench.run, also where a shell that put these tests into the background has SIGINT ignored."""
TINY = ["--effort", "quick", "--samples", "400", "--threads", "1", "--device", "cpu"]


def test_a_broken_network_and_a_sound_one_in_a_real_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    sound, broken = "tests.fault_models:healthy", "tests.fault_models:imports_missing"
    assert run.main(["--models", sound, broken, "--output", str(tmp_path), *TINY]) == 1
    assert "There is no module 'package_that_nobody_has'" in capsys.readouterr().err
    with (tmp_path / "table1.csv").open(newline="") as file:
        rows = {row["model"]: row for row in csv.DictReader(file)}
    for model, status in ((sound, "ok"), (broken, "missing_dependency")):
        assert {rows[model][f"{metric.name}_status"] for metric in METRICS} == {status}
    # Two filters of three taps and a bias over 400 samples.
    assert float(rows[sound]["n_params"]) == 8
    assert float(rows[sound]["macs_inference"]) == 400 * 2 * 3
    assert float(rows[sound]["macs_update"]) == 2 * 400 * 2 * 3  # the input needs no gradient
    low, high = (float(rows[sound][f"latency_s_inference_{end}"]) for end in ("low", "high"))
    assert 0 < low <= high  # a value or a range, as quiet as the machine was


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -signal.SIGKILL)],
)
def test_a_signal_leaves_whole_records_and_no_process(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    started = Announcements(tmp_path / "started")
    models = ["tests.fault_models:healthy", "tests.fault_models:hangs"]
    command = [sys.executable, "-c", INTERRUPTIBLE, "--models", *models, "--output", str(tmp_path)]
    with subprocess.Popen(
        command + TINY,
        cwd=ROOT,
        env=os.environ | {fault_models.STARTED: str(started.path)},
        stderr=subprocess.PIPE,
        text=True,
    ) as bench:
        network, child = started.wait()
        server = parent_of(network)
        bench.send_signal(number)
        _, printed = bench.communicate()
    assert bench.returncode == code
    assert remaining([network, child, server]) == []
    (path,) = (tmp_path / "records").iterdir()
    contents = read_records(path)
    assert contents.bad_lines == ()
    first, *interrupted = contents.records
    assert (first.job.model, first.job.probe, first.status) == (models[0], "contract", Status.OK)
    in_flight = [(record.job.model, record.status) for record in interrupted]
    expected = [] if number == signal.SIGKILL else [(models[1], Status.INTERRUPTED)]
    assert in_flight == expected
    assert ("Finished records are on disk." in printed) == (number != signal.SIGKILL)
    assert "Traceback" not in printed


def imported_by(code: str, *arguments: str) -> set[str]:
    """The top-level modules that a fresh interpreter holds after running some code."""
    report = "; import json, sys; sys.__stderr__.write('\\n' + json.dumps(sorted(sys.modules)))"
    fresh = subprocess.run(
        [sys.executable, "-c", code + report, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    modules: list[str] = json.loads(fresh.stderr.splitlines()[-1])
    return {name.partition(".")[0] for name in modules}


RUN_MODULE = (
    "import contextlib, runpy, sys\n"
    "with contextlib.suppress(SystemExit):\n"
    "    runpy.run_module(sys.argv.pop(1), run_name='__main__', alter_sys=True)\n"
    "pass"
)


@pytest.mark.parametrize(
    "arguments", [("bench.report", "--help"), ("bench.run", "--help"), ("bench.run", "--list")]
)
def test_commands_answer_without_torch_and_without_what_draws(arguments: tuple[str, str]) -> None:
    modules = imported_by(RUN_MODULE, *arguments)
    assert "argparse" in modules
    assert modules.isdisjoint({"torch", "asteroid", "models", "baselines"})
    assert modules.isdisjoint({"matplotlib", "numpy", "rich"})
