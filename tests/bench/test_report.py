"""The reports again, from stored records alone: in process, and where torch can't be imported."""

import subprocess
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from bench import report
from bench.files import append_line
from bench.registry import TABLE1
from bench.results.quality import EVALUATIONS, append_evaluation
from bench.results.record import Record, Status
from bench.results.store import RecordFile
from tests.bench.example_evaluations import EVALUATION
from tests.bench.example_records import complete_run, environment, fail
from tests.bench.example_trainings import make_training
from tests.bench.made_up_forms import FORM, rounds
from tests.bench.made_up_runs import make_run
from tests.bench.made_up_shards import files_of, whole
from tests.bench.results.test_gathering import behind

ROOT = Path(__file__).parents[2]
TABLES = ["table1.md", "table1.csv", "table1.json", "table1.tex"]
FIGURE = ["pareto.svg", "pareto.png", "pareto.pdf", "pareto-column.pdf"]
ARTEFACTS = [*TABLES, *FIGURE, "index.html"]


def store(path: Path, records: Iterable[Record]) -> Path:
    file = RecordFile.create(path)
    for record in records:
        file.append(record)
    return path


@pytest.fixture
def records(tmp_path: Path) -> Path:
    folder = tmp_path / "out" / "records"
    return store(folder / "cpu-20260102T000000Z.jsonl", complete_run(TABLE1[:2]))


@pytest.fixture
def no_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    """For what does not need it: the figure takes most of the time of a report."""
    monkeypatch.setattr("bench.render.figures.pareto.write_pareto_figure", lambda summary, stem: [])


def test_the_newest_records_are_the_default(
    records: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store(records.with_name("z-20260101T000000Z.jsonl"), complete_run(TABLE1[2:3]))
    assert report.main(["--output", str(tmp_path / "out")]) == 0
    written = [Path(line) for line in capsys.readouterr().out.splitlines()]
    assert [path.name for path in written] == ARTEFACTS
    assert all(path.stat().st_size > 0 for path in written)
    text = written[0].read_text()
    assert "Conv-TasNet" in text
    assert "DPRNN" not in text


@pytest.mark.usefixtures("no_figure")
def test_several_files_make_one_report(records: Path, tmp_path: Path) -> None:
    more = store(tmp_path / "more.jsonl", complete_run(TABLE1[2:3]))
    output = tmp_path / "deep" / "both"
    assert report.main([str(records), str(more), "--output", str(output)]) == 0
    text = (output / "table1.md").read_text()
    assert all(entry.display_name in text for entry in TABLE1[:3])


@pytest.mark.usefixtures("no_figure")
def test_bad_lines_are_named_and_the_rest_is_reported(
    records: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    n_lines = len(records.read_bytes().splitlines())
    with records.open("ab") as file:
        file.write(b'{"schema": 99}\n{"torn')
    assert report.main([str(records), "--output", str(tmp_path)]) == 0
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith(f"{records}, line {n_lines + 1}, is left out: written with schema 99")
    assert second.startswith(f"{records}, line {n_lines + 2}, is left out: not JSON")
    assert "Conv-TasNet" in (tmp_path / "table1.md").read_text()


@pytest.mark.usefixtures("no_figure")
def test_failed_records_are_no_failure_to_report(tmp_path: Path) -> None:
    dead = [fail(record, Status.KILLED, "Gone.") for record in complete_run(TABLE1[:1])]
    path = store(tmp_path / "dead.jsonl", dead)
    assert report.main([str(path), "--output", str(tmp_path)]) == 0
    assert "killed: Gone." in (tmp_path / "table1.md").read_text()


@pytest.mark.usefixtures("no_figure")
def test_the_same_records_make_the_same_tables(records: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        assert report.main([str(records), "--output", str(tmp_path / name)]) == 0
    for table in TABLES:
        assert (tmp_path / "a" / table).read_bytes() == (tmp_path / "b" / table).read_bytes()


@pytest.mark.usefixtures("no_figure")
def test_missing_shards_are_named_in_the_report_and_on_standard_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = files_of(whole(), 1, 3)
    paths = [store(tmp_path / path, records) for path, records in files.items()]
    assert report.main([*map(str, paths), "--output", str(tmp_path / "out")]) == 0
    sentence = "Shards 2 and 4 of 4 are missing: networks demucs, sudormrf-0.25x and two-step-tdcn."
    assert capsys.readouterr().err.splitlines() == [sentence]
    text = (tmp_path / "out" / "table1.md").read_text()
    assert f"- Shards: 1 and 3 of 4, of 7 networks. {sentence}\n" in text


def test_shards_of_two_kinds_of_machines_are_runs_beside_each_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each lacks what the other has; the reference is in both."""
    here = files_of(whole(), 1, 2)
    there = files_of(whole(machine={"cpu": "Another CPU"}), 3, 4)
    paths = [store(tmp_path / path, records) for path, records in (here | there).items()]
    assert report.main([*map(str, paths), "--output", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().err.splitlines()
    assert said == [
        "Example: Shards 3 and 4 of 4 are missing: networks dprnn and two-step-tdcn.",
        "Another: Shards 1 and 2 of 4 are missing: networks conv-tasnet, sudormrf-0.5x, demucs "
        "and sudormrf-0.25x.",
    ]
    text = (tmp_path / "out" / "comparison.md").read_text()
    for sentence in said:
        assert sentence.partition(": ")[2] in text
    assert "| SuDoRM-RF 1.0x | 5.00 | 5.00 | 1 |" in text


def refusal(capsys: pytest.CaptureFixture[str], *arguments: Path | str) -> str:
    assert report.main([str(argument) for argument in arguments]) == 2
    return capsys.readouterr().err


def test_no_records_at_all(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "Measure first" in refusal(capsys, "--output", tmp_path)
    assert "No records can be read" in refusal(capsys, tmp_path / "absent.jsonl")
    assert list(tmp_path.iterdir()) == []


def test_a_file_without_a_whole_record(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "torn.jsonl").write_text('{"schema"')
    message = refusal(capsys, tmp_path / "torn.jsonl", "--output", tmp_path / "out")
    assert "line 1, is left out" in message
    assert "no complete records" in message
    assert not (tmp_path / "out").exists()


def test_an_output_that_can_not_be_written(
    records: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("mine")
    assert "Reports can't be written to" in refusal(capsys, records, "--output", tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"


WITHOUT_TORCH = """
import sys
sys.modules["torch"] = sys.modules["asteroid"] = None
from bench.report import main
code = main(sys.argv[1:])
assert not any(name.startswith("torch.") for name in sys.modules)
sys.exit(code)
"""


def test_reports_are_written_where_torch_is_not_installed(records: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", "-c", WITHOUT_TORCH]
    arguments = [str(records), "--output", str(tmp_path / "new")]
    run = subprocess.run(command + arguments, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == sorted(ARTEFACTS)


def test_evaluations_in_the_folder_are_reported_too(
    records: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = replace(EVALUATION, separator="conv-tasnet")
    append_evaluation(tmp_path / "out" / EVALUATIONS, own)
    assert report.main([str(records), "--output", str(tmp_path / "out")]) == 0
    written = [Path(line) for line in capsys.readouterr().out.splitlines()]
    *others, last = ARTEFACTS
    own_figure = [name.replace("pareto", "figure3") for name in FIGURE]
    assert [path.name for path in written] == [*others, *own_figure, last]
    assert all(path.stat().st_size > 0 for path in written)
    assert "**4.10**" in written[0].read_text()


def store_training(runs: Path) -> None:
    (runs / "speech").mkdir(parents=True)
    for line in make_training("conv-tasnet", "speech"):
        append_line(runs / "speech" / "metrics.jsonl", line.to_json())


def test_trainings_become_figure4(tmp_path: Path) -> None:
    store_training(tmp_path / "runs")
    assert (
        report.main(["--trainings", str(tmp_path / "runs"), "--output", str(tmp_path / "out")]) == 0
    )
    assert "Conv-TasNet" in (tmp_path / "out" / "figure4.svg").read_text()


def test_figure4_in_a_folder_that_can_not_be_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store_training(tmp_path / "runs")
    (tmp_path / "file").write_text("mine")
    arguments = ["--trainings", str(tmp_path / "runs"), "--output", str(tmp_path / "file")]
    assert report.main(arguments) == 2
    assert "Reports can't be written to" in capsys.readouterr().err


def test_without_trainings_there_is_no_figure4(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report.main(["--trainings", str(tmp_path), "--output", str(tmp_path / "out")]) == 2
    assert "no trainings" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_records_of_forms_have_a_report_of_their_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = store(tmp_path / "runtimes.jsonl", [*rounds(0.1), *rounds(0.04, FORM, dtype="bfloat16")])
    assert report.main([str(path), "--output", str(tmp_path / "out")]) == 0
    written = [Path(line).name for line in capsys.readouterr().out.splitlines()]
    assert written == ["runtimes.md", "runtimes.csv", "runtimes.tex", "index.html"]
    assert "| eager | bfloat16 | 40.4 ms" in (tmp_path / "out" / "runtimes.md").read_text()


@pytest.mark.usefixtures("no_figure")
def test_files_of_one_run_make_the_report_of_one_file_in_any_order(
    records: Path, tmp_path: Path
) -> None:
    more = store(tmp_path / "more.jsonl", make_run(TABLE1[:3], factor=2.0))
    first, second = make_run(TABLE1[:3], factor=2.0), complete_run(TABLE1[:2])
    whole = store(tmp_path / "whole.jsonl", [*first, *behind(first, second)])
    reports = []
    for name, paths in {"a": (records, more), "b": (more, records), "c": (whole,)}.items():
        output = tmp_path / name
        assert report.main([*map(str, paths), "--output", str(output)]) == 0
        reports.append({path.name: path.read_bytes() for path in output.glob("table1.*")})
    assert reports[0] == reports[1] == reports[2]
    assert len(reports[0]) == len(TABLES)


@pytest.mark.usefixtures("no_figure")
def test_without_the_library_of_the_page_a_line_says_so_and_all_else_is_written(
    records: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    assert report.main([str(records), "--output", str(tmp_path / "new")]) == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{tmp_path / 'new' / 'index.html'} is not written: ")
    assert line.endswith("pip install 'separation-bench[page]'")
    names = [path.name for path in (tmp_path / "new").iterdir()]
    assert sorted(names) == sorted(TABLES)


def test_files_that_share_no_table_share_a_page(
    records: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    elsewhere = environment(machine={"cpu": "Other CPU"})
    there = [replace(record, environment=elsewhere) for record in complete_run(TABLE1[2:3])]
    other = store(tmp_path / "other.jsonl", there)
    forms = store(tmp_path / "forms.jsonl", [*rounds(0.1), *rounds(0.04, FORM, dtype="bfloat16")])
    output = ("--output", str(tmp_path / "new"))
    assert report.main(["--page", str(records), str(other), str(forms), *output]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'new' / 'index.html'}\n"
    text = (tmp_path / "new" / "index.html").read_text()
    assert all(word in text for word in ("Example CPU", "Other CPU", "Conv-TasNet", "bfloat16"))
