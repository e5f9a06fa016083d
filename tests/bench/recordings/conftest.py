"""What holds for all separations of these tests."""

import pytest

from bench.recordings import recording
from tests.textbook.agreement import one_thread as one_thread


@pytest.fixture(autouse=True)
def short_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks far shorter than a chunk."""
    monkeypatch.setattr(recording, "BLOCK_FRAMES", 1000)
