"""The command: one run writes all artefacts, and stored records give the same again."""

from pathlib import Path

import pytest

from bench import streaming
from bench.files import append_line
from bench.machine.lock import measuring_alone
from bench.plan import EFFORTS, STREAMING_ROUNDS, Settings, plan_streaming_jobs
from bench.registry import CAUSAL
from bench.results.store import RecordFile, read_records
from tests.bench.example_records import make_job, make_record

NETWORK = "tests.streaming_models:scaler"


def test_jobs_visit_every_size_of_every_network_in_rounds() -> None:
    settings = Settings("cpu", 1, 1, "float32", 1, 0, EFFORTS["quick"])
    jobs = plan_streaming_jobs(CAUSAL[:2], settings, (160, 320))
    names = [entry.name for entry in CAUSAL[:2]]
    one_round = [(name, size) for name in names for size in (160, 320)]
    assert [(job.model, job.workload.chunk_samples) for job in jobs] == one_round * STREAMING_ROUNDS
    assert [job.round for job in jobs] == sorted(list(range(STREAMING_ROUNDS)) * 4)
    assert {(job.probe, job.workload.phase) for job in jobs} == {("streaming", "inference")}


def test_one_command_writes_every_artefact_and_records_give_them_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.plan.STREAMING_ROUNDS", 1)
    models = ["--models", NETWORK]
    first, second = tmp_path / "first", tmp_path / "second"
    run = [*models, "--chunks", "8", "400", "--effort", "quick", "--output", str(first)]
    assert streaming.main(run) == 0
    printed = {Path(path).name for path in capsys.readouterr().out.split()}
    assert printed == {f"streaming{suffix}" for suffix in (".md", ".svg", ".png", ".pdf")}
    (records,) = (first / "records" / "streaming").glob("*.jsonl")
    measured = read_records(records).records
    assert [record.job.probe for record in measured] == ["contract", "streaming", "streaming"]
    assert [record.job.workload.chunk_samples for record in measured[1:]] == [8, 400]
    assert {record.job.workload.threads for record in measured} == {1}
    assert streaming.main([*models, "--records", str(records), "--output", str(second)]) == 0
    for name in ("streaming.md", "streaming.svg"):
        assert (first / name).read_text() == (second / name).read_text()


def test_a_network_that_can_not_stream_is_an_exit_code_and_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.plan.STREAMING_ROUNDS", 1)
    models = ["--models", "tests.fault_models:healthy", "--chunks", "8"]
    assert streaming.main([*models, "--output", str(tmp_path)]) == 1
    assert "unsupported: The network has no `stream`" in (tmp_path / "streaming.md").read_text()


def test_where_all_break_the_contract_the_report_says_how(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    models = ["--models", "tests.fault_models:wrong_shape", "--chunks", "8"]
    assert streaming.main([*models, "--output", str(tmp_path)]) == 1
    assert "wrong_shape, contract: bad_shape: " in (tmp_path / "streaming.md").read_text()
    assert "error: " not in capsys.readouterr().err


def test_a_run_that_is_refused_leaves_no_file(tmp_path: Path) -> None:
    with measuring_alone():
        assert streaming.main(["--models", NETWORK, "--output", str(tmp_path)]) == 2
    assert not list(tmp_path.iterdir())


def test_records_without_streams_are_refused_and_torn_lines_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "cpu-20260101T000000Z.jsonl"
    RecordFile(path).append(make_record(make_job()))
    append_line(path, "torn")
    assert streaming.main(["--records", str(path), "--output", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert f"{path}, line 3, is left out" in said
    assert f"{path} holds no records of streams" in said
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("size", [0, -160])
def test_a_chunk_without_samples_is_refused(
    size: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert streaming.main(["--chunks", "160", str(size), "--output", str(tmp_path)]) == 2
    assert f"--chunks must be at least 1, not {size}" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
