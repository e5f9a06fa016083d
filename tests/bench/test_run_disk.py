"""What a run leaves on the disk, with measuring replaced: whole records, whatever ends it."""

import errno
import os
import shutil
import signal
from collections.abc import Callable
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Never

import pytest

from bench import run
from bench.machine.lock import measuring_alone
from bench.results.record import Job, Status
from bench.results.store import read_records
from tests.bench.made_up_run import (
    NULL_JOBS,
    QUICK_JOBS,
    Bench,
    Call,
    interrupt,
    stored,
)
from tests.bench.made_up_run import bench_fixture as bench_fixture
from tests.bench.made_up_run import call_fixture as call_fixture
from tests.bench.made_up_run import no_figure_fixture as no_figure_fixture


def test_a_file_where_the_folder_should_be(
    call: Call, bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").write_text("mine")
    assert call() == 2
    assert "can't be written to" in capsys.readouterr().err
    assert bench.jobs == []
    assert (tmp_path / "out").read_text() == "mine"


@pytest.mark.usefixtures("no_figure")
def test_each_record_is_on_disk_before_the_next_job_starts(
    call: Call, bench: Bench, tmp_path: Path
) -> None:
    n_stored = []
    bench.act = lambda job: n_stored.append(len(stored(tmp_path / "out")))
    call("--models", "dprnn")
    assert n_stored == list(range(QUICK_JOBS + NULL_JOBS))


@pytest.mark.parametrize(
    ("stop", "code", "word"),
    [
        (interrupt, 130, "Interrupted"),
        (lambda: os.kill(os.getpid(), signal.SIGTERM), 143, "Terminated"),
    ],
)
def test_a_stop_keeps_what_was_measured(
    call: Call,
    bench: Bench,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    stop: Callable[[], None],
    code: int,
    word: str,
) -> None:
    bench.act = lambda job: stop() if len(bench.jobs) == 3 else None
    assert call("--models", "dprnn") == code
    assert len(stored(tmp_path / "out")) == 3
    assert word in capsys.readouterr().err
    assert bench.is_closed


def test_a_full_disk_ends_the_run_with_a_sentence_and_whole_records(
    call: Call,
    bench: Bench,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fill_up(job: Job) -> None:
        def refuse(descriptor: int) -> Never:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        if len(bench.jobs) == 2:
            monkeypatch.setattr(os, "fsync", refuse)

    bench.act = fill_up
    assert call("--models", "dprnn") == 2
    assert "No space left on device" in capsys.readouterr().err
    assert len(stored(tmp_path / "out")) >= 2
    assert bench.is_closed


@pytest.mark.usefixtures("no_figure")
def test_an_error_that_is_not_unicode_is_stored_like_any_other(
    call: Call, bench: Bench, tmp_path: Path
) -> None:
    reason = "No weights in caf\udce9."
    bench.failures["dprnn"] = (Status.ERROR, reason)
    assert call("--models", "dprnn") == 1
    records = [record for record in stored(tmp_path / "out") if record.job.model == "dprnn"]
    assert [record.reason for record in records] == [reason]


@pytest.mark.usefixtures("no_figure")
def test_nothing_is_written_into_the_records_of_another_run(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two that begin in the same second."""

    class Stopped(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> "Stopped":
            return cls(2026, 1, 2, 3, 4, 5, tzinfo=tz)

    monkeypatch.setattr(run, "datetime", Stopped)
    assert call("--models", "dprnn") == 0
    first = stored(tmp_path / "out")
    assert call("--models", "demucs") in (0, 2)
    path = tmp_path / "out" / "records" / "cpu-20260102T030405Z.jsonl"
    assert read_records(path).records == first


def test_two_runs_do_not_measure_at_once(
    call: Call, bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    with measuring_alone():
        assert call("--models", "dprnn") == 2
    assert "Another run is measuring" in capsys.readouterr().err
    assert bench.jobs == []


def test_a_run_that_is_refused_leaves_no_file(call: Call, bench: Bench, tmp_path: Path) -> None:
    with measuring_alone():
        assert call("--models", "dprnn") == 2
    assert not (tmp_path / "out").exists()


def test_a_disk_that_is_nearly_full_is_found_before_the_run(
    call: Call,
    bench: Bench,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1_000_000))
    assert call("--models", "dprnn") == 2
    assert "Only 1 MB are free" in capsys.readouterr().err
    assert bench.jobs == []
    assert list((tmp_path / "out" / "records").iterdir()) == []
