"""The library that draws the page's charts: Vega-Lite, as one script without further files."""

from functools import cache
from importlib.util import find_spec

from bench.errors import UsageError

NOT_INSTALLED = (
    "the page needs vl-convert-python, which is not installed: pip install 'separation-bench[page]'"
)


def is_installed() -> bool:
    """Whether the package that holds the library is there, without importing it."""
    return find_spec("vl_convert") is not None


@cache
def make_bundle() -> str:
    """Vega, Vega-Lite and Vega-Embed, fit to stand in an element of a page.

    Raises:
        UsageError: the package that holds them is not installed.
    """
    try:
        import vl_convert
    except ImportError as error:
        raise UsageError(f"{NOT_INSTALLED[0].upper()}{NOT_INSTALLED[1:]}") from error
    script: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    # What would end the element, or open a comment in it; in strings and patterns it says the same.
    return script.replace("</script", "<\\/script").replace("<!--", "<\\!--")
