"""What holds for all tests of the harness."""

import signal
import tempfile
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.bench.kept_servers import KeptServer, end_all

with suppress(ModuleNotFoundError):  # `make cuda` does without
    from hypothesis import settings

    # Nothing here may depend on the speed of the machine.
    settings.register_profile("unhurried", deadline=None)
    settings.load_profile("unhurried")


@pytest.fixture(scope="session", autouse=True)
def spared() -> Iterator[None]:
    """Tests run beside each other, believe no time, and nobody looks at the pixels they draw."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bench.measuring.conductor.LEAST_WAIT_S", 0.0)
        patch.setattr("bench.measuring.apart.MOST_AT_ONCE", 1)
        patch.setattr("bench.render.figures.saving.DOTS_PER_INCH", 40)
        for module in ("apart", "conductor", "isolate"):
            patch.setattr(f"bench.measuring.{module}.ForkServer", KeptServer)
        yield
        end_all()


@pytest.fixture(scope="session", autouse=True)
def own_lock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Tests neither wait for a run on this machine nor stop one."""
    with pytest.MonkeyPatch.context() as patch:
        folder = str(tmp_path_factory.mktemp("lock"))
        patch.setenv("TMPDIR", folder)
        patch.setattr(tempfile, "tempdir", folder)
        yield


@pytest.fixture(autouse=True)
def own_signals() -> Iterator[None]:
    """A command answers SIGTERM in its own way, for as long as its process lives.

    And Ctrl-C interrupts, also where a shell that put these tests into the background has it
    ignored.
    """
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
