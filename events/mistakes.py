"""What is wrong about a value that somebody gave, in a sentence that says what to give instead.

Never repeats the value, which could be a secret.
"""

import difflib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from events.catalogue.event_data import PLAN_PATTERN, SLUG_PATTERN, WEBSITE_PATTERN

_LONGEST_NAME: Final = 100
_UNKNOWN: Final = "This is not known here."

_SHAPES: Final = {
    SLUG_PATTERN: "Give lower-case letters and digits, with single hyphens between them, such as acme-2.",
    PLAN_PATTERN: "Give the plan's name in lower case and without spaces, such as one.",
    WEBSITE_PATTERN: "Give the website's id: letters, digits, _ and -, at most 64 of them.",
}
_SENTENCES: Final[Mapping[str, str]] = {
    "missing": "This is missing.",
    "string_type": "Give a text, in quotes.",
    "bool_type": "Give true or false.",
    "int_type": "Give a whole number.",
    "int_parsing": "Give a whole number.",
    "int_from_float": "Give a whole number.",
    "list_type": "Give a list.",
    "tuple_type": "Give a list.",
    "dict_type": "Give an object.",
    "model_type": "Give an object.",
    "model_attributes_type": "Give an object.",
    "ip_v4_network": "Give networks such as 10.0.0.0/8 or 2001:db8::/32.",
    "ip_v6_network": "Give networks such as 10.0.0.0/8 or 2001:db8::/32.",
    "bool_parsing": "Give true or false.",
}
_WITH_A_BOUND: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "greater_than_equal": lambda bound: f"The least is {bound['ge']}.",
    "greater_than": lambda bound: f"Give more than {bound['gt']}.",
    "less_than_equal": lambda bound: f"The most is {bound['le']}.",
    "less_than": lambda bound: f"Give less than {bound['lt']}.",
    "string_too_short": lambda bound: _too_short(bound["min_length"]),
    "string_too_long": lambda bound: f"The most is {bound['max_length']} characters.",
    "too_long": lambda bound: f"The most is {bound['max_length']} entries.",
    "too_short": lambda bound: f"The least is {bound['min_length']} entries.",
    "literal_error": lambda bound: f"Give one of these: {bound['expected']}.",
    "string_pattern_mismatch": lambda bound: _SHAPES.get(bound["pattern"], "This has characters that do not go here."),
}


def mistake(found: Mapping[str, Any], known: Sequence[str] = ()) -> str:
    """Return the sentence for one of pydantic's errors; ``known`` are the names that a misspelt one may have meant."""
    kind, context = found["type"], found.get("ctx", {})
    if kind == "extra_forbidden":
        close = difflib.get_close_matches(str(found["loc"][-1])[:_LONGEST_NAME], known, n=1)
        return f"{_UNKNOWN} Did you mean {close[0]}?" if close else _UNKNOWN
    if kind in _SENTENCES:
        return _SENTENCES[kind]
    if kind in _WITH_A_BOUND:
        return _WITH_A_BOUND[kind](context)
    text = str(found["msg"]).removeprefix("Value error, ")
    text = f"{text[:1].upper()}{text[1:]}"
    return text if text.endswith((".", "?")) else f"{text}."


def _too_short(least: int) -> str:
    return "This is empty." if least == 1 else f"The least is {least} characters."
