"""Which addresses are told of what, and what they did not take. Adding and removing one is an event."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

from pydantic import SecretStr

from events.catalogue.event_data import EventData
from events.catalogue.instants import write_instant
from events.catalogue.system import SYSTEM_STREAM, WebhookAdded, WebhookRemoved, WebhookSecretRotated
from events.envelope import Context, NewEvent
from events.refusals import Refusal
from events.store import ANY_VERSION, EventStore
from service.clock import Clock
from service.cookiebox import CookieBox
from service.db import Connection, Pool, transaction
from service.errors import WorkspaceUnknown, invalid
from service.oidc.policy import ProviderPolicy, UrlRefused
from service.webhooks.signing import new_secret, shown_secret

PURPOSE: Final = "webhook"
MOST: Final = 50
"""So many webhooks there are at most: each is told of everything by itself."""

_LIST: Final = """
    select w.webhook_id, w.url, w.workspace, w.types, w.description, w.position, w.created_at, w.disabled_at,
           w.disabled_because,
           count(m.position) filter (where m.given_up_at is null) as waiting,
           count(m.given_up_at) as dead
    from identity.webhooks w left join identity.webhook_messages m using (webhook_id)
    where $1::uuid is null or webhook_id = $1
    group by w.webhook_id order by w.created_at, w.webhook_id
"""


@dataclass(frozen=True, slots=True)
class Webhook:
    """An address that is told of events: of one workspace or the whole log, of some types or all.

    ``position``: everything up to there became messages. ``waiting`` and ``dead`` count those not taken yet and given
    up.
    """

    webhook_id: UUID
    url: str
    workspace: str | None
    types: Sequence[str] | None
    description: str
    position: int
    created_at: datetime
    disabled_at: datetime | None
    disabled_because: str | None
    waiting: int
    dead: int


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that was given up."""

    position: int
    stream_id: str
    attempts: int
    given_up_at: datetime
    last_error: str | None


@dataclass(frozen=True, slots=True)
class Webhooks:
    """The registry. ``policy`` says which addresses of the web may be told anything."""

    pool: Pool
    store: EventStore
    box: CookieBox
    clock: Clock
    policy: ProviderPolicy

    async def add(
        self, url: str, workspace: str | None, types: Sequence[str] | None, description: str, context: Context
    ) -> tuple[Webhook, SecretStr]:
        """Tell this address of what is recorded from now on. Returns its signing secret, which is shown this once.

        Raises:
            Refusal: ``data_invalid``, ``workspace_unknown``.
        """
        try:
            parts = self.policy.check(url)
        except UrlRefused as refused:
            message = f"Nothing is sent there: {refused}. Write it as https://hooks.example.net/keyledger."
            raise invalid(message, "/url") from None
        webhook_id, secret = uuid4(), new_secret()
        event = WebhookAdded(
            webhook_id=str(webhook_id), host=parts.host, workspace=workspace, types=None if types is None else [*types]
        )
        async with transaction(self.pool) as connection:
            if workspace is not None and not await _exists(connection, workspace):
                raise WorkspaceUnknown
            await self._append(connection, event, context)
            # Under the append's lock: the events from here on are those after this one.
            if await connection.fetchval("select count(*) from identity.webhooks") >= MOST:
                raise invalid(f"There are {MOST} webhooks already. Remove one first.", "/url")
            await connection.execute(
                "insert into identity.webhooks (webhook_id, url, workspace, types, description, secret, position,"
                " epoch, created_at) select $1, $2, $3, $4, $5, $6, max(position),"
                " (select max(epoch) from ledger.epochs), $7 from ledger.events",
                webhook_id,
                url,
                workspace,
                None if types is None else [*types],
                description,
                self.box.seal(PURPOSE, secret, str(webhook_id)),
                self.clock(),
            )
        return await self.find(webhook_id), shown_secret(secret)

    async def rotate(self, webhook_id: UUID, keep: timedelta, context: Context) -> tuple[Webhook, SecretStr]:
        """Sign with a new secret from now on, and with the one before it as well for as long as ``keep`` says.

        Returns the new secret, which is shown this once.

        Raises:
            Refusal: ``not_found``.
        """
        secret, until = new_secret(), self.clock() + keep
        async with transaction(self.pool) as connection:
            rotated = await connection.fetchval(
                "update identity.webhooks set former_secret = secret, former_until = $3, secret = $2"
                " where webhook_id = $1 returning true",
                webhook_id,
                self.box.seal(PURPOSE, secret, str(webhook_id)),
                until,
            )
            if not rotated:
                raise _unknown()
            event = WebhookSecretRotated(webhook_id=str(webhook_id), former_until=write_instant(until))
            await self._append(connection, event, context)
        return await self.find(webhook_id), shown_secret(secret)

    async def remove(self, webhook_id: UUID, context: Context) -> None:
        """Tell an address of nothing more, and forget what it did not take.

        Raises:
            Refusal: ``not_found``.
        """
        async with transaction(self.pool) as connection:
            gone = await connection.fetchval(
                "delete from identity.webhooks where webhook_id = $1 returning true", webhook_id
            )
            if not gone:
                raise _unknown()
            await self._append(connection, WebhookRemoved(webhook_id=str(webhook_id)), context)

    async def find_all(self) -> list[Webhook]:
        """Return all webhooks, oldest first."""
        return [Webhook(**row) for row in await self.pool.fetch(_LIST, None)]

    async def find(self, webhook_id: UUID) -> Webhook:
        """Return one webhook.

        Raises:
            Refusal: ``not_found``.
        """
        row = await self.pool.fetchrow(_LIST, webhook_id)
        if row is None:
            raise _unknown()
        return Webhook(**row)

    async def dead_letters(self, webhook_id: UUID, after: int, limit: int) -> list[DeadLetter]:
        """Return messages that were given up, oldest first, those behind a position."""
        rows = await self.pool.fetch(
            "select position, stream_id, attempts, given_up_at, last_error from identity.webhook_messages"
            " where webhook_id = $1 and given_up_at is not null and position > $2 order by position limit $3",
            webhook_id,
            after,
            limit,
        )
        return [DeadLetter(**row) for row in rows]

    async def replay(self, webhook_id: UUID, positions: Sequence[int] | None) -> int:
        """Send dead letters again, all of them or those of these positions. Returns how many.

        A webhook that was disabled goes on: whoever replays expects it to take messages.
        """
        async with transaction(self.pool) as connection:
            await connection.execute(
                "update identity.webhooks set disabled_at = null, disabled_because = null where webhook_id = $1",
                webhook_id,
            )
            rows = await connection.fetch(
                "update identity.webhook_messages set given_up_at = null, attempts = 0, next_attempt_at = $3"
                " where webhook_id = $1 and given_up_at is not null and ($2::bigint[] is null or position = any($2))"
                " returning position",
                webhook_id,
                None if positions is None else [*positions],
                self.clock(),
            )
        return len(rows)

    async def _append(self, connection: Connection, data: EventData, context: Context) -> None:
        prepared = self.store.prepare([NewEvent.of(data)], context)
        # Nothing is decided on the system stream's state, so that whatever version it has is the right one.
        await self.store.append(SYSTEM_STREAM, ANY_VERSION, prepared, conn=connection)


async def _exists(connection: Connection, slug: str) -> bool:
    return bool(await connection.fetchval("select exists (select from identity.workspaces where slug = $1)", slug))


def _unknown() -> Refusal:
    return Refusal("not_found", "There is no such webhook. See: keyledger webhook list")
