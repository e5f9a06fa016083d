"""What is compared: two revisions of networks, or two networks."""

from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.errors import UsageError
from bench.gate.revisions import checked_out, repository_root
from bench.measuring.conductor import Player, measure_round
from bench.measuring.isolate import fetch_environment, look_at, prepare_measuring
from bench.plan import Effort, Settings, plan_job
from bench.registry import Entry, select_entries
from bench.results.environment import Environment
from bench.results.measurements import LatencyTimes
from bench.results.record import Job

MODEL, BACKEND = "model:", "backend:"
HANDSHAKE = Entry("handshake", "handshake", "torch.nn:Identity")
"""A network that every revision has, which costs next to nothing."""


@dataclass(frozen=True)
class Side:
    """A network as one side has it; ``root`` is the folder of its sources, None is this one."""

    label: str
    entry: Entry
    root: Path | None
    environment: Environment


@contextmanager
def two_sides(
    base: str, head: str, models: Sequence[str], threads: int
) -> Generator[list[tuple[Side, Side]], None, None]:
    """The pairs to compare, base first; revisions are checked out for as long as this lasts.

    Raises:
        UsageError: an unknown network or revision, two kinds of things, a backend, or a revision
            whose harness does not understand this one.
    """
    texts = (base, head)
    if any(text.startswith(BACKEND) for text in texts):
        raise UsageError("There is one backend, backend:eager, so that no two can be compared.")
    if any(text.startswith(MODEL) for text in texts):
        entries = [_named_network(text) for text in texts]
        here = prepare_measuring(entries, threads)
        first, second = (Side(entry.name, entry, None, here) for entry in entries)
        yield [(first, second)]
        return
    entries = list(select_entries(models))
    repository = repository_root(Path.cwd())
    with checked_out(repository, base) as old, checked_out(repository, head) as new:
        old_environment = environment_below(base, old, threads)
        new_environment = environment_below(head, new, threads)
        _require_networks(entries, threads, {base: old, head: new})
        yield [
            (Side(base, entry, old, old_environment), Side(head, entry, new, new_environment))
            for entry in entries
        ]


def _require_networks(entries: Iterable[Entry], threads: int, roots: Mapping[str, Path]) -> None:
    """See that at least one side has each of the user's networks; one may be new.

    Raises:
        UsageError: none has it, or it is none of the repository's.
    """
    for entry in entries:
        if entry.is_registered:
            continue
        problems = {
            label: problem.replace(str(root.resolve()), label)
            for label, root in roots.items()
            for problem in look_at([entry], threads, root)[0]
        }
        if problems.keys() == roots.keys():
            found = " ".join(f"{label}: {problem}" for label, problem in problems.items())
            raise UsageError(f"No side has the network {entry.name}. {found}")


def _named_network(text: str) -> Entry:
    if not text.startswith(MODEL):
        raise UsageError(f"Two networks are compared with each other: model:NAME, not {text!r}.")
    entries = select_entries([text.removeprefix(MODEL)])
    if len(entries) > 1:
        raise UsageError(f"{text} names {len(entries)} networks. Name one.")
    return entries[0]


def environment_below(label: str, root: Path, threads: int) -> Environment:
    """What the worker below ``root`` says of itself; asking also compiles its modules.

    Raises:
        UsageError: it does not answer as this harness expects, or takes no turns.
    """
    try:
        environment = fetch_environment(threads, root)
        (answer,) = measure_round([Player(handshake_job(threads), environment, root)])
        problem = answer.reason or "it takes no turns"
        if isinstance(answer.result, LatencyTimes) and answer.result.turns:
            return environment
    except (UsageError, ValueError, KeyError) as error:  # no answer, or one with other fields
        problem = str(error)
    raise UsageError(
        f"The worker of {label} does not understand the "
        f"requests of this version: {problem}. Compare revisions that have this version's "
        "`bench`, or check out a commit whose `bench` is theirs."
    )


def handshake_job(threads: int) -> Job:
    """A round of something easy, as all that is compared is measured."""
    settings = Settings(
        update_device="cpu",
        n_samples=1,
        batch=1,
        dtype="float32",
        threads=threads,
        seed=0,
        effort=Effort(1, 0.0, 1.0, budget_s=0.0, deadline_s=60.0),
    )
    return plan_job(HANDSHAKE, "inference", "latency", settings)
