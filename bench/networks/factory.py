"""From a dotted path to the function that builds a network."""

import importlib
import importlib.util
from collections.abc import Callable
from typing import TYPE_CHECKING

from bench.results.record import CellError, Status

if TYPE_CHECKING:
    from torch import nn

NETWORK_EXTRAS = {"asteroid": "asteroid"}
"""Packages that networks need, and the extra of this project that installs each."""


def resolve_factory(factory: str) -> "Callable[[], nn.Module]":
    """The function behind ``package.module:function``.

    Raises:
        CellError: no such module or function, or one of a package that is not installed.
    """
    module_name, _, function_name = factory.partition(":")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise missing_dependency(error) from error
    function: Callable[[], nn.Module] | None = getattr(module, function_name, None)
    if function is None:
        reason = f"The module {module_name!r} has no function {function_name!r}."
        raise CellError(Status.ERROR, reason)
    return function


def missing_dependency(error: ModuleNotFoundError) -> CellError:
    """The sentence for a module that is not there, with the command that installs its package."""
    package, _, inner = (error.name or "").partition(".")
    extra = NETWORK_EXTRAS.get(package)
    if inner and not extra and _is_there(package):
        return CellError(Status.ERROR, f"There is no module {error.name!r} in {package!r}.")
    install = f"pip install 'separation-bench[{extra}]'" if extra else f"pip install {package}"
    reason = f"The package {package!r} is not installed. To install it: {install}"
    return CellError(Status.MISSING_DEPENDENCY, reason)


def _is_there(package: str) -> bool:
    """Whether a package is installed; one that was marked as absent is not."""
    try:
        return importlib.util.find_spec(package) is not None
    except ValueError:
        return False
