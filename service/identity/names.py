"""Display names that others assert: bounded, on one line, without characters that change how the rest reads."""

import unicodedata

LONGEST_NAME = 200


def display_name(text: str | None) -> str | None:
    """Return the name as it may be shown, ``None`` when nothing of it is left."""
    if not isinstance(text, str):
        return None
    shown = "".join(one for one in " ".join(text.split()) if unicodedata.category(one)[0] != "C")
    return " ".join(shown.split())[:LONGEST_NAME].strip() or None
