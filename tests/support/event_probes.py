"""What an event class does, found by asking it: of each value of a fixed set in each of its places, what it records.

The JSON schema of a class leaves out what it does by code: whether a text is taken for a number, what is cut off or
made small before it is kept, a date that does not exist, a value that a factory fills in. The answers here leave out
nothing that one of the values touches, and do not depend on how the class is written.
"""

import copy
import json
from collections.abc import Iterator
from hashlib import sha256
from typing import Any, Final

from pydantic import ValidationError

from events.canonical import canonical_json
from events.catalogue import EventData
from events.refusals import Refusal

MISSING: Final = object()

_LETTERS: Final = ("a", "A", " a ", "a b", "a-b", "a--b", "a_b", "a.b", "a/b", "é", "\n", "a\n", "", "~", "=a")
_LENGTHS: Final = tuple(
    "a" * n for n in (2, 3, 4, 39, 40, 41, 63, 64, 65, 199, 200, 201, 253, 254, 255, 256, 1000, 1001)
)
_SHA256: Final = ("0" * 63, "0" * 64, "0" * 65, "A" * 64, "g" * 64)
_INSTANTS: Final = (
    "2026-11-25T13:05:09.000001Z", "2026-02-30T00:00:00.000000Z", "2026-11-25T13:05:09Z",
    "2026-11-25T13:05:09.000001+00:00", "2026-11-25t13:05:09.000001z", "9999-12-31T23:59:59.999999Z",
)  # fmt: skip
_ADDRESSES: Final = (
    "a.example", "A.example", "a.example.", "-a.example", "https://a.example", "http://a.example", "ftp://a.example",
    "https://a.example/" + "a" * 2029, "https://a.example/" + "a" * 2030, "https://a b.example",
)  # fmt: skip
_WORDS: Final = (
    "all", "owner", "admin", "editor", "viewer", "support", "auditor", "operator", "okta", "oidc", "ignore", "require",
    "client_secret_basic", "client_secret_post", "none", "public", "pairwise", "dns_txt", "email", "session",
    "mailed_link", "jit", "invited", "linked", "sign_in", "test", "one", "two", "60", "true", "null",
)  # fmt: skip
_NUMBERS: Final = (-1, 0, 1, 4, 5, 60, 10080, 10081, 2**53, 60.0, 0.5, True, False)
_LISTS: Final[tuple[Any, ...]] = (
    [], ["a"], ["a", "a"], ["0" * 64], ["0" * 64] * 16, ["0" * 64] * 17, ["a"] * 100, ["a"] * 101, ["a"] * 500,
    ["a"] * 501, ["a"] * 1000, ["a"] * 1001, [""], [1], {}, {"a": 1}, None,
)  # fmt: skip
PROBES: Final[tuple[Any, ...]] = (
    *_LETTERS, *_LENGTHS, *_SHA256, *_INSTANTS, *_ADDRESSES, *_WORDS, *_NUMBERS, *_LISTS, MISSING,
)  # fmt: skip
"""Values at the edges of what event data hold. Never changed: a new edge is a new set with digests of its own."""


def answers(kind: type[EventData], example: dict[str, Any]) -> Iterator[tuple[str, int, Any]]:
    """Yield place, number of the probe and what the class records of the example with that value there.

    ``None`` stands for a refusal. The place after the last one is a member that the class does not know.
    """
    for place in (*_places(example), ("not_known",)):
        for number, probe in enumerate(PROBES):
            given = copy.deepcopy(example)
            holder = given
            for name in place[:-1]:
                holder = holder[name]
            if probe is MISSING:
                holder.pop(place[-1], None)
            else:
                holder[place[-1]] = probe
            yield "/".join(place), number, _recorded(kind, given)


def behaviour(kind: type[EventData], example: dict[str, Any]) -> str:
    """Return the SHA-256 of all answers, one line for each."""
    lines = (json.dumps(one, sort_keys=True) + "\n" for one in answers(kind, example))
    return sha256("".join(lines).encode()).hexdigest()


def _recorded(kind: type[EventData], given: dict[str, Any]) -> Any:
    try:
        data = kind.model_validate(given).to_data()
        canonical_json(data)
    except (ValidationError, Refusal):
        return None
    return data


def _places(example: dict[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, value in sorted(example.items()):
        yield (*above, name)
        if isinstance(value, dict):
            yield from _places(value, (*above, name))
