"""Stand-ins have the parameters of what they stand in for, so that they can't drift apart."""

import ast
import inspect
from functools import cache
from pathlib import Path
from typing import Any

import pynvml
import pytest
import torch

from tests.simulated_cuda import nvml, profiling, torch_c
from tests.simulated_cuda.gpus import Gpus
from tests.simulated_cuda.install import simulated_cuda
from tests.simulated_cuda.scenarios import SCENARIOS
from tests.simulated_cuda.torch_classes import EventBase, StreamBase, graph_base

GPUS = Gpus(SCENARIOS["data-centre card"])
STUBS = Path(torch.__file__).parent / "_C"
DRIVER = nvml.functions(pynvml, GPUS.scenario)
OF_TORCH = torch_c.functions(GPUS)


def parameters(function: Any) -> list[str]:
    return list(inspect.signature(function).parameters)


@cache
def stubs(name: str) -> dict[str, Any]:
    """The functions and classes that torch declares of its C++ in a file."""
    tree = ast.parse((STUBS / name).read_text())
    kinds = (ast.FunctionDef, ast.ClassDef)
    return {node.name: node for node in tree.body if isinstance(node, kinds)}


def declared(node: ast.FunctionDef) -> list[str]:
    return [argument.arg for argument in node.args.args if argument.arg not in ("self", "cls")]


@pytest.mark.parametrize("name", DRIVER)
def test_of_the_driver(name: str) -> None:
    assert parameters(DRIVER[name]) == parameters(getattr(pynvml, name))


@pytest.mark.parametrize("name", OF_TORCH)
def test_of_torchs_functions(name: str) -> None:
    node = stubs("__init__.pyi")[name]
    assert parameters(OF_TORCH[name]) == declared(node)


@pytest.mark.parametrize(
    ("name", "stand_in"),
    [
        ("_CudaEventBase", EventBase),
        ("_CudaStreamBase", StreamBase),
        ("_CUDAGraph", graph_base(GPUS)),
    ],
)
def test_of_torchs_classes(name: str, stand_in: type) -> None:
    """What a stand-in has, torch has too, with the same parameters in the same order."""
    methods = {
        node.name: declared(node)
        for node in stubs("__init__.pyi")[name].body
        if isinstance(node, ast.FunctionDef)
    }
    for method, function in vars(stand_in).items():
        if method == "__new__" or (method in methods and inspect.isfunction(function)):
            names = parameters(function.__func__ if method == "__new__" else function)[1:]
            # torch.cuda gives a stream's kind too, which the declaration leaves out.
            assert [n for n in names if n != "device_type"] == methods[method]
    own = {n for n, f in vars(stand_in).items() if inspect.isfunction(f) and n[0] != "_"}
    assert own <= methods.keys()


def test_of_the_profilers_events_and_results() -> None:
    classes = stubs("_autograd.pyi")
    for name, stand_in in (
        ("_KinetoEvent", profiling.Event),
        ("_ProfilerResult", profiling.Results),
    ):
        declared_names = {n.name for n in classes[name].body if isinstance(n, ast.FunctionDef)}
        own = {n for n, f in vars(stand_in).items() if inspect.isfunction(f) and n[0] != "_"}
        assert own <= declared_names
        if name == "_KinetoEvent":
            assert declared_names <= own | profiling.EMPTY.keys()


@pytest.mark.parametrize(
    ("owner", "names"),
    [
        (
            torch.cuda,
            ["Event", "Stream", "CUDAGraph", "_exchange_device", "_maybe_exchange_device"],
        ),
        (torch, ["autocast"]),
    ],
)
def test_of_what_torch_has_in_python(owner: Any, names: list[str]) -> None:
    def signatures() -> list[list[str]]:
        found = [getattr(owner, name) for name in names]
        return [
            parameters(each.__new__ if each in (torch.cuda.Event, torch.cuda.Stream) else each)
            for each in found
        ]

    real = signatures()
    with simulated_cuda("data-centre card"):
        assert signatures() == real


def test_nothing_is_left_behind() -> None:
    before = {name: value for name, value in vars(torch.cuda).items() if not name.startswith("__")}
    functions = set(vars(torch._C))
    with simulated_cuda("data-centre card"):
        assert torch.ones(1, device="cuda").is_cuda
    assert not torch.ones(1).is_cuda
    after = vars(torch.cuda)
    assert {name for name, value in before.items() if after[name] is not value} == set()
    assert set(vars(torch._C)) == functions
    assert torch.cuda.is_available() == bool(torch.version.cuda and torch.cuda.device_count())
