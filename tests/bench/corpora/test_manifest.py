"""Manifests give the same mixtures to the bit, or say which file is another."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bench.corpora.corpus import RECIPES
from bench.corpora.manifest import (
    ManifestMixer,
    draw_manifest,
    load_or_draw_manifest,
    read_manifest,
    write_manifest,
)
from bench.corpora.mixing import Mixer
from bench.errors import UsageError
from bench.registry import SAMPLE_RATE
from tests.bench.corpora.example_corpora import make_corpus

N_MIXTURES = 20


@pytest.fixture
def mixer(tmp_path: Path) -> Mixer:
    corpus = make_corpus(tmp_path / "audio", RECIPES["sounds"])
    return Mixer(corpus, "train", 3, cache=tmp_path / "cache")


def test_a_stored_manifest_gives_the_same_mixtures_to_the_bit(mixer: Mixer, tmp_path: Path) -> None:
    """As a machine without the cache would make them."""
    drawn = draw_manifest(mixer, "train", N_MIXTURES)
    write_manifest(drawn, tmp_path / "m.jsonl")
    again = read_manifest(tmp_path / "m.jsonl")
    assert again == drawn
    stored = ManifestMixer(again, mixer.corpus, cache=tmp_path / "elsewhere")
    for index in range(N_MIXTURES):
        for one, other in zip(stored.draw(7, index), mixer.draw(0, index), strict=True):
            assert one.tobytes() == other.tobytes()


def test_three_sources_go_through_a_manifest(tmp_path: Path) -> None:
    corpus = make_corpus(tmp_path / "audio", replace(RECIPES["speech"], n_src=3))
    mixer = Mixer(replace(corpus, apart=frozenset()), "train", cache=tmp_path / "cache")
    write_manifest(draw_manifest(mixer, "train", 3), tmp_path / "m.jsonl")
    again = read_manifest(tmp_path / "m.jsonl")
    assert again.n_src == 3
    stored = ManifestMixer(again, mixer.corpus, cache=tmp_path / "cache").draw(0, 2)
    assert np.array_equal(stored.sources, mixer.draw(0, 2).sources)


def test_two_seeds_give_two_manifests(mixer: Mixer, tmp_path: Path) -> None:
    other = Mixer(mixer.corpus, "train", 4, cache=tmp_path / "cache")
    manifests = [draw_manifest(one, "train", 3) for one in (mixer, mixer, other)]
    assert manifests[0].digest == manifests[1].digest != manifests[2].digest


def test_a_changed_recording_is_named(mixer: Mixer, tmp_path: Path) -> None:
    manifest = draw_manifest(mixer, "train", N_MIXTURES)
    path = mixer.corpus.root / "a/1.wav"
    samples, _ = soundfile.read(path)
    samples[::50] += 2 / 32768  # the least bit or two
    soundfile.write(path, samples, SAMPLE_RATE)
    os.utime(path, ns=(1, 1))  # a time of its own, however coarse the clock is
    changed = ManifestMixer(manifest, mixer.corpus, cache=tmp_path / "cache")
    uses = [
        any(p.path == "a/1.wav" for s in plan.parts for p in s.pieces) for plan in manifest.plans
    ]
    assert any(uses)
    for index, is_changed in enumerate(uses):
        if is_changed:
            with pytest.raises(UsageError, match=r"Mixture \d+ is not .*a/1\.wav"):
                changed.draw(0, index)
        else:
            assert np.isfinite(changed.draw(0, index).mixture).all()


def test_another_corpus_is_found_out(mixer: Mixer, tmp_path: Path) -> None:
    manifest = draw_manifest(mixer, "train", N_MIXTURES)
    corpus = make_corpus(tmp_path / "other", RECIPES["sounds"], (1.0,))
    with pytest.raises(UsageError, match="lacks 8 recordings"):
        ManifestMixer(manifest, corpus, cache=tmp_path / "cache")


def test_it_is_drawn_once(mixer: Mixer, tmp_path: Path) -> None:
    path = tmp_path / "new" / "m.jsonl"
    load_or_draw_manifest(mixer, "train", 5, path)
    first = path.stat().st_mtime_ns
    load_or_draw_manifest(mixer, "train", 5, path)
    assert path.stat().st_mtime_ns == first
    with pytest.raises(UsageError, match=r"m\.jsonl is of --mixtures 5 \(not 6\)\."):
        load_or_draw_manifest(mixer, "train", 6, path)


@pytest.mark.parametrize("spoil", ["cut", "schema", "text", "none"])
def test_what_is_no_manifest(mixer: Mixer, tmp_path: Path, spoil: str) -> None:
    path = tmp_path / "m.jsonl"
    if spoil != "none":
        write_manifest(draw_manifest(mixer, "train", 3), path)
        text = path.read_text()
        cut = "".join(text.splitlines(keepends=True)[:-1])
        path.write_text(
            {"cut": cut, "schema": text.replace('"schema": 1', '"schema": 99'), "text": "hello"}[
                spoil
            ]
        )
    with pytest.raises(UsageError, match=r"is not a whole manifest|can't be read"):
        read_manifest(path)
