"""Addresses that others assert: exactly one address, or none."""

from events.domains import Address, parse_address
from events.refusals import Refusal


def read_address(text: object) -> Address | None:
    """Return the one address that the text is, ``None`` for anything else. Nothing is stripped or repaired."""
    if not isinstance(text, str):
        return None
    try:
        return parse_address(text)
    except Refusal:
        return None
