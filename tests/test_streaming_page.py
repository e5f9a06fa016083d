"""The code of docs/streaming.md runs as it is printed, and its numbers are true."""

import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, Self

import numpy as np
import pytest
import soundfile
import soxr
import torch
from numpy.typing import NDArray

from bench.evaluation.consistency import make_consistent
from bench.measuring.mixture import load_example
from bench.networks.checkpoint import save_model
from bench.registry import select_entries
from models.streaming import sudormrf_causal_0_25x
from tests.textbook.agreement import one_thread as one_thread

PAGE = (Path(__file__).parents[1] / "docs" / "streaming.md").read_text(encoding="utf-8")
Samples = NDArray[np.float32]


def run_code_with(word: str, names: dict[str, Any]) -> None:
    """Run the block of the page that has the word, among these names."""
    (block,) = (block for block in re.findall(r"```python\n(.*?)```", PAGE, re.S) if word in block)
    exec(compile(block, "docs/streaming.md", "exec"), names)


def noise(n_samples: int) -> Samples:
    """``[time]``, as quiet as a microphone's, with an offset."""
    drawn = np.random.default_rng(0).standard_normal(n_samples)
    return (0.05 * drawn + 0.02).astype(np.float32)


@pytest.fixture
def prepared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the page's preparation defines, in a folder with the files that it needs."""
    (entry,) = select_entries(["sudormrf-causal-0.25x"])
    torch.manual_seed(0)
    path = tmp_path / "runs" / "causal" / "model.safetensors"
    path.parent.mkdir(parents=True)
    save_model(path, sudormrf_causal_0_25x(), {"model": entry.name, "factory": entry.factory})
    monkeypatch.chdir(tmp_path)
    example = 0.05 * load_example(8000, 1).mixture.flatten().numpy() + 0.02
    soundfile.write("example.wav", example, 8000, subtype="FLOAT")
    names: dict[str, Any] = {}
    run_code_with("load_trained", names)
    return names


@torch.inference_mode()
def separate_whole(prepared: dict[str, Any], mixture: Samples) -> Samples:
    """``[time] -> [time, n_src]``, all at once and without the gains."""
    standard = (mixture - prepared["mean"].numpy()) / prepared["level"].numpy()
    estimates: Samples = prepared["network"](torch.from_numpy(standard)[None, None])[0].T.numpy()
    return estimates


def assert_equal_to_rounding(streamed: Samples, whole: Samples) -> None:
    assert streamed.shape == whole.shape
    assert np.linalg.norm(streamed - whole) < 1e-5 * np.linalg.norm(whole)


def test_the_example_gives_the_level_and_the_gains(prepared: dict[str, Any]) -> None:
    assert float(prepared["mean"]) == pytest.approx(0.02, rel=1e-3)
    assert float(prepared["level"]) == pytest.approx(0.05, rel=1e-3)
    example = prepared["example"].numpy()
    estimates = separate_whole(prepared, example).T
    as_separated = make_consistent(estimates, example - example.mean(), "gain")
    scaled = prepared["gains"].numpy()[:, None] * estimates
    np.testing.assert_allclose(scaled, as_separated, rtol=0, atol=1e-4 * as_separated.std())


@pytest.mark.parametrize("n_samples", [50, 640, 1001])
def test_the_file_is_separated_as_a_whole_one(prepared: dict[str, Any], n_samples: int) -> None:
    mixture = noise(n_samples)
    soundfile.write("mixture.wav", mixture, 8000, subtype="FLOAT")
    run_code_with("mixture.wav", prepared)
    sources, sample_rate = soundfile.read("sources.wav", dtype="float32")
    assert sample_rate == 8000
    whole = prepared["gains"].numpy() * separate_whole(prepared, mixture)
    assert_equal_to_rounding(sources, whole)


class SoundCard:
    """Stands in for ``sounddevice.Stream``: as strict as that, and Ctrl-C after the last sample."""

    heard: Samples
    played: list[Samples]

    def __init__(
        self, samplerate: int, *, blocksize: int, channels: tuple[int, int], dtype: str
    ) -> None:
        assert (samplerate, channels, dtype) == (8000, (1, 2), "float32")
        self._left = self.heard

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def read(self, frames: int) -> tuple[Samples, bool]:
        if len(self._left) < frames:
            raise KeyboardInterrupt
        samples, self._left = self._left[:frames, None], self._left[frames:]
        return samples, False

    def write(self, data: Samples) -> bool:
        assert data.shape[1] == 2
        assert data.dtype == np.float32
        assert data.flags.c_contiguous
        self.played.append(data)
        return False


def test_the_microphone_is_heard_separated(
    prepared: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in = ModuleType("sounddevice")
    stand_in.Stream = SoundCard  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "sounddevice", stand_in)
    monkeypatch.setattr(SoundCard, "heard", noise(800), raising=False)
    monkeypatch.setattr(SoundCard, "played", [], raising=False)
    with pytest.raises(KeyboardInterrupt):
        run_code_with("sounddevice", prepared)
    played = np.concatenate(SoundCard.played)
    assert len(played) == 800 - prepared["network"].lookahead_samples
    whole = prepared["gains"].numpy() * separate_whole(prepared, noise(800))
    assert_equal_to_rounding(played, whole[: len(played)])


def test_resampled_chunks_are_the_resampled_whole() -> None:
    samples = noise(48000)[:, None]
    names: dict[str, Any] = {"samples": samples}
    run_code_with("soxr", names)
    streamed = np.concatenate([names["samples"], names["last"]])
    whole = soxr.resample(samples, 48000, 8000)
    assert len(streamed) == 8000
    np.testing.assert_allclose(streamed, whole, rtol=0, atol=1e-6)


def level_db(signal: torch.Tensor, reference: torch.Tensor) -> float:
    return float(20 * torch.log10(signal.norm() / reference.norm()))


def printed_db(cell: str) -> float:
    return float(cell.replace("−", "-").replace("dB", ""))


def test_the_table_of_levels_is_true() -> None:
    """To 3 dB: another release of torch may draw other weights."""
    rows = [line.strip("|").split("|") for line in PAGE.splitlines() if line.startswith("| ")]
    (levels,) = (row[1:] for row in rows if row[0].strip() == "standard deviation")
    (errors,) = (row[1:] for row in rows if row[0].strip() == "relative error")
    (of_offset,) = re.findall("the relative error is (−[0-9]+ dB)", PAGE)
    torch.manual_seed(0)
    network = sudormrf_causal_0_25x().double()
    mixture = load_example(16000, 1).mixture.double()
    with torch.inference_mode():
        right = network(mixture)
        for level, error in zip(map(float, levels), errors, strict=True):
            off = network(level * mixture) / level - right
            assert level_db(off, right) == pytest.approx(printed_db(error), abs=3)
        off = network(mixture + 0.1) - right
        assert level_db(off, right) == pytest.approx(printed_db(of_offset), abs=3)
