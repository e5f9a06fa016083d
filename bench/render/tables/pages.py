"""reports/pages.md: what it is worth that the C library's malloc keeps its pages."""

from collections.abc import Sequence

from bench.render.columns import LETTERS, NO_RATIO
from bench.render.estimates import format_ratio, format_time
from bench.render.provenance import describe_provenance
from bench.render.tables.markdown import markdown_table
from bench.results.pages import PageGain
from bench.results.summary import RunSummary

HEADS = (
    "Model",
    "Phase",
    "Default",
    "Pages kept",
    "Default / kept",
    "Page faults a call, default",
    "Page faults a call, kept",
)
SETTING = (
    "By default, glibc's malloc gives large blocks back to the kernel when a call frees them, and "
    "the next call faults every page of them in anew. With kept pages it does not: the memory of a "
    "process stays at its peak, and later calls find their pages there. Programs that serve "
    "networks preload jemalloc or tcmalloc for this reason. Where the C library is glibc (no other "
    "has these variables), start a program of your own with"
)
COMMAND = """```sh
MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=1099511627776 MALLOC_TOP_PAD_=67108864 \\
  GLIBC_TUNABLES=glibc.malloc.hugetlb=1 python my_program.py
```"""
VALUES = (
    "Processes of both kinds lived side by side in each round and made one call at a time, in "
    "random order; the ratio is formed between two calls of one turn. Behind ± is half the 95 % "
    "interval over rounds; a range marked noisy stands where a value can't be trusted. Page faults "
    "are minor ones, the median of all calls."
)


def render_pages(gains: Sequence[PageGain], summary: RunSummary) -> str:
    """The setting, a row for each network and phase, and where the values come from.

    ``summary`` is that of the records with kept pages.
    """
    sections = (
        f"# What kept pages are worth on {summary.environment_name}",
        SETTING,
        COMMAND,
        markdown_table(HEADS, [_row(gain) for gain in gains], n_text=2),
        VALUES,
        "## Where these values come from",
        "\n".join(f"- {label}: {text}" for label, text in describe_provenance(summary)),
    )
    return "\n\n".join(sections) + "\n"


def _row(gain: PageGain) -> list[str]:
    return [
        gain.display_name,
        LETTERS[gain.phase],
        format_time(gain.default),
        format_time(gain.kept),
        format_ratio(gain.ratio) if gain.ratio else NO_RATIO,
        _faults(gain.default_page_faults),
        _faults(gain.kept_page_faults),
    ]


def _faults(n: float | None) -> str:
    return "not known" if n is None else f"{n:.0f}"
