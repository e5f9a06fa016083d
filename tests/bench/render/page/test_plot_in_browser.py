"""The plot of the page in a browser: points, names and the frontier."""

import re
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

from bench.render.page.data import Table
from bench.render.page.page import write_page
from bench.results.findings import pareto_frontier
from bench.results.summary import summarize
from tests.bench.example_records import complete_run, environment
from tests.bench.render.page.in_browser import (
    NEEDS_BROWSER,
    Browser,
    column,
    find,
    find_all,
    open_page,
    points,
    wait_for,
)
from tests.bench.render.page.made_up_pages import enlarge
from tests.bench.render.page.test_page import EVIL

pytestmark = NEEDS_BROWSER


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


def test_each_machine_has_its_own_frontier(browser: Browser, tmp_path: Path) -> None:
    """The same run on two machines: what leads on one leads on the other, whoever is faster."""
    records = complete_run()
    other = environment(machine={"cpu": "Other CPU"})
    there = summarize([replace(record, environment=other) for record in records])
    open_page(browser, write_page([summarize(records), there], {}, [], tmp_path)[0])
    said = find(browser, "#plot-text").text
    (names,) = re.findall("On the frontier of their machine and workload: (.*?)\\.( |$)", said)
    leading = [re.sub(r" \(.*?\)", "", name) for name in re.split(r"(?<=\)), ", names[0])]
    half = len(leading) // 2
    assert leading[:half] == leading[half:]
    assert len(set(leading)) > 1
    lines = find_all(browser, "#plot .mark-line path")
    assert len(lines) == 2


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
