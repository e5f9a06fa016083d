"""Which files sections are of, and what is said of files that can't be read."""

from collections.abc import Sequence
from pathlib import Path

from bench.errors import UsageError
from bench.files import append_line
from bench.render.page.sections.newest import RUNS, ReportFolder
from bench.results.record import Record
from tests.bench.example_records import make_job, make_record
from tests.bench.render.page.sections.folders import store

OLD, NEW = "cpu-20260101T000000Z", "a-20260102T000000Z"


def name_models(records: Sequence[Record]) -> list[str] | None:
    return [record.job.model for record in records] or None


def records_of(model: str) -> list[Record]:
    return [make_record(make_job(model))]


def test_the_time_in_the_name_decides_and_not_what_is_before_it(tmp_path: Path) -> None:
    store(tmp_path, "sweep", records_of("old"), OLD)
    store(tmp_path, "sweep", records_of("new"), NEW)
    newest = ReportFolder(tmp_path).newest(["sweep"], name_models)
    assert (newest.found, newest.file) == (["new"], f"records/sweep/{NEW}.jsonl")
    assert newest.problems == ()


def test_a_run_without_records_is_passed_over(tmp_path: Path) -> None:
    store(tmp_path, "sweep", records_of("old"), OLD)
    store(tmp_path, "sweep", [], NEW)
    assert ReportFolder(tmp_path).newest(["sweep"], name_models).found == ["old"]


def test_kinds_are_looked_at_together(tmp_path: Path) -> None:
    store(tmp_path, "runtimes", records_of("old"), OLD)
    store(tmp_path, RUNS, records_of("new"), NEW)
    assert ReportFolder(tmp_path).newest(["runtimes", RUNS], name_models).found == ["new"]


def test_a_file_that_can_not_be_read_is_named_and_the_next_is_taken(tmp_path: Path) -> None:
    store(tmp_path, "sweep", records_of("old"), OLD)
    (tmp_path / "records" / "sweep" / f"{NEW}.jsonl").mkdir()
    newest = ReportFolder(tmp_path).newest(["sweep"], name_models)
    assert newest.found == ["old"]
    (problem,) = newest.problems
    assert f"{NEW}.jsonl: Is a directory" in problem


def test_lines_that_are_no_records_are_named(tmp_path: Path) -> None:
    path = store(tmp_path, "sweep", records_of("old"), OLD)
    for number in range(5):
        append_line(path, f"torn {number}")
    newest = ReportFolder(tmp_path).newest(["sweep"], name_models)
    assert newest.found == ["old"]
    assert len(newest.problems) == 4
    assert newest.problems[0].startswith(f"records/sweep/{OLD}.jsonl, line 3, is left out: not")
    assert newest.problems[-1] == "2 more lines of it are left out."


def refuse(records: Sequence[Record]) -> list[str] | None:
    raise UsageError("Two machines.")


def test_records_that_can_not_be_summed_up_are_named_in_their_own_folder(tmp_path: Path) -> None:
    store(tmp_path, "sweep", records_of("old"), OLD)
    newest = ReportFolder(tmp_path).newest(["sweep"], refuse)
    assert newest.problems == (f"records/sweep/{OLD}.jsonl is left out: Two machines.",)
    (section,) = newest.only_problems("sweep", "Sweep")
    assert (section.key, section.chart, section.table) == ("sweep", None, None)
    assert "Two machines." in section.sentence


def test_a_run_of_something_else_is_no_problem(tmp_path: Path) -> None:
    store(tmp_path, RUNS, records_of("old"), OLD)
    (tmp_path / "records" / f"{NEW}.jsonl").mkdir()
    newest = ReportFolder(tmp_path).newest([RUNS], refuse)
    assert newest.problems == ()
    assert newest.only_problems("zoo", "Zoo") == []


def test_the_newest_file_of_each_subject_is_taken(tmp_path: Path) -> None:
    for workload, stamp in (("8000x1", "1"), ("8000x1", "2"), ("32000x1", "1")):
        name = f"{workload}-2026010{stamp}T000000Z"
        store(tmp_path, "family", records_of(f"{workload} {stamp}"), name)

    def name_all(files: Sequence[Sequence[Record]]) -> set[str]:
        return {record.job.model for records in files for record in records}

    newest = ReportFolder(tmp_path).newest_together("family", name_all)
    assert newest.found == {"8000x1 2", "32000x1 1"}


def test_files_of_one_time_stand_in_for_newest_ones_that_can_not_be_read(tmp_path: Path) -> None:
    for workload in ("8000x1", "32000x1"):
        store(tmp_path, "family", records_of(workload), f"{workload}-20260101T000000Z")
    (tmp_path / "records" / "family" / "8000x1-20260102T000000Z.jsonl").mkdir()
    newest = ReportFolder(tmp_path).newest_together("family", len)
    assert newest.found == 2
    assert newest.problems
