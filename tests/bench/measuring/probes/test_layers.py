import pytest
import torch
from torch import Tensor, nn

from bench.counting.modules import part_of
from bench.measuring.counted_step import count_step
from bench.measuring.probes import layers
from bench.networks.factory import resolve_factory
from bench.registry import TABLE1, Entry
from bench.render.figures.layers import PARTS, sum_parts
from bench.results.measurements import ModuleRow
from bench.results.workload import Workload

FORWARD = Workload("inference", "cpu", 800, 2, "float32", 1, 0)


class TwoBranches(nn.Module):
    """One module twice, one nested, and work outside all modules."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Conv1d(1, 4, 1)
        self.block = nn.Sequential(
            nn.Conv1d(4, 4, 3, padding=1, groups=4), nn.Sequential(nn.PReLU())
        )
        self.mask_head = nn.Conv1d(4, 8, 1)
        self.decoder = nn.ConvTranspose1d(4, 1, 1)

    def forward(self, mixture: Tensor) -> Tensor:
        encoded = self.encoder(mixture)
        features = self.block(self.block(encoded)) + encoded
        masks = self.mask_head(features).unflatten(1, (2, 4))
        masked = (masks * encoded.unsqueeze(1)).flatten(0, 1)
        estimates: Tensor = self.decoder(masked).view(mixture.shape[0], 2, -1)
        return estimates


class Peeking(TwoBranches):
    """The same, and it reads a value, which a tensor without data does not have."""

    def forward(self, mixture: Tensor) -> Tensor:
        assert mixture.abs().max().item() > 0
        return super().forward(mixture)


def rows_of(build: type[nn.Module]) -> dict[str, ModuleRow]:
    measured = layers.measure(build, FORWARD, 0.0)
    return {row.path: row for row in measured.modules}


def test_sums_by_hand() -> None:
    rows = rows_of(TwoBranches)
    positions = 800 * 2  # samples x batch
    macs = {path: row.macs for path, row in rows.items()}
    assert macs == {
        "": positions * (4 + 2 * 4 * 3 + 4 * 8 + 2 * 4),
        "encoder": positions * 4,
        "block": positions * 2 * 4 * 3,
        "block.0": positions * 2 * 4 * 3,
        "block.1": 0,
        "block.1.0": 0,
        "mask_head": positions * 4 * 8,
        "decoder": positions * 2 * 4,
    }
    assert rows["block.1.0"].flops == positions * 2 * 4 * 2  # PReLU is two for each element
    assert rows[""].own_flops == positions * (4 + 8)  # the residual sum and the masks
    assert rows["block"].output_bytes == positions * 4 * 4 * 2  # it ran twice


def test_a_network_that_needs_data_has_the_same_rows() -> None:
    """But for what the reading itself costs: a magnitude and a comparison for each sample."""
    without_data, with_data = rows_of(TwoBranches), rows_of(Peeking)
    assert without_data.keys() == with_data.keys()
    for path in without_data.keys() - {""}:
        assert with_data[path] == without_data[path]
    assert with_data[""].macs == without_data[""].macs
    assert with_data[""].flops == without_data[""].flops + 2 * 800 * 2


def test_parts_by_the_kind_of_layer() -> None:
    parts = {path: row.part for path, row in rows_of(TwoBranches).items()}
    assert parts["encoder"] == "encoder"
    assert parts["block.0"] == "depth-wise"
    assert parts["mask_head"] == "masks"
    assert parts["decoder"] == "decoder"
    assert parts["block.1.0"] == "other"


@pytest.mark.parametrize("entry", TABLE1, ids=lambda entry: entry.name)
def test_trees_add_up(entry: Entry) -> None:
    build = resolve_factory(entry.factory)
    workload = Workload("inference", "cpu", 8000, 1, "float32", 1, 0)
    rows = layers.measure(build, workload, 0.0).modules
    counted = count_step(build, workload, "meta")
    assert rows[0].macs == counted.macs
    assert rows[0].flops == counted.flops
    assert sum(sum_parts(rows).values()) == counted.macs
    assert {row.part for row in rows} <= set(PARTS)
    for row in rows:
        prefix = f"{row.path}." if row.path else ""
        children = [
            child
            for child in rows
            if child.path.startswith(prefix)
            and child.path not in ("", row.path)
            and "." not in child.path.removeprefix(prefix)
        ]
        assert row.macs == row.own_macs + sum(child.macs for child in children)
        assert row.own_n_params is not None
        assert row.n_params == row.own_n_params + sum(child.n_params for child in children)


def test_a_recurrent_layer_is_its_own_part() -> None:
    with torch.device("meta"):
        lstm = nn.LSTM(2, 3)
    assert part_of("separator.lstm", lstm) == "recurrent"
