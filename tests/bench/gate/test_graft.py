"""Two revisions under one harness, on repositories made for the test; real workers answer."""

import os
import subprocess
import tempfile
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from bench.errors import UsageError
from bench.gate import graft
from bench.gate.graft import OUR_BENCH, grafted, measure_in_turns, two_grafts
from bench.gate.sides import Side
from bench.plan import plan_job
from bench.registry import REGISTRY, Entry
from bench.results.environment import Environment
from bench.results.measurements import ParameterCount
from bench.results.profile import Profile
from bench.results.record import Job, Record, Status
from bench.results.workload import Phase
from tests.bench.example_records import ENVIRONMENT, SETTINGS, make_record

Commit = Callable[[Mapping[str, str]], str]
NETWORK = """
import torch

def {name}():
    return torch.nn.Conv1d(1, 2, {taps}, padding={taps} // 2)
"""
REGISTERED = REGISTRY["sudormrf-0.25x"]
OWN = Entry("own.nets:network", "own.nets:network", "own.nets:network")
ONE_THREAD = replace(SETTINGS, threads=1, n_samples=400)


@pytest.fixture
def commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Commit:
    """Makes a commit of files in a repository, which is the current folder; its hash."""
    folder = tmp_path / "repository"
    folder.mkdir()
    (tmp_path / "tmp").mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    for variable in ("GIT_AUTHOR", "GIT_COMMITTER"):
        monkeypatch.setenv(f"{variable}_NAME", "A")
        monkeypatch.setenv(f"{variable}_EMAIL", "a@example.org")
    git("init", "--quiet")

    def make(files: Mapping[str, str]) -> str:
        write(files)
        git("add", "--all")
        git("commit", "--quiet", "--message", "change")
        return git("rev-parse", "HEAD").strip()

    return make


def git(*arguments: str) -> str:
    run = subprocess.run(["git", *arguments], check=True, capture_output=True, text=True)
    return run.stdout


def write(files: Mapping[str, str]) -> None:
    for name, text in files.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text)


def checkout(taps: int) -> dict[str, str]:
    """A revision of this project whose own harness can't measure anything."""
    return {
        "bench/__init__.py": "raise RuntimeError('the harness of the revision')",
        "bench/measure/worker.py": "",
        "models/__init__.py": "",
        "models/sudormrf.py": NETWORK.format(name="sudormrf_0_25x", taps=taps),
        "own/nets.py": NETWORK.format(name="network", taps=taps),
    }


def plan_of(phase: Phase, probe: str) -> Callable[[Entry, int], list[Job]]:
    return lambda entry, index: [plan_job(entry, phase, probe, ONE_THREAD, index)]


def taps_of(base: str, head: str, entry: Entry) -> list[tuple[str, int]]:
    """What each side's network was measured to have, in the order of measuring."""
    plan = plan_of("inference", "parameters")
    found = []
    with two_grafts(base, head, entry, 1) as sides:
        for side, record in measure_in_turns(sides, plan, n_rounds=1):
            assert record.reason == ""
            assert isinstance(record.result, ParameterCount)
            found.append((side.label, (record.result.n_params - 2) // 2))
    return found


def assert_nothing_is_left() -> None:
    assert git("worktree", "list").count("\n") == 1
    assert list(Path(tempfile.gettempdir()).iterdir()) == []


def test_each_side_has_the_networks_of_its_revision_and_this_harness(commit: Commit) -> None:
    commit(checkout(3))
    commit(checkout(5))
    write(checkout(7))
    assert taps_of("HEAD~1", "HEAD", REGISTERED) == [("HEAD~1", 3), ("HEAD", 5)]
    assert taps_of("HEAD", "WORKTREE", OWN) == [("HEAD", 5), ("WORKTREE", 7)]
    assert_nothing_is_left()


def test_a_record_says_which_revision_it_is_of(commit: Commit) -> None:
    commits = [commit(checkout(3)), commit(checkout(5))]
    with two_grafts("HEAD~1", "HEAD", REGISTERED, 1) as sides:
        codes = [side.environment.code for side in sides]
    assert [code.commit for code in codes] == commits
    assert all(code.is_modified for code in codes)  # by this bench
    assert codes[0].identity != codes[1].identity


def test_in_another_project_each_side_is_its_folder(commit: Commit) -> None:
    """Also with a package called bench that has nothing to do with this one."""
    for taps in (3, 5):
        text = NETWORK.format(name="network", taps=taps)
        commit({"bench/__init__.py": "", "bench/nets.py": text})
    theirs = Entry("bench.nets:network", "bench.nets:network", "bench.nets:network")
    assert taps_of("HEAD~1", "HEAD", theirs) == [("HEAD~1", 3), ("HEAD", 5)]
    assert_nothing_is_left()


@pytest.mark.parametrize(
    "name",
    [
        "mine.nets:network",
        pytest.param("built:network", marks=pytest.mark.thorough),
        pytest.param("built.py:network", marks=pytest.mark.thorough),
    ],
)
def test_a_package_below_src_is_that_of_its_revision(
    commit: Commit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """An installed one of the same name is the same in every revision, also where it is imported
    by what is named.
    """
    installed = tmp_path / "installed" / "mine"
    installed.mkdir(parents=True)
    (installed / "__init__.py").touch()
    (installed / "nets.py").write_text(NETWORK.format(name="network", taps=7))
    monkeypatch.setenv("PYTHONPATH", str(installed.parent), prepend=os.pathsep)
    for taps in (3, 5):
        text = NETWORK.format(name="network", taps=taps)
        built = "from mine.nets import network as network\n"
        commit({"src/mine/__init__.py": "", "src/mine/nets.py": text, "built.py": built})
    assert taps_of("HEAD~1", "HEAD", Entry(name, name, name)) == [("HEAD~1", 3), ("HEAD", 5)]


def test_a_network_that_is_none_of_the_revisions_is_refused(
    commit: Commit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path / "installed"
    installed.mkdir()
    (installed / "mine.py").write_text(NETWORK.format(name="network", taps=3))
    monkeypatch.setenv("PYTHONPATH", str(installed), prepend=os.pathsep)
    commit({"lib/mine.py": NETWORK.format(name="network", taps=5)})
    entry = Entry("mine:network", "mine:network", "mine:network")
    with pytest.raises(UsageError, match=r"HEAD has no network mine:network. .* is none of the"):
        taps_of("HEAD", "HEAD", entry)
    assert_nothing_is_left()


def test_a_graft_holds_links_alone(commit: Commit) -> None:
    commit(checkout(3))
    with grafted(Path.cwd()) as root:
        links = {one.name: one.resolve() for one in root.iterdir() if one.is_symlink()}
        assert len(links) == len(list(root.iterdir()))
    here = Path.cwd().resolve()
    assert links == {"bench": OUR_BENCH, "models": here / "models", "own": here / "own"}
    assert (here / "bench" / "measure" / "worker.py").exists()
    assert_nothing_is_left()


def test_sides_take_turns_and_each_is_first_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that what slows the machine for long slows both."""
    measured: list[tuple[int, str, Path | None]] = []

    def answer(
        jobs: Sequence[Job], environment: Environment, n_at_once: int, root: Path | None
    ) -> Generator[Record, None, None]:
        for job in jobs:
            measured.append((job.round, job.workload.phase, root))
            yield make_record(job, environment=environment)

    def plan(entry: Entry, index: int) -> list[Job]:
        phases: tuple[Phase, ...] = ("inference", "update")
        return [plan_job(entry, phase, "memory", ONE_THREAD, index) for phase in phases]

    monkeypatch.setattr(graft, "run_apart", answer)
    old, new = (Side(name, OWN, Path(name), ENVIRONMENT) for name in ("old", "new"))
    told = [side for side, _ in measure_in_turns((old, new), plan)]
    first, second = [old, new] * 2, [new, old] * 2
    assert told == [*first, *second, *first, *second]
    phases = ["inference"] * 2 + ["update"] * 2
    assert measured == [
        (index, phase, side.root)
        for index, order in enumerate((first, second, first, second))
        for phase, side in zip(phases, order, strict=True)
    ]


LACKING = Entry("own.nets:other", "own.nets:other", "own.nets:other")
BAD_REQUESTS = {
    "revision": ("v9", "HEAD", REGISTERED, "git rev-parse v9^{commit} in "),
    "function": ("HEAD~1", "HEAD", LACKING, "HEAD~1 has no network own.nets:other. The module"),
    "module": (
        "HEAD",
        "HEAD~1",
        REGISTRY["sudormrf-causal-1.0x"],
        "There is no module 'models.streaming' in 'models', which is HEAD:models.",
    ),
}


@pytest.mark.parametrize("case", BAD_REQUESTS)
def test_what_a_revision_does_not_have_is_told(commit: Commit, case: str) -> None:
    base, head, entry, message = BAD_REQUESTS[case]
    commit(checkout(3))
    commit(checkout(5))
    with pytest.raises(UsageError) as caught, two_grafts(base, head, entry, 1):
        pass
    assert message in str(caught.value)
    assert tempfile.gettempdir() not in str(caught.value)
    assert_nothing_is_left()


def test_networks_of_this_project_have_no_revision_in_another(commit: Commit) -> None:
    commit({"models/nets.py": ""})
    with pytest.raises(UsageError) as caught, two_grafts("HEAD", ".", REGISTERED, 1):
        pass
    assert "sudormrf-0.25x is a network of this project, and HEAD is no revision of it" in str(
        caught.value
    )


@pytest.mark.parametrize("ending", [KeyboardInterrupt, SystemExit])
def test_all_is_removed_whatever_the_ending(
    commit: Commit, monkeypatch: pytest.MonkeyPatch, ending: type[BaseException]
) -> None:
    monkeypatch.setattr(graft, "look_at", lambda entries, threads, root: ([], ENVIRONMENT))
    commit(checkout(3))
    with pytest.raises(ending), two_grafts("HEAD", "HEAD", REGISTERED, 1):
        raise ending
    assert_nothing_is_left()


def test_a_profile_names_lines_as_the_revision_has_them(commit: Commit) -> None:
    """Not by the folder that it was measured in."""
    text = (
        checkout(3)["models/sudormrf.py"]
        .replace(
            "def",
            "class Own(torch.nn.Conv1d):\n"
            "    def forward(self, mixture):\n"
            "        return super().forward(mixture) * 2\n\ndef",
        )
        .replace("torch.nn.Conv1d(1", "Own(1")
    )
    commit(checkout(3) | {"models/sudormrf.py": text})
    plan = plan_of("inference", "profile")
    with two_grafts("HEAD", "HEAD", REGISTERED, 1) as sides:
        ((_, record),) = measure_in_turns(sides[:1], plan, n_rounds=1)
    assert (record.status, record.reason) == (Status.OK, "")
    assert isinstance(record.result, Profile)
    lines = {row.place.line for row in record.result.rows if row.place.operator == "mul"}
    assert lines == {"models/sudormrf.py:6"}
