"""A network's modules as a tree of lines, with the blocks that repeat as one."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from bench.results.profile import ProfiledModule

FEWEST_REPEATS = 3
ANY = "*"
"""In a path, for the number of each of the blocks that repeat."""


@dataclass(frozen=True)
class TreeLine:
    """One line: all modules whose paths differ in the numbers of repeated blocks only."""

    path: str  # with ANY for such numbers
    type: str
    n_modules: int
    n_params: int  # of the modules themselves, without those inside them

    @property
    def depth(self) -> int:
        """0 for the network, 1 for the modules in it."""
        return depth_of(self.path)


def depth_of(path: str) -> int:
    """How deep a module lies; 0 is the network itself."""
    return path.count(".") + 1 if path else 0


class Tree:
    """The lines of a network, in its order."""

    def __init__(self, modules: Sequence[ProfiledModule]) -> None:
        self._repeated = set(_find_repeated(modules))
        found: dict[str, TreeLine] = {}
        for module in modules:
            path = self.line_of(module.path)
            before = found.get(path, TreeLine(path, module.type, 0, 0))
            found[path] = TreeLine(
                path, before.type, before.n_modules + 1, before.n_params + module.n_params
            )
        self.lines = tuple(found.values())

    def line_of(self, module: str) -> str:
        """The path of the line that a module belongs to."""
        names = module.split(".") if module else []
        return ".".join(
            ANY if name.isdecimal() and ".".join(names[:place]) in self._repeated else name
            for place, name in enumerate(names)
        )


def join_paths(paths: Iterable[str]) -> str:
    """One path for modules of one line, with ANY only for numbers that differ among them.

    >>> join_paths(["separator.blocks.3.levels.0", "separator.blocks.4.levels.0"])
    'separator.blocks.*.levels.0'
    """
    places = zip(*(path.split(".") for path in paths), strict=True)
    return ".".join(names[0] if len(set(names)) == 1 else ANY for names in places)


def _find_repeated(modules: Sequence[ProfiledModule]) -> Iterator[str]:
    """The paths of lists of blocks: modules with several numbered ones of one type in them."""
    kinds: dict[str, Counter[str]] = {}
    for module in modules:
        parent, _, name = module.path.rpartition(".")
        if name.isdecimal():
            kinds.setdefault(parent, Counter())[module.type] += 1
    for parent, types in kinds.items():
        if len(types) == 1 and types.total() >= FEWEST_REPEATS:
            yield parent
