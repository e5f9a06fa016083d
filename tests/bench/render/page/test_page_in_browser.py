"""The page in a browser: it draws, sorts, filters and links, by mouse and by keyboard alone."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from bench.registry import TABLE1
from bench.render.page.data import Table, make_table
from bench.render.page.page import write_page
from bench.results.summary import summarize
from tests.bench.example_records import SETTINGS, complete_run
from tests.bench.render.page.in_browser import (
    DESKTOP,
    NEEDS_BROWSER,
    PHONE,
    Browser,
    column,
    emulate,
    find,
    find_all,
    open_page,
    points,
    wait_for,
)
from tests.bench.render.page.made_up_pages import REASON, enlarge, troubled_run

pytestmark = NEEDS_BROWSER
OPEN_ALL = "for (const one of document.querySelectorAll('details')) one.open = true"


AFTER_SCROLLING = (  # which a page is told of before it is drawn again
    "return new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
)


def shown_names(browser: Browser) -> list[str]:
    heads = find_all(browser, "#networks tbody tr:not([hidden]) th")
    return [head.text for head in heads]


def press_head(browser: Browser, table: Table, key: str) -> Any:
    place = 1 + len(table.facets) + column(table, key)
    head = find_all(browser, "#networks thead th")[place]
    browser.execute_script("arguments[0].scrollIntoView({inline: 'center'})", head)
    head.find_element(By.TAG_NAME, "button").click()
    return head


def middle(table: Table, place: int, key: str) -> float | None:
    cell = table.rows[place].cells[column(table, key)]
    if cell.value is not None or cell.low is None or cell.high is None:
        return cell.value
    return math.sqrt(cell.low * cell.high)


def test_it_loads_nothing_and_draws_plot_and_sections(page: Browser) -> None:
    assert page.execute_script("return performance.getEntriesByType('resource').length") == 0
    assert len(points(page)) == 6  # one of the seven has no time
    wait_for(page, lambda: find_all(page, "[data-section='lengths'] svg path"))


@pytest.mark.parametrize("key", ["latency_s_inference", "macs_update", "n_params", "paper_sounds"])
def test_a_head_sorts_up_then_down_and_what_is_missing_comes_last(
    page: Browser, table: Table, key: str
) -> None:
    keys = [middle(table, place, key) for place in range(len(table.rows))]
    there = sorted((value, place) for place, value in enumerate(keys) if value is not None)
    missing = [place for place, value in enumerate(keys) if value is None]
    for direction, order in (("ascending", there), ("descending", there[::-1])):
        head = press_head(page, table, key)
        assert head.get_attribute("aria-sort") == direction
        expected = [table.rows[place].name for _, place in order]
        expected += [table.rows[place].name for place in missing]
        assert shown_names(page) == expected
    assert len(find_all(page, "th[aria-sort]")) == 1


SIZES = {  # of a setting, one whose text comes later and one that is larger
    "Length": (replace(SETTINGS, n_samples=8000), replace(SETTINGS, n_samples=32_000)),
    "Threads": (replace(SETTINGS, threads=2), replace(SETTINGS, threads=16)),
    "Batch": (replace(SETTINGS, batch=4), replace(SETTINGS, batch=16)),
}


@pytest.mark.parametrize("facet", SIZES)
def test_settings_sort_by_their_numbers(browser: Browser, tmp_path: Path, facet: str) -> None:
    """As text 16 comes before 2."""
    small, large = (summarize(complete_run(TABLE1[:1], settings)) for settings in SIZES[facet])
    table = make_table([large, small], {})
    page = open_page(browser, write_page([large, small], {}, [], tmp_path)[0])
    place = table.facets.index(facet)
    find_all(page, "#networks thead th")[place + 1].find_element(By.TAG_NAME, "button").click()
    cells = find_all(page, f"#networks tbody td:nth-child({place + 2})")
    assert [cell.text for cell in cells] == [row.facets[place] for row in table.rows[::-1]]


def test_a_reason_stays_when_the_keyboard_scrolls_to_its_cell(browser: Browser, path: Path) -> None:
    """On a small screen the browser scrolls to each cell that gets the focus."""
    page = open_page(browser, path, PHONE)
    reasons = "#networks [aria-describedby]"
    shown = [button for button in find_all(page, reasons) if button.is_displayed()]
    page.execute_script("window.scrollTo(0, 0); arguments[0].focus()", shown[0])
    n_followed = 0
    while page.execute_script(f"return document.activeElement.matches('{reasons}')"):
        page.execute_script(AFTER_SCROLLING)
        assert find(page, "#tip").is_displayed()
        n_followed += 1
        ActionChains(page).send_keys(Keys.TAB).perform()
    assert n_followed > 1


def test_names_sort_by_the_alphabet(page: Browser, table: Table) -> None:
    find(page, "#networks thead th button").click()
    assert shown_names(page) == sorted((row.name for row in table.rows), key=str.lower)


def test_filters_leave_rows_and_points_that_fit(page: Browser, table: Table) -> None:
    Select(find(page, "#filters select")).select_by_visible_text("SuDoRM-RF")
    expected = [row.name for row in table.rows if row.family == "SuDoRM-RF"]
    assert shown_names(page) == expected
    assert find(page, "#count").text == "3 of 7 rows"
    wait_for(page, lambda: len(points(page)) == 3)
    find(page, "#search").send_keys("0.5")
    assert shown_names(page) == ["SuDoRM-RF 0.5x"]
    wait_for(page, lambda: len(points(page)) == 1)


def test_a_reason_shows_on_focus_and_goes_with_escape(page: Browser) -> None:
    button = find(page, "#networks td.failed button")
    page.execute_script("arguments[0].focus()", button)
    assert find(page, "#tip").text == REASON
    ActionChains(page).send_keys(Keys.ESCAPE).perform()
    assert not find(page, "#tip").is_displayed()
    ActionChains(page).move_to_element(button).perform()
    assert find(page, "#tip").text == REASON


def test_columns_are_shown_and_hidden(page: Browser, table: Table) -> None:
    find(page, ".chooser summary").click()
    place = 2 + len(table.facets) + column(table, "flops_inference")
    box = find(page, f"#columns input[value='{place}']")
    head = find(page, f"#networks thead th:nth-child({place})")
    assert (box.is_selected(), head.is_displayed()) == (False, False)
    box.click()
    assert head.is_displayed()
    assert find(page, f"#networks tbody td:nth-child({place})").is_displayed()


def test_the_papers_values_show_on_demand(page: Browser) -> None:
    small = find(page, "#networks small")
    assert not small.is_displayed()
    find(page, "#paper").click()
    assert small.is_displayed()
    assert small.text == "5.05, × 0.198"


def test_the_keyboard_reaches_everything(page: Browser) -> None:
    wanted = page.execute_script(
        "return [...document.querySelectorAll('button, input, select, summary, [tabindex]')]"
        ".filter((one) => one.checkVisibility({ visibilityProperty: true })).length"
    )
    reached = set()
    for _ in range(wanted):
        ActionChains(page).send_keys(Keys.TAB).perform()
        active = page.switch_to.active_element
        reached.add(active.id)
        style = page.execute_script("return getComputedStyle(arguments[0]).outlineStyle", active)
        assert style == "solid"
    assert len(reached) == wanted
    scrolling = find_all(page, ".scroll, .wide")
    assert {one.get_attribute("tabindex") for one in scrolling} == {"0"}


def test_enter_on_a_head_sorts(page: Browser) -> None:
    page.execute_script("document.querySelector('#networks thead button').focus()")
    ActionChains(page).send_keys(Keys.ENTER).perform()
    assert find(page, "#networks thead th").get_attribute("aria-sort") == "ascending"


def test_on_a_phone_the_table_scrolls_and_the_page_does_not(browser: Browser, path: Path) -> None:
    open_page(browser, path, PHONE)
    browser.execute_script(OPEN_ALL)
    wait_for(browser, lambda: find_all(browser, "[data-section] svg"))
    width = "const page = document.documentElement; return [page.scrollWidth, page.clientWidth]"
    whole, seen = browser.execute_script(width)
    assert whole == seen
    inner = "const e = document.querySelector('.scroll'); return e.scrollWidth > e.clientWidth"
    assert browser.execute_script(inner)


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_violation(
    browser: Browser, path: Path, size: tuple[int, int], scheme: str
) -> None:
    axe = pytest.importorskip("axe_core_python.selenium").Axe()
    open_page(browser, path, size)
    emulate(browser, scheme)
    browser.execute_script(OPEN_ALL)
    find(browser, "#paper").click()
    found = axe.run(browser)
    assert {one["id"]: [node["html"] for node in one["nodes"]] for one in found["violations"]} == {}
    assert len(found["passes"]) > 20


def test_in_the_dark_everything_is_drawn_again(page: Browser) -> None:
    colour = "return getComputedStyle(document.body).backgroundColor"
    light = page.execute_script(colour)
    title = find(page, "#plot .role-axis-title text").get_attribute("fill")
    emulate(page, "dark")
    assert page.execute_script(colour) != light
    wait_for(page, lambda: find(page, "#plot .role-axis-title text").get_attribute("fill") != title)


def test_five_hundred_networks_open(browser: Browser, tmp_path: Path) -> None:
    (path,) = write_page([enlarge(troubled_run(), 500)], {}, [], tmp_path)
    open_page(browser, path)
    assert find(browser, "#count").text == "500 of 500 rows"
