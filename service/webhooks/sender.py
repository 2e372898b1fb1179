"""Sends what webhooks are to be told: in each workspace's order, again until it is taken, by one instance at a time.

Delivery is at least once: what was taken and not noted, since the process died, is sent again under the same id.
"""

import asyncio
import random
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

import asyncpg
import structlog

from events.envelope import Recorded
from events.rows import COLUMNS, recorded
from service.clock import Clock
from service.cookiebox import CookieBox
from service.db import TROUBLE, Connection, Pool, transaction
from service.new_events import NewEvents
from service.oidc.errors import OidcError
from service.oidc.http import ProviderClient
from service.webhooks.message import body_of
from service.webhooks.registry import PURPOSE
from service.webhooks.signing import signed_headers

log = structlog.get_logger("webhooks")

LOCK: Final = 7_311_142_317
TAKEN_IN_AT_ONCE: Final = 1000
SENT_AT_ONCE: Final = 20
TIMEOUT_S: Final = 10.0
POLL_S: Final = 1.0
GATHER_S: Final = 0.05
"""So long after the first news others may join it: many appends are one look."""
GONE: Final = 410
PAUSES_S: Final = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""Before each further attempt, as Standard Webhooks 1.0 suggests: about three days in all. Then it is a dead letter."""

_TURN: Final = "select pg_try_advisory_xact_lock($1)"
_ANY: Final = "select exists (select from identity.webhooks where disabled_at is null)"
_LAGGING: Final = """
    select webhook_id, workspace, types, position from identity.webhooks
    where disabled_at is null and position < (select coalesce(max(position), 0) from ledger.events)
"""
_RESTORED: Final = """
    with restored as (
        update identity.webhooks w set epoch = now.epoch, position = least(w.position, now.common, now.head)
        from (
            select webhook_id, (select max(epoch) from ledger.epochs) as epoch,
                (select min(began_after) from ledger.epochs e where e.epoch > o.epoch) as common,
                (select coalesce(max(position), 0) from ledger.events) as head
            from identity.webhooks o
        ) now
        where now.webhook_id = w.webhook_id and (w.epoch < now.epoch or w.position > now.head)
        returning w.webhook_id, w.position
    )
    delete from identity.webhook_messages m using restored r
    where m.webhook_id = r.webhook_id and m.position > r.position
"""
_TAKE_IN: Final = """
    insert into identity.webhook_messages (webhook_id, position, stream_id, next_attempt_at)
    select $1, position, stream_id, $6 from ledger.events
    where position > $2 and position <= $3 and ($4::text is null or stream_id = $4)
      and ($5::text[] is null or type = any($5))
    on conflict do nothing
"""
_DUE: Final = """
    select head.*, w.url, w.secret, w.former_secret, w.former_until from (
        select distinct on (m.webhook_id, m.stream_id) m.webhook_id, m.stream_id, m.position, m.attempts,
               m.next_attempt_at
        from identity.webhook_messages m join identity.webhooks w using (webhook_id)
        where m.given_up_at is null and w.disabled_at is null
        order by m.webhook_id, m.stream_id, m.position
    ) head join identity.webhooks w using (webhook_id)
    where head.next_attempt_at <= $1 order by head.next_attempt_at, head.position limit $2
"""


@dataclass(frozen=True, slots=True)
class _Answer:
    """How an attempt ended: taken, or why not. ``gone``: the receiver wants nothing any more."""

    error: str | None = None
    gone: bool = False
    retry_after_s: float = 0.0


@dataclass(frozen=True, slots=True)
class WebhookSender:
    """Sends, in the background. ``http`` is the client that refuses addresses that are not public."""

    pool: Pool
    box: CookieBox
    clock: Clock
    http: ProviderClient
    news: NewEvents

    async def run(self) -> None:
        """Send until cancelled."""
        await self.reseal()
        while True:
            try:
                sent = await self.deliver_due()
                wanted = sent > 0 or await self.pool.fetchval(_ANY)
            except TROUBLE:
                log.exception("webhooks cannot be read")
                sent, wanted = 0, False
            if not sent:
                await self._rest(wanted=wanted)

    async def _rest(self, *, wanted: bool) -> None:
        """Wait for what is new, where anybody wants to be told of it."""
        if wanted and not self.news.closed:
            await self.news.wait(POLL_S)
            await asyncio.sleep(GATHER_S)
        else:
            await asyncio.sleep(POLL_S)

    async def reseal(self) -> None:
        """Seal every signing secret under the newest key, so that older ones can be taken out of the settings.

        Former secrets that sign no more are forgotten.
        """
        await self.pool.execute(
            "update identity.webhooks set former_secret = null, former_until = null where former_until <= $1",
            self.clock(),
        )
        for row in await self.pool.fetch("select webhook_id, secret, former_secret from identity.webhooks"):
            sealed = [self._sealed_anew(row, name) for name in ("secret", "former_secret")]
            await self.pool.execute(
                "update identity.webhooks set secret = $4, former_secret = $5"
                " where webhook_id = $1 and secret = $2 and former_secret is not distinct from $3",
                *row,
                *sealed,
            )

    def _sealed_anew(self, row: asyncpg.Record, name: str) -> str | None:
        """Return the secret sealed under the newest key, or as it is where there is none or its key is gone."""
        sealed: str | None = row[name]
        secret = None if sealed is None else self.box.open(PURPOSE, sealed, str(row["webhook_id"]))
        return sealed if secret is None else self.box.seal(PURPOSE, secret, str(row["webhook_id"]))

    async def deliver_due(self) -> int:
        """Take in what is new, and try once what is due: the first message of each workspace, for each webhook.

        Returns how many were tried; none while another instance is at it.
        """
        async with transaction(self.pool) as connection:
            if not await connection.fetchval(_TURN, LOCK):
                return 0
            await self._take_in(connection)
        # Apart from the sending, so that nobody who changes a webhook waits for a receiver.
        async with transaction(self.pool) as connection:
            if not await connection.fetchval(_TURN, LOCK):
                return 0
            due = await connection.fetch(_DUE, self.clock(), SENT_AT_ONCE)
            events = await _events(connection, [row["position"] for row in due])
            answers = await asyncio.gather(*(self._send(row, events.get(row["position"])) for row in due))
            for row, answer in zip(due, answers, strict=True):
                await self._note(connection, row, answer)
        return len(due)

    async def _take_in(self, connection: Connection) -> None:
        await connection.execute(_RESTORED)
        for webhook in await connection.fetch(_LAGGING):
            after = webhook["position"]
            end = await connection.fetchval(
                "select max(position) from (select position from ledger.events where position > $1"
                " order by position limit $2) next",
                after,
                TAKEN_IN_AT_ONCE,
            )
            kept = (webhook["workspace"], webhook["types"])
            await connection.execute(_TAKE_IN, webhook["webhook_id"], after, end, *kept, self.clock())
            await connection.execute(
                "update identity.webhooks set position = $2 where webhook_id = $1", webhook["webhook_id"], end
            )

    async def _send(self, row: asyncpg.Record, event: Recorded | None) -> _Answer:
        secret = self.box.open(PURPOSE, row["secret"], str(row["webhook_id"]))
        if event is None or secret is None:
            return _Answer("the signing secret does not open: its key is gone" if event else "the event is gone")
        try:
            body = body_of(event)
            signing = [secret, *self._former(row)]
            headers = signed_headers(signing, str(event.event_id), int(self.clock().timestamp()), body)
            answer = await self.http.post_json(row["url"], body, headers)
        except OidcError as error:
            return _Answer(error.detail or error.reason, retry_after_s=float(error.retry_after or 0))
        except Exception as error:
            # One message that cannot be made must not keep the others back.
            log.exception("a webhook message could not be made", position=event.position)
            return _Answer(type(error).__name__)
        if answer.status // 100 == 2:  # noqa: PLR2004 - the class of success
            return _Answer()
        return _Answer(f"the receiver answered with the status {answer.status}", gone=answer.status == GONE)

    def _former(self, row: asyncpg.Record) -> list[bytes]:
        """Return the secret before the webhook's own, while it signs too."""
        if row["former_secret"] is None or row["former_until"] <= self.clock():
            return []
        former = self.box.open(PURPOSE, row["former_secret"], str(row["webhook_id"]))
        return [] if former is None else [former]

    async def _note(self, connection: Connection, row: asyncpg.Record, answer: _Answer) -> None:
        place = (row["webhook_id"], row["position"])
        if answer.error is None:
            await connection.execute(
                "delete from identity.webhook_messages where webhook_id = $1 and position = $2", *place
            )
            return
        told = {"webhook": str(place[0]), "position": place[1], "error": answer.error}
        if answer.gone:
            log.warning("a webhook wants nothing any more, and is disabled", **told)
            await _disable(connection, place[0], self.clock, answer.error)
        last = row["attempts"] >= len(PAUSES_S)
        if last:
            log.error("a webhook message was given up", **told)
        pause = PAUSES_S[min(row["attempts"], len(PAUSES_S) - 1)] * random.uniform(1.0, 1.1)  # noqa: S311 - no secret
        await connection.execute(
            "update identity.webhook_messages set attempts = attempts + 1, next_attempt_at = $3, last_error = $4,"
            " given_up_at = $5 where webhook_id = $1 and position = $2",
            *place,
            self.clock() + timedelta(seconds=max(pause, answer.retry_after_s)),
            answer.error[:200],
            self.clock() if last or answer.gone else None,
        )


async def _disable(connection: Connection, webhook_id: UUID, clock: Clock, why: str) -> None:
    await connection.execute(
        "update identity.webhooks set disabled_at = $2, disabled_because = $3 where webhook_id = $1",
        webhook_id,
        clock(),
        why[:200],
    )


async def _events(connection: Connection, positions: list[int]) -> dict[int, Recorded]:
    rows = await connection.fetch(f"select {COLUMNS} from ledger.events where position = any($1)", positions)
    return {row["position"]: recorded(row) for row in rows}
