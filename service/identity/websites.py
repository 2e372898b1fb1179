"""Which of a workspace's websites somebody may use: all of them, also later ones, or a list."""

from collections.abc import Sequence
from typing import Final, Literal

import orjson

from events.refusals import Refusal
from service.identity.resources import Executor

Websites = Literal["all"] | list[str]

ALL_WEBSITES: Final = '"all"'
"""As it is stored: JSON."""


def read_websites(stored: str) -> Websites:
    """Return the stored JSON as a value."""
    value = orjson.loads(stored)
    return "all" if value == "all" else [str(one) for one in value]


def write_websites(websites: Literal["all"] | Sequence[str]) -> str:
    """Return the value as it is stored."""
    return orjson.dumps(websites if isinstance(websites, str) else list(websites)).decode()


async def check_websites(connection: Executor, workspace: str, websites: Websites) -> None:
    """Refuse websites that the workspace does not have.

    Raises:
        Refusal: ``data_invalid``; its details name them.
    """
    if websites == "all":
        return
    rows = await connection.fetch("select website_id from identity.websites where workspace = $1", workspace)
    unknown = sorted(set(websites) - {row["website_id"] for row in rows})
    if unknown:
        raise Refusal("data_invalid", "The workspace does not have these websites.", unknown=unknown)
