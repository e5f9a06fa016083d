"""Lines of metrics survive the file, torn ends and resumptions."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bench.errors import UsageError
from bench.files import append_line
from bench.results.training import (
    TrainingLine,
    find_trainings,
    read_training,
    rewind_training,
    validations,
)
from tests.bench.example_trainings import make_line, make_training


def write(path: Path, *lines: TrainingLine) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    for line in lines:
        append_line(path, line.to_json())
    return path


def test_what_is_read_is_what_was_written(tmp_path: Path) -> None:
    lines = (make_line(step=50), replace(make_line(step=60), si_sdri_db=1.25, energy_j=3.5))
    assert read_training(write(tmp_path / "metrics.jsonl", *lines)) == lines


def test_lines_of_schema_1_know_no_share(tmp_path: Path) -> None:
    fields = json.loads(make_line().to_json()) | {"schema": 1}
    del fields["share"]
    path = tmp_path / "metrics.jsonl"
    path.write_text(json.dumps(fields) + "\n" + replace(make_line(), share=0.5).to_json() + "\n")
    assert [line.share for line in read_training(path)] == [None, 0.5]


@pytest.mark.parametrize("cut", [1, 40, 200])
def test_a_line_that_a_kill_left_unfinished_is_left_out(tmp_path: Path, cut: int) -> None:
    path = write(tmp_path / "metrics.jsonl", make_line(step=50), make_line(step=100))
    path.write_bytes(path.read_bytes()[:-cut] if cut > 1 else path.read_bytes() + b'{"sch')
    assert read_training(path) == (make_line(step=50), make_line(step=100))[: 2 if cut == 1 else 1]


WORD = make_line().to_json().replace('"loss": ', '"loss": "low", "was": ') + "\n"


@pytest.mark.parametrize(
    "text", [WORD, "nonsense\n", '{"schema": 99}\n', '{"schema": 1, "step": 3}\n']
)
def test_a_foreign_line_is_named(tmp_path: Path, text: str) -> None:
    path = write(tmp_path / "metrics.jsonl", make_line())
    path.write_text(text + path.read_text())
    with pytest.raises(UsageError, match=r"metrics.jsonl, line 1, is not metrics"):
        read_training(path)


def test_rewinding_keeps_what_the_state_knows(tmp_path: Path) -> None:
    """At step 100, validated last at step 60; the validation of step 100 comes again."""
    known = [make_line(step=50), make_line(step=60, si_sdri_db=1.0), make_line(step=100)]
    unknown = [make_line(step=100, si_sdri_db=2.0), make_line(step=150)]
    path = write(tmp_path / "metrics.jsonl", *known, *unknown)
    rewind_training(path, step=100, validated_step=60)
    assert read_training(path) == tuple(known)
    assert [path.name for path in tmp_path.iterdir()] == ["metrics.jsonl"]


def test_trainings_are_found_below_a_folder(tmp_path: Path) -> None:
    for corpus in ("speech", "sounds"):
        write(tmp_path / corpus / "metrics.jsonl", *make_training("conv-tasnet", corpus))
    write(tmp_path / "empty" / "metrics.jsonl")
    (tmp_path / "empty" / "metrics.jsonl").touch()
    found = find_trainings(tmp_path)
    assert [training[0].corpus for training in found] == ["sounds", "speech"]


def test_no_training_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no trainings in .* python -m bench.train"):
        find_trainings(tmp_path)


def test_validations_are_those_of_separation() -> None:
    lines = [
        make_line(step=50),
        make_line(step=60, si_sdri_db=20.0, phase="filterbank"),
        make_line(step=120, si_sdri_db=0.0),
    ]
    assert [line.step for line in validations(lines)] == [120]
