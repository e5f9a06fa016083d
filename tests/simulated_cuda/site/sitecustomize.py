"""Python runs this at its start where this folder is in PYTHONPATH (documentation of ``site``).

With SIMULATED_CUDA set, torch and pynvml are put on a simulated machine as soon as they have been
imported: nothing is imported before, and the code that imports them does not know of it. Packages
named in HIDDEN_PACKAGES, by spaces, can't be imported.
"""

import os
import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

ROOT = str(Path(__file__).parents[3])
SIMULATED = ("torch", "pynvml")


class AfterImport(MetaPathFinder):
    """Finds torch and pynvml as ever, and has their loaders do more; hides other packages."""

    def find_spec(
        self, fullname: str, path: object = None, target: object = None
    ) -> ModuleSpec | None:
        if fullname in os.environ.get("HIDDEN_PACKAGES", "").split():
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)
        if fullname not in SIMULATED or "SIMULATED_CUDA" not in os.environ:
            return None
        spec = PathFinder.find_spec(fullname)
        if spec is None or spec.loader is None:
            return spec
        execute = spec.loader.exec_module

        def exec_module(module: ModuleType) -> None:
            execute(module)
            _simulate(module)

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]  # of this loader alone
        return spec


def _simulate(module: ModuleType) -> None:
    sys.path.insert(0, ROOT)
    try:
        from tests.simulated_cuda.install import install_for_good
    finally:
        sys.path.remove(ROOT)
    install_for_good(module)


sys.meta_path.insert(0, AfterImport())
