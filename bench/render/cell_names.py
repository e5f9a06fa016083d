"""Which cells of a sweep are meant, in words: what differs between them and nothing else."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bench.registry import SAMPLE_RATE, Entry
from bench.render.phases import PHASE_NAMES
from bench.render.provenance import describe_threads
from bench.results.sweep import Key, SweepCell, varied_fields
from bench.units import format_length

DEVICE_NAMES = {"cpu": "on the CPU", "cuda": "on the GPU"}


@dataclass(frozen=True)
class CellNames:
    """Names of networks, and the settings that have more than one value."""

    models: Mapping[str, str]
    varied: tuple[str, ...]

    @classmethod
    def of(cls, entries: Iterable[Entry], cells: Iterable[SweepCell]) -> "CellNames":
        """For the networks and the cells of one report."""
        names = {entry.name: entry.display_name for entry in entries}
        return cls(names, tuple(varied_fields(cells)))

    def model(self, key: Key) -> str:
        """The network."""
        return self.models[key.model]

    def setting(self, key: Key, without: Sequence[str] = ()) -> str:
        """What the cells of a key have in common and others have not; empty where nothing is."""
        words = {
            "phase": PHASE_NAMES[key.phase],
            "device": DEVICE_NAMES[key.device] if key.phase == "update" else "",
            "batch": f"batch {key.batch}" if key.batch else "",
            "threads": describe_threads(key.threads) if key.threads else "",
            "dtype": key.dtype,
        }
        named = (words[name] for name in self.varied if name not in without)
        return ", ".join(filter(None, named))

    def cell(self, key: Key) -> str:
        """One cell, by network, length and setting."""
        parts = (self.model(key), describe_samples(key.n_samples), self.setting(key))
        return ", ".join(filter(None, parts))


def describe_samples(n_samples: float) -> str:
    """A length at the sample rate of all networks here."""
    return format_length(n_samples / SAMPLE_RATE)
