"""Files that are complete at any moment, and lines that are on the disk when a call returns.

A file is written beside the old one, forced to the disk and only then put in its place, so that
a process killed at any moment, or a full disk, leaves the old one.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A new file that takes the place of ``path`` at the end, or disappears after an error.

    Raises:
        OSError: the disk is full or gone; the old file is as it was.
    """
    new = path.with_name(f".{path.name}.{os.getpid()}")  # processes may write the same file
    try:
        with new.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the new name too
    finally:
        os.close(folder)


def write_whole(path: Path, content: bytes | memoryview) -> None:
    """Replace a file by new content, or leave it as it is.

    Raises:
        OSError: the disk is full or gone; the old file is as it was.
    """
    with replacing(path) as file:
        file.write(content)


def append_line(path: Path, text: str) -> None:
    """Write one line and wait until it is on the disk.

    A line that an earlier writer left unfinished is closed first, so that it can't spoil this one.

    Raises:
        OSError: the disk is full or gone.
    """
    line = text.encode() + b"\n"
    with path.open("a+b") as file:
        if file.tell() > 0:
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                line = b"\n" + line
        file.write(line)
        file.flush()
        os.fsync(file.fileno())
