"""The pytest fixture ``separation_budget``, for tests of the user's own networks (docs/python.md).

pytest loads this file at each start, wherever this project is installed. So it is no module of
``bench``, a name that the user's tests may have a package of, and loads none before it is used.
"""

import runpy
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent
_ours: dict[str, ModuleType] = {}  # this project's, while the user's have their names


@contextmanager
def own_bench() -> Iterator[None]:
    """Let ``bench`` be this project's, and afterwards what it was."""
    theirs = _modules()
    if theirs and getattr(theirs["bench"], "__file__", "") == str(ROOT / "bench" / "__init__.py"):
        yield
        return
    _exchange(theirs, _ours)
    if not _ours:
        runpy.run_path(str(ROOT / "bench" / "origin.py"))["load_from"](ROOT, "bench")
    try:
        yield
    finally:
        _ours.update(_modules())
        _exchange(_ours, theirs)


def _modules() -> dict[str, ModuleType]:
    return {name: m for name, m in sys.modules.items() if name.partition(".")[0] == "bench"}


def _exchange(out: dict[str, ModuleType], into: dict[str, ModuleType]) -> None:
    for name in out:
        del sys.modules[name]
    sys.modules.update(into)


@pytest.fixture
def separation_budget(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., None]:
    """Hold a network to a budget: ``separation_budget("my_package:build", macs=2e9)``.

    The first argument is that of ``bench.measure``; the keywords are the keys of a ``[[budget]]``
    (docs/ci.md), in SI units. A FAIL fails the test. So does an INCONCLUSIVE, unless
    ``accept_inconclusive`` is True. A verdict on a time may take ``time_s`` seconds.
    """

    def hold(
        factory: "str | Callable[[], object]",
        *,
        time_s: float = 120.0,
        accept_inconclusive: bool = False,
        **budget: object,
    ) -> None:
        folder = tmp_path_factory.mktemp("separation-budget")
        with own_bench():
            from bench.errors import UsageError
            from bench.interface.budget import check_budget, describe_failures

            try:
                checks = check_budget(factory, budget, time_s, folder)
            except UsageError as error:
                pytest.fail(str(error), pytrace=False)
            failures = describe_failures(checks, accept_inconclusive)
        if failures:
            pytest.fail(failures, pytrace=False)

    return hold
