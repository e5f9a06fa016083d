"""Cost against cost, for networks without a known quality."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure as Canvas

from bench.registry import TABLE1
from bench.render.figures import costs
from bench.render.figures.costs import write_costs_figure
from bench.render.figures.uncertainty import HOLLOW
from bench.render.report import write_reports
from bench.results.record import Record, Status
from bench.results.summary import summarize
from tests.bench.example_records import complete_run, fail, make_job, make_record, make_rounds
from tests.bench.example_results import measured

OWN = "my.networks:small"


def own_run() -> list[Record]:
    jobs = [
        make_job(OWN, probe, phase, factory=OWN, round_index=index)
        for probe, n_rounds in (("operations", 1), ("memory", 1), ("latency", 3))
        for phase in ("inference", "update")
        for index in range(n_rounds)
    ]
    return [make_record(job, measured(1.0, job)) for job in jobs]


@pytest.fixture
def drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Canvas]:
    """The figures that are saved, as they are."""
    kept: list[Canvas] = []

    def keep(canvas: Canvas, stem: Path) -> list[Path]:
        kept.append(canvas)
        return []

    monkeypatch.setattr(costs, "save_figure", keep)
    return kept


def test_each_panel_has_every_network_at_its_costs(drawn: list[Canvas], tmp_path: Path) -> None:
    summary = summarize([*complete_run(), *own_run()])
    write_costs_figure(summary, tmp_path / "costs")
    (canvas,) = drawn
    expected = [
        [(model.values[across].value, model.values[up].value) for model in summary.models]
        for phase in ("inference", "update")
        for up in (f"latency_s_{phase}",)
        for across in (f"macs_{phase}", f"peak_rss_bytes_{phase}")
    ]
    found = [
        [(line.get_xdata()[0], line.get_ydata()[0]) for line in axis.get_lines()]  # type: ignore[index]
        for axis in canvas.axes
    ]
    assert found == expected


def test_a_noisy_time_is_a_bar_with_a_hollow_mark(drawn: list[Canvas], tmp_path: Path) -> None:
    records = [record for record in own_run() if record.job.probe != "latency"]
    job = make_job(OWN, factory=OWN)
    write_costs_figure(summarize([*records, *make_rounds([[1.0], [2.0]] * 3, job)]), tmp_path / "x")
    (canvas,) = drawn
    axis = canvas.axes[0]
    (bar,) = axis.collections
    assert isinstance(bar, LineCollection)
    ((low, high),) = bar.get_segments()
    assert (low[1], high[1]) == pytest.approx((1.0, 2.0))
    *ends, marker = sorted(axis.lines, key=lambda line: str(line.get_label()) == OWN)
    assert {line.get_marker() for line in ends} == {"_"}
    assert marker.get_markerfacecolor() == HOLLOW
    assert np.asarray(marker.get_ydata()) == pytest.approx([2.0**0.5])
    names = [text.get_text() for text in canvas.legends[0].get_texts()]
    assert names == [OWN, "range, noisy"]
    assert canvas.get_suptitle().endswith(f"not measured: {OWN}")  # the training step


def test_what_was_not_measured_is_named(drawn: list[Canvas], tmp_path: Path) -> None:
    records = [
        fail(record, Status.OOM, "Full.") if record.job.probe == "latency" else record
        for record in own_run()
    ]
    write_costs_figure(summarize(records), tmp_path / "costs")
    assert f"not measured: {OWN} (oom)" in drawn[0].get_suptitle()


@pytest.mark.thorough
def test_it_is_written_where_a_quality_is_not_known(tmp_path: Path) -> None:
    own = {path.name for path in write_reports(summarize(own_run()), tmp_path / "own")}
    paper = {path.name for path in write_reports(summarize(complete_run()), tmp_path / "paper")}
    both = {
        path.name
        for path in write_reports(
            summarize([*complete_run(TABLE1[:2]), *own_run()]), tmp_path / "both"
        )
    }
    assert {"costs.png", "pareto.png"} & own == {"costs.png"}
    assert {"costs.png", "pareto.png"} & paper == {"pareto.png"}
    assert {"costs.png", "pareto.png"} <= both
