"""The operators are built once for all tests, in a folder of their own."""

from collections.abc import Iterator

import pytest

from models.native.build import load
from tests.textbook.agreement import one_thread as one_thread


@pytest.fixture(scope="session", autouse=True)
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    # One folder for all of pytest-xdist's workers, which build once.
    folder = tmp_path_factory.getbasetemp()
    shared = folder.parent if folder.name.startswith("popen-") else folder
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(shared / "cache"))
        load()
        yield
