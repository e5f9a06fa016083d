"""Modules that repeat, such as the 16 blocks of a separator: paths that differ in numbers only."""

from collections.abc import Iterable


def pattern_of(path: str) -> str:
    """A module's path without its numbers: the same for modules that repeat.

    >>> pattern_of("separator.blocks.3.expand.0")
    'separator.blocks.*.expand.*'
    """
    return ".".join("*" if name.isdecimal() else name for name in path.split("."))


def join_paths(paths: Iterable[str]) -> str:
    """One path for modules of the same pattern, with a star for each number that differs.

    >>> join_paths(["separator.blocks.3.expand.0", "separator.blocks.4.expand.0"])
    'separator.blocks.*.expand.0'
    """
    names = zip(*(path.split(".") for path in paths), strict=True)
    return ".".join(one[0] if len(set(one)) == 1 else "*" for one in names)
