"""Revisions as folders, on repositories made for the test; real workers answer."""

import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import pytest

from bench.errors import UsageError
from bench.gate import sides
from bench.gate.revisions import checked_out, repository_root
from bench.gate.sides import environment_below, two_sides
from bench.measuring.conductor import Player
from bench.measuring.forkserver import ForkServer
from bench.plan import plan_job
from bench.registry import Entry
from bench.results.measurements import LatencyTimes
from bench.results.record import Record, Status
from tests.bench.example_records import ENVIRONMENT, SETTINGS, fail, make_record
from tests.bench.gate.live import in_turns

Git = Callable[..., str]


@pytest.fixture
def git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Git:
    """A repository with two commits of a file and a change that is in neither."""
    folder = tmp_path / "repository"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for variable in ("GIT_AUTHOR", "GIT_COMMITTER"):
        monkeypatch.setenv(f"{variable}_NAME", "A")
        monkeypatch.setenv(f"{variable}_EMAIL", "a@example.org")

    def call(*arguments: str) -> str:
        run = subprocess.run(["git", *arguments], check=True, capture_output=True, text=True)
        return run.stdout

    call("init", "--quiet")
    for content in ("first", "second"):
        (folder / "file").write_text(content)
        call("add", "file")
        call("commit", "--quiet", "--message", content)
    (folder / "file").write_text("dirty")
    return call


@pytest.mark.parametrize(
    ("revision", "content"),
    [("HEAD", "second"), ("HEAD~1", "first"), (".", "dirty"), ("WORKTREE", "dirty")],
)
def test_a_revision_is_a_folder_for_as_long_as_it_is_used(
    git: Git, revision: str, content: str
) -> None:
    repository = repository_root(Path.cwd())
    with checked_out(repository, revision) as folder:
        assert (folder / "file").read_text() == content
    assert folder.exists() == (folder == repository)
    assert git("worktree", "list").count("\n") == 1


@pytest.mark.parametrize("ending", [KeyboardInterrupt, UsageError, SystemExit])
def test_it_is_removed_whatever_the_ending(git: Git, ending: type[BaseException]) -> None:
    with pytest.raises(ending), checked_out(Path.cwd(), "HEAD") as folder:  # noqa: PT012
        (folder / "left").write_text("by a measurement")
        raise ending
    assert not folder.parent.exists()
    assert git("worktree", "list").count("\n") == 1


BAD_SIDES = {
    "revision": (("v9", "HEAD"), "git rev-parse v9^{commit} in "),
    "an option": (("--all", "HEAD"), "git rev-parse --all^{commit} in "),
    "backend": (("backend:eager", "backend:compiled"), "There is one backend, backend:eager"),
    "kinds": (("model:dprnn", "HEAD"), "compared with each other: model:NAME, not 'HEAD'."),
    "model": (("model:dprn", "model:dprnn"), "Did you mean 'dprnn'?"),
    "pattern": (("model:sudormrf-?.?x", "model:dprnn"), "names 2 networks. Name one."),
}


@pytest.mark.usefixtures("git")
@pytest.mark.parametrize("case", BAD_SIDES)
def test_bad_sides_are_told(case: str) -> None:
    (base, head), message = BAD_SIDES[case]
    with pytest.raises(UsageError) as caught, two_sides(base, head, ["all"], 1):
        pass
    assert message in str(caught.value)


OWN_NETWORK = """
import torch
def network():
    return torch.nn.Conv1d(1, 2, {kernel_size})
"""


@pytest.mark.usefixtures("git")
def test_a_network_that_no_side_has_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one that is new, one side has none, which is for its measurement to say."""
    monkeypatch.setattr(sides, "environment_below", lambda label, root, threads: ENVIRONMENT)
    with pytest.raises(UsageError) as caught, two_sides("HEAD", "WORKTREE", ["own:absent"], 1):
        pass
    said = str(caught.value)
    assert said.startswith("No side has the network own:absent. HEAD: There is no module 'own'")
    Path("own.py").write_text(OWN_NETWORK.format(kernel_size=3).replace("network", "absent"))
    with two_sides("HEAD", "WORKTREE", ["own:absent"], 1) as pairs:
        assert len(pairs) == 1


def test_two_networks_need_no_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "module.py").write_text(OWN_NETWORK.format(kernel_size=3))
    with two_sides("model:dprnn", "model:own.module:network", ["all"], 1) as pairs:
        assert [[side.entry.factory for side in pair] for pair in pairs] == [
            ["baselines.asteroid_models:dprnn", "own.module:network"]
        ]


def test_outside_of_a_repository_there_are_no_revisions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="not a git repository"), two_sides("a", "b", ["all"], 1):
        pass


def test_each_side_has_the_networks_of_its_own_folder(tmp_path: Path) -> None:
    """And bench is the installed one where the folder has none."""
    found = []
    for kernel_size in (3, 5):
        root = tmp_path / str(kernel_size)
        root.mkdir()
        (root / "own.py").write_text(OWN_NETWORK.format(kernel_size=kernel_size))
        entry = Entry("own", "own", "own:network")
        job = plan_job(entry, "inference", "parameters", SETTINGS)
        with ForkServer(1, root=root) as server:
            outcome = server.run(asdict(job), 60.0).outcome
        assert outcome is not None
        found.append(outcome["result"]["n_params"])
    assert found == [2 * 3 + 2, 2 * 5 + 2]


@pytest.mark.parametrize("package", ["measuring", "measure"])  # now, and before 0.3
def test_a_worker_that_speaks_otherwise_is_told_before_anything_is_measured(
    tmp_path: Path, package: str
) -> None:
    worker = tmp_path / "bench" / package / "worker.py"
    worker.parent.mkdir(parents=True)
    for folder in (worker.parent, worker.parent.parent):
        (folder / "__init__.py").touch()
    worker.write_text("import sys\nsys.exit('unknown request')\n")
    with pytest.raises(UsageError, match=r"The worker of v0 .* unknown request"):
        environment_below("v0", tmp_path, 1)


def answer(monkeypatch: pytest.MonkeyPatch, spoil: Callable[[Record], Record]) -> list[Player]:
    """Answer the handshake with one call in a turn, spoilt; returns who was asked."""
    asked: list[Player] = []

    def measure_round(players: Sequence[Player]) -> Iterator[Record]:
        asked.extend(players)
        for player in players:
            yield spoil(make_record(player.job, in_turns([1e-6])))

    monkeypatch.setattr(sides, "measure_round", measure_round)
    monkeypatch.setattr(sides, "fetch_environment", lambda threads, root: ENVIRONMENT)
    return asked


def test_the_handshake_is_a_round_of_one_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = answer(monkeypatch, lambda record: record)
    assert environment_below("v1", tmp_path, 1) == ENVIRONMENT
    (player,) = asked
    assert player.root == tmp_path
    assert (player.job.probe, player.job.workload.keeps_pages) == ("latency", True)


OTHER_ANSWERS: dict[str, tuple[Callable[[Record], Record], str]] = {
    "no turns": (
        lambda record: make_record(record.job, LatencyTimes((1e-6,))),
        "it takes no turns",
    ),
    "a failure": (lambda record: fail(record, Status.ERROR, "KeyError: 'turn'"), "'turn'"),
}


@pytest.mark.parametrize("case", OTHER_ANSWERS)
def test_a_worker_that_takes_no_turns_is_told_before_anything_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    spoil, problem = OTHER_ANSWERS[case]
    answer(monkeypatch, spoil)
    with pytest.raises(UsageError) as caught:
        environment_below("v0", tmp_path, 1)
    assert "does not understand the requests of this version: " in str(caught.value)
    assert problem in str(caught.value)
