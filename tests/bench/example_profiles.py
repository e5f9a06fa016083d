"""Profiles of made-up steps: chains of layers of known sizes, allocated as autograd would."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from bench.results.profile import (
    MachineRates,
    MemoryTimeline,
    Place,
    Profile,
    ProfiledModule,
    ProfileRow,
    SavedTensor,
)

N_STEPS = 5
EXAMPLE_BYTES = 1000


@dataclass(frozen=True)
class Layer:
    """One operator of a network, which keeps its input for backward."""

    module: str
    operator: str
    output_bytes: int
    weight_bytes: int = 0
    workspace_bytes: int = 0  # during its forward
    backward_workspace_bytes: int = 0
    line: str = "nets.py:1"


class MadeUpStep:
    """Writes down what a step runs, makes and frees."""

    def __init__(self) -> None:
        self.rows: list[Place] = []
        self.of_runs: list[int] = []
        self.block_bytes: list[int] = []
        self.changes: list[int] = []
        self.moments: list[int] = []

    def run(self, part: str, module: str, operator: str, line: str = "") -> int:
        """Run an operator; the number of its row."""
        place = Place(part, module, operator, line)
        if place not in self.rows:
            self.rows.append(place)
        self.of_runs.append(self.rows.index(place))
        return self.of_runs[-1]

    def make(self, n_bytes: int) -> int:
        """A block, made by the operator that ran last."""
        self.block_bytes.append(n_bytes)
        self._change(len(self.block_bytes))
        return len(self.block_bytes)

    def free(self, *blocks: int) -> None:
        """Give blocks back, after the operator that ran last."""
        for block in blocks:
            self._change(-block)

    def _change(self, change: int) -> None:
        self.changes.append(change)
        self.moments.append(len(self.of_runs) - 1)

    def timeline(self, before_bytes: int) -> MemoryTimeline:
        """All of it."""
        return MemoryTimeline(
            before_bytes,
            tuple(self.of_runs),
            tuple(self.block_bytes),
            tuple(self.changes),
            tuple(self.moments),
        )


def make_profile(step: MadeUpStep, before_bytes: int, saved: Sequence[SavedTensor] = ()) -> Profile:
    """A profile of the step, whose operators all take a millisecond."""
    memory = step.timeline(before_bytes)
    calls = [step.of_runs.count(row) for row in range(len(step.rows))]
    whole_s = (0.001 * len(step.of_runs),) * N_STEPS
    return Profile(
        rows=tuple(
            ProfileRow(place, (0.001 * n,) * N_STEPS, calls=n)
            for place, n in zip(step.rows, calls, strict=True)
        ),
        modules=tuple(_modules(step.rows)),
        memory=memory,
        saved=tuple(saved),
        plain_times_s=whole_s,
        profiled_times_s=whole_s,
        plain_contention=None,
        profiled_contention=None,
        rates=MachineRates(1e11, 1e10),
        peak_allocated_bytes=memory.peak_bytes,
        defined_macs=0,
        defined_flops=0,
    )


def _modules(places: Sequence[Place]) -> Iterator[ProfiledModule]:
    """Those in which operators run, their type the first operator's, and those around them."""
    types = {"": "Network"}
    for place in places:
        names = place.module.split(".")
        for end in range(1, len(names)):
            types.setdefault(".".join(names[:end]), "Sequential")
        types.setdefault(place.module, place.operator)
    yield from (ProfiledModule(path, type_name, 0) for path, type_name in types.items())


def profile_inference(layers: Sequence[Layer]) -> Profile:
    """A forward of a chain: each input is freed when its layer has run."""
    step = MadeUpStep()
    features = 0
    for layer in layers:
        _, output = _run_forward(step, layer)
        step.free(*[features] * bool(features))
        features = output
    return make_profile(step, sum(layer.weight_bytes for layer in layers) + EXAMPLE_BYTES)


def profile_update(layers: Sequence[Layer]) -> Profile:
    """A training step of a chain with Adam: each layer keeps its input until its backward."""
    step = MadeUpStep()
    rows, outputs = zip(*(_run_forward(step, layer) for layer in layers), strict=True)
    step.run("loss", "", "mul", "objective.py:1")
    step.make(4)
    step.run("backward", "", "mul", "objective.py:1")
    gradient = step.make(layers[-1].output_bytes)
    step.free(outputs[-1])
    for number in reversed(range(1, len(layers))):
        of_input = _run_backward(step, layers[number], layers[number - 1].output_bytes)
        step.free(gradient, outputs[number - 1])
        gradient = of_input
    _run_backward(step, layers[0], 0)
    step.free(gradient)
    step.run("optimiser", "", "_foreach_add_")
    step.free(step.make(sum(layer.weight_bytes for layer in layers)))
    weights = sum(layer.weight_bytes for layer in layers)
    saved = list(_saved(layers, rows))
    return make_profile(step, 3 * weights + EXAMPLE_BYTES, saved)


def _run_forward(step: MadeUpStep, layer: Layer) -> tuple[int, int]:
    """Its row, and its output."""
    row = step.run("forward", layer.module, layer.operator, layer.line)
    output = step.make(layer.output_bytes)
    if layer.workspace_bytes:
        step.free(step.make(layer.workspace_bytes))
    return row, output


def _run_backward(step: MadeUpStep, layer: Layer, input_bytes: int) -> int:
    """Makes the gradients of its input, which is returned, and of its weights."""
    step.run("backward", layer.module, f"{layer.operator}_backward", layer.line)
    of_input = step.make(input_bytes) if input_bytes else 0
    if layer.weight_bytes:
        step.make(layer.weight_bytes)
    if layer.backward_workspace_bytes:
        step.free(step.make(layer.backward_workspace_bytes))
    return of_input


def _saved(layers: Sequence[Layer], rows: Sequence[int]) -> Iterator[SavedTensor]:
    for number, layer in enumerate(layers[:-1]):
        yield SavedTensor(layer.output_bytes, rows[number], (rows[number + 1],))


CHAIN = (
    Layer("encoder", "convolution", 200, weight_bytes=10),
    Layer("separator.blocks.0", "relu", 600),
    Layer("separator.blocks.1", "relu", 600),
    Layer(
        "decoder",
        "convolution",
        100,
        weight_bytes=20,
        workspace_bytes=300,
        backward_workspace_bytes=250,
    ),
)
"""Small enough to know by hand what is alive when.

Inference is fullest at operator 3, which has the outputs of both blocks; a training step at
operator 7, the decoder's backward.
"""
BLOCK = (
    Layer("expand.0", "convolution", 67_000_000, 264_000, line="models/sudormrf.py:149"),
    Layer("expand.1", "native_group_norm", 67_000_000, 4096, line="models/sudormrf.py:149"),
    Layer("expand.2", "_prelu_kernel", 67_000_000, 2048, line="models/sudormrf.py:149"),
    *(
        layer
        for level in range(5)
        for layer in (
            Layer(
                f"levels.{level}.0",
                "convolution",
                67_000_000 >> level,
                12_288,
                67_000_000 >> level,
                2 * 67_000_000 >> level,
                line="models/sudormrf.py:151",
            ),
            Layer(
                f"levels.{level}.1",
                "native_group_norm",
                67_000_000 >> level,
                4096,
                line="models/sudormrf.py:151",
            ),
        )
    ),
    Layer("contract.0", "native_group_norm", 67_000_000, 4096, line="models/sudormrf.py:159"),
    Layer("contract.1", "_prelu_kernel", 67_000_000, 2048, line="models/sudormrf.py:159"),
    Layer("contract.2", "convolution", 16_800_000, 263_000, line="models/sudormrf.py:159"),
    Layer("activate", "_prelu_kernel", 16_800_000, 512, line="models/sudormrf.py:160"),
)
"""As in a U-ConvBlock."""


def sudormrf_like(n_blocks: int = 16) -> list[Layer]:
    """A chain as long as SuDoRM-RF 1.0x, with sizes as for four seconds of eight mixtures."""
    return [
        Layer("encoder.0", "convolution", 67_000_000, 43_008, line="models/sudormrf.py:236"),
        Layer("encoder.1", "relu", 67_000_000, line="models/sudormrf.py:236"),
        Layer("separator.bottleneck.0", "native_group_norm", 67_000_000, 4096),
        Layer("separator.bottleneck.1", "convolution", 16_800_000, 263_000),
        *(
            replace(layer, module=f"separator.blocks.{block}.{layer.module}")
            for block in range(n_blocks)
            for layer in BLOCK
        ),
        Layer("separator.mask_head.0", "convolution", 134_000_000, 4_200_000),
        Layer("separator", "softmax", 134_000_000),
        Layer("", "mul", 134_000_000, line="models/sudormrf.py:237"),
        Layer("decoder", "convolution", 2_048_000, 43_008, 134_000_000, 268_000_000),
    ]
