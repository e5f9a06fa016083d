"""Counters of energy: of the processor's packages (RAPL) and of a GPU's board (NVML).

A counter tells joules since some moment, so only the difference of two readings says anything. One
that is not there, or that this user may not read, has a reason in its place, never a guess.
"""

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench.machine.gpu import Gpu
from bench.machine.kernel_files import read_number, read_text

POWERCAP = Path("/sys/class/powercap")
"""Where the kernel shows the counters of Intel's processors and, by the same names, of AMD's."""
ENERGY, LARGEST = "energy_uj", "max_energy_range_uj"
"""Files of a zone."""
JOULES = 1e-6
"""In one of what they count."""

Reading = tuple[float, ...]
"""Joules of each register of a counter."""


@dataclass(frozen=True)
class Register:
    """Joules since some moment, which begin again from zero at ``reach_j``."""

    read_j: Callable[[], float | None]  # None: it does not tell
    reach_j: float = math.inf


@dataclass(frozen=True)
class EnergyCounter:
    """What is read as one: the registers of all packages, or the one of a board."""

    name: str
    registers: tuple[Register, ...]

    def read(self) -> Reading | None:
        """All registers at this moment; None where one of them does not tell."""
        found = [register.read_j() for register in self.registers]
        known = tuple(energy_j for energy_j in found if energy_j is not None)
        return known if len(known) == len(found) else None

    def spent_j(self, before: Reading | None, after: Reading | None) -> float | None:
        """Joules between two readings, at most one new beginning of each register apart.

        None where a reading is missing, or a counter without reach has begun anew (a driver was
        loaded again).
        """
        if before is None or after is None:
            return None
        grown = [
            (late - early) % register.reach_j
            for early, late, register in zip(before, after, self.registers, strict=True)
        ]
        return sum(grown) if all(map(math.isfinite, grown)) else None


@dataclass(frozen=True)
class PackageSearch:
    """The counter of the processor's packages, or why there is none and what to do about it."""

    counter: EnergyCounter | None
    reason: str = ""
    remedy: str = ""  # empty where nothing can be done


def find_packages(powercap: Path = POWERCAP) -> PackageSearch:
    """The sum over all packages of the machine, where each may be read.

    Cores, graphics and memory are parts of a package or stand beside it, and the platform (psys)
    contains it: none of them is added.
    """
    packages = _list_packages(powercap)
    if not packages:
        return PackageSearch(
            None,
            f"The kernel shows no counter of the processor's energy ({powercap} has no package "
            "of RAPL). Virtual machines and containers are seldom given one.",
        )
    files = [zone / name for zone in packages for name in (ENERGY, LARGEST)]
    if locked := [str(path) for path in files if not os.access(path, os.R_OK)]:
        return PackageSearch(
            None,
            f"Only root may read the counter of the processor's energy ({locked[0]}): it tells "
            "something of what other programs compute (CVE-2020-8694).",
            f"sudo chmod a+r {' '.join(locked)} (until the next start, for every user).",
        )
    names = " + ".join(read_text(zone / "name") or zone.name for zone in packages)
    counter = EnergyCounter(f"RAPL {names}", tuple(map(_register_of, packages)))
    if counter.read() is None:
        return PackageSearch(None, f"The counter of the processor's energy ({powercap}) is silent.")
    return PackageSearch(counter)


def _list_packages(powercap: Path) -> Sequence[Path]:
    zones = powercap.glob("intel-rapl:*")  # not intel-rapl-mmio, which shows the same once more
    return sorted(zone for zone in zones if (read_text(zone / "name") or "").startswith("package"))


def _register_of(zone: Path) -> Register:
    """It begins again after the largest value that it can show."""
    largest_uj = read_number(zone / LARGEST)
    reach_j = math.inf if largest_uj is None else (largest_uj + 1) * JOULES
    return Register(partial(_read_j, zone / ENERGY), reach_j)


def _read_j(path: Path) -> float | None:
    energy_uj = read_number(path)
    return None if energy_uj is None else energy_uj * JOULES


def board_counter(gpu: Gpu) -> EnergyCounter:
    """What the driver counts of a GPU's whole board, also where CUDA sees a part of it alone."""
    return EnergyCounter("NVML total energy", (Register(gpu.total_energy_j),))
