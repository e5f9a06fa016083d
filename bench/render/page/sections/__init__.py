"""The sections of the page below its table, each from the newest records of its kind."""

from collections.abc import Callable
from pathlib import Path

from bench.render.page.section import Section
from bench.render.page.sections.energy import find_energies
from bench.render.page.sections.family import find_families
from bench.render.page.sections.figure3 import find_figure3
from bench.render.page.sections.figure4 import find_figure4
from bench.render.page.sections.layers import find_layers
from bench.render.page.sections.newest import ReportFolder
from bench.render.page.sections.profile import find_profiles
from bench.render.page.sections.profile_memory import find_peaks
from bench.render.page.sections.published import find_published
from bench.render.page.sections.roofline import find_rooflines
from bench.render.page.sections.runtimes import find_runtimes
from bench.render.page.sections.streaming import find_streams
from bench.render.page.sections.sweep import find_sweeps
from bench.render.page.sections.zoo import find_zoos

SUBJECTS: tuple[Callable[[ReportFolder], list[Section]], ...] = (
    find_figure3,
    find_figure4,
    find_layers,
    find_profiles,
    find_peaks,
    find_sweeps,
    find_runtimes,
    find_rooflines,
    find_energies,
    find_streams,
    find_families,
    find_zoos,
    find_published,
)
"""In the order of the page. Each returns nothing where its records are not there."""


def find_sections(folder: Path) -> list[Section]:
    """The sections of all records below a folder of reports.

    A file that can't be read is named in a sentence of its section, and ends nothing.
    """
    reports = ReportFolder(folder)
    return [section for find in SUBJECTS for section in find(reports)]
