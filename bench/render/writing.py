"""Reports as text, written into a folder."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from bench.errors import UsageError


def write_texts(folder: Path, texts: Mapping[str, str]) -> list[Path]:
    """Write texts under their names into a folder, which is made; returns their paths.

    Raises:
        UsageError: the folder can't be written to.
    """
    with writing_to(folder):
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8", errors="backslashreplace")
    return [folder / name for name in texts]


@contextmanager
def writing_to(folder: Path) -> Iterator[None]:
    """Make the folder, in which reports are then written.

    Raises:
        UsageError: it can't be made or written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise UsageError(
            f"Reports can't be written to {folder}: {error.strerror or error}. "
            "Choose another folder with --output DIR."
        ) from error
