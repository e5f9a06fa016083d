"""The command that measures what separating in chunks changes, with its processes in this one."""

from collections.abc import Callable
from concurrent.futures import Future
from math import inf
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from bench.corpora.mixing import Mixture
from bench.recordings import chunk_lengths
from bench.recordings.chunk_lengths import compare, main
from bench.recordings.settings import SeparationSettings
from tests.bench.corpora.example_corpora import make_wsj0
from tests.textbook.agreement import one_thread as one_thread

pytestmark = pytest.mark.usefixtures("one_thread")


class HereExecutor:
    """In place of a pool of processes."""

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        pass

    def submit(self, work: Callable[..., Any], *arguments: object) -> "Future[Any]":
        future: Future[Any] = Future()
        future.set_result(work(*arguments))
        return future


class Filters(nn.Module):
    """A low and a high band, by filters of two samples."""

    def forward(self, mixture: Tensor) -> Tensor:
        before = nn.functional.pad(mixture, (1, 0))[..., :-1]
        return torch.cat([mixture + before, mixture - before], 1)


class Leaking(Filters):
    """Each band leaks into the other by how loud all is that it hears, so chunks matter."""

    def forward(self, mixture: Tensor) -> Tensor:
        bands = super().forward(mixture)
        return bands + 0.1 * bands.abs().mean() * bands.flip(1)


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Callable[[nn.Module], None]:
    """Separate by a given network, in this process."""
    monkeypatch.setattr(chunk_lengths, "ProcessPoolExecutor", HereExecutor)

    def choose(model: nn.Module) -> None:
        monkeypatch.setattr(chunk_lengths, "load_network", lambda path, device: model)

    return choose


def bands() -> Mixture:
    """A low noise and a high one that grow, 8 s."""
    noise = np.random.default_rng(0).standard_normal((2, 64_001)) * np.linspace(0.1, 2, 64_001)
    low, high = noise[0, 1:] + noise[0, :-1], noise[1, 1:] - noise[1, :-1]
    sources = np.stack([low, high]).astype(np.float32)
    return Mixture(sources.sum(0), sources)


WAYS = [SeparationSettings(2.0), SeparationSettings(4.0, overlap=0.5)]


def test_chunks_change_nothing_where_the_network_hears_two_samples(
    use: Callable[[nn.Module], None],
) -> None:
    """But for the two samples at a seam: more than 30 dB below everything else."""
    use(Filters())
    *chunked, whole = compare(WAYS, [bands()], Path("any"))
    assert [one.settings for one in chunked] == WAYS
    assert whole.settings.chunk_s == inf
    for one in chunked:
        assert one.against_whole_db > 30
        assert one.improvement_db == pytest.approx(whole.improvement_db, abs=0.01)
        assert one.peak_bytes > 1e6


def test_chunks_change_what_depends_on_all_time(use: Callable[[nn.Module], None]) -> None:
    """The leak differs from chunk to chunk, and less so the longer they are."""
    use(Leaking())
    short, long, _ = compare([WAYS[0], SeparationSettings(6.0)], [bands()], Path("any"))
    assert short.against_whole_db < long.against_whole_db < 30


def test_the_table_has_a_row_for_each_way_and_the_whole(
    use: Callable[[nn.Module], None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    use(Filters())
    numbers = "--duration-s 6 --mixtures 1 --chunk-s 2 4 --overlap 0.5".split()
    assert main(["--checkpoint", "any", "--cache", str(tmp_path), *numbers]) == 0
    rows = [line.split(" | ")[:2] for line in capsys.readouterr().out.splitlines()[2:]]
    assert rows == [["| 2 s", "1 s"], ["| 4 s", "2 s"], ["| whole", "-"]]


def test_ready_mixtures_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_wsj0(tmp_path)
    assert main(["--checkpoint", "any", "--corpus", str(tmp_path)]) == 2
    assert "has ready mixtures" in capsys.readouterr().err
