"""What the instruments of memory find, before it becomes one result."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Known:
    """Values by the fields of ``MemoryPeaks``, and why others are not known here."""

    values: Mapping[str, int | str] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)

    def __or__(self, other: "Known") -> "Known":
        return Known({**self.values, **other.values}, {**self.notes, **other.notes})
