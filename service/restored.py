"""After the database was restored from a backup: a new epoch begins, and nothing handed out before opens anything.

A backup knows nothing of what came after it: a session that was ended, a link that was used and a token that was
revoked since then would all be good again. So whatever whoever holds it may come with is void, and people sign in anew.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final
from uuid import UUID

from events.catalogue.event_data import EventData
from events.catalogue.system import SYSTEM_STREAM, ApiTokenRevoked, LogRestored, NameShredded
from events.envelope import Context, NewEvent
from events.names import Names
from events.store import ANY_VERSION, EventStore
from service.db import Connection, Pool, transaction
from service.forgetting import unname_tokens
from service.identity.resources import IdentityResources
from service.restored_links import Left, revoke_in_workspaces

VOIDING: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "delete from identity.sessions": ("sessions.session_hash",),
        "delete from identity.limited_sessions": ("limited_sessions.session_hash",),
        "delete from identity.magic_links": ("magic_links.token_hash",),
        "delete from identity.link_confirmations": ("link_confirmations.token_hash",),
        "delete from identity.recovery_requests": ("recovery_requests.token_hash", "recovery_requests.code_hashes"),
        # Who is invited stays so; the invitation is sent again for a new link.
        "update identity.invitations set link_hash = null where link_hash is not null": ("invitations.link_hash",),
        # Mails that hold a link which is void now. Notices hold none.
        "update identity.outbox set content = null, given_up_at = clock_timestamp(), last_error = 'restored since'"
        " where content is not null and kind <> 'owner_notice'": ("outbox.content",),
    }
)
"""Each statement, and the columns of the identity schema by which something could be come with that it makes void."""

STAYS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "api_tokens.token_hash": "stays with the name, which is never given again; the token is revoked, as an event",
        "spent_attempts.attempt_hash": "remembers what was used; attempts begun before the epoch are refused by time",
        "idempotency.mac": "finds an answer only for who may ask anyway",
        "tombstones.digest": "opens nothing: keeps erased people from coming back unasked",
        "webhooks.secret": "opens nothing here: signs what goes out",
        "webhooks.former_secret": "opens nothing here either, and signs for a while beside the new one",
        "tombstone_key.wrapped": "opens nothing without the secret keys of the settings",
    }
)
"""Columns that look alike and stay, each with the reason."""

_TOKENS: Final = """
    update identity.api_tokens set revoked_at = clock_timestamp() where revoked_at is null returning token_id
"""
_BATCH: Final = 500
_FORGOTTEN: Final = """
    select body -> 'data' ->> 'name_id' as name_id from ledger.events where stream_id = $1 and type = 'NameShredded'
"""
_SHRED_AGAIN: Final = """
    select coalesce(sum(cardinality(gone.secret_ids)), 0)::int
    from (select distinct stream_id from ledger.events where type = 'SecretsShredded') told
    cross join lateral ledger.shred_secrets(told.stream_id) gone
"""


@dataclass(frozen=True, slots=True)
class Restored:
    """The epoch that began, after which position of the log, how much became void, and what was shredded again.

    ``left`` are workspaces whose set-up links and recovery codes are as they were; the run is to be repeated for them.
    """

    epoch: int
    position: int
    rows: int
    tokens: int
    workspaces: int
    names: int
    secrets: int
    left: Left


async def begin_after_restore(
    owner: Pool,
    store: EventStore,
    identity: IdentityResources,
    reason: str,
    context: Context,
    shredded: Sequence[str] = (),
) -> Restored:
    """Begin an epoch, and make void what was handed out before it. Safe to repeat: another epoch begins.

    What was shredded is shredded again, as far as the restored log tells and the list does. Set-up links and recovery
    codes are revoked in the workspaces' own histories, and their owners are told; a workspace whose state cannot be
    read is left and named, and the others are done.

    Args:
        owner: a pool of the role that owns the tables.
        store: the log.
        identity: what changes to workspaces need.
        reason: which backup, and why.
        context: of the events that tell of it.
        shredded: ids of names that were forgotten after the backup was made, which its log does not know.
    """
    async with transaction(owner) as connection:
        rows = 0
        for statement in VOIDING:
            rows += int((await connection.execute(statement)).rpartition(" ")[2])
        tokens: list[UUID] = [row["token_id"] for row in await connection.fetch(_TOKENS)]
        # From here on nobody else appends, so that nothing comes between the epoch and the event that tells of it.
        epoch: int = await connection.fetchval("select ledger.begin_epoch($1)", reason)
        position: int = await connection.fetchval("select began_after from ledger.epochs where epoch = $1", epoch)
        await _append(connection, store, [LogRestored(epoch=epoch, position=position)], context)
        for start in range(0, len(tokens), _BATCH):
            revoked = [ApiTokenRevoked(token_id=str(one)) for one in tokens[start : start + _BATCH]]
            await _append(connection, store, revoked, context)
        names = await _forget_again(connection, store, identity.names, shredded, context)
        secrets: int = await connection.fetchval(_SHRED_AGAIN)
    workspaces, left = await revoke_in_workspaces(identity, context)
    return Restored(epoch, position, rows, len(tokens), workspaces, names, secrets, left)


async def _forget_again(
    connection: Connection, store: EventStore, names: Names, shredded: Sequence[str], context: Context
) -> int:
    """Forget whom the log tells to be forgotten, and whom the list does; what the log did not know is recorded."""
    told = {row["name_id"] for row in await connection.fetch(_FORGOTTEN, SYSTEM_STREAM)}
    untold: list[EventData] = []
    done = 0
    for id_ in sorted(told.union(shredded)):
        changed = await names.shred(connection, id_)
        await unname_tokens(connection, id_)
        done += changed
        if changed and id_ not in told:
            untold.append(NameShredded(name_id=id_))
    for start in range(0, len(untold), _BATCH):
        await _append(connection, store, untold[start : start + _BATCH], context)
    return done


async def _append(connection: Connection, store: EventStore, data: Sequence[EventData], context: Context) -> None:
    prepared = store.prepare([NewEvent.of(one) for one in data], context)
    await store.append(SYSTEM_STREAM, ANY_VERSION, prepared, conn=connection)
