"""What is compared: two revisions of networks, or two networks."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.errors import UsageError
from bench.gate.revisions import checked_out, repository_root
from bench.measure.isolate import run_alone
from bench.plan import Effort, Settings, plan_job
from bench.registry import Entry, select_entries
from bench.results.record import Status

MODEL, BACKEND = "model:", "backend:"
HANDSHAKE = Entry("handshake", "handshake", "torch.nn:Identity")
"""A network that every revision has, for a question that every worker of this harness answers."""


@dataclass(frozen=True)
class Side:
    """A network as one side has it; ``root`` is the folder of its sources, None is this one."""

    label: str
    entry: Entry
    root: Path | None


@contextmanager
def two_sides(
    base: str, head: str, models: Sequence[str]
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
        yield [(_model_side(base), _model_side(head))]
        return
    entries = select_entries(models)
    repository = repository_root(Path.cwd())
    with checked_out(repository, base) as old, checked_out(repository, head) as new:
        for label, root in ((base, old), (head, new)):
            require_understanding(label, root)
        yield [(Side(base, entry, old), Side(head, entry, new)) for entry in entries]


def _model_side(text: str) -> Side:
    if not text.startswith(MODEL):
        raise UsageError(f"Two networks are compared with each other: model:NAME, not {text!r}.")
    entries = select_entries([text.removeprefix(MODEL)])
    if len(entries) > 1:
        raise UsageError(f"{text} names {len(entries)} networks. Name one.")
    return Side(entries[0].name, entries[0], None)


def require_understanding(label: str, root: Path) -> None:
    """Ask the worker below ``root`` something easy; this also compiles its modules.

    Raises:
        UsageError: it does not answer as this harness expects.
    """
    settings = Settings(
        update_device="cpu",
        n_samples=1,
        batch=1,
        dtype="float32",
        threads=1,
        seed=0,
        effort=Effort(1, 1, 0.0, 1.0, budget_s=0.0, deadline_s=60.0),
    )
    answer = run_alone(plan_job(HANDSHAKE, "inference", "parameters", settings), root)
    if answer.status != Status.OK or answer.measurement.get("n_params") != 0:
        raise UsageError(
            f"The worker of {label} (bench/measure/worker.py there) does not understand the "
            f"requests of this version: {answer.reason or answer.measurement}. Compare revisions "
            "that have this version's `bench`, or check out a commit whose `bench` is theirs."
        )
