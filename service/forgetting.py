"""Forgets a person whom events name: name and key are deleted, and the events stay as they were recorded.

From then on every reader is shown a placeholder, and nobody can say any more whose id it was. What was written into a
reason or a ticket, and the names in events from before there were ids of names, stay in clear for ever.
"""

import difflib
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from events.catalogue.event_data import EventData
from events.catalogue.system import SYSTEM_STREAM, ApiTokenRevoked, NameShredded
from events.envelope import Context, NewEvent
from events.name_ids import is_name_id
from events.names import Names
from events.refusals import Refusal
from events.store import ANY_VERSION, EventStore
from service.db import Connection, Pool, transaction

_COUNT: Final = "select count(*) from ledger.events where position($1 in canonical) > 0"
# As actor, asker or holder in events from before there were ids, and wherever people write what they like.
_IN_CLEAR: Final = """
    select count(*) from ledger.events
    where position($1 in canonical) > 0 and (
        body -> 'actor' ->> 'id' = $1 or body ->> 'requested_by' = $1 or body -> 'data' ->> 'name' = $1
        or position($1 in coalesce(body ->> 'reason', '')) > 0 or position($1 in coalesce(body ->> 'ticket', '')) > 0
    )
"""
_TOKENS: Final = """
    update identity.api_tokens t set name = t.name_id, revoked_at = coalesce(t.revoked_at, clock_timestamp())
    from identity.api_tokens before
    where before.token_id = t.token_id and t.name_id = $1 and t.name <> t.name_id
    returning t.token_id, before.revoked_at is null as revoked
"""


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What became of it: the id of the name, and how many events name the person by it.

    ``changed`` is ``False`` when they were forgotten before. ``in_clear`` counts events that hold the name itself,
    which nothing can change any more. ``tokens`` were revoked.
    """

    name_id: str
    changed: bool
    events: int
    in_clear: int
    tokens: int


async def forget_person(pool: Pool, store: EventStore, names: Names, name: str, context: Context) -> Forgotten:
    """Forget who has this name, or this id of a name, and record that it was done. Their tokens are revoked.

    Raises:
        Refusal: ``not_found``; ``data_invalid`` when the reason, which stays in clear, holds the name.
    """
    id_, known = await _found(names, name)
    if known is not None and known.casefold() in (context.reason or "").casefold():
        raise Refusal("data_invalid", "The reason stays in the log for ever, and it holds the name. Say it without.")
    events = await pool.fetchval(_COUNT, id_)
    in_clear = 0 if known is None else await pool.fetchval(_IN_CLEAR, known)
    async with transaction(pool) as connection:
        changed = await names.shred(connection, id_)
        revoked = await unname_tokens(connection, id_)
        happened: list[EventData] = [NameShredded(name_id=id_)] if changed else []
        happened += [ApiTokenRevoked(token_id=str(one)) for one in revoked]
        if happened:
            await record(connection, store, happened, context)
    return Forgotten(id_, changed, events, in_clear, len(revoked))


async def unname_tokens(connection: Connection, id_: str) -> list[UUID]:
    """Put the id in the place of the name of a forgotten person's tokens, and revoke them; return those that were good.

    In the caller's transaction, which records the revocations.
    """
    rows = await connection.fetch(_TOKENS, id_)
    return [row["token_id"] for row in rows if row["revoked"]]


async def record(connection: Connection, store: EventStore, data: list[EventData], context: Context) -> None:
    """Append events of forgetting to the system stream. Last in the transaction."""
    prepared = store.prepare([NewEvent.of(one) for one in data], context)
    await store.append(SYSTEM_STREAM, ANY_VERSION, prepared, conn=connection)


async def _found(names: Names, name: str) -> tuple[str, str | None]:
    """Return the id that is meant, and the name as far as it is known."""
    if is_name_id(name):
        kept = (await names.read([name])).get(name)
        if kept is not None:
            return name, None if kept.opened is None else kept.opened.name
    else:
        id_ = await names.find(name)
        if id_ is not None:
            return id_, name
    everybody = [one.opened.name for one in await names.everybody() if one.opened is not None]
    close = difflib.get_close_matches(name, everybody, n=1)
    meant = f" Did you mean {close[0]}?" if close else ""
    raise Refusal("not_found", f"Events name nobody by exactly this name.{meant} See: keyledger person list")
