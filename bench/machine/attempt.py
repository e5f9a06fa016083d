"""Reading what may not be there to read: an error becomes words beside the missing value."""

from collections.abc import Callable, MutableMapping
from typing import TypeVar

Value = TypeVar("Value")


def attempt(
    problems: MutableMapping[str, str], name: str, read: Callable[[], Value]
) -> Value | None:
    """What ``read`` returns; None where it raises, and ``problems[name]`` then says why.

    A machine is described beside a measurement, which must not end because of it.
    """
    try:
        return read()
    except Exception as error:
        problems[name] = sentence(error)
        return None


def sentence(error: BaseException) -> str:
    """The first line of an error's message, with its type."""
    message = (str(error).strip() or "no message").splitlines()[0]
    words = f"{type(error).__name__}: {message}"
    return words.encode(errors="backslashreplace").decode()  # file names need not be Unicode
