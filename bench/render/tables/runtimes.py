"""reports/runtimes.md, .csv and .tex: every form of every network beside eager float32."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from bench.render.doubts import describe_doubts
from bench.render.estimates import format_ratio, format_time
from bench.render.tables.latex import PACKAGES, Fragment, escape, write_fragment
from bench.render.tables.markdown import markdown_table, plain
from bench.render.writing import write_texts
from bench.results.environment import GpuDevice
from bench.results.form import LIMITS, MOST_THREADS, Form
from bench.results.form_summary import FormSummary, summarize_forms
from bench.results.frame import make_frame, to_csv
from bench.results.measurements import LatencyTimes
from bench.results.record import Record, results_of
from bench.results.workload import Workload
from bench.units import format_si, format_significant

HEADS = (
    "Runtime",
    "Precision",
    "Time",
    "Ratio to eager float32",
    "Largest error",
    "SI-SDR to eager (dB)",
    "Preparation",
    "First call",
    "Paid for after",
    "File",
    "Memory",
    "Threads used",
)
EXPLANATION = (
    "Each row is one form of the network, timed in fresh processes that took turns with eager "
    "float32, call by call. **Time**: the middle over processes, with half its interval (95 %; "
    "† from 10 % on, and a range in its place from 25 % on). "
    "**Largest error** and **SI-SDR** hold the estimates of recorded speech, which the form was "
    "not made with, against those of eager float32; a form outside the limits below is a "
    "`mismatch`, and so is one that uses more threads than asked for: no time is printed. "
    "**Preparation** leads from the network to a form that can be called: export, quantising, "
    "loading, compiling. **Paid for after**: calls after which preparation, first call and all "
    "others took less time than with eager float32. **File**: what one deploys. **Memory**: the "
    "process's peak in a warm call, torch and what prepared the form included; on a GPU what it "
    "holds there after one. **Threads used**: processor time over wall time. No runtime's threads "
    "spin while they wait."
)


def write_runtimes(records: Sequence[Record], folder: Path) -> list[Path]:
    """All files, from the records of one run.

    Raises:
        UsageError: the folder can't be written to, or the records can't share a table.
    """
    forms = summarize_forms(records)
    texts = {
        "runtimes.md": render_runtimes(forms, records),
        "runtimes.csv": render_csv(forms),
        "runtimes.tex": render_runtimes_tex(forms, records),
    }
    return write_texts(folder, texts)


def render_runtimes(forms: Sequence[FormSummary], records: Sequence[Record]) -> str:
    """A table for each network, and why forms are not there."""
    sections = ["# Networks in the forms in which people deploy them", EXPLANATION, _limits()]
    for entry in dict.fromkeys(form.entry for form in forms):
        own = [form for form in forms if form.entry == entry]
        sections += [
            f"## {plain(entry.display_name)}",
            markdown_table(HEADS, map(form_cells, own), n_text=2),
        ]
        sections += filter(None, ["\n".join(_remarks(own))])
    sections += ["## Where these values come from", _provenance(records)]
    return "\n\n".join(sections) + "\n"


def render_runtimes_tex(forms: Sequence[FormSummary], records: Sequence[Record]) -> str:
    """The same rows for papers: one table, in which each network has a heading."""
    rows: list[list[str]] = []
    for entry in dict.fromkeys(form.entry for form in forms):
        own = [form for form in forms if form.entry == entry]
        name = rf"\emph{{{escape(entry.display_name)}}}"
        rows.append([rf"\multicolumn{{{len(HEADS)}}}{{@{{}}l@{{}}}}{{{name}}}"])
        rows += [list(map(escape, form_cells(form))) for form in own]
    return write_fragment(
        Fragment(
            comments=[
                "Networks in several forms, written by separation-bench.",
                PACKAGES,
                "Made by: python -m bench.report RECORDS.jsonl",
                *_provenance(records).splitlines(),
            ],
            heads=HEADS,
            rows=rows,
            notes=[
                escape(f"{EXPLANATION} {_limits_in_words()}".replace("**", "").replace("`", ""))
            ],
            reasons=list(_remarks(forms)),
            n_text=2,
        )
    )


def _limits() -> str:
    rows = [
        [name, f"{limit.max_relative_error:.0e}", f"{limit.si_sdr_db:.0f} dB"]
        for name, limit in LIMITS.items()
    ]
    table = markdown_table(("Precision", "Largest error allowed", "Least SI-SDR"), rows)
    return f"{table}\n\nThreads used: at most {MOST_THREADS} for each that was asked for."


def _limits_in_words() -> str:
    found = (
        f"{name}: {limit.max_relative_error:.0e} and {limit.si_sdr_db:.0f} dB"
        for name, limit in LIMITS.items()
    )
    return f"Limits: {'; '.join(found)}; {MOST_THREADS} threads for each asked for."


def form_cells(summary: FormSummary) -> list[str]:
    """The cells of one form, in the order of ``HEADS``; a status where it has no time."""
    work, timing, form = summary.workload, summary.timing, summary.form
    if timing is None:
        return [work.runtime, work.dtype, summary.status.value, *[""] * (len(HEADS) - 3)]
    mark = "†" if timing.doubts else ""
    return [
        work.runtime,
        work.dtype,
        format_time(timing.latency) + mark,
        "1" if summary.is_base else (format_ratio(timing.ratio) if timing.ratio else "not known"),
        *_parity(form),
        "" if summary.preparation_s is None else format_si(summary.preparation_s, "s"),
        "" if timing.first_s is None else format_si(timing.first_s, "s"),
        "" if summary.is_base else _calls(summary),
        format_si(form.file_bytes, "B") if form and form.file_bytes else "",
        format_si(form.memory_bytes, "B") if form and form.memory_bytes else "",
        "" if summary.threads_used is None else f"{summary.threads_used:.2f}",
    ]


def _parity(form: Form | None) -> tuple[str, str]:
    if form is None:
        return "", ""
    return f"{form.parity.max_relative_error:.1e}", f"{form.parity.si_sdr_db:.0f}"


def _calls(summary: FormSummary) -> str:
    """Of no use where it is not known how much a call saves, or whether it saves anything."""
    ratio, number = summary.timing.ratio if summary.timing else None, summary.pays_after
    if ratio is None or not ratio.is_trusted or ratio.span[0] < 1 < ratio.span[1]:
        return "not known"
    return "never" if number is None else f"{number:,} call{'' if number == 1 else 's'}"


def _remarks(forms: Iterable[FormSummary]) -> Iterable[str]:
    """A line for each form that is missing or doubtful, or whose file holds for one length."""
    for summary in forms:
        work, form = summary.workload, summary.form
        name = f"- {work.runtime}, {work.dtype}"
        if summary.timing is None:
            yield f"{name}: {summary.status.value}: {summary.reason}"
        elif summary.timing.doubts:
            yield f"{name}: {describe_doubts(summary.timing.doubts)}"
        if form and form.any_length is False:
            yield f"{name}: its file holds for this length alone; others need one of their own."
        if form and form.precision != work.dtype:
            yield f"{name}: {form.precision}; {_loss(form)}"


def _loss(form: Form) -> str:
    """What a precision costs against the recorded sources, beside the speed that it gains."""
    loss_db = form.parity.si_sdr_loss_db
    change = f"{'lower' if loss_db > 0 else 'higher'} by {format_significant(abs(loss_db), 2)} dB"
    return f"SI-SDR against the recorded sources {change}, which only trained weights make matter."


def _provenance(records: Sequence[Record]) -> str:
    environment = next((r.environment for r in records if r.environment), None)
    if environment is None:
        return "Unknown: no process lived long enough to say."
    machine, code = environment.machine, environment.code
    timed = [record for record in records if record.job.probe == "latency"]
    work = (timed or records)[0].job.workload
    kept = ", pages kept by the allocator" if work.keeps_pages else ""
    made = [found.form for _, found in results_of(LatencyTimes, records) if found.form]
    versions = {form.version for form in made}
    return "\n".join(
        (
            f"- Processor: {machine.cpu}, {machine.n_available_cpus} of {machine.n_cpus}",
            *([_gpu(machine.gpu, work)] if machine.gpu and work.device == "cuda" else []),
            f"- Workload: {work.n_samples} samples at 8 kHz of recorded speech, batch "
            f"{work.batch}, threads {work.threads}, seed {work.seed}{kept}",
            f"- Runtimes: {', '.join(sorted(versions)) or 'none'}",
            f"- Versions: torch {environment.versions['torch']}, "
            f"Python {environment.versions['python']}",
            f"- Code: commit {code.commit[:12]}{', modified' if code.is_modified else ''}",
            f"- Started: {min(record.started_at for record in records)}",
        )
    )


def _gpu(gpu: GpuDevice, work: Workload) -> str:
    return f"- GPU: {gpu.name}, TF32 {'on' if work.tf32 else 'off'} in products of float32"


def render_csv(forms: Sequence[FormSummary]) -> str:
    """One row for each form, in SI units, nothing rounded."""
    return to_csv(make_frame([_csv_row(form) for form in forms]))


def _csv_row(summary: FormSummary) -> dict[str, object]:
    work, timing, form = summary.workload, summary.timing, summary.form
    latency, ratio = (timing.latency, timing.ratio) if timing else (None, None)
    return {
        "model": summary.entry.name,
        "runtime": work.runtime,
        "dtype": work.dtype,
        "device": work.device,
        "n_samples": work.n_samples,
        "batch": work.batch,
        "threads": work.threads,
        "status": summary.status.value,
        "reason": summary.reason,
        "latency_s": latency and latency.value,
        "latency_low_s": latency and latency.span[0],
        "latency_high_s": latency and latency.span[1],
        "ratio": ratio and ratio.value,
        "ratio_low": ratio and ratio.span[0],
        "ratio_high": ratio and ratio.span[1],
        "is_trusted": latency and latency.is_trusted,
        "doubts": describe_doubts(timing.doubts) if timing else "",
        "max_relative_error": form and form.parity.max_relative_error,
        "si_sdr_db": form and form.parity.si_sdr_db,
        "si_sdr_loss_db": form and form.parity.si_sdr_loss_db,
        "preparation_s": summary.preparation_s,
        "first_call_s": timing and timing.first_s,
        "pays_after_calls": summary.pays_after,
        "file_bytes": form and form.file_bytes,
        "any_length": form and form.any_length,
        "peak_rss_bytes": form and form.peak_rss_bytes,
        "device_bytes": form and form.device_bytes,
        "threads_used": summary.threads_used,
        "version": form and form.version,
        "precision": form and form.precision,
        "waiting": form and form.waiting,
    }
