"""Runtimes: every form of every network beside eager float32."""

from collections.abc import Iterator, Sequence

from bench.render.doubts import describe_doubts
from bench.render.estimates import format_ratio, format_time
from bench.render.page import axes, colours, marks, vega
from bench.render.page.section import Section
from bench.render.page.sections.newest import RUNS, ReportFolder
from bench.render.page.sections.sentences import HOLLOW, join, say_origin
from bench.render.tables.runtimes import HEADS, form_cells
from bench.results.form_summary import FormSummary, is_of_forms, summarize_forms
from bench.results.record import Record

KEY, TITLE = "runtimes", "Runtimes: time over that of eager float32"
SEEN = (
    "The time of each form over that of eager float32 (the dashed line), of calls that took "
    "turns; left of it the form is faster. Colours are runtimes, shapes precisions."
)
REMARK = "Why not, or in doubt"
Forms = Sequence[FormSummary]


def find_runtimes(reports: ReportFolder) -> list[Section]:
    """Of the newest run of forms."""
    newest = reports.newest(("runtimes", RUNS), _summarise)
    if newest.found is None:
        return newest.only_problems(KEY, TITLE)
    forms, records = newest.found
    drawn = list(_rows(forms))
    sentence = join(SEEN, HOLLOW, say_origin(records, newest.file), *newest.problems)
    cells = [[form.entry.display_name, *form_cells(form), _remark(form)] for form in forms]
    table = (("Network", *HEADS, REMARK), cells)
    return [Section(KEY, TITLE, sentence, _draw(drawn) if drawn else None, table)]


def _summarise(records: Sequence[Record]) -> tuple[Forms, Sequence[Record]] | None:
    return (summarize_forms(records), records) if is_of_forms(records) else None


def _remark(form: FormSummary) -> str:
    return form.reason if form.timing is None else describe_doubts(form.timing.doubts)


def _rows(forms: Forms) -> Iterator[vega.Row]:
    """The forms that have a ratio, eager float32 left out: its own is 1."""
    for form in forms:
        ratio = form.timing.ratio if form.timing else None
        if form.is_base or form.timing is None or ratio is None:
            continue
        work = form.workload
        yield {
            "network": form.entry.display_name,
            "runtime": work.runtime,
            "precision": work.dtype,
            "form": f"{work.runtime}, {work.dtype}",
            "text": format_ratio(ratio),
            "time": format_time(form.timing.latency),
            **vega.place_estimate(ratio),
        }


def _draw(rows: Sequence[vega.Row]) -> vega.Spec:
    def names(field: str) -> list[str]:
        return list(dict.fromkeys(str(row[field]) for row in rows))

    x = axes.ratios("x", "time over that of eager float32", rows)
    colour, shape = (
        colours.coloured("runtime", names("runtime")),
        colours.shaped("precision", names("precision")),
    )
    looks: vega.Spec = {
        "fill": colour,
        "stroke": colour,
        "shape": shape,
        "yOffset": marks.stacked("form", names("form")),
    }
    shown = vega.tooltip(network="Network", form="Form", text="Ratio", time="Time")
    return marks.dot_plot(rows, names("network"), x, looks, shown)
