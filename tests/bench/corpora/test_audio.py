"""Decoding: exact where nothing has to change, resampled otherwise, and every bad file named."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from bench.corpora.audio import AudioStore, BadAudioError, decode, default_cache
from bench.corpora.corpus import Recording
from bench.errors import UsageError
from bench.registry import SAMPLE_RATE


def recording(path: str, rate: int | None = None, duration_s: float | None = None) -> Recording:
    return Recording(path, "a", "train", "a", "a", rate, duration_s)


def noise(n_samples: int, seed: int = 0) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.random.default_rng(seed).uniform(-0.5, 0.5, n_samples)


@pytest.mark.parametrize("suffix", ["wav", "flac"])
def test_16_bits_at_8_khz_come_out_to_the_bit(tmp_path: Path, suffix: str) -> None:
    samples = np.random.default_rng(1).integers(-32768, 32768, 5000).astype(np.int16)
    soundfile.write(tmp_path / f"a.{suffix}", samples, SAMPLE_RATE, subtype="PCM_16")
    assert np.array_equal(decode(tmp_path, recording(f"a.{suffix}")), samples)


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
@pytest.mark.parametrize("rate", [8000, 11025, 16000, 44100, 48000])
def test_any_rate_and_width(tmp_path: Path, subtype: str, rate: int) -> None:
    """A tone of 500 Hz stays one, to 80 dB (in 8 bits, which libsndfile cuts down to, 35 dB)."""
    n_samples = 2 * rate
    tone = 0.5 * np.sin(2 * np.pi * 500 / rate * np.arange(n_samples))
    soundfile.write(tmp_path / "a.wav", np.stack([tone, tone], 1), rate, subtype=subtype)
    found = decode(tmp_path, recording("a.wav")) / 32768
    assert len(found) == 2 * SAMPLE_RATE
    expected = 0.5 * np.sin(2 * np.pi * 500 / SAMPLE_RATE * np.arange(len(found)))
    inner = slice(1000, -1000)  # the resampler's filter fades in and out
    error = found[inner] - expected[inner]
    assert 10 * np.log10((error @ error) / (expected[inner] @ expected[inner])) < (
        -35 if subtype == "PCM_U8" else -80
    )


def test_what_is_too_high_for_8_khz_vanishes(tmp_path: Path) -> None:
    tone = 0.5 * np.sin(2 * np.pi * 6000 / 16000 * np.arange(32000)) + 1e-3 * noise(32000)
    soundfile.write(tmp_path / "a.wav", tone, 16000)
    assert np.abs(decode(tmp_path, recording("a.wav"))[500:-500]).max() < 0.001 * 32768


def write_cut(path: Path, keep: float) -> None:
    soundfile.write(path, noise(20000), SAMPLE_RATE, subtype="PCM_16")
    content = path.read_bytes()
    path.write_bytes(content[: int(keep * len(content))])


@pytest.mark.parametrize("suffix", ["wav", "flac"])
@pytest.mark.parametrize("keep", [0.0, 0.0005, 0.5, 0.99])
def test_a_cut_file_is_named(tmp_path: Path, suffix: str, keep: float) -> None:
    write_cut(tmp_path / f"a.{suffix}", keep)
    with pytest.raises(BadAudioError, match=rf"a\.{suffix} (is cut off|can't be decoded)"):
        decode(tmp_path, recording(f"a.{suffix}"))


@pytest.mark.parametrize(
    ("value", "sentence"),
    [(np.nan, "NaN or infinite"), (np.inf, "NaN or infinite"), (0.0, "nothing but silence")],
)
def test_bad_samples(tmp_path: Path, value: float, sentence: str) -> None:
    samples = noise(1000)
    samples[500 if value else slice(None)] = value
    soundfile.write(tmp_path / "a.wav", samples, SAMPLE_RATE, subtype="FLOAT")
    with pytest.raises(BadAudioError, match=rf"a\.wav.*{sentence}"):
        decode(tmp_path, recording("a.wav"))


def test_files_are_what_the_corpus_declares(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", noise(16000), 16000)
    decode(tmp_path, recording("a.wav", 16000, 1.0))
    with pytest.raises(BadAudioError, match="has 16000 Hz and the corpus declares 8000 Hz"):
        decode(tmp_path, recording("a.wav", 8000))
    with pytest.raises(BadAudioError, match=r"lasts 1\.000 s and the corpus declares 2\.000 s"):
        decode(tmp_path, recording("a.wav", None, 2.0))


def make_files(root: Path, names: str = "abc") -> list[Recording]:
    for seed, name in enumerate(names):
        soundfile.write(root / f"{name}.wav", noise(1000 * (seed + 1), seed), SAMPLE_RATE)
    return [recording(f"{name}.wav") for name in names]


def test_the_store_holds_each_recording(tmp_path: Path) -> None:
    recordings = make_files(tmp_path)
    store = AudioStore(tmp_path, recordings, tmp_path / "cache")
    for one in recordings:
        assert np.array_equal(store[one.path], decode(tmp_path, one))
        assert store.length(one.path) == len(store[one.path])


def test_nothing_is_decoded_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recordings = make_files(tmp_path)
    AudioStore(tmp_path, recordings, tmp_path / "cache")
    with monkeypatch.context() as patch:
        patch.setattr(soundfile, "read", None)  # calling it would fail
        AudioStore(tmp_path, recordings, tmp_path / "cache")
    soundfile.write(tmp_path / "b.wav", noise(3000, 9), SAMPLE_RATE)
    changed = AudioStore(tmp_path, recordings, tmp_path / "cache")
    assert changed.length("b.wav") == 3000


def test_bad_files_are_skipped_only_on_request(tmp_path: Path) -> None:
    recordings = make_files(tmp_path)
    write_cut(tmp_path / "b.wav", 0.5)
    for _ in range(2):  # the second time from the cache
        with pytest.raises(UsageError, match=r"b\.wav is cut off.*--skip-bad"):
            AudioStore(tmp_path, recordings, tmp_path / "cache")
        store = AudioStore(tmp_path, recordings, tmp_path / "cache", skip_bad=True)
        assert [one.path in store for one in recordings] == [True, False, True]
        assert np.array_equal(store["c.wav"], decode(tmp_path, recordings[2]))
        (problem,) = store.bad
        assert "b.wav" in problem


def test_a_store_of_bad_files_alone(tmp_path: Path) -> None:
    recordings = make_files(tmp_path, "a")
    write_cut(tmp_path / "a.wav", 0.5)
    with pytest.raises(UsageError, match="No file can be used"):
        AudioStore(tmp_path, recordings, tmp_path / "cache", skip_bad=True)
    assert not list((tmp_path / "cache").glob("*"))


def test_a_cache_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(UsageError, match="--cache DIR"):
        AudioStore(tmp_path, make_files(tmp_path), tmp_path / "cache")


def test_the_cache_is_where_the_user_keeps_caches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert default_cache() == Path("/somewhere/separation-bench")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert default_cache() == Path.home() / ".cache" / "separation-bench"
