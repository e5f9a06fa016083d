"""A made-up /sys/class/powercap for tests."""

from pathlib import Path

LARGEST_UJ = 9_999_999
"""After which the counters begin again: 10 J later."""


def write_zone(
    powercap: Path, zone: str, energy_uj: int, name: str = "", largest_uj: int = LARGEST_UJ
) -> None:
    """One zone; of a package unless it has another name."""
    folder = powercap / zone
    folder.mkdir(exist_ok=True)
    (folder / "name").write_text(f"{name or 'package-' + zone.rpartition(':')[2]}\n")
    (folder / "energy_uj").write_text(f"{energy_uj}\n")
    (folder / "max_energy_range_uj").write_text(f"{largest_uj}\n")
