"""The command's parts that are only measured when asked for: ceilings and energy."""

from dataclasses import replace
from pathlib import Path

import pytest

from bench.render.terminal.expectations import (
    describe_time,
)
from bench.results.record import Job, Status
from tests.bench.example_records import SETTINGS
from tests.bench.made_up_run import (
    Bench,
    Call,
)
from tests.bench.made_up_run import bench_fixture as bench_fixture
from tests.bench.made_up_run import call_fixture as call_fixture
from tests.bench.made_up_run import no_figure_fixture as no_figure_fixture


@pytest.mark.usefixtures("no_figure")
@pytest.mark.parametrize("asked", [("--roofline",), ()])
def test_a_roofline_is_measured_and_written_where_it_is_asked_for(
    call: Call, bench: Bench, tmp_path: Path, asked: tuple[str, ...]
) -> None:
    assert call("--models", "dprnn", *asked) == 0
    written = {path.name for path in (tmp_path / "out").glob("roofline.*")}
    names = {f"roofline{suffix}" for suffix in (".md", ".csv", ".svg", ".png", ".pdf")}
    assert written == (names if asked else set())
    rounds = [job.round for job in bench.jobs if job.probe == "ceilings"]
    assert rounds == ([0, 1, 2] if asked else [])


def test_a_roofline_takes_time_of_its_own_which_is_said() -> None:
    said = "The ceilings take about as long again."
    assert said in describe_time(replace(SETTINGS, roofline=True))
    assert said not in describe_time(SETTINGS)


@pytest.mark.usefixtures("no_figure")
@pytest.mark.parametrize("asked", [("--energy",), ()])
def test_energy_is_measured_after_all_times_and_written_where_it_is_asked_for(
    call: Call, bench: Bench, tmp_path: Path, asked: tuple[str, ...]
) -> None:
    assert call("--models", "dprnn", "demucs", *asked) == 0
    written = {path.name for path in (tmp_path / "out").glob("energy.*")}
    assert written == ({"energy.md", "energy.csv"} if asked else set())
    probes = [job.probe for job in bench.jobs]
    assert probes.count("energy") == (2 * 2 * 3 if asked else 0)
    assert "latency" not in probes[probes.index("energy") :] if asked else True


@pytest.mark.usefixtures("no_figure")
def test_a_machine_without_a_counter_is_asked_once_and_says_why(
    call: Call, bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """All else is measured; the exit code says that something was not."""
    reason = "The kernel shows no counter."

    def act(job: Job) -> None:
        bench.failures = {job.model: (Status.UNSUPPORTED, reason)} if job.probe == "energy" else {}

    bench.act = act
    assert call("--models", "dprnn", "demucs", "--energy") == 1
    assert [job.round for job in bench.jobs if job.probe == "energy"] == [0] * 4
    assert f"Energy was not measured. {reason}" in (tmp_path / "out" / "energy.md").read_text()
    assert f"dprnn: unsupported: {reason}" in capsys.readouterr().err
    assert "unsupported" not in (tmp_path / "out" / "table1.csv").read_text()


def test_energy_takes_time_of_its_own_which_is_said() -> None:
    said = "energy takes about a minute for each network in each phase"
    assert said in describe_time(replace(SETTINGS, energy=True))
    assert said not in describe_time(SETTINGS)
