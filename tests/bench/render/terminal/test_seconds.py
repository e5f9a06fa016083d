import io

from rich.console import Console

from bench.render.terminal.seconds import show_seconds


def shown(is_terminal: bool) -> str:
    output = io.StringIO()
    console = Console(file=output, force_terminal=is_terminal, width=100, color_system=None)
    with show_seconds("separating", 12.0, console) as advance:
        advance(6.0)
        advance(12.4)  # a resampled recording can be a little longer
    return output.getvalue()


def test_on_a_terminal_the_seconds_are_counted_to_the_end() -> None:
    text = shown(is_terminal=True)
    assert "separating" in text
    assert "12 of 12 s" in text


def test_elsewhere_nothing_is_printed() -> None:
    assert shown(is_terminal=False).strip() == ""
