"""From a request and the nodes of a cluster to the parts that are to be measured."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bench.errors import UsageError
from bench.launching.nodes import Node, by_kind, folder_of, kind_of
from bench.launching.schedule import Task
from bench.launching.task_files import TaskFile, count_tasks, files_of, newest_task_file
from bench.measuring.place import choose_device, device_name
from bench.plan import Settings
from bench.registry import Entry
from bench.results.environment import Environment
from bench.results.record import Job, Record
from bench.results.resumption import MADE_ELSEWHERE, refuse_other_settings
from bench.results.shard import Shard, deal
from bench.results.store import read_records
from bench.results.summary import choose_base

Plan = Callable[[Sequence[Entry], Settings, Sequence[Record]], Sequence[Job]]
"""From networks, settings and the records so far to the jobs that are missing."""


@dataclass(frozen=True)
class Request:
    """What every kind of machine measures."""

    arguments: tuple[str, ...]  # of bench.run on a node, without its part
    entries: tuple[Entry, ...]
    settings: Settings
    device: str  # cpu, cuda or auto
    plan: Plan
    is_exact: bool  # no clock is read
    code: str  # the identity of the code of the one who asks
    torch: str  # and the release of torch


@dataclass
class DealtTask:
    """A part of the run, and all that it takes to measure it."""

    task: Task
    shard: Shard
    request: Request
    device: str  # of the training step
    place: str  # how the names of its files begin
    file: TaskFile

    @property
    def is_alone(self) -> bool:
        """Whether nothing else may run on the machine; a GPU has one memory for all."""
        return not self.request.is_exact or self.device == "cuda"

    @property
    def missing(self) -> Sequence[Job]:
        """The next jobs that have no record; none when it is whole."""
        entries = [entry for entry in self.request.entries if self.shard.has(entry.name)]
        settings = self.request.settings.on(self.device)
        return self.request.plan(entries, settings, self.file.records)

    @property
    def arguments(self) -> list[str]:
        """Of the command that measures what is missing."""
        resume = ["--resume"] if self.file.content else []
        return [*self.request.arguments, "--shard", f"{self.task.index}/{self.task.count}", *resume]

    def reopen(self) -> TaskFile:
        """The file for another node, which measures again what failed.

        Raises:
            UsageError: it can't be read.
        """
        self.file = TaskFile.read(self.file.path)
        return self.file

    def begin_again(self, now: datetime) -> None:
        """In a new file, since what is in this one can't be gone on with.

        Raises:
            UsageError: the file can't be made.
        """
        self.file = TaskFile.create(self.file.path.parent, self.place, self.shard, now)


def deal_tasks(
    request: Request, nodes: Sequence[Node], run: Path, now: datetime
) -> list[DealtTask]:
    """The parts of all kinds; of an earlier run of this folder, with what that left.

    Raises:
        UsageError: a kind lacks the device, the earlier run was of other work or code, or files
            can't be made.
    """
    kinds = {
        kind: (members[0].environment, len(members)) for kind, members in by_kind(nodes).items()
    }
    for environment in _environments_of(run):
        kinds.setdefault(kind_of(environment), (environment, 1))
    return [
        dealt
        for kind, (environment, n_nodes) in kinds.items()
        for dealt in _deal(request, environment, n_nodes, run / folder_of(kind), now)
    ]


def _environments_of(run: Path) -> list[Environment]:
    """Where the records of an earlier run were made, one for each file."""
    found = (read_records(path).records for path in files_of(run))
    return [record.environment for records in found for record in records if record.environment]


def _deal(
    request: Request, environment: Environment, n_nodes: int, folder: Path, now: datetime
) -> list[DealtTask]:
    """As many parts as nodes, where each has a network besides the reference."""
    kind = kind_of(environment)
    try:
        device = choose_device(request.device, environment)
    except UsageError as error:
        raise UsageError(f"{kind}: {error}") from error
    place, names = device_name(device, environment), [entry.name for entry in request.entries]
    reference = choose_base(names)
    assert reference is not None  # who selects no network is refused
    count = count_tasks(folder) or min(n_nodes, max(1, len(names) - 1))
    dealt_tasks = []
    for index in range(1, count + 1):
        shard = deal(index, count, names, reference)
        file = newest_task_file(folder, place, shard)
        if file:
            _refuse_other_work(file, request, request.settings.on(device))
        else:
            file = TaskFile.create(folder, place, shard, now)
        dealt_tasks.append(DealtTask(Task(kind, index, count), shard, request, device, place, file))
    return dealt_tasks


def _refuse_other_work(file: TaskFile, request: Request, settings: Settings) -> None:
    """Records of several settings, codes or releases of torch are not of one run.

    Raises:
        UsageError: an earlier run was of others.
    """
    refuse_other_settings(file.path, file.records, settings.workload)
    made = {
        (place.code.identity, place.versions["torch"])
        for record in file.records
        if (place := record.environment)
    }
    if made - {(request.code, request.torch)}:
        raise UsageError(
            f"{file.path} {MADE_ELSEWHERE}, so it can't be resumed. "
            "Start a new run without --resume."
        )
