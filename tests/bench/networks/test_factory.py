"""Whose package is meant where this project and the user's folder have one of the same name."""

import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import bench
from bench.networks import factory
from bench.networks.factory import import_ours, resolve_factory
from bench.origin import displaced
from bench.results.record import CellError

OURS, THEIRS = "models.registered:build", "models.mine:build"


@pytest.fixture(autouse=True)
def own_imports() -> Iterator[None]:
    """What is imported here leaves with the test, and what it took away comes back."""
    modules, path = dict(sys.modules), list(sys.path)
    yield
    displaced.clear()
    sys.modules.clear()
    sys.modules.update(modules)
    sys.path[:] = path


def write(root: Path, *files: str) -> Path:
    """Modules whose function tells its file."""
    for file in files:
        path = root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("" if path.name == "__init__.py" else "def build(): return __file__\n")
    return root


@pytest.fixture(params=["plain", "editable"])
def project(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A project with one network in its registry, and one that is in none.

    A plain install has it on the path, behind what the user puts there; an editable one need not.
    """
    files = ("models/__init__.py", "models/registered.py", "models/unregistered.py")
    root = write(tmp_path / "project", *files)
    sys.path[:] = [entry for entry in sys.path if not (Path(entry) / "models").exists()]
    if request.param == "plain":
        sys.path.append(str(root))
    monkeypatch.setattr(factory, "ROOT", root)
    monkeypatch.setattr(factory, "REGISTERED", {OURS})
    return root


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the user is."""
    root = tmp_path / "user"
    root.mkdir()
    monkeypatch.chdir(root)
    return root


def origin(path: str) -> Path:
    build: Callable[[], Any] = resolve_factory(path)
    return Path(build())


FORMS = {
    "a package": ("models/__init__.py", "models/mine.py", "models/registered.py"),
    "a folder": ("models/mine.py", "models/registered.py"),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("order", [(OURS, THEIRS, OURS), (THEIRS, OURS, THEIRS)])
def test_the_registry_means_the_project_and_other_paths_the_folder(
    project: Path, folder: Path, form: str, order: tuple[str, ...]
) -> None:
    write(folder, *FORMS[form])
    expected = {
        OURS: project / "models" / "registered.py",
        THEIRS: folder / "models" / "mine.py",
    }
    assert [origin(path) for path in order] == [expected[path] for path in order]


def test_a_single_file_of_the_name_is_the_folders_too(project: Path, folder: Path) -> None:
    write(folder, "models.py")
    assert origin("models:build") == folder / "models.py"
    assert origin(OURS) == project / "models" / "registered.py"
    assert origin("models:build") == folder / "models.py"


def test_what_the_folder_does_not_have_is_looked_for_in_the_project(
    project: Path, folder: Path
) -> None:
    assert origin("models.unregistered:build") == project / "models" / "unregistered.py"
    with pytest.raises(CellError, match=f"'models', which is {project / 'models'}"):
        resolve_factory(THEIRS)


class OtherCheckout:
    """Finds the modules of a package in another checkout too, as an editable install does."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def find_spec(self, name: str, path: object = None, target: object = None) -> Any:
        file = self.root / f"{name.replace('.', '/')}.py"
        return importlib.util.spec_from_file_location(name, file) if file.exists() else None


def test_a_module_of_another_checkout_is_not_taken_for_one_that_is_not_there(
    project: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = write(tmp_path / "other", "models/registered.py", "models/mine.py")
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, OtherCheckout(other)])
    (project / "models" / "registered.py").unlink()
    write(folder, "models/__init__.py")
    for path, root in ((OURS, project), (THEIRS, folder)):
        with pytest.raises(CellError, match=f"no module .* which is {root / 'models'}"):
            resolve_factory(path)


def test_a_package_elsewhere_on_the_path_is_the_users_too(
    project: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = write(tmp_path / "elsewhere", *FORMS["a package"])
    monkeypatch.syspath_prepend(elsewhere)
    assert origin(OURS) == project / "models" / "registered.py"
    assert origin(THEIRS) == elsewhere / "models" / "mine.py"


@pytest.mark.usefixtures("project")
def test_a_package_that_comes_back_is_the_same(folder: Path) -> None:
    """So that its classes, exceptions among them, are there once."""
    write(folder, *FORMS["a package"])
    ours, theirs = resolve_factory(OURS), resolve_factory(THEIRS)
    assert resolve_factory(OURS) is ours
    assert resolve_factory(OURS) is ours
    assert resolve_factory(THEIRS) is theirs


def test_bench_is_taken_back_from_the_user(folder: Path) -> None:
    write(folder, "bench/__init__.py", "bench/mine.py")
    assert origin("bench.mine:build") == folder / "bench" / "mine.py"
    assert sys.modules["bench"] is not bench
    factory.take_bench_back()
    assert sys.modules["bench"] is bench
    assert importlib.import_module("bench.networks.factory") is factory


def test_a_package_that_can_not_be_imported_raises_its_own_error_each_time(
    project: Path, folder: Path
) -> None:
    write(folder, *FORMS["a package"])
    (folder / "models" / "__init__.py").write_text("raise RuntimeError('the users own')")
    for _ in range(2):
        with pytest.raises(RuntimeError, match="the users own"):
            resolve_factory(THEIRS)
    assert Path(import_ours("models.registered").build()).is_relative_to(project)


def test_the_folder_comes_first_on_the_path_and_stays_there_once(folder: Path) -> None:
    """The same names as with ``python -m``, also where a script was started by its path."""
    write(folder, "mine.py")
    sys.path[:] = [entry for entry in sys.path if entry not in ("", str(folder))]
    assert origin("mine:build") == origin("mine:build") == folder / "mine.py"
    assert sys.path.count(str(folder)) == 1
