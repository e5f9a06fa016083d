"""Small files of the kernel; one that is not there or can't be read is None, never 0."""

from pathlib import Path


def read_text(path: Path) -> str | None:
    """The text of a file, without the space around it; None also for an empty file."""
    try:
        return path.read_text().strip() or None
    except (OSError, ValueError):
        return None


def read_number(path: Path) -> int | None:
    """The one whole number in a file."""
    try:
        return int(read_text(path) or "")
    except ValueError:
        return None


def read_numbers(folder: Path, pattern: str) -> list[int]:
    """The numbers in all files of a folder that match, in no order; none where there are none."""
    numbers = (read_number(path) for path in folder.glob(pattern))
    return [number for number in numbers if number is not None]
