"""The outbox: a mail is written in the transaction of the change it tells of, and goes out once that has committed.

Delivery is at least once. The content may hold a bearer link, so it is sealed while it waits and dropped afterwards.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Final, Literal

import asyncpg
import orjson
import structlog

from service.clock import Clock
from service.cookiebox import CookieBox
from service.db import TROUBLE
from service.identity.addresses import read_address
from service.identity.known_addresses import is_known_address
from service.identity.recovery_request import recovery_of
from service.identity.resources import Connection, Pool
from service.mail import MailDelayed, Mailer, MailRefused

log = structlog.get_logger("outbox")

MailKind = Literal["owner_notice", "invitation", "confirm_link", "magic_link", "confirm_google", "recovery"]
TO_KNOWN_ONLY: Final = frozenset({"magic_link", "confirm_google"})
"""Anybody can ask for these, for any address: whether it leads to somebody is looked at when the mail would go out, so
that asking takes as long for every address."""
Value = str | int | None | list[str]

BATCH: Final = 20
LEASE: Final = timedelta(minutes=5)
"""A mail that was taken and neither sent nor put back (the process died) is taken again after this."""
FIRST_PAUSE: Final = timedelta(minutes=1)
LONGEST_PAUSE: Final = timedelta(hours=6)
MOST_ATTEMPTS: Final = 14
POLL_S: Final = 5.0
_PURPOSE: Final = "outbox"


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail to one address. ``values`` fill the kind's templates. From ``useless_after`` on it is not sent."""

    kind: MailKind
    recipient: str
    values: Mapping[str, Value] = field(repr=False)
    workspace: str | None = None
    useless_after: datetime | None = None


Render = Callable[[int, Mail], EmailMessage]
"""Makes the message of a mail; the first argument is the mail's id in the outbox."""


async def enqueue(connection: Connection, box: CookieBox, mail: Mail, now: datetime) -> bool:
    """Put a mail into the outbox, in the caller's transaction. ``False`` when the recipient is no address."""
    address = read_address(mail.recipient)
    if address is None:
        log.warning("a mail has no address to go to", kind=mail.kind, workspace=mail.workspace)
        return False
    ends = None if mail.useless_after is None else mail.useless_after.isoformat()
    content = box.seal(_PURPOSE, orjson.dumps({"values": dict(mail.values), "useless_after": ends}))
    await connection.execute(
        "insert into identity.outbox (workspace, kind, recipient, content, created_at, next_attempt_at)"
        " values ($1, $2, $3, $4, $5, $5)",
        mail.workspace,
        mail.kind,
        f"{address.local_part}@{address.domain}",
        content,
        now,
    )
    return True


class OutboxWorker:
    """Sends what is due. Several workers, in any number of processes, do not take each other's mails."""

    def __init__(self, pool: Pool, box: CookieBox, clock: Clock, mailer: Mailer | None, render: Render) -> None:
        self._pool = pool
        self._box = box
        self._clock = clock
        self._mailer = mailer
        self._render = render
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Look now; to be called after a commit that put a mail in."""
        self._wake.set()

    async def run(self) -> None:
        """Send until cancelled. Without a mailer nothing goes out: mails wait, and the log says so once."""
        if self._mailer is None:
            log.warning("no mail goes out: KEYLEDGER_SMTP_URL is not set; mails wait in the outbox")
            return
        while True:
            self._wake.clear()
            try:
                sent = await self.deliver_due()
            except TROUBLE:
                log.exception("the outbox cannot be read")
                sent = 0
            if sent < BATCH:
                try:
                    await asyncio.wait_for(self._wake.wait(), POLL_S)
                except TimeoutError:
                    continue

    async def deliver_due(self) -> int:
        """Try to send the mails that are due, oldest first. Returns how many were taken."""
        now = self._clock()
        rows = await self._pool.fetch(
            "update identity.outbox set attempts = attempts + 1, next_attempt_at = $2 where mail_id in"
            " (select mail_id from identity.outbox where sent_at is null and given_up_at is null"
            "  and next_attempt_at <= $1 order by next_attempt_at limit $3 for update skip locked)"
            " returning mail_id, workspace, kind, recipient, content, attempts",
            now,
            now + LEASE,
            BATCH,
        )
        await asyncio.gather(*(self._deliver(row) for row in rows))
        return len(rows)

    async def _deliver(self, row: asyncpg.Record) -> None:
        mail = self._opened(row)
        if mail is None:
            await self._give_up(row, "the content cannot be opened: its key is gone")
        elif mail.useless_after is not None and mail.useless_after <= self._clock():
            await self._give_up(row, "too late to be of use")
        elif not await self._is_wanted(mail):
            # Not kept: it would be a list of addresses that somebody has typed.
            await self._pool.execute("delete from identity.outbox where mail_id = $1", row["mail_id"])
        else:
            await self._send(row, mail)

    async def _is_wanted(self, mail: Mail) -> bool:
        if mail.kind == "recovery":
            asked = bytes.fromhex(str(mail.values["request"]))
            return await recovery_of(self._pool, asked, self._clock()) is not None
        if mail.kind not in TO_KNOWN_ONLY:
            return True
        address = read_address(mail.recipient)
        return address is not None and await is_known_address(self._pool, address, self._clock())

    async def _send(self, row: asyncpg.Record, mail: Mail) -> None:
        if self._mailer is None:
            return
        try:
            await self._mailer.send(self._render(row["mail_id"], mail))
        except MailRefused as error:
            await self._give_up(row, str(error))
        except MailDelayed as error:
            await self._put_back(row, str(error))
        except Exception as error:
            # One mail that cannot be made must not keep the others back.
            log.exception("a mail could not be made", mail_id=row["mail_id"], kind=row["kind"])
            await self._put_back(row, type(error).__name__)
        else:
            await self._pool.execute(
                "update identity.outbox set sent_at = $2, content = null, last_error = null where mail_id = $1",
                row["mail_id"],
                self._clock(),
            )

    def _opened(self, row: asyncpg.Record) -> Mail | None:
        raw = self._box.open(_PURPOSE, row["content"])
        if raw is None:
            return None
        content = orjson.loads(raw)
        ends = content["useless_after"]
        useless_after = None if ends is None else datetime.fromisoformat(ends)
        return Mail(row["kind"], row["recipient"], content["values"], row["workspace"], useless_after)

    async def _put_back(self, row: asyncpg.Record, error: str) -> None:
        if row["attempts"] >= MOST_ATTEMPTS:
            await self._give_up(row, error)
            return
        pause = min(FIRST_PAUSE * 2 ** (row["attempts"] - 1), LONGEST_PAUSE)
        log.warning("a mail did not go out", mail_id=row["mail_id"], kind=row["kind"], error=error)
        await self._pool.execute(
            "update identity.outbox set next_attempt_at = $2, last_error = $3 where mail_id = $1",
            row["mail_id"],
            self._clock() + pause,
            error[:500],
        )

    async def _give_up(self, row: asyncpg.Record, error: str) -> None:
        log.error("a mail was given up", mail_id=row["mail_id"], kind=row["kind"], error=error)
        await self._pool.execute(
            "update identity.outbox set given_up_at = $2, content = null, last_error = $3 where mail_id = $1",
            row["mail_id"],
            self._clock(),
            error[:500],
        )
