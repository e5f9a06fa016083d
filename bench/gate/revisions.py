"""Git revisions as folders: worktrees that exist for as long as they are measured."""

import subprocess
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from bench.errors import UsageError

WORKTREE = ("WORKTREE", ".")
"""Names of the sources as they lie there, changes that nobody committed included."""


def repository_root(folder: Path) -> Path:
    """The top of the repository that a folder is in.

    Raises:
        UsageError: it is in none, or git is missing.
    """
    return Path(_git(folder, "rev-parse", "--show-toplevel"))


def commit_of(folder: Path) -> str:
    """The commit that the sources in a folder are of, or were before they were changed.

    Raises:
        UsageError: it is in no repository, or nothing was committed.
    """
    return _git(folder, "rev-parse", "HEAD")


@contextmanager
def checked_out(repository: Path, revision: str) -> Generator[Path, None, None]:
    """A folder with the sources of a revision; removed afterwards, whatever the ending.

    Raises:
        UsageError: there is no such revision.
    """
    if revision in WORKTREE:
        yield repository
        return
    commit = _git(repository, "rev-parse", "--verify", "--end-of-options", f"{revision}^{{commit}}")
    with tempfile.TemporaryDirectory(prefix="bench-") as parent:
        folder = Path(parent) / "sources"
        try:
            _git(repository, "worktree", "add", "--detach", "--quiet", str(folder), commit)
            yield folder
        finally:
            with suppress(UsageError):  # it was interrupted before git knew of it
                _git(repository, "worktree", "remove", "--force", str(folder))


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    try:
        run = subprocess.run(command, capture_output=True, text=True, check=True)
    except OSError as error:
        raise UsageError(f"git can't be started: {error.strerror}. Install it.") from error
    except subprocess.CalledProcessError as error:
        said = error.stderr.strip().removeprefix("fatal: ")
        raise UsageError(f"git {arguments[0]} {arguments[-1]} in {folder}: {said}.") from error
    return run.stdout.strip()
