"""The command: its exit codes on machines made up, its laws on the real one."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bench import doctor
from bench.errors import UsageError
from bench.machine import readings
from bench.machine.energy import EnergyCounter, PackageSearch
from bench.machine.fitness import Readings
from bench.machine.trial import Trial
from bench.measuring import machine_trial
from bench.results.environment import GpuReading
from tests.bench.example_records import ENVIRONMENT, STATE
from tests.bench.machine.fit_machine import IDLE

TRIAL = Trial("Network", threads=2, thread_gain=1.9, time_ratio=1.0)
PACKAGES = PackageSearch(EnergyCounter("RAPL package-0", ()))
FIT = Readings(
    environment=ENVIRONMENT,
    state=STATE,
    load=IDLE,
    variables={},
    trial=TRIAL,
    missing_extras=(),
    other_run=None,
    unwritable=None,
    packages=PACKAGES,
    can_reset_peak=True,
)
WARNED = replace(FIT, state=replace(STATE, governor="powersave"))
UNWRITABLE = replace(FIT, unwritable="reports: No space left on device")
BUSY_GPU = replace(FIT, state=replace(STATE, gpu=GpuReading(name="GPU", n_other_processes=1)))


def examine(machine: Readings, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(readings, "take_readings", lambda output, fetch, try_out: machine)
    return doctor.main(arguments)


@pytest.mark.parametrize(
    ("machine", "code"),
    [(FIT, 0), (WARNED, 0), (UNWRITABLE, 1), (BUSY_GPU, 1)],
)
def test_exit_codes(
    machine: Readings,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert examine(machine, monkeypatch) == code
    printed = capsys.readouterr().out.splitlines()
    assert printed[-1].startswith("Unfit" if code else "Fit")
    assert examine(machine, monkeypatch, "--format", "json") == code
    assert json.loads(capsys.readouterr().out)["is_fit"] == (code == 0)


def test_a_machine_that_can_not_measure_at_all_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(output: Path, fetch: object, try_out: object) -> Readings:
        raise UsageError("A measuring process could not start.")

    monkeypatch.setattr(readings, "take_readings", refuse)
    assert doctor.main([]) == 2
    assert capsys.readouterr().err == "error: A measuring process could not start.\n"


def test_this_machine(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it is like: what is wrong has a remedy, and the exit code says what is found."""
    monkeypatch.setattr(readings, "watch_load", lambda: IDLE)  # no waiting
    monkeypatch.setattr(machine_trial, "try_machine", lambda environment: TRIAL)
    code = doctor.main(["--format", "json", "--output", str(tmp_path)])
    content = json.loads(capsys.readouterr().out)
    severities = [finding["severity"] for finding in content["findings"]]
    assert code == int("unfit" in severities) == int(not content["is_fit"])
    for finding in content["findings"]:
        assert bool(finding["remedy"]) == (finding["severity"] in ("warn", "unfit"))
        assert finding["found"]
