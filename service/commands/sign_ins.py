"""Reading a workspace's sign-in log, newest first."""

from collections.abc import Sequence
from typing import Any, Final

import asyncpg
import orjson

from service.db import Pool
from service.identity.sign_in_log import COLUMNS

LONGEST_ID: Final = 18
"""So many digits fit into the ids of the log; a request id is never so short a number."""


async def list_sign_ins(pool: Pool, slug: str, limit: int, before: int | None = None) -> Sequence[dict[str, Any]]:
    """Return at most ``limit`` sign-ins, those before the one with the id ``before``."""
    rows = await pool.fetch(
        f"select sign_in_id, {COLUMNS} from identity.sign_ins"
        " where workspace = $1 and ($2::bigint is null or sign_in_id < $2) order by sign_in_id desc limit $3",
        slug,
        before,
        limit,
    )
    return [_values(row) for row in rows]


def read_id(reference: str) -> int | None:
    """Return the id that this is; ``None`` when it is a request id."""
    by_id = reference.isascii() and reference.isdecimal() and len(reference) <= LONGEST_ID
    return int(reference) if by_id else None


async def find_sign_in(pool: Pool, slug: str, reference: str) -> dict[str, Any] | None:
    """Return the sign-in with this id, or the newest with this request id; ``None`` when the log has neither."""
    sign_in_id = read_id(reference)
    row = await pool.fetchrow(
        f"select sign_in_id, {COLUMNS} from identity.sign_ins where workspace = $1"
        f" and {'request_id' if sign_in_id is None else 'sign_in_id'} = $2 order by sign_in_id desc limit 1",
        slug,
        reference if sign_in_id is None else sign_in_id,
    )
    return None if row is None else _values(row)


def _values(row: asyncpg.Record) -> dict[str, Any]:
    return {**row, "checks": orjson.loads(row["checks"])}
