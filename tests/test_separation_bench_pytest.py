"""The fixture in a user's own tests: three lines, and the gate's sentences where they fail."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]
ROOT = Path(__file__).parents[1]
PLUGIN = "separation_bench_pytest"
NETWORK = "from torch import nn\n\ndef build():\n    return nn.Conv1d(1, 2, 3, padding=1)\n"
EXAMPLE = """
    def test_it_fits(separation_budget):
        separation_budget("my_network:build", samples=400, {budget})
"""


def run(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, budget: str
) -> pytest.RunResult:
    """A user's test in a process of its own, which finds the fixture by the plugin alone."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    pytester.makepyfile(my_network=NETWORK, test_mine=EXAMPLE.format(budget=budget))
    return pytester.runpytest_subprocess("-p", PLUGIN, "-p", "no:cacheprovider")


def test_a_network_that_fits_passes(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    budget = "macs=2400, n_params=8, peak_allocated_bytes=1e8"
    run(pytester, monkeypatch, budget).assert_outcomes(passed=1)


def test_one_that_does_not_fails_with_the_gates_sentence(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = run(pytester, monkeypatch, "macs=2399, n_params=8")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["FAIL my_network:build inference macs: 2,400, 1 over budget 2,399"]
    )
    result.stdout.no_fnmatch_line("*n_params*8*")


@pytest.mark.parametrize(
    ("more", "outcome"), [("", "failed"), (", accept_inconclusive=True", "passed")]
)
def test_an_open_verdict_fails_unless_it_is_accepted(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, more: str, outcome: str
) -> None:
    """Without time there is one round, which has no bounds, on any machine."""
    result = run(pytester, monkeypatch, f"latency_s=5, time_s=0{more}")
    result.assert_outcomes(**{outcome: 1})
    if outcome == "failed":
        result.stdout.fnmatch_lines(["INCONCLUSIVE my_network:build inference median_s: *"])


@pytest.mark.parametrize(
    ("budget", "sentence"),
    [
        ("macz=1", "In this budget: unknown key 'macz'. Known: *macs*"),
        ("macs='few'", "In this budget: macs must be a number above 0, not 'few'."),
        ("phase='update'", "In this budget: limits nothing. Name one of *"),
    ],
)
def test_what_can_not_be_checked_is_a_sentence(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, budget: str, sentence: str
) -> None:
    result = run(pytester, monkeypatch, budget)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([sentence])


def test_installing_the_project_installs_it() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["pytest11"] == {"separation-bench": PLUGIN}


def test_it_loads_nothing_before_it_is_used() -> None:
    code = (
        "import sys, pytest\nbefore = set(sys.modules)\n"
        f"import {PLUGIN}\nprint(*sorted(set(sys.modules) - before))"
    )
    fresh = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert set(fresh.stdout.split()) <= {"runpy", "pkgutil", "importlib.util", PLUGIN}


def test_a_bench_of_the_users_stays_theirs(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Loaded before the fixture or after it, once or again."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTHONPATH", f"{pytester.path}:{ROOT}")
    folder = pytester.mkdir("bench")
    for name, text in (("__init__", ""), ("early", ""), ("late", ""), ("mine", NETWORK)):
        (folder / f"{name}.py").write_text(text)
    pytester.makepyfile(
        """
        import sys
        import bench.early

        def test_twice(separation_budget):
            before = sys.modules["bench"]
            for n_params in (8, 9):
                separation_budget("bench.mine:build", n_params=n_params)
            import bench.late
            assert sys.modules["bench"] is before
        """
    )
    result = pytester.runpytest_subprocess("-p", PLUGIN, "-p", "no:cacheprovider")
    result.assert_outcomes(passed=1)
