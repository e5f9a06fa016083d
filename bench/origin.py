"""Load a package from the folder where it lies, not from wherever its name leads first.

``models``, ``baselines`` and ``bench`` are common names: the user's folder may hold packages that
are called so too. This file is also run by its path, before there is a ``bench`` to import it from.
"""

import importlib.util
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

Places = tuple[Path, ...]
displaced: dict[Places, dict[str, ModuleType]] = {}
"""Modules that left ``sys.modules``, by where their package lies; they come back as they were."""

WORKER_FOLDERS = ("measuring", "measure")
"""In ``bench``, where a measuring process starts: now, and in revisions from before 0.3."""
REVISION_VARIABLE = "SEPARATION_BENCH_REVISION"
"""Of a measuring process's environment: the folder in which the user's networks must lie."""


def find_workers(root: Path) -> list[str]:
    """Which of these there are in a folder; none where it is no checkout of this project."""
    return [name for name in WORKER_FOLDERS if (root / "bench" / name / "worker.py").exists()]


def load_from(root: Path, package: str) -> None:
    """Make ``import package`` mean the one in ``root``, whatever was imported by that name."""
    folder = root / package
    spec = importlib.util.spec_from_file_location(
        package, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None  # the name ends in .py
    load(spec)


def load(spec: ModuleSpec) -> None:
    """Import what a spec describes in the place of another package of that name.

    What the package itself raises is raised.
    """
    loaded = sys.modules.get(spec.name)
    if loaded and loaded.__spec__:
        displaced[places(loaded.__spec__)] = take_out(spec.name)
    if places(spec) in displaced:
        sys.modules.update(displaced.pop(places(spec)))
        return
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    if spec.loader is not None:  # a folder without __init__.py has none, and nothing to run
        try:
            spec.loader.exec_module(module)
        except BaseException:
            take_out(spec.name)
            raise


def take_out(package: str) -> dict[str, ModuleType]:
    """Let the next import look anew for the package and all below it; what was there."""
    names = [name for name in sys.modules if name.partition(".")[0] == package]
    return {name: sys.modules.pop(name) for name in names}


def places(spec: ModuleSpec) -> Places:
    """The folders of a package, or the file of a module that is none."""
    found = spec.submodule_search_locations or [spec.origin or ""]
    return tuple(Path(place).resolve() for place in found)
