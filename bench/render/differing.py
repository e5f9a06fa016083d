"""explain/<one>-and-<other>.md: two networks, or two revisions of one, side by side."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from rich.console import Console

from bench.registry import Entry
from bench.render.explanation import file_name
from bench.render.phases import title_of
from bench.render.tables.profile_comparison import render_profile_comparison
from bench.render.terminal.differences import print_differences
from bench.results.lined_up import LinedUp, Profiled, line_up, line_up_modules
from bench.results.profile import Profile
from bench.results.record import Record, results_of
from bench.results.workload import Phase

BothSides = tuple[Sequence[Profile], Sequence[Profile]]


def compare_networks(
    entries: Sequence[Entry], records: Sequence[Record], folder: Path, depth: int
) -> list[Path]:
    """Two networks, in the phases in which both were profiled.

    Raises:
        UsageError: they have no part in common.
    """
    found: dict[Phase, tuple[list[Profile], list[Profile]]] = {}
    for record, profile in results_of(Profile, records):
        both = found.setdefault(record.job.workload.phase, ([], []))
        both[record.job.model == entries[1].name].append(profile)
    labels = entries[0].display_name, entries[1].display_name
    names = entries[0].name, entries[1].name
    return _write(labels, names, found, folder, lambda base, head: line_up(base, head, depth))


def compare_revisions(
    entry: Entry,
    revisions: tuple[str, str],
    found: Mapping[Phase, BothSides],
    folder: Path,
    depth: int,
) -> list[Path]:
    """One network in two revisions, each profiled by several processes."""

    def line_up_revisions(base: Profiled, head: Profiled) -> LinedUp:
        return line_up_modules(base, head, depth)

    names = f"{entry.name}-{revisions[0]}", revisions[1]
    return _write(revisions, names, found, folder, line_up_revisions)


def _write(
    labels: tuple[str, str],
    names: tuple[str, str],
    found: Mapping[Phase, BothSides],
    folder: Path,
    join: Callable[[Profiled, Profiled], LinedUp],
) -> list[Path]:
    """Print the largest differences of each phase and write all of them; no file without any."""
    sections = []
    for phase, (base, head) in found.items():
        if base and head:
            lined_up = join(Profiled.of(labels[0], base), Profiled.of(labels[1], head))
            print_differences(lined_up, Console())
            sections.append(render_profile_comparison(lined_up, title_of(phase)))
    if not sections:
        return []
    path = folder / f"{file_name(*names)}.md"
    title = f"# {labels[1]} beside {labels[0]}: what costs more"
    path.write_text("\n\n".join([title, *sections]), encoding="utf-8")
    return [path]
