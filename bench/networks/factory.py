"""From the name of a network to the function that builds it.

The networks of the registry come from this project, whatever the user's folder holds; any other
path is looked for in the user's folder first. Both can be of a package called ``models``,
``baselines`` or ``bench``: the one that is asked for then takes the place of the other in this
process. A measuring process imports nothing of ``bench`` late; others take it back.
"""

import importlib
import importlib.util
import os
import sys
from collections.abc import Callable
from functools import partial
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from bench.machine.description import SOURCES
from bench.origin import REVISION_VARIABLE, load, load_from, places
from bench.own_networks import read_own_network
from bench.registry import KNOWN, NULL
from bench.results.record import CellError, Status

if TYPE_CHECKING:
    from torch import nn

ROOT = Path(__file__).parents[2]
REGISTERED = {entry.factory for entry in (*KNOWN.values(), NULL)}
NETWORKS = tuple(package for package in SOURCES if package != "bench")
"""Packages of this project that a folder of the user's may have too."""
INSTALLS = {
    "asteroid": "'separation-bench[asteroid]'",
    "asteroid_filterbanks": "asteroid-filterbanks",
    "bs_roformer": "'separation-bench[roformers]'",
    "demucs": "'separation-bench[demucs]'",
    "einops": "einops",
    "espnet": "espnet",
    "espnet2": "espnet",
    "julius": "julius",
    "librosa": "librosa",
    "nussl": "nussl",
    "openunmix": "openunmix",
    "pytorch_lightning": "pytorch-lightning",
    "requests": "requests",
    "speechbrain": "'separation-bench[speechbrain]'",
    "torchaudio": "torchaudio",
    "torchmetrics": "torchmetrics",
    "transformers": "transformers",
}
"""Packages that networks of the field import, and what installs each.

No other name is ever advised to install: a typo could name a package of a stranger's.
"""

TORCHAUDIO = (
    "The library of torchaudio can't be loaded beside this torch; most often one is built for CUDA "
    "and the other for processors. Install torchaudio from where torch was installed from."
)


def resolve_factory(factory: str) -> "Callable[[], nn.Module]":
    """The function behind ``package.module:function``, with its arguments (``own_networks``).

    Raises:
        CellError: no such file, module or function, or one of a package that is not installed.
    """
    own = read_own_network(factory)
    if root := os.environ.get(REVISION_VARIABLE):  # what the network imports is of its revision too
        _put_first(str(Path(root, "src")))
    module_name, function_name = own.place, own.function
    users = _import_file if own.is_file else _import_users
    find = import_ours if factory in REGISTERED else users
    try:
        module = find(module_name)
    except ModuleNotFoundError as error:
        raise missing_dependency(error, module_name) from error
    except OSError as error:
        if "torchaudio" in str(error):
            raise CellError(Status.MISSING_DEPENDENCY, TORCHAUDIO) from error
        raise
    if factory not in REGISTERED:
        _check_revision(module)
    function: Callable[[], nn.Module] | None = getattr(module, function_name, None)
    if function is None:
        what = "file" if own.is_file else "module"
        reason = f"The {what} {module_name!r} has no function {function_name!r}."
        raise CellError(Status.ERROR, reason)
    return partial(function, **own.arguments) if own.arguments else function


def _import_file(path: str) -> ModuleType:
    """A file of the user's as a module of its own; what lies beside it can be imported too.

    Raises:
        CellError: there is no such file.
    """
    file = Path(path).expanduser().resolve()
    if not file.is_file():
        raise CellError(Status.ERROR, f"There is no file {str(file)!r}.")
    if sys.path[0] != str(file.parent):
        sys.path.insert(0, str(file.parent))
    for package in NETWORKS:  # theirs, also without __init__.py, which a search would put last
        beside = PathFinder.find_spec(package, [str(file.parent)])
        if beside is not None:
            load(beside)
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(file.stem, module)  # so that its classes can be found by their names
    spec.loader.exec_module(module)
    return module


def import_ours(module_name: str) -> ModuleType:
    """A module of this project, whatever package of its name is elsewhere."""
    load_from(ROOT, module_name.partition(".")[0])
    return _import_inside(module_name)


def take_bench_back() -> None:
    """Let later imports find this project's ``bench`` once a network of the user's is built."""
    load_from(ROOT, "bench")


def _import_users(module_name: str) -> ModuleType:
    """A module of the user's: the current folder comes first, as with ``python -m``, then its src.

    A repository with a folder ``src`` has its packages there. Only installed ones would be found
    without, which are the same in every revision.
    """
    here, package = str(Path.cwd()), module_name.partition(".")[0]
    inner = str(Path(here, "src"))
    if PathFinder.find_spec(package, [inner]):
        _put_first(inner)
    if sys.path[0] != here:
        sys.path.insert(0, here)
    if package in SOURCES:
        # A folder without __init__.py counts too, which a search of the whole path puts last.
        spec = PathFinder.find_spec(package, [here, inner]) or PathFinder.find_spec(package)
        if spec is None:
            load_from(ROOT, package)
        else:
            load(spec)
        return _import_inside(module_name)
    return importlib.import_module(module_name)


def _put_first(folder: str) -> None:
    """Look for modules in a folder before all others but the current one."""
    if folder not in sys.path[:2] and Path(folder).is_dir():
        sys.path.insert(0, folder)


def _check_revision(module: ModuleType) -> None:
    """See that the network of a revision is one of its sources.

    Raises:
        CellError: it lies elsewhere, so that all revisions would have the same.
    """
    root, file = os.environ.get(REVISION_VARIABLE), getattr(module, "__file__", None)
    if not root or not file or module.__name__.partition(".")[0] == "torch":
        return
    place = Path(file).resolve()
    if not place.is_relative_to(Path(root).resolve()):
        reason = (
            f"The module {module.__name__!r} is none of the revision's, but {place}: every "
            "revision would be measured with it. Name a module that lies in the repository, in "
            "its top folder or in src."
        )
        raise CellError(Status.ERROR, reason)


def _import_inside(module_name: str) -> ModuleType:
    """A module that lies in its package as it is loaded.

    What the package lacks, the finder of an editable install would find in another checkout.

    Raises:
        ModuleNotFoundError: the package has no such module.
    """
    package = importlib.import_module(module_name.partition(".")[0])
    spec = importlib.util.find_spec(module_name)
    folders = [Path(folder).resolve() for folder in getattr(package, "__path__", ())]
    if folders and spec and spec.origin:
        place = Path(spec.origin).resolve()
        if not any(place.is_relative_to(folder) for folder in folders):
            raise ModuleNotFoundError(f"No module named {module_name!r}", name=module_name)
    return importlib.import_module(module_name)


def missing_dependency(error: ModuleNotFoundError, asked: str = "") -> CellError:
    """The sentence for a module that is not there: what installs it, or where it was looked for.

    It is an error where the user asked for that module, or for one in it.
    """
    if error.name is None:  # somebody's own sentence
        return CellError(Status.MISSING_DEPENDENCY, str(error))
    package, _, inner = error.name.partition(".")
    place = _find(package)
    if inner and place:
        reason = f"There is no module {error.name!r} in {package!r}, which is {place}."
        return CellError(Status.ERROR, reason)
    if package in INSTALLS:
        reason = f"The package {package!r} is not installed. To install it: pip install "
        return CellError(Status.MISSING_DEPENDENCY, reason + INSTALLS[package])
    reason = (
        f"There is no module {package!r}: neither in {Path.cwd()} nor among the installed "
        "packages. Correct the name, or start in the folder that holds it."
    )
    is_asked = f"{asked}.".startswith(f"{error.name}.")
    return CellError(Status.ERROR if is_asked else Status.MISSING_DEPENDENCY, reason)


def _find(package: str) -> Path | None:
    """Where a package is; None where there is none, or where it was marked as absent."""
    try:
        spec = importlib.util.find_spec(package)
    except ValueError:
        return None
    return places(spec)[0] if spec else None
