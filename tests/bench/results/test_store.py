"""Record files: nothing whole is lost, nothing torn is fatal, every bad line is named."""

import errno
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Never

import pytest

from bench.errors import UsageError
from bench.results.codec import SCHEMA, encode_record
from bench.results.measurements import LatencyTimes
from bench.results.record import Record
from bench.results.store import RecordFile, newest_records, read_records
from tests.bench.example_records import environment, make_job, make_record

FIRST, SECOND, THIRD = (
    make_record(make_job(model, factory=f"über.module:{model}"), LatencyTimes((0.1, 1 / 3)))
    for model in ("a", "b\u2028c", "d")
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A record file that holds the first two records."""
    file = RecordFile.create(tmp_path / "deep" / "records" / "run.jsonl")
    file.append(FIRST)
    file.append(SECOND)
    return file.path


def append(path: Path, record: Record) -> None:
    """What a resumed run does, which knows the records that are there."""
    earlier = read_records(path).records if path.is_file() else ()
    RecordFile(path, earlier).append(record)


def test_records_come_back_in_order(path: Path) -> None:
    assert read_records(path) == ((FIRST, SECOND), ())


def test_one_record_a_line_below_their_environment(path: Path) -> None:
    described, *lines = path.read_bytes().split(b"\n")
    assert json.loads(described)["environment"]["machine"]["cpu"] == "Example CPU"
    assert lines.pop() == b""
    assert [json.loads(line)["job"]["model"] for line in lines] == ["a", "b\u2028c"]


OTHER = replace(THIRD, environment=environment(machine={"cpu": "Other CPU"}))


def ids(path: Path) -> list[str]:
    """Of the environments that a file describes."""
    lines = [json.loads(line) for line in path.read_bytes().splitlines()]
    return [line["id"] for line in lines if "id" in line]


def test_each_environment_is_described_once(path: Path) -> None:
    """Also by a run that goes on later, or in another environment in between."""
    for record in (OTHER, THIRD, OTHER):
        append(path, record)
    assert read_records(path) == ((FIRST, SECOND, OTHER, THIRD, OTHER), ())
    assert ids(path) == [r.environment.identity for r in (FIRST, OTHER) if r.environment]


def test_a_process_that_died_early_needs_no_environment(tmp_path: Path) -> None:
    file = RecordFile.create(tmp_path / "run.jsonl")
    file.append(replace(FIRST, environment=None))
    assert ids(file.path) == []
    assert read_records(file.path) == ((replace(FIRST, environment=None),), ())


def test_a_lost_environment_makes_bad_lines_of_its_records_alone(path: Path) -> None:
    append(path, OTHER)
    _, first, second, other, third = path.read_bytes().splitlines()
    path.write_bytes(b"\n".join([first, second, other, third, b""]))
    records, bad_lines = read_records(path)
    assert records == (OTHER,)
    assert [line.number for line in bad_lines] == [1, 2]
    assert all("stands nowhere before it" in line.problem for line in bad_lines)


def test_every_record_reaches_the_disk(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[bytes] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(path.read_bytes()))
    append(path, THIRD)
    assert synced == [path.read_bytes()]
    assert read_records(path).records[-1] == THIRD


@pytest.mark.parametrize("kept", [1, 100, -2, -1])
def test_a_torn_last_line_loses_itself_alone(path: Path, kept: int) -> None:
    """Cut anywhere; without only its newline (kept = -1) the record is still whole."""
    whole = path.read_bytes()
    second = whole.splitlines(keepends=True)[2]
    path.write_bytes(whole.removesuffix(second) + second[:kept])
    survivors = (FIRST, SECOND) if kept == -1 else (FIRST,)
    assert read_records(path).records == survivors
    append(path, THIRD)
    records, bad_lines = read_records(path)
    assert records == (*survivors, THIRD)
    assert [line.number for line in bad_lines] == ([] if kept == -1 else [3])


NEWER, OLDER = (
    json.dumps(json.loads(encode_record(FIRST)) | {"schema": schema}).encode()
    for schema in (SCHEMA + 1, 0)
)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b"{not json", "not JSON"),
        (b"\xff\xfe\x00", "utf-8"),
        (b"", "not JSON"),
        (NEWER, f"written with schema {SCHEMA + 1}"),
        (OLDER, "written with schema 0"),
        (b"\x00" * 64, "not JSON"),
    ],
)
def test_a_bad_line_is_named_and_the_rest_is_read(path: Path, line: bytes, problem: str) -> None:
    described, first, second = path.read_bytes().splitlines()
    path.write_bytes(b"\n".join([described, first, line, second, b""]))
    records, (bad_line,) = read_records(path)
    assert records == (FIRST, SECOND)
    assert bad_line.number == 3
    assert problem in bad_line.problem


def test_an_empty_file_holds_nothing(tmp_path: Path) -> None:
    assert read_records(RecordFile.create(tmp_path / "run.jsonl").path) == ((), ())


def test_what_exists_is_not_overwritten(path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(UsageError, match="can't be written"):
        RecordFile.create(path)
    assert path.read_bytes() == before


def test_a_place_that_can_not_be_written_is_found_first(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"can't be written to .* --output DIR"):
        RecordFile.create(tmp_path / "file" / "records" / "run.jsonl")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_device_is_told() -> None:
    with pytest.raises(UsageError, match=r"No space left on device.*measured before"):
        RecordFile(Path("/dev/full")).append(FIRST)


def test_a_disk_that_fills_up_loses_no_earlier_record(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(descriptor: int) -> Never:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", refuse)
        with pytest.raises(UsageError, match="No space left on device"):
            append(path, THIRD)
    assert read_records(path).records[:2] == (FIRST, SECOND)
    append(path, FIRST)
    assert read_records(path).records[-1] == FIRST


@pytest.mark.parametrize("name", ["absent.jsonl", "deep"])
def test_a_file_that_can_not_be_read_is_told(path: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="No records can be read from"):
        read_records(tmp_path / name)


def test_text_that_is_not_unicode_can_be_stored(path: Path) -> None:
    """What Python makes of a file name that is not UTF-8, as in an error's message."""
    record: Record = replace(THIRD, reason="No weights in caf\udce9.")
    append(path, record)
    assert read_records(path).records == (FIRST, SECOND, record)


def test_the_newest_records_are_of_the_latest_run(tmp_path: Path) -> None:
    """By the time in the name, whatever the device: a clone does not keep the files' times."""
    newest = tmp_path / "a-gpu-20260102T000000Z.jsonl"
    for path in (newest, tmp_path / "cpu-20260101T235959Z.jsonl"):
        append(path, FIRST)
    (tmp_path / "notes-20270101T000000Z.txt").touch()
    assert newest_records(tmp_path) == newest


def test_a_run_that_ended_before_its_first_record_is_not_the_newest(tmp_path: Path) -> None:
    older = tmp_path / "cpu-20260101T000000Z.jsonl"
    append(older, FIRST)
    RecordFile.create(tmp_path / "cpu-20260102T000000Z.jsonl")
    assert newest_records(tmp_path) == older


def test_a_folder_without_records_says_how_to_make_some(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "absent"):
        with pytest.raises(UsageError, match=r"Measure first: python -m bench\.run"):
            newest_records(folder)
