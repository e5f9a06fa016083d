"""Networks of other packages: shapes, parameters and counts are those of the packages' own."""

import importlib.util
from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest
import torch

from bench.measuring.probes import operations
from bench.networks.factory import resolve_factory
from bench.registry import OPTIONAL
from bench.results.workload import Workload
from tests.textbook.agreement import count_parameters

PACKAGES = {
    "of asteroid": "asteroid",
    "of speechbrain": "speechbrain",
    "of demucs": "demucs",
    "of bs-roformer": "bs_roformer",
}

# What other packages warn of, at import and in their networks, is theirs.
pytestmark = [pytest.mark.thorough, pytest.mark.filterwarnings("ignore")]


def build(name: str) -> Any:
    entry = OPTIONAL[name]
    package = PACKAGES[entry.note]
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed: make thorough installs it")
    return resolve_factory(entry.factory)()


def theirs(module: str, name: str, **options: Any) -> Callable[[], Any]:
    """The package's own class."""
    return lambda: getattr(import_module(module), name)(**options)


FOUR = {"sources": ["drums", "bass", "other", "vocals"]}
SIZES = {"dim": 128, "depth": 3, "time_transformer_depth": 1, "freq_transformer_depth": 1}
OWN: dict[str, Callable[[], Any]] = {
    "dptnet": theirs("asteroid.models", "DPTNet", n_src=2),
    "lstm-tasnet": theirs("asteroid.models", "LSTMTasNet", n_src=2),
    "asteroid-sudormrf": theirs("asteroid.models", "SuDORMRFNet", n_src=2),
    "asteroid-sudormrf-improved": theirs("asteroid.models", "SuDORMRFImprovedNet", n_src=2),
    "sepformer": theirs("speechbrain.lobes.models.dual_path", "SepformerWrapper"),
    "hdemucs": theirs("demucs.hdemucs", "HDemucs", **FOUR),
    "htdemucs": theirs("demucs.htdemucs", "HTDemucs", **FOUR),
    "bs-roformer": theirs("bs_roformer", "BSRoformer", **SIZES),
    "mel-band-roformer": theirs("bs_roformer", "MelBandRoformer", **SIZES),
}


@pytest.mark.parametrize("name", OWN)
def test_parameters_are_the_packages_own(name: str) -> None:
    model = build(name)
    assert count_parameters(model) == count_parameters(OWN[name]())


def test_sepformer_has_the_published_number_of_parameters() -> None:
    """25.68 M in the README of etzinis/sudo_rm_rf (bench/results/data/published.toml)."""
    assert round(count_parameters(build("sepformer")) / 1e6, 2) == 25.68


@pytest.mark.parametrize("name", OPTIONAL)
def test_it_keeps_the_contract_and_every_operator_has_a_formula(name: str) -> None:
    model, entry = build(name), OPTIONAL[name]
    n_samples = entry.sample_rate // 4
    with torch.inference_mode():
        estimates = model.eval()(torch.randn(1, 1, n_samples))
    assert estimates.shape == (1, entry.n_src, n_samples)
    assert bool(torch.isfinite(estimates).all())
    work = Workload("inference", "cpu", n_samples, 1, "float32", 1, 0)
    counted = operations.measure(lambda: model, work, 1.0)
    assert counted.unknown_operators == {}
    assert counted.macs > 0
