"""What is made once for all processes of a run."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from bench.results.record import CellError, Status
from bench.runtimes.made_once import make_once


def test_the_second_finds_what_the_first_made(tmp_path: Path) -> None:
    made: list[Path] = []

    def make(path: Path) -> Mapping[str, bool]:
        made.append(path)
        path.write_text("it")
        return {"any_length": True}

    path = tmp_path / "network" / "file.onnx"
    first, second = make_once(path, make), make_once(path, make)
    assert made == [path]
    assert first.earlier_s == 0.0
    assert second.earlier_s > 0.0
    assert first.notes == second.notes == {"any_length": True}
    assert second.path.read_text() == "it"


def test_what_could_not_be_made_is_not_tried_again(tmp_path: Path) -> None:
    tries: list[Path] = []

    def make(path: Path) -> Mapping[str, bool]:
        tries.append(path)
        raise CellError(Status.UNSUPPORTED, "It has an operator too many.")

    for _ in range(2):
        with pytest.raises(CellError, match="an operator too many") as refused:
            make_once(tmp_path / "file", make)
        assert refused.value.status == Status.UNSUPPORTED
    assert len(tries) == 1


def test_an_accident_is_no_answer_for_the_next(tmp_path: Path) -> None:
    def make(path: Path) -> Mapping[str, bool]:
        raise MemoryError

    with pytest.raises(MemoryError):
        make_once(tmp_path / "file", make)
    assert make_once(tmp_path / "file", lambda path: {}).earlier_s == 0.0
