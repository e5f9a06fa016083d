"""The line of a network's source that is running."""

import sys
from pathlib import Path
from types import FrameType

import torch

TORCH = f"{Path(torch.__file__).parent}/"
HARNESS = tuple(
    f"{Path(__file__).parents[2] / package}/" for package in ("measuring", "counting", "runtimes")
)


def find_line() -> str:
    """The innermost line that is neither torch's nor the harness's, as "models/masks.py:48"."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        path = frame.f_code.co_filename
        if not path.startswith((TORCH, "<", *HARNESS)):
            return f"{file_of(frame.f_globals['__name__'], path)}:{frame.f_lineno}"
        frame = frame.f_back
    return ""


def file_of(module: str, path: str) -> str:
    """A module's file below the folder from which it was imported, whatever folder that is.

    >>> file_of("models.masks", "/home/me/models/masks.py"), file_of("a", "/lib/a/__init__.py")
    ('models/masks.py', 'a/__init__.py')
    """
    names = module.split(".")
    return "/".join(
        [*names[:-1], Path(path).name]
        if path.endswith(f"{names[-1]}.py")
        else [*names, Path(path).name]
    )
