"""Measuring servers that tests hand on: importing torch takes longer than what most ask for.

A server forks a fresh process for each request and does nothing else, so that a test can't tell
whether it has served others. Outside of tests each round of measurements has a server of its own.
"""

import os
from collections.abc import Hashable
from typing import Self

from bench.measuring.forkserver import ForkServer

MOST_IDLE = 4
"""A server holds a quarter of a gigabyte."""

_idle: dict[Hashable, ForkServer] = {}


class KeptServer(ForkServer):
    """Takes over an idle server of its kind where there is one, and stays idle when it is left."""

    def __enter__(self) -> Self:
        variables = tuple(sorted(self._environment().items()))
        self._kind = (os.getcwd(), self._root, tuple(self._preload), variables)
        found = _idle.pop(self._kind, None)
        if found is None:
            return super().__enter__()
        vars(self).update(vars(found))
        return self

    def __exit__(self, *exception: object) -> None:
        is_rare = self._root is not None or self._kind in _idle
        if any(exception) or is_rare or not self.is_running:
            super().__exit__(*exception)
            return
        _idle[self._kind] = self
        if len(_idle) > MOST_IDLE:
            end(next(iter(_idle)))


def end(kind: Hashable) -> None:
    """End the idle server of a kind."""
    ForkServer.__exit__(_idle.pop(kind))


def end_all() -> None:
    """End those that are idle."""
    while _idle:
        end(next(iter(_idle)))
