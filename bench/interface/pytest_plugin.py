"""The fixture ``separation_budget``, for tests of networks.

pytest loads this file at each start, so it imports nothing of its own before the fixture is used.
"""

from collections.abc import Callable

import pytest


@pytest.fixture
def separation_budget(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., None]:
    """Hold a network to a budget: ``separation_budget("my_package:build", macs=2e9)``.

    The first argument is that of ``bench.measure``; the keywords are the keys of a ``[[budget]]``
    (docs/ci.md), in SI units. A FAIL fails the test. So does an INCONCLUSIVE, unless
    ``accept_inconclusive`` is True. A verdict on a time may take ``time_s`` seconds.
    """

    def hold(
        factory: "str | Callable[[], object]",
        *,
        time_s: float = 120.0,
        accept_inconclusive: bool = False,
        **budget: object,
    ) -> None:
        from bench.errors import UsageError
        from bench.interface.budget import check_budget, describe_failures

        folder = tmp_path_factory.mktemp("separation-budget")
        try:
            checks = check_budget(factory, budget, time_s, folder)
        except UsageError as error:
            pytest.fail(str(error), pytrace=False)
        if failures := describe_failures(checks, accept_inconclusive):
            pytest.fail(failures, pytrace=False)

    return hold
