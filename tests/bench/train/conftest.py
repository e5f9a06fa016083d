"""The corpus of these tests."""

from pathlib import Path

import numpy as np
import pytest
import soundfile


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three voices a split that are noises of their own colours, 1 s each."""
    root = tmp_path_factory.mktemp("corpus")
    random = np.random.default_rng(0)
    rows = ["path\tspeaker\tfamily\tgroup\tsplit\tseconds"]
    for split in ("train", "val", "test"):
        for number in range(3):
            noise = random.standard_normal(8000 + number)
            voice = 0.1 * np.convolve(noise, np.ones(number + 1), "valid")
            name = f"{split}{number}"
            soundfile.write(root / f"{name}.wav", voice.clip(-1, 1), 8000, subtype="PCM_16")
            rows.append(f"{name}.wav\t{name}\t{name}\t{name}\t{split}\t1.000")
    (root / "speech.tsv").write_text("\n".join(rows) + "\n")
    return root
