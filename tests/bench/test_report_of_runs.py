"""Files of several runs: set side by side, or gathered to one where they are of one run."""

import subprocess
import sys
from pathlib import Path

import pytest

from bench import report
from bench.registry import TABLE1
from tests.bench.example_records import complete_run
from tests.bench.made_up_forms import FORM, rounds
from tests.bench.made_up_runs import make_run
from tests.bench.results.test_gathering import behind
from tests.bench.test_report import ROOT, WITHOUT_TORCH, refusal, store


@pytest.fixture
def records(tmp_path: Path) -> Path:
    return store(
        tmp_path / "out" / "records" / "cpu-20260102T000000Z.jsonl", complete_run(TABLE1[:2])
    )


def compared(tmp_path: Path, *paths: Path) -> str:
    """comparison.md, which is written of several runs beside its CSV and nothing else."""
    output = tmp_path / "compared"
    assert report.main([*map(str, paths), "--output", str(output)]) == 0
    assert sorted(path.name for path in output.iterdir()) == ["comparison.csv", "comparison.md"]
    return (output / "comparison.md").read_text(encoding="utf-8")


def test_files_of_several_runs_are_set_side_by_side(
    records: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = store(tmp_path / "other.jsonl", make_run(TABLE1[:2], machine={"cpu": "Прóцессор"}))
    text = compared(tmp_path, records, other)
    assert text.startswith("# Runs side by side: Example; Прóцессор\n")
    written = [Path(line).name for line in capsys.readouterr().out.splitlines()]
    assert written == ["comparison.md", "comparison.csv"]


def test_files_of_one_run_stay_together_beside_others(records: Path, tmp_path: Path) -> None:
    more = store(tmp_path / "more.jsonl", complete_run(TABLE1[2:3]))
    other = store(tmp_path / "other.jsonl", make_run(TABLE1[:3], machine={"cpu": "B"}))
    first, second = complete_run(TABLE1[2:3]), complete_run(TABLE1[:2])
    whole = store(tmp_path / "whole.jsonl", [*first, *behind(first, second)])
    expected = compared(tmp_path, whole, other)
    assert compared(tmp_path, records, more, other) == expected
    assert compared(tmp_path, more, records, other) == expected
    assert compared(tmp_path, more, other, records) == expected


def test_forms_are_not_set_beside_other_runs(
    records: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    forms = store(tmp_path / "forms.jsonl", [*rounds(0.1), *rounds(0.04, FORM, dtype="bfloat16")])
    output = tmp_path / "refused"
    message = refusal(capsys, records, forms, "--output", output)
    assert f"error: {forms} is of several runtimes" in message
    assert not output.exists()


def test_a_comparison_that_can_not_be_written(
    records: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = store(tmp_path / "other.jsonl", make_run(machine={"cpu": "B"}))
    (tmp_path / "file").write_text("mine")
    message = refusal(capsys, records, other, "--output", tmp_path / "file")
    assert "Reports can't be written to" in message


def test_a_run_without_one_whole_record_is_left_out(
    records: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = store(tmp_path / "other.jsonl", make_run(machine={"cpu": "B"}))
    (tmp_path / "torn.jsonl").write_text('{"schema"')
    compared(tmp_path, records, tmp_path / "torn.jsonl", other)
    assert "torn.jsonl, line 1, is left out" in capsys.readouterr().err


def test_committed_runs_of_all_schemas_are_compared(tmp_path: Path) -> None:
    """Files of the first release among them; two commits have a second file, of Table 2."""
    paths = sorted((ROOT / "reports" / "records").glob("cpu-2026112[34]*.jsonl"))
    assert len(paths) == 5
    text = compared(tmp_path, *paths)
    assert text.startswith("# Runs side by side: c1e77c1; 56ce790; ed483dc\n")
    assert "| Machine: system |" in text
    assert "not measured" not in text


def test_a_comparison_needs_no_torch(records: Path, tmp_path: Path) -> None:
    other = store(tmp_path / "other.jsonl", make_run(machine={"cpu": "B"}))
    command = [sys.executable, "-W", "error", "-c", WITHOUT_TORCH]
    arguments = [str(records), str(other), "--output", str(tmp_path / "new")]
    run = subprocess.run(command + arguments, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
