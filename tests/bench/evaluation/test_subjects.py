"""What a trained network's estimates go through before they are scored."""

from dataclasses import replace
from pathlib import Path

import torch

from bench.evaluation.mixtures import Given
from bench.evaluation.subjects import trained_network
from bench.networks.checkpoint import save_model
from models.sudormrf import SuDoRMRF, SuDoRMRFConfig
from tests.textbook.agreement import noise

TINY = SuDoRMRFConfig(
    n_blocks=1, kernel_size=5, n_filters=6, bn_chan=4, hid_chan=4, upsampling_depth=3
)


def test_estimates_add_up_to_the_mixture_where_the_weights_were_trained_so(tmp_path: Path) -> None:
    sources = noise(3, 2, 400).float()
    given = Given((0, 1, 2), sources.sum(1, keepdim=True), sources)
    estimates = {}
    for consistency in ("none", "mixture"):
        torch.manual_seed(0)
        network = SuDoRMRF(replace(TINY, consistency=consistency))
        save_model(tmp_path / f"{consistency}.safetensors", network, {})
        subject = trained_network(tmp_path / f"{consistency}.safetensors", None, "cpu")
        estimates[consistency] = subject.separate(given)
    with torch.no_grad():
        torch.testing.assert_close(estimates["none"], network(given.mixture))
    missing = given.mixture - estimates["none"].sum(1, keepdim=True)
    torch.testing.assert_close(estimates["mixture"], estimates["none"] + missing / 2)
    assert missing.abs().max() > 0.1
