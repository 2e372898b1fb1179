"""Reading a workspace's sign-in log, newest first."""

from collections.abc import Sequence
from typing import Any

import asyncpg
import orjson

from service.db import Pool
from service.identity.sign_in_log import COLUMNS


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


def _values(row: asyncpg.Record) -> dict[str, Any]:
    return {**row, "checks": orjson.loads(row["checks"])}
