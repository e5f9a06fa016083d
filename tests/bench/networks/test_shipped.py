"""The trained network that comes with the package, and its card."""

import re
from pathlib import Path

import pytest
import soundfile
import torch

from bench import separate
from bench.evaluate import main as evaluate
from bench.networks.checkpoint import read_metadata
from bench.networks.shipped import CARD, WEIGHTS
from bench.objective import negative_pit_si_sdr
from bench.results.quality import EVALUATIONS, read_evaluations

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "bench" / "recordings" / "example"
STATED_TO_DB = 0.006  # two decimals, and a little for other processors


def stated(document: Path, row: str) -> str:
    """The second column of the row of a document's table that begins so."""
    found = re.search(rf"^\| {re.escape(row)}[^|]*\| ([^|]*) \|", document.read_text(), re.M)
    assert found, row
    return found[1]


def stated_db(document: Path, row: str) -> float:
    return float(stated(document, row).split(" dB")[0])


def test_its_card_says_how_it_was_trained() -> None:
    header = read_metadata(WEIGHTS)
    assert (header["model"], header["corpus"]) == ("sudormrf-0.25x", "licensed-sounds")
    assert header["share"] == 1
    assert stated(CARD, "training steps") == f"{header['step']:,}"
    assert stated(CARD, "multiply-adds") == f"{header['macs'] / 1e12:.1f} T"
    assert stated(CARD, "commit") == f"`{header['code']['commit'][:7]}`"
    assert stated_db(CARD, "SI-SDRi, validation") == pytest.approx(
        header["si_sdri_db"], abs=STATED_TO_DB
    )


def test_it_separates_as_well_as_its_card_says(tmp_path: Path) -> None:
    mixtures = ("--task", "sounds", "--mixtures", "40", "--threads", "1", "--batch", "1")
    assert evaluate(["--checkpoint", str(WEIGHTS), *mixtures, "--output", str(tmp_path)]) == 0
    (record,) = read_evaluations(tmp_path / EVALUATIONS)
    assert record.si_sdri_mean_db == pytest.approx(
        stated_db(CARD, "SI-SDRi, 40 test mixtures"), abs=STATED_TO_DB
    )


def test_the_table_of_qualities_has_what_its_card_says_of_more_mixtures() -> None:
    records = read_evaluations(ROOT / "reports" / EVALUATIONS)
    (record,) = [one for one in records if one.name == "SuDoRM-RF 0.25x, shipped"]
    assert record.n_mixtures == 1000
    assert record.si_sdri_low_db is not None
    assert stated(CARD, "SI-SDRi, 1,000 test mixtures") == (
        f"{record.si_sdri_mean_db:.2f} dB ({record.si_sdri_low_db:.2f} to "
        f"{record.si_sdri_high_db:.2f})"
    )


def test_without_a_checkpoint_it_separates_the_example(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert separate.main([str(EXAMPLE / "mixture.wav"), str(tmp_path / "out")]) == 0
    assert "comes with the package" in capsys.readouterr().err
    names = ("source1.wav", "source2.wav")
    estimates, sources, mixture = (
        torch.stack([torch.from_numpy(soundfile.read(path)[0]) for path in paths])[None]
        for paths in (
            [tmp_path / "out" / name for name in names],
            [EXAMPLE / name for name in names],
            [EXAMPLE / "mixture.wav"] * 2,
        )
    )
    gained = negative_pit_si_sdr(mixture, sources) - negative_pit_si_sdr(estimates, sources)
    assert float(gained) == pytest.approx(
        stated_db(EXAMPLE / "README.md", "SI-SDRi"), abs=STATED_TO_DB
    )


def test_a_models_name_without_a_file_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [str(EXAMPLE / "mixture.wav"), str(tmp_path / "out"), "--model", "sudormrf-0.25x"]
    assert separate.main(arguments) == 2
    assert "--checkpoint FILE" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
