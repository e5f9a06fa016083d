"""A browser, and a page that is open in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver

from bench.render.page.data import Table, make_table
from bench.render.page.page import write_page
from tests.bench.render.page.in_browser import BROWSER, DRIVER, Browser, open_page
from tests.bench.render.page.made_up_pages import troubled_run
from tests.bench.render.page.test_page import SECTION


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    options = webdriver.ChromeOptions()
    assert BROWSER
    assert DRIVER
    options.binary_location = BROWSER
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = webdriver.ChromeService(executable_path=DRIVER)
    driver = webdriver.Chrome(options=options, service=service)
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def table() -> Table:
    return make_table([troubled_run()], {})


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    (path,) = write_page([troubled_run()], {}, [SECTION], tmp_path_factory.mktemp("page"))
    return path


@pytest.fixture
def page(browser: Browser, path: Path) -> Iterator[Browser]:
    """The page, opened; a test that leaves a word on the console fails."""
    yield open_page(browser, path)
    assert browser.get_log("browser") == []
