"""A GPU for tests: a simulated one everywhere, and this machine's own by `make cuda`."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.simulated_cuda.install import simulated_cuda


@pytest.fixture(name="a_gpu", params=["simulated", pytest.param("real", marks=pytest.mark.cuda)])
def a_gpu_fixture(request: pytest.FixtureRequest) -> Iterator[Any]:
    """What holds of one must hold of the other: so the stand-ins are held to real cards."""
    if request.param == "real":
        yield None
        return
    with simulated_cuda("data-centre card") as gpus:
        yield gpus
