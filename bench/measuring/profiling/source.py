"""The line of a network's source that is running."""

import sys
from functools import cache
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
            return f"{shorten(path)}:{frame.f_lineno}"
        frame = frame.f_back
    return ""


@cache
def shorten(path: str) -> str:
    """A file's path below the folder from which Python would import it."""
    folders = [f"{Path(folder).resolve()}/" for folder in sys.path]
    inside = [folder for folder in folders if path.startswith(folder)]
    return path.removeprefix(max(inside, key=len, default=""))
