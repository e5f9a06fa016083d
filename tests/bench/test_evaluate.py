"""The command: mixtures in, a line, a table and files out, each ending with its sentence."""

import csv
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from bench.corpora.corpus import Corpus
from bench.corpora.readers import read_corpus
from bench.errors import EXIT_OK, EXIT_USAGE
from bench.evaluate import main
from bench.networks.checkpoint import save_model
from bench.results.quality import EvaluationRecord, read_evaluations
from models.sudormrf import SuDoRMRF, SuDoRMRFConfig, sudormrf_0_25x
from tests.bench import tiny_corpora as tiny
from tests.bench.corpora.example_corpora import make_folder, make_wsj0


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def run(tmp_path: Path, cache: Path, *arguments: str) -> int:
    places = ["--output", str(tmp_path / "out"), "--cache", str(cache)]
    return main([*arguments, *places])


def recorded(tmp_path: Path) -> tuple[EvaluationRecord, ...]:
    return read_evaluations(tmp_path / "out" / "quality" / "evaluations.jsonl")


def newest(tmp_path: Path) -> EvaluationRecord:
    return recorded(tmp_path)[-1]


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def test_the_mixture_gains_nothing_and_the_mask_much(tmp_path: Path, cache: Path) -> None:
    assert run(tmp_path, cache, "--mixture", "--mixtures", "6") == EXIT_OK
    assert newest(tmp_path).si_sdri_mean_db == pytest.approx(0, abs=1e-9)
    assert run(tmp_path, cache, "--oracle", "--mixtures", "6", "--batch", "4") == EXIT_OK
    oracle = newest(tmp_path)
    assert 8 < oracle.si_sdri_mean_db < 20
    assert (oracle.n_mixtures, oracle.n_pairs, oracle.corpus) == (6, 1, "shipped-speech")
    out = tmp_path / "out"
    stem = out / "quality" / "shipped-speech-test-0-6-ideal-ratio-mask"
    scores = read_csv(stem.with_suffix(".csv"))
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
    other = tmp_path / "other" / folder.name
    other.parent.mkdir()
    folder.rename(other)
    assert run(tmp_path, cache, "--estimates", str(other), "--mixtures", "5") == EXIT_OK
    assert [record.kind for record in recorded(tmp_path)] == ["oracle", "estimates", "estimates"]
    soundfile.write(other / "000003" / "estimate2.wav", samples[:-1], rate)
    capsys.readouterr()
    assert run(tmp_path, cache, "--estimates", str(other), "--mixtures", "5") == EXIT_USAGE
    assert "estimate2.wav has 31999 samples and its mixture 32000" in capsys.readouterr().err
    for name in ("000001/estimate1.wav", "000004/estimate2.wav"):
        (other / name).unlink()
    assert run(tmp_path, cache, "--estimates", str(other), "--mixtures", "5") == EXIT_USAGE
    said = capsys.readouterr().err
    assert f"2 of 10 estimates are missing, the first is {other}/000001/estimate1.wav" in said


def test_estimates_to_listen_to_stand_at_their_sources_and_at_their_level(
    tmp_path: Path, cache: Path
) -> None:
    """Those of a program that returns the sources the other way round, turned over, four times."""
    assert run(tmp_path, cache, "--oracle", "--mixtures", "3", "--listen", "3") == EXIT_OK
    given = tmp_path / "out" / "quality" / "shipped-speech-test-0-3-ideal-ratio-mask"
    for number in range(3):
        folder = tmp_path / "swapped" / f"{number:06d}"
        folder.mkdir(parents=True)
        for place, source in ((2, 1), (1, 2)):
            samples, rate = soundfile.read(given / folder.name / f"source{source}.wav")
            soundfile.write(folder / f"estimate{place}.wav", -4 * samples, rate, subtype="FLOAT")
    arguments = ["--estimates", str(tmp_path / "swapped"), "--mixtures", "3", "--listen", "3"]
    assert run(tmp_path, cache, *arguments) == EXIT_OK
    (listening,) = (tmp_path / "out" / "quality").glob("*swapped*/")
    for number in range(3):
        for source in (1, 2):
            names = [f"{number:06d}/{kind}{source}.wav" for kind in ("estimate", "source")]
            heard, expected = (soundfile.read(listening / name)[0] for name in names)
            np.testing.assert_allclose(heard, expected, rtol=0, atol=1e-3)
    for row in read_csv(listening.with_suffix(".csv")):
        assert (row["source1_estimate"], row["source2_estimate"]) == ("2", "1")


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


def test_two_checkpoints_of_a_network_are_two_rows_with_files_of_their_own(
    tmp_path: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first one again is the first one; a name given later renames it."""
    paths = [tmp_path / f"{name}.pt" for name in "ab"]
    for seed, path in enumerate(paths):
        torch.manual_seed(seed)
        torch.save({"model_state_dict": tiny.masker().state_dict(), "epoch": seed}, path)
    for path, more in ((paths[0], []), (paths[1], []), (paths[0], ["--name", "first | one"])):
        arguments = ["--checkpoint", str(path), "--model", tiny.FACTORY, "--mixtures", "2", *more]
        assert run(tmp_path, cache, *arguments) == EXIT_OK
    assert "first | one on 2 mixtures" in capsys.readouterr().out
    first, second = recorded(tmp_path)
    assert (first.separator, second.separator) == (tiny.FACTORY, tiny.FACTORY)
    assert (first.name, second.name) == ("first | one", None)
    assert first.digest != second.digest
    table = (tmp_path / "out" / "quality.md").read_text()
    assert table.count("first \\| one") == table.count(tiny.FACTORY) == 1
    found = {path.name: read_csv(path) for path in (tmp_path / "out/quality").glob("*.csv")}
    assert len(found) == 3
    of_rows = {(rows[0]["name"], rows[0]["digest"]) for rows in found.values()}
    assert {("first | one", first.digest), (tiny.FACTORY, second.digest)} <= of_rows


def test_three_sources_are_drawn_and_scored_each(
    tmp_path: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sounds = ["--task", "sounds", "--mixtures", "3"]
    assert run(tmp_path, cache, "--oracle", *sounds, "--n-src", "3") == EXIT_OK
    record = newest(tmp_path)
    assert (record.n_src, record.n_mixtures) == (3, 3)
    assert 5 < record.si_sdri_mean_db < 40
    quality = tmp_path / "out" / "quality"
    rows = read_csv(quality / "shipped-sounds-test-0-3-3src-ideal-ratio-mask.csv")
    for row in rows:
        assert [row[f"source{k}_estimate"] for k in (1, 2, 3)] == ["1", "2", "3"]
        assert all(float(row[f"source{k}_improvement_db"]) > 3 for k in (1, 2, 3))
    three = SuDoRMRFConfig(
        n_blocks=1, n_src=3, kernel_size=5, n_filters=6, bn_chan=4, hid_chan=4, upsampling_depth=3
    )
    save_model(tmp_path / "three.safetensors", SuDoRMRF(three), {})
    network = ["--checkpoint", str(tmp_path / "three.safetensors"), *sounds]
    manifest = ["--manifest", str(quality / "manifests" / "shipped-sounds-test-0-3-3src.jsonl")]
    assert run(tmp_path, cache, *network, *manifest) == EXIT_OK  # of as many as the manifest has
    assert newest(tmp_path).n_src == 3
    assert newest(tmp_path).mixtures_digest == record.mixtures_digest
    assert run(tmp_path, cache, *network, *manifest, "--n-src", "2") == EXIT_USAGE
    assert "is of --n-src 3 (not 2)" in capsys.readouterr().err
    assert run(tmp_path, cache, *network) == EXIT_USAGE
    said = capsys.readouterr().err
    assert "3 estimates for 2 sources. Ask for mixtures of as many with --n-src 3" in said


def test_ready_mixtures(tmp_path: Path, cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Sources of noise apart from the mixture: nothing can be said of their gain but that."""
    make_wsj0(tmp_path / "wsj0")
    corpus = ("--corpus", str(tmp_path / "wsj0"))
    assert run(tmp_path, cache, "--mixture", *corpus) == EXIT_OK
    record = newest(tmp_path)
    assert (record.corpus, record.n_mixtures) == ("WSJ0-2mix", 2)
    assert record.si_sdri_mean_db == pytest.approx(0, abs=1e-9)
    assert run(tmp_path, cache, "--mixture", *corpus, "--n-src", "3") == EXIT_USAGE
    assert "--n-src 3: the mixtures of WSJ0-2mix have 2 sources" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        (["--seed", "1"], "--seed 1: the mixtures of WSJ0-2mix are ready, and none is drawn"),
        (["--manifest", "any.jsonl"], "--manifest any.jsonl: the mixtures of WSJ0-2mix are ready"),
        (["--mixtures", "3"], "--mixtures 3: WSJ0-2mix has 2 mixtures of the split 'test'"),
    ],
)
def test_what_ready_mixtures_do_not_have_is_refused(
    option: list[str],
    sentence: str,
    tmp_path: Path,
    cache: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    make_wsj0(tmp_path / "wsj0")
    corpus = ("--corpus", str(tmp_path / "wsj0"))
    assert run(tmp_path, cache, "--mixture", *corpus, *option) == EXIT_USAGE
    assert sentence in capsys.readouterr().err


def test_ready_mixtures_none_of_which_can_be_used_are_refused(
    tmp_path: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_wsj0(tmp_path / "wsj0")
    for path in (tmp_path / "wsj0").rglob("mix/*.wav"):
        path.write_bytes(b"no audio")
    arguments = ("--mixture", "--corpus", str(tmp_path / "wsj0"), "--skip-bad")
    assert run(tmp_path, cache, *arguments) == EXIT_USAGE
    assert "None of the mixtures of WSJ0-2mix, test, can be used" in capsys.readouterr().err


def test_an_evaluation_is_recorded_after_its_scores(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A record without them would have no interval, and no place in the order of networks."""

    def is_full(path: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("bench.render.evaluation.write_whole", is_full)
    assert run(tmp_path, cache, "--mixture", "--mixtures", "2") == EXIT_USAGE
    assert not (tmp_path / "out" / "quality" / "evaluations.jsonl").exists()


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
        (["--mixture", "--n-src", "1"], "--n-src must be at least 2, not 1"),
        (["--mixture", "--listen", "-1"], "--listen must be at least 0, not -1"),
        (["--mixture", "--name", " "], "--name ' ' can't name a row"),
        (["--mixture", "--corpus", "nowhere"], "There is no folder nowhere"),
        (["--estimates", "nowhere"], "There is no folder nowhere"),
        (["--checkpoint", "nowhere.safetensors"], "nowhere.safetensors"),
        (
            ["--estimates", ".", "--mixtures", "1"],
            "000000/estimate1.wav. Each mixture",
        ),
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
