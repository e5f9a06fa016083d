"""Corpora of noise in every layout that a reader knows."""

from pathlib import Path

import numpy as np
import soundfile

from bench.corpora.corpus import Corpus, Recipe, Recording
from bench.registry import SAMPLE_RATE


def write_noise(path: Path, duration_s: float, seed: int, rate: int = SAMPLE_RATE) -> None:
    """Noise with an offset of its own, so that removing the mean does something."""
    random = np.random.default_rng(seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    level = random.uniform(0.01, 0.1)
    samples = level * random.standard_normal(round(duration_s * rate)) + random.uniform(-0.1, 0.1)
    soundfile.write(path, samples, rate, subtype="PCM_16")


def make_corpus(
    root: Path, recipe: Recipe, durations_s: tuple[float, ...] = (1.0, 4.0, 6.0)
) -> Corpus:
    """Four labels in three families; the events of a label are in one group."""
    recordings = []
    for number, (label, family) in enumerate(zip("abcd", "xxyz", strict=True)):
        for take, duration_s in enumerate(durations_s):
            path = f"{label}/{take}.wav"
            write_noise(root / path, duration_s, seed=100 * number + take)
            recordings.append(Recording(path, label, "train", family, group=label))
    return Corpus("noise", root, "speech", tuple(recordings), recipe, frozenset({frozenset("cd")}))


def make_folder(root: Path, n_labels: int = 8, n_takes: int = 4) -> None:
    for label in range(n_labels):
        for take in range(n_takes):
            write_noise(root / f"label{label}" / f"{take}.wav", 0.2, 10 * label + take)


def make_esc50(root: Path) -> None:
    lines = ["filename,fold,target,category,esc10,src_file,take"]
    for fold in range(1, 6):
        for number, category in enumerate(("dog", "rain", "crow")):
            name = f"{fold}-{100 + fold}-A-{number}.wav"
            write_noise(root / "audio" / name, 0.2, 10 * fold + number, 44100)
            lines.append(f"{name},{fold},{number},{category},False,{fold}{number},A")
    (root / "meta").mkdir(parents=True)
    (root / "meta" / "esc50.csv").write_text("\n".join(lines) + "\n")


def make_wsj0(root: Path, rate: int = 8000) -> None:
    names = {
        "tr": ("01aa010b_0.9_02bo031f_-0.9", "02bo031g_1.2_01aa010c_-1.2"),
        "cv": ("01aa010d_0.1_02bo031h_-0.1",),
        "tt": ("050a050b_2.1_421c0201_-2.1", "421c0202_0.3_050a050c_-0.3"),
    }
    for folder, mixtures in names.items():
        for number, name in enumerate(mixtures):
            for part in ("mix", "s1", "s2"):
                path = root / "wav8k/min" / folder / part / f"{name}.wav"
                write_noise(path, 1.0 + 4 * number, number, rate)


HEAD = "mixture_ID,mixture_path,source_1_path,source_2_path,length\n"


def make_librimix(root: Path, speakers: tuple[str, str] = ("14", "16")) -> None:
    """Three tables for each part, as its scripts write them; the noise of two is not there."""
    base = root / "wav8k/min"
    (base / "metadata").mkdir(parents=True)
    for side, (one, two) in {
        "train-100": ("103", "1034"),
        "dev": ("12", "13"),
        "test": speakers,
    }.items():
        name = f"{one}-1-0001_{two}-2-0002"
        paths = [base / side / part / f"{name}.wav" for part in ("mix_clean", "s1", "s2")]
        for seed, path in enumerate(paths):
            write_noise(path, 5, seed)
        relative = [str(paths[0]), *(path.relative_to(root).as_posix() for path in paths[1:])]
        tables = {
            "mix_clean": f"{HEAD}{name},{','.join(relative)},40000\n",
            "mix_both": f"{HEAD.replace('length', 'noise_path,length')}{name},a,b,c,noise,40000\n",
            "mix_single": f"mixture_ID,mixture_path,source_1_path,noise_path\n{name},a,b,noise\n",
            "mix_single_metrics": "mixture_ID,source_1_SNR\n",
        }
        for kind, text in tables.items():
            start = "metrics" if kind.endswith("metrics") else "mixture"
            file = f"{start}_{side}_{kind.removesuffix('_metrics')}.csv"
            (base / "metadata" / file).write_text(text)
