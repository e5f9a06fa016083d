"""The command: mixtures in, a line, a table and files out, each ending with its sentence."""

import csv
from pathlib import Path

import pytest
import soundfile
import torch

from bench.corpora.corpus import Corpus
from bench.corpora.readers import read_corpus
from bench.errors import EXIT_OK, EXIT_USAGE
from bench.evaluate import main
from bench.networks.checkpoint import save_model
from bench.results.quality import EvaluationRecord, read_evaluations
from models.sudormrf import sudormrf_0_25x
from tests.bench.corpora.test_readers import make_folder, make_wsj0


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def run(tmp_path: Path, cache: Path, *arguments: str) -> int:
    places = ["--output", str(tmp_path / "out"), "--cache", str(cache)]
    return main([*arguments, *places])


def newest(tmp_path: Path) -> EvaluationRecord:
    return read_evaluations(tmp_path / "out" / "quality" / "evaluations.jsonl")[-1]


def test_the_mixture_gains_nothing_and_the_mask_much(tmp_path: Path, cache: Path) -> None:
    assert run(tmp_path, cache, "--mixture", "--mixtures", "6") == EXIT_OK
    assert newest(tmp_path).si_sdri_mean_db == pytest.approx(0, abs=1e-9)
    assert run(tmp_path, cache, "--oracle", "--mixtures", "6", "--batch", "4") == EXIT_OK
    oracle = newest(tmp_path)
    assert 8 < oracle.si_sdri_mean_db < 20
    assert (oracle.n_mixtures, oracle.n_pairs, oracle.corpus) == (6, 1, "shipped-speech")
    out = tmp_path / "out"
    stem = out / "quality" / "shipped-speech-test-0-6-ideal-ratio-mask"
    with stem.with_suffix(".csv").open() as file:
        scores = list(csv.DictReader(file))
    assert len(scores) == 6
    assert sum(float(s["improvement_db"]) for s in scores) / 6 == pytest.approx(
        oracle.si_sdri_mean_db
    )
    assert stem.with_suffix(".png").exists()
    assert "ideal ratio mask" in (out / "quality.md").read_text()


def test_sounds_are_also_reported_without_leaks(tmp_path: Path, cache: Path) -> None:
    assert run(tmp_path, cache, "--oracle", "--task", "sounds", "--mixtures", "20") == EXIT_OK
    record = newest(tmp_path)
    assert 0 < record.n_without_leaks < 20
    assert record.si_sdri_low_db is not None
    assert record.si_sdri_low_db < record.si_sdri_mean_db


def test_a_folder_of_listening_files_can_be_evaluated(
    tmp_path: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The estimates of the mask, read back from files, gain what they gained."""
    assert run(tmp_path, cache, "--oracle", "--mixtures", "5", "--listen", "5") == EXIT_OK
    gained_db = newest(tmp_path).si_sdri_mean_db
    folder = tmp_path / "out" / "quality" / "shipped-speech-test-0-5-ideal-ratio-mask"
    assert run(tmp_path, cache, "--estimates", str(folder), "--mixtures", "5") == EXIT_OK
    assert newest(tmp_path).kind == "estimates"
    assert newest(tmp_path).si_sdri_mean_db == pytest.approx(gained_db, abs=1e-4)
    samples, rate = soundfile.read(folder / "000004" / "mixture.wav")
    assert (len(samples), rate) == (32000, 8000)
    soundfile.write(folder / "000003" / "estimate2.wav", samples[:-1], rate)
    assert run(tmp_path, cache, "--estimates", str(folder), "--mixtures", "5") == EXIT_USAGE
    assert "estimate2.wav has 31999 samples and its mixture 32000" in capsys.readouterr().err


def test_a_manifest_says_how_many_and_which(tmp_path: Path, cache: Path) -> None:
    manifest = ("--manifest", str(tmp_path / "m.jsonl"))
    assert run(tmp_path, cache, "--mixture", "--mixtures", "3", "--seed", "5", *manifest) == EXIT_OK
    drawn = newest(tmp_path)
    assert run(tmp_path, cache, "--mixture", *manifest) == EXIT_OK
    assert newest(tmp_path).mixtures_digest == drawn.mixtures_digest
    assert (tmp_path / "out/quality/shipped-speech-test-5-3-mixture.csv").exists()
    assert run(tmp_path, cache, "--mixture", "--seed", "6", *manifest) == EXIT_USAGE


def test_a_checkpoint_is_named_and_brings_its_training(tmp_path: Path, cache: Path) -> None:
    """An untrained network: its estimates gain something between nothing and the mask."""
    torch.manual_seed(0)
    metadata = {
        "model": "sudormrf-0.25x",
        "factory": "models.sudormrf:sudormrf_0_25x",
        "step": 7,
        "cpu_s": 1.5,
        "macs": 10,
        "code": {"commit": "unknown", "is_modified": False},
    }
    save_model(tmp_path / "m.safetensors", sudormrf_0_25x(), metadata)
    checkpoint = ("--checkpoint", str(tmp_path / "m.safetensors"))
    assert run(tmp_path, cache, *checkpoint, "--mixtures", "2", "--batch", "2") == EXIT_OK
    record = newest(tmp_path)
    assert (record.separator, record.kind) == ("sudormrf-0.25x", "network")
    assert record.training is not None
    assert record.training["step"] == 7
    assert -40 < record.si_sdri_mean_db < 3


def test_ready_mixtures(tmp_path: Path, cache: Path) -> None:
    """Sources of noise apart from the mixture: nothing can be said of their gain but that."""
    make_wsj0(tmp_path / "wsj0")
    corpus = ("--corpus", str(tmp_path / "wsj0"))
    assert run(tmp_path, cache, "--mixture", *corpus) == EXIT_OK
    record = newest(tmp_path)
    assert (record.corpus, record.n_mixtures) == ("WSJ0-2mix", 2)
    assert record.si_sdri_mean_db == pytest.approx(0, abs=1e-9)


def test_bad_files_are_named_and_left_out_on_request(
    tmp_path: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "noise"
    make_folder(root, n_labels=3, n_takes=10)
    corpus = read_corpus(root, "sounds")
    assert isinstance(corpus, Corpus)
    path = root / corpus.of_split("test")[0].path
    path.write_bytes(path.read_bytes()[:-100])
    arguments = ["--mixture", "--corpus", str(root), "--task", "sounds", "--mixtures", "3"]
    assert run(tmp_path, cache, *arguments) == EXIT_USAGE
    assert f"{path} is cut off" in capsys.readouterr().err
    assert run(tmp_path, cache, *arguments, "--skip-bad") == EXIT_OK
    assert f"Left out: {path} is cut off" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--mixture", "--mixtures", "0"], "--mixtures must be at least 1"),
        (["--mixture", "--seed", "-1"], "--seed must be at least 0"),
        (["--mixture", "--batch", "0"], "--batch must be at least 1"),
        (["--mixture", "--corpus", "nowhere"], "There is no folder nowhere"),
        (["--estimates", "nowhere"], "There is no folder nowhere"),
        (["--checkpoint", "nowhere.safetensors"], "nowhere.safetensors"),
        (["--estimates", ".", "--mixtures", "1"], "estimate1.wav can't be read"),
    ],
)
def test_what_can_not_be_met_is_said(
    tmp_path: Path,
    cache: Path,
    arguments: list[str],
    sentence: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(tmp_path, cache, *arguments) == EXIT_USAGE
    assert sentence in capsys.readouterr().err


def test_one_thing_is_evaluated(tmp_path: Path, cache: Path) -> None:
    for arguments in ([], ["--mixture", "--oracle"]):
        with pytest.raises(SystemExit, match="2"):
            run(tmp_path, cache, *arguments)
