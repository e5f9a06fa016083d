"""The command: workloads and streams in files of their own, and one report of all."""

from pathlib import Path

import pytest

from bench import family
from bench.results.store import read_records

NETWORKS = ["tests.fault_models:healthy", "tests.streaming_models:scaler"]


def test_one_command_measures_each_workload_and_records_give_the_report_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.plan.STREAMING_ROUNDS", 1)
    monkeypatch.setattr(family, "STREAMED", {NETWORKS[1]})
    first, second = tmp_path / "first", tmp_path / "second"
    wanted = ["--models", *NETWORKS, "--workloads", "400x2", "800x1"]
    effort = ["--effort", "quick", "--time", "0.1"]
    assert family.main([*wanted, *effort, "--output", str(first)]) == 0
    names = ("family.md", "family-400x2.tex", "family-800x1.tex")
    assert capsys.readouterr().out.split() == [str(first / name) for name in names]
    files = sorted((first / "records" / "family").iterdir())
    assert [path.name.partition("-")[0] for path in files] == ["400x2", "800x1", "streams"]
    of_streams = [r for r in read_records(files[2]).records if r.job.probe == "streaming"]
    assert {(r.job.model, r.job.workload.chunk_samples) for r in of_streams} == {(NETWORKS[1], 160)}
    again = ["--records", *map(str, reversed(files)), "--output", str(second)]
    assert family.main(again) == 0
    for name in names:
        assert (first / name).read_text() == (second / name).read_text()
    text = (first / "family.md").read_text()
    assert text.index("## 400 samples, batch 2") < text.index("## 800 samples, batch 1")


@pytest.mark.parametrize("workload", ["32000", "0x1", "32000x0", "ax1", "1x1x1"])
def test_a_workload_that_is_none_is_refused(
    workload: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        family.main(["--workloads", workload])
    assert f"SAMPLESxBATCH such as 32000x4, not {workload!r}" in capsys.readouterr().err
