"""What stands for a person's name in an event: a commitment to it.

The id of a name is ``~`` and the unpadded base64url of HMAC-SHA256 under 32 random bytes of the person's own. Whoever
is shown name and key can check that the id stands for this name and for no other; without them it tells nothing, not
even to who guesses. Once key and name are deleted, nobody can say any more whose it was.
"""

import base64
import hmac
import re
from collections.abc import Mapping
from typing import Final

from events.refusals import Refusal

PREFIX: Final = "~"
KEY_BYTES: Final = 32
NAME_MAXIMUM: Final = 200
RESERVED: Final = f"A name does not begin with {PREFIX}: that is how the log's own ids of names begin. Write the name."

_LABEL: Final = b"keyledger/name/v1\n"
_ID: Final = re.compile(r"~[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])")


def name_id(key: bytes, name: str) -> str:
    """Return the id of a name under the person's key.

    Raises:
        ValueError: the key has not exactly 32 bytes.
    """
    # HMAC pads short keys with zeros and hashes long ones, so that keys of other lengths would not be one of a kind.
    if len(key) != KEY_BYTES:
        message = f"A person's key has {KEY_BYTES} bytes."
        raise ValueError(message)
    digest = hmac.digest(key, _LABEL + name.encode(), "sha256")
    return PREFIX + base64.urlsafe_b64encode(digest).decode().rstrip("=")


def stands_for(id_: str, key: bytes, name: str) -> bool:
    """Whether an id is that of this name under this key."""
    return len(key) == KEY_BYTES and hmac.compare_digest(id_.encode(), name_id(key, name).encode())


def is_name_id(text: str) -> bool:
    """Whether a text has the form of an id."""
    return _ID.fullmatch(text) is not None


def ids_in(*texts: str | None) -> set[str]:
    """Return the ids that stand in the texts, alone or within a phrase."""
    return {found for text in texts if text is not None and PREFIX in text for found in _ID.findall(text)}


def with_names(text: str, names: Mapping[str, str]) -> str:
    """Return a text with what each id in it stands for in its place, as far as that is given."""
    return _ID.sub(lambda found: names.get(found[0], found[0]), text)


def check_name(name: str) -> None:
    """Refuse what cannot be a person's name in an event.

    Raises:
        Refusal: ``data_invalid``, when it is empty, too long or not printable, or begins as ids do.
    """
    if not 1 <= len(name) <= NAME_MAXIMUM or not name.isprintable():
        raise Refusal("data_invalid", f"A name has 1 to {NAME_MAXIMUM} printable characters, on one line.")
    if name.startswith(PREFIX):
        raise Refusal("data_invalid", RESERVED)
