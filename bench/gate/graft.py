"""One network in two revisions, both measured by this harness.

A revision may be from before an instrument, and two instruments would not measure alike. So what
is measured is a graft: a folder with the sources of a revision and the ``bench`` of this project.
"""

import tempfile
from collections.abc import Callable, Generator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

from bench.errors import UsageError
from bench.gate.revisions import checked_out, commit_of, repository_root
from bench.gate.sides import Side
from bench.measuring.apart import run_apart
from bench.measuring.isolate import look_at
from bench.origin import find_workers
from bench.registry import Entry
from bench.results.record import Job, Record

OUR_BENCH = Path(__file__).resolve().parents[1]
NOT_THEIRS = ("bench", ".git")
N_ROUNDS = 4
"""An even number, so that either side is first as often; enough for an interval over processes."""


@contextmanager
def grafted(sources: Path) -> Generator[Path, None, None]:
    """The folder to measure the networks of a checkout in, with this project's ``bench``.

    It holds links alone and is removed afterwards. Sources of another project are that folder
    themselves: this ``bench`` measures them without being there.
    """
    if not find_workers(sources):
        yield sources
        return
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        root = Path(folder).resolve()  # as sources of networks are named below it
        (root / "bench").symlink_to(OUR_BENCH)
        for one in sources.iterdir():
            if one.name not in NOT_THEIRS:
                (root / one.name).symlink_to(one)
        yield root


@contextmanager
def two_grafts(
    base: str, head: str, entry: Entry, threads: int
) -> Generator[tuple[Side, Side], None, None]:
    """A network in two revisions of the repository around the current folder.

    Both are there for as long as this lasts. ``WORKTREE`` or ``.`` is the working tree.

    Raises:
        UsageError: there is no repository or no such revision, or one has no such network.
    """
    repository = repository_root(Path.cwd())
    with (
        checked_out(repository, base) as old,
        checked_out(repository, head) as new,
        grafted(old) as old_root,
        grafted(new) as new_root,
    ):
        yield (
            _side(base, entry, old, old_root, threads),
            _side(head, entry, new, new_root, threads),
        )


def measure_in_turns(
    sides: Sequence[Side], plan: Callable[[Entry, int], Sequence[Job]], n_rounds: int = N_ROUNDS
) -> Generator[tuple[Side, Record], None, None]:
    """A record of each job of each side, in rounds of fresh processes, each side first in turn.

    So what slows the machine for longer than a round slows both. ``plan`` makes the jobs of a
    network in a round. Interrupted, it yields the record of the job that was running, and then goes
    on raising.
    """
    for index in range(n_rounds):
        order = sides if index % 2 == 0 else sides[::-1]
        plans = [plan(side.entry, index) for side in order]
        for jobs in zip(*plans, strict=True):
            for side, job in zip(order, jobs, strict=True):
                with closing(run_apart([job], side.environment, 1, side.root)) as running:
                    for record in running:
                        yield side, record


def _side(label: str, entry: Entry, sources: Path, root: Path, threads: int) -> Side:
    is_graft = root != sources
    if entry.is_registered and not is_graft:
        raise UsageError(
            f"{entry.name} is a network of this project, and {label} is no revision of it: there "
            "is nothing to tell apart. Name a network of your own, as package.module:function."
        )
    problems, environment = look_at([entry], threads, root)
    if environment is None:
        problem = " ".join(problems)
        for folder in (root, sources):
            problem = problem.replace(f"{folder.resolve()}/", f"{label}:")
            problem = problem.replace(str(folder.resolve()), label)
        raise UsageError(f"{label} has no network {entry.name}. {problem}")
    if is_graft:  # which is no repository that could say it
        code = replace(environment.code, commit=commit_of(sources), is_modified=True)
        environment = replace(environment, code=code)
    return Side(label, entry, root, environment)
