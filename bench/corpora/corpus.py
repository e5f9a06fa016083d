"""What a corpus is: recordings with labels and splits, and the recipe that mixes them."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bench.errors import UsageError
from bench.registry import SAMPLE_RATE

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = ("train", "val", "test")
Task = Literal["speech", "sounds"]


@dataclass(frozen=True)
class Recipe:
    """How mixtures of a corpus are drawn (paper, sections 3.1 and 3.2).

    Raises:
        UsageError: a mixture has fewer than two sources.
    """

    snr_db: float  # the first source stands within plus or minus this over each other one
    max_gap_s: float | None = None  # events of one label and group are joined with such gaps
    n_samples: int = 4 * SAMPLE_RATE
    n_src: int = 2

    def __post_init__(self) -> None:
        if self.n_src < 2:
            raise UsageError(f"--n-src must be at least 2, not {self.n_src}.")


RECIPES: dict[Task, Recipe] = {"speech": Recipe(5.0), "sounds": Recipe(2.5, max_gap_s=0.3)}


@dataclass(frozen=True)
class Recording:
    """One audio file.

    Recordings of one ``family`` are never mixed: they may be one voice. What a corpus declares
    of its files is checked when they are decoded.
    """

    path: str  # from the corpus's folder, with forward slashes
    label: str  # speaker or sound class
    split: Split
    family: str
    group: str  # events of one label are joined only within a group
    declared_rate: int | None = None  # Hz
    declared_s: float | None = None


@dataclass(frozen=True)
class Corpus:
    """Recordings of which mixtures are drawn."""

    name: str
    root: Path
    task: Task
    recordings: tuple[Recording, ...]
    recipe: Recipe
    apart: frozenset[frozenset[str]] = frozenset()  # pairs of labels that are never mixed
    leaks: frozenset[str] = frozenset()  # labels known to stand on both sides of a split

    def of_split(self, split: Split) -> tuple[Recording, ...]:
        """The recordings of one side.

        Raises:
            UsageError: there are none.
        """
        chosen = self.files(split)
        if not chosen:
            raise UsageError(f"The corpus in {self.root} has no recordings of split {split!r}.")
        return chosen

    def files(self, split: Split) -> tuple[Recording, ...]:
        """All files of one side; there may be none."""
        return tuple(one for one in self.recordings if one.split == split)


@dataclass(frozen=True)
class FixedMixture:
    """A mixture that a corpus stores, by its files."""

    name: str
    split: Split
    mixture: Recording
    sources: tuple[Recording, ...]

    @property
    def files(self) -> tuple[Recording, ...]:
        """The mixture, then its sources."""
        return (self.mixture, *self.sources)


@dataclass(frozen=True)
class FixedCorpus:
    """Mixtures that were made once, by those who published the corpus."""

    name: str
    root: Path
    task: Task
    mixtures: tuple[FixedMixture, ...]
    recipe: Recipe

    def of_split(self, split: Split) -> tuple[FixedMixture, ...]:
        """The mixtures of one side.

        Raises:
            UsageError: there are none.
        """
        chosen = tuple(one for one in self.mixtures if one.split == split)
        if not chosen:
            raise UsageError(f"The corpus in {self.root} has no mixtures of split {split!r}.")
        return chosen

    def files(self, split: Split) -> tuple[Recording, ...]:
        """All files of one side, each once; there may be none."""
        mixtures = (mix for mix in self.mixtures if mix.split == split)
        return tuple({one.path: one for mix in mixtures for one in mix.files}.values())


def check_disjoint(what: str, places: Iterable[tuple[str, Split]], root: Path) -> None:
    """See that nothing (a file, a speaker) is on two sides.

    Raises:
        UsageError: names what is, and where.
    """
    sides: dict[str, set[Split]] = defaultdict(set)
    for name, split in places:
        sides[name].add(split)
    for name, found in sides.items():
        if len(found) > 1:
            raise UsageError(
                f"The {what} {name!r} of the corpus in {root} is in the splits "
                f"{' and '.join(sorted(found))}. Each {what} may be in one only."
            )
