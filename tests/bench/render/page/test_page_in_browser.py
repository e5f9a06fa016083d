"""The page in a browser: it draws, sorts, filters and links, by mouse and by keyboard alone."""

import math
import shutil
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

from bench.render.page.data import Table, make_table
from bench.render.page.page import write_page
from bench.results.findings import pareto_frontier
from bench.results.summary import summarize
from tests.bench.example_records import complete_run
from tests.bench.render.page.made_up_pages import REASON, enlarge, troubled_run
from tests.bench.render.page.test_page import EVIL, SECTION

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(not (BROWSER and DRIVER), reason="no Chromium with its driver is installed"),
]
OPEN_ALL = "for (const one of document.querySelectorAll('details')) one.open = true"
DESKTOP, PHONE = (1280, 900), (390, 844)
Browser = Any  # selenium's driver


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


def shown_names(browser: Browser) -> list[str]:
    heads = find_all(browser, "#networks tbody tr:not([hidden]) th")
    return [head.text for head in heads]


def points(browser: Browser) -> list[Any]:
    """The marks of networks in the plot."""
    return find_all(browser, "#plot g.mark-symbol.role-mark path")


def column(table: Table, key: str) -> int:
    return [head.key for head in table.heads].index(key)


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


def test_what_is_not_drawn_is_named_with_its_status(page: Browser) -> None:
    assert "Not drawn, oom: Demucs." in find(page, "#plot-text").text


@pytest.mark.parametrize(
    ("x", "y"),
    [
        ("latency_s_inference", "paper_sounds"),
        ("macs_inference", "peak_rss_bytes_update"),
        ("paper_speech", "paper_sounds"),
        ("paper_speech", "latency_s_update"),
    ],
)
@pytest.mark.parametrize("is_log", [True, False])
def test_the_frontier_is_that_of_the_chosen_columns(
    page: Browser, table: Table, x: str, y: str, is_log: bool
) -> None:
    """Against the frontier of the figures, which wants less of one and more of the other."""
    before = find(page, "#plot svg")
    for name, key in (("x", x), ("y", y)):
        Select(find(page, f"#{name}")).select_by_value(str(column(table, key)))
        if find(page, f"#{name}-log").is_selected() != is_log:
            find(page, f"#{name}-log").click()
    places: dict[tuple[float, float], str] = {}
    for row in table.rows:
        cost, gain = (row.cells[column(table, key)].value for key in (x, y))
        if cost is not None and gain is not None:
            sign_x, sign_y = (-1 if "paper" in x else 1), (1 if "paper" in y else -1)
            places[sign_x * cost, sign_y * gain] = row.name
    names = [places[point] for point in pareto_frontier(list(places))]
    said = f"On the frontier: {', '.join(names)}."
    wait_for(page, lambda: said in find(page, "#plot-text").text)
    titles = [title.text for title in find_all(page, "#plot .role-axis-title text")]
    assert titles == [table.heads[column(table, key)].text for key in (x, y)]
    assert before != find(page, "#plot svg")


def test_pointing_at_a_network_shows_all_its_values(page: Browser, table: Table) -> None:
    hovered = points(page)[0]
    page.execute_script("arguments[0].scrollIntoView({block: 'center'})", hovered)
    ActionChains(page).move_to_element(hovered).perform()
    tip = wait_for(page, lambda: find(page, "#vg-tooltip-element.visible"))
    (row,) = [row for row in table.rows if row.name == tip.find_element(By.TAG_NAME, "h2").text]
    said = {
        line.find_elements(By.TAG_NAME, "td")[1].text
        for line in tip.find_elements(By.TAG_NAME, "tr")
    }
    assert {cell.text for cell in row.cells} <= said
    inside = "const r = arguments[0].getBoundingClientRect(); return r.left >= 0 && r.top >= 0"
    assert page.execute_script(inside, tip)


def test_a_network_checked_in_the_table_is_marked_in_the_plot_and_back(page: Browser) -> None:
    box = find(page, "#networks tbody tr:first-child input")
    box.click()
    opacities = [float(point.value_of_css_property("opacity")) for point in points(page)]
    assert sorted(opacities)[-2:] == [0.15, 1.0]
    marked = points(page)[opacities.index(1.0)]
    page.execute_script("arguments[0].scrollIntoView({block: 'center'})", marked)
    ActionChains(page).move_to_element(marked).click().perform()
    assert not box.is_selected()
    ActionChains(page).move_to_element(marked).click().perform()
    assert box.is_selected()
    find(page, "#clear").click()
    assert not find_all(page, "#networks tr.chosen")
    assert {float(point.value_of_css_property("opacity")) for point in points(page)} == {1.0}


def test_doubtful_points_are_hollow(page: Browser) -> None:
    fills = [point.get_attribute("fill") for point in points(page)]
    assert fills.count("transparent") + fills.count("none") == 1  # the one of a single process


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


def test_markup_in_a_name_stays_text_in_the_plot_too(browser: Browser, tmp_path: Path) -> None:
    run = enlarge(summarize(complete_run()), 1)
    (model,) = run.models
    entry = replace(model.entry, name=EVIL, display_name=EVIL)
    evil = replace(run, models=(replace(model, entry=entry),))
    open_page(browser, write_page([evil], {}, [], tmp_path)[0])
    hovered = points(browser)[0]
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", hovered)
    ActionChains(browser).move_to_element(hovered).perform()
    tip = wait_for(browser, lambda: find(browser, "#vg-tooltip-element.visible"))
    assert EVIL in tip.text
    assert find_all(browser, "img") == []


def test_names_in_the_plot_do_not_overlap(browser: Browser, tmp_path: Path) -> None:
    """Four networks with the same values: their marks are one above the other."""
    run = summarize(complete_run())
    run = replace(run, models=run.models[:1])
    open_page(browser, write_page([enlarge(run, 4)], {}, [], tmp_path)[0])
    script = (
        "return [...arguments[0].querySelectorAll('.mark-text.role-mark text')]"
        ".filter((one) => getComputedStyle(one).opacity !== '0')"
        ".map((one) => { const r = one.getBoundingClientRect();"
        " return [r.left, r.right, r.top, r.bottom]; })"
    )
    boxes = browser.execute_script(script, find(browser, "#plot"))
    assert len(boxes) == 4
    for one, other in combinations(boxes, 2):
        is_beside = one[1] <= other[0] or other[1] <= one[0]
        assert is_beside or one[3] <= other[2] + 1 or other[3] <= one[2] + 1


def test_five_hundred_networks_open(browser: Browser, tmp_path: Path) -> None:
    (path,) = write_page([enlarge(troubled_run(), 500)], {}, [], tmp_path)
    open_page(browser, path)
    assert find(browser, "#count").text == "500 of 500 rows"
