"""The names of users' networks: read as they are meant, and refused with a sentence."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.errors import UsageError
from bench.own_networks import (
    OwnNetwork,
    read_own_network,
    registered_by_packages,
    split_requests,
)
from bench.plan import EFFORTS, Settings, plan_job
from bench.registry import SAMPLE_RATE, describe_registry, select_entries

literals = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text("ab,'\"()[]{}:@=\\ ", max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3) | st.tuples(inner) | st.dictionaries(st.text("ab,:"), inner)
    ),
    max_leaves=4,
)
calls = st.dictionaries(st.sampled_from(["n_src", "sizes", "norm"]), literals)


@given(st.sampled_from(["nets.py", "a/b c.py", "../x.py", "pkg.mod"]), calls, st.booleans())
def test_what_is_written_is_what_is_read(
    place: str, arguments: dict[str, object], has_rate: bool
) -> None:
    call = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
    written = f"{place}:build({call})" + ("@16000" if has_rate else "")
    expected = OwnNetwork(place, "build", arguments, 16000 if has_rate else None)
    assert read_own_network(written) == expected
    assert split_requests(f"dprnn, {written},null") == ["dprnn", written, "null"]


REFUSED = {
    "a:f(1)": "an argument has no name",
    "a:f(n=x)": "not a literal",
    "a:f(n=open('x'))": "not a literal",
    "a:f(**{})": r"\*\* is no literal",
    "a:f(n=)": "invalid syntax",
    "a:f@0": "0 Hz",
    "a:": "names no network",
    "a:b:c": "names no network",
    "a:f@fast": "names no network",
    ":f": "names no network",
}


@pytest.mark.parametrize(("name", "why"), REFUSED.items())
def test_what_means_nothing_is_refused(name: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        read_own_network(name)


@pytest.fixture
def a_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An installed package that registers a network."""
    info = tmp_path / "their_package-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: their-package\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[separation_bench.networks]\ntheir-network = their_package.nets:build\n"
    )
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    registered_by_packages.cache_clear()
    yield
    registered_by_packages.cache_clear()


@pytest.mark.usefixtures("a_package")
def test_a_package_registers_a_network() -> None:
    (entry,) = select_entries(["their-network"])
    assert (entry.name, entry.factory) == ("their-network", "their_package.nets:build")
    assert "their-network" in describe_registry()
    assert "their-package" in describe_registry()


def test_a_second_of_audio_is_as_many_samples_as_its_rate() -> None:
    """Networks of several rates are measured over one duration."""
    slow, fast = select_entries(["nets.py:build, nets.py:build@44100"])
    settings = Settings("cpu", SAMPLE_RATE, 1, "float32", 1, 0, EFFORTS["quick"])
    works = [plan_job(e, "inference", "latency", settings).workload for e in (slow, fast)]
    assert [work.n_samples for work in works] == [8000, 44100]
    assert [work.duration_s for work in works] == [1.0, 1.0]
