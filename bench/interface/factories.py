"""From what users name a network by to an entry that fresh processes can build it from."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bench.errors import UsageError
from bench.registry import Entry, select_entries

Factory = str | Callable[[], object]
"""``package.module:function``, a registered name, or the function itself."""


def entry_of(factory: Factory) -> Entry:
    """The entry of one network.

    Raises:
        UsageError: a name or pattern that is not one network's, or a function that a fresh process
            can't import.
    """
    request = factory if isinstance(factory, str) else _dotted_path(factory)
    entries = select_entries([request])
    if len(entries) > 1:
        names = ", ".join(entry.name for entry in entries)
        raise UsageError(f"{request!r} is more than one network: {names}. Name one of them.")
    return entries[0]


def _dotted_path(function: Callable[[], object]) -> str:
    """What the name of an importable function is.

    Raises:
        UsageError: it is none: of the script itself, nested, a lambda, or no function at all.
    """
    module = getattr(function, "__module__", None)
    name = getattr(function, "__qualname__", None)
    if module is None or name is None:
        raise UsageError(
            f"A network is built in a fresh process from a function without arguments, not from a "
            f"{type(function).__name__}. Give the function that builds it."
        )
    if module == "__main__" or getattr(sys.modules.get(module), name, None) is not function:
        where = "in the script or notebook itself" if module == "__main__" else f"in {module}"
        raise UsageError(
            f"{name!r} is defined {where}, where a fresh process can't import it by its name. Put "
            "it into a file as a function of its own, my_networks.py say, and give "
            "'my_networks:function'."
        )
    return f"{module}:{name}"


@contextmanager
def fresh_processes_look_here() -> Iterator[None]:
    """Have new processes look for modules where this one does; the environment is put back."""
    before = dict(os.environ)
    places = (os.path.abspath(place) for place in sys.path)  # "" is the current folder
    os.environ["PYTHONPATH"] = os.pathsep.join(place for place in places if os.path.exists(place))
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
