"""Record files as a table: which are found, and what of them can't be read."""

from pathlib import Path

import pytest

import bench
from bench.errors import UsageError
from bench.interface.load import load
from bench.registry import TABLE1
from bench.results.frame import list_values
from bench.results.store import RecordFile, read_records
from tests.bench.example_records import complete_run

ROOT = Path(__file__).parents[3]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two runs, one of them deeper."""
    for number, name in enumerate(("first.jsonl", "deeper/second.jsonl"), start=1):
        file = RecordFile.create(tmp_path / name)
        for record in complete_run(TABLE1[:number]):
            file.append(record)
    return tmp_path


def test_a_path_a_pattern_and_several_of_them(folder: Path) -> None:
    first, second = folder / "first.jsonl", folder / "deeper" / "second.jsonl"
    n_first, n_second = (len(list(list_values(read_records(p).records))) for p in (first, second))
    for sources, files in (
        ((first,), [first]),
        ((str(first),), [first]),
        ((str(folder / "*.jsonl"),), [first]),
        ((folder / "**" / "*.jsonl",), [second, first]),
        ((first, second, first), [first, second]),
    ):
        frame = load(*sources)
        assert list(dict.fromkeys(frame["file"])) == list(map(str, files)), sources
        assert len(frame) == sum({first: n_first, second: n_second}[file] for file in files)


def test_a_time_per_network_is_one_line_of_pandas(folder: Path) -> None:
    frame = bench.load(folder / "deeper" / "second.jsonl")
    times = frame.query("quantity == 'latency_s' and phase == 'inference'").set_index("model")
    names = [entry.name for entry in TABLE1[:2]]
    assert times.loc[names[1], "value"] == pytest.approx(2 * times.loc[names[0], "value"])
    assert (times["low"] < times["value"]).all()


def test_lines_that_are_no_records_are_named_and_left_out(folder: Path) -> None:
    path = folder / "first.jsonl"
    n_lines, n_rows = len(path.read_text().splitlines()), len(load(path))
    with path.open("a") as file:
        file.write("torn {\n")
    with pytest.warns(UserWarning, match=f"first.jsonl, line {n_lines + 1}, is left out"):
        assert len(load(path)) == n_rows


@pytest.mark.parametrize("sources", [(), ("nowhere/*.jsonl",), ("nowhere.jsonl",)])
def test_what_leads_to_no_file_is_told(sources: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match="ecord file"):
        load(*sources)


def test_a_folder_is_no_file(folder: Path) -> None:
    with pytest.raises(UsageError, match="Is a directory"):
        load(folder)


def test_the_committed_records_can_be_loaded_together() -> None:
    frame = load(ROOT / "reports" / "records" / "*.jsonl")
    assert frame["file"].nunique() == len(list((ROOT / "reports" / "records").glob("*.jsonl")))
    assert frame.groupby(["file", "model"]).size().min() >= 1
    assert (frame["value"].notna() | frame["low"].notna() | (frame["status"] != "ok")).all()
