"""What audio source separation networks cost: operations, parameters, memory and time.

For scripts and notebooks: ``count``, ``measure`` with its ``Options``, and ``load``
(docs/python.md); for networks of other shapes ``adapt`` (docs/own-network.md). Each is loaded when
it is first asked for, so that commands start as if it were not there.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.interface.adapt import adapt as adapt
    from bench.interface.count import count as count
    from bench.interface.load import load as load
    from bench.interface.measure import Options as Options
    from bench.interface.measure import measure as measure

_PLACES = {
    "adapt": "adapt",
    "count": "count",
    "load": "load",
    "Options": "measure",
    "measure": "measure",
}
__all__ = ("Options", "adapt", "count", "load", "measure")


def __getattr__(name: str) -> object:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"bench.interface.{_PLACES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
