"""bench.run with runtimes, as users start it: real processes and the report."""

import csv
import os
from pathlib import Path

import pytest

from bench import options, run
from bench.results.form import Form
from bench.results.measurements import LatencyTimes
from bench.results.record import Status, results_of
from bench.results.store import read_records

ROOT = Path(__file__).parents[2]
TINY = ["--effort", "quick", "--time", "0.1", "--samples", "400"]


def test_a_sound_form_a_wrong_one_and_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    variables = dict(os.environ)
    names = ("fuses", "fuses_wrongly", "healthy")
    models = [f"tests.fault_models:{name}" for name in names]
    typed = ["--models", *models, "--runtime", "native", *TINY]
    assert run.main([*typed, "--output", str(tmp_path)]) == 1
    assert "has no native form" in capsys.readouterr().err
    with (tmp_path / "runtimes.csv").open(newline="") as file:
        rows = {(row["model"], row["runtime"]): row for row in csv.DictReader(file)}
    assert {rows[model, "eager"]["status"] for model in models} == {"ok"}
    statuses = [rows[model, "native"]["status"] for model in models]
    assert statuses == ["ok", "mismatch", "unsupported"]
    good, wrong, _ = (rows[model, "native"] for model in models)
    assert float(good["latency_s"]) > 0
    assert float(good["max_relative_error"]) == 0.0
    assert wrong["latency_s"] == ""
    (path,) = (tmp_path / "records" / "runtimes").glob("*.jsonl")
    found = list(results_of(LatencyTimes, read_records(path).records))
    assert {record.status for record, _ in found} == {Status.OK}
    assert {type(times.form) for _, times in found} == {Form, type(None)}
    assert all(len(times.processor_s or ()) == len(times.times_s) for _, times in found)
    assert all(
        r.environment.variables["OMP_WAIT_POLICY"] == "PASSIVE" for r, _ in found if r.environment
    )
    assert not (tmp_path / "table1.md").exists()
    assert dict(os.environ) == variables


@pytest.mark.parametrize("option", [["--resume"], ["--beside", "reports"]])
def test_what_only_table_1_has_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], option: list[str]
) -> None:
    monkeypatch.setattr(run, "choose_card", lambda device, variables: device)
    assert run.main(["--runtime", "compile", *option]) == 2
    assert "Runtimes are measured anew and with times" in capsys.readouterr().err


def test_an_absent_runtime_is_refused_before_anything_starts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(options, "find_spec", lambda name: None)
    assert run.main(["--runtime", "openvino", "--output", str(tmp_path)]) == 2
    assert "pip install 'separation-bench[openvino]'" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
