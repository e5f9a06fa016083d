"""What holds for all tests of the harness."""

import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings

# Nothing here may depend on the speed of the machine.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


@pytest.fixture(autouse=True)
def own_signals() -> Iterator[None]:
    """A command answers SIGTERM in its own way, for as long as its process lives."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)
