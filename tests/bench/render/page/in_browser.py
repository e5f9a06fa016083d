"""A browser for tests of the page: what opens it, looks for elements and waits for them."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from bench.render.page.data import Table

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
NEEDS_BROWSER = [
    pytest.mark.thorough,
    pytest.mark.skipif(not (BROWSER and DRIVER), reason="no Chromium with its driver is installed"),
]
DESKTOP, PHONE = (1280, 900), (390, 844)
Browser = Any  # selenium's driver


def open_page(browser: Browser, path: Path, size: tuple[int, int] = DESKTOP) -> Browser:
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": False},
    )
    emulate(browser, "light")
    browser.get("about:blank")
    browser.get_log("browser")
    browser.get(path.as_uri())
    wait_for(browser, lambda: find(browser, "#plot-text").text)
    return browser


def emulate(browser: Browser, scheme: str) -> None:
    feature = {"name": "prefers-color-scheme", "value": scheme}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})


def wait_for(browser: Browser, condition: Any) -> Any:
    """An element may be drawn again between being found and being asked."""
    drawn_again = [StaleElementReferenceException]
    waiting = WebDriverWait(browser, 30, ignored_exceptions=drawn_again)
    return waiting.until(lambda _: condition())


def find(browser: Browser, selector: str) -> Any:
    return browser.find_element(By.CSS_SELECTOR, selector)


def find_all(browser: Browser, selector: str) -> list[Any]:
    return list(browser.find_elements(By.CSS_SELECTOR, selector))


def points(browser: Browser) -> list[Any]:
    """The marks of networks in the plot."""
    return find_all(browser, "#plot g.mark-symbol.role-mark path")


def column(table: Table, key: str) -> int:
    return [head.key for head in table.heads].index(key)
