"""All artefacts of a run, written from its summary: one row of one table for each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.errors import UsageError
from bench.results.quality import EvaluationRecord, read_own
from bench.results.summary import RunSummary


@dataclass(frozen=True)
class Reported:
    """A run, and the evaluations of networks that were trained here, by network and task."""

    summary: RunSummary
    own: Mapping[tuple[str, str], EvaluationRecord]


@dataclass(frozen=True)
class Output:
    """One artefact: ``name`` is its file's, of a figure without the suffix."""

    name: str
    is_wanted: Callable[[Reported], bool]
    write: Callable[[Reported, Path], list[Path]]


def text(
    name: str, is_wanted: Callable[[Reported], bool], render: Callable[[Reported], str]
) -> Output:
    """An artefact that is one file of text."""

    def write(reported: Reported, path: Path) -> list[Path]:
        path.write_text(render(reported), encoding="utf-8", errors="backslashreplace")
        return [path]

    return Output(name, is_wanted, write)


def has_page(run: Reported) -> bool:
    """Every run stands on the page of its folder."""
    return True


def write_index(run: Reported, path: Path) -> list[Path]:
    """The page of a run, and of older ones of its folder."""
    from bench.render.page.folder import write_folder_page
    from bench.render.page.runs import find_runs

    return write_folder_page(find_runs(path.parent, [run.summary]), path.parent)


def list_outputs() -> tuple[Output, ...]:
    """Every artefact of a run."""
    # Here, so that commands start without waiting for matplotlib.
    from bench.render.figures.costs import write_costs_figure
    from bench.render.figures.figure3 import write_figure3
    from bench.render.figures.pareto import write_pareto_figure
    from bench.render.figures.roofline import write_roofline_figure
    from bench.render.tables.energy import render_energy, render_energy_csv
    from bench.render.tables.papers import render_table1_tex, render_table2_tex, render_zoo_tex
    from bench.render.tables.roofline import render_roofline, render_roofline_csv
    from bench.render.tables.rows import render_csv, render_json
    from bench.render.tables.table1 import render_table1
    from bench.render.tables.table2 import has_table2, is_only_table2, render_table2
    from bench.render.tables.zoo import is_zoo, render_zoo

    def has_table1(run: Reported) -> bool:
        return not (is_only_table2(run.summary) or is_zoo(run.summary))

    def has_quality(run: Reported) -> bool:
        return has_table1(run) and any(model.published for model in run.summary.models)

    def lacks_quality(run: Reported) -> bool:
        return has_table1(run) and not all(model.published for model in run.summary.models)

    def has_roofline(run: Reported) -> bool:
        return run.summary.roofline is not None

    def has_energy(run: Reported) -> bool:
        return run.summary.energy is not None

    return (
        text("table1.md", has_table1, lambda run: render_table1(run.summary, run.own)),
        text("table1.csv", has_table1, lambda run: render_csv(run.summary)),
        text("table1.json", has_table1, lambda run: render_json(run.summary)),
        text("table1.tex", has_table1, lambda run: render_table1_tex(run.summary)),
        Output("pareto", has_quality, lambda run, stem: write_pareto_figure(run.summary, stem)),
        Output("costs", lacks_quality, lambda run, stem: write_costs_figure(run.summary, stem)),
        Output(
            "figure3",
            lambda run: has_table1(run) and bool(run.own),
            lambda run, stem: write_figure3(run.summary, run.own, stem),
        ),
        text("roofline.md", has_roofline, lambda run: render_roofline(run.summary)),
        text("roofline.csv", has_roofline, lambda run: render_roofline_csv(run.summary)),
        Output(
            "roofline", has_roofline, lambda run, stem: write_roofline_figure(run.summary, stem)
        ),
        text("energy.md", has_energy, lambda run: render_energy(run.summary)),
        text("energy.csv", has_energy, lambda run: render_energy_csv(run.summary)),
        text(
            "table2.md",
            lambda run: has_table2(run.summary),
            lambda run: render_table2(run.summary),
        ),
        text(
            "table2.tex",
            lambda run: has_table2(run.summary),
            lambda run: render_table2_tex(run.summary),
        ),
        text("zoo.md", lambda run: is_zoo(run.summary), lambda run: render_zoo(run.summary)),
        text("zoo.tex", lambda run: is_zoo(run.summary), lambda run: render_zoo_tex(run.summary)),
        Output(
            "zoo",
            lambda run: is_zoo(run.summary),
            lambda run, stem: write_costs_figure(run.summary, stem),
        ),
        Output("index.html", has_page, write_index),
    )


def write_reports(summary: RunSummary, folder: Path) -> list[Path]:
    """Write what a run has artefacts of; returns their paths.

    A run of Table 2's networks alone, or of the zoo's, leaves an earlier Table 1 as it is.

    Raises:
        UsageError: the folder can't be written to, or its evaluations can't be read.
    """
    reported = Reported(summary, read_own(folder))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return [
            path
            for output in list_outputs()
            if output.is_wanted(reported)
            for path in output.write(reported, folder / output.name)
        ]
    except OSError as error:
        raise UsageError(f"Reports can't be written to {folder}: {error.strerror}.") from error
