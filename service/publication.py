"""Putting checkpoints where a changed database contradicts them: a directory, and an address outside.

The directory gets one file for each checkpoint, which never changes afterwards, so that it can be kept in Git. The
address gets each checkpoint's signed note by POST, in their order, until it answers with success.
"""

import asyncio
import os
import re
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import structlog
from aiohttp import ClientError, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector
from pydantic import SecretStr
from yarl import URL

from events.notes import NoteRefused
from events.signed import Signed, find_checkpoint, list_checkpoints
from service.db import Pool, transaction
from service.oidc.addresses import guarded_sockets
from service.oidc.names import ProviderNames
from service.oidc.policy import ProviderPolicy, UrlRefused

log = structlog.get_logger("checkpoints")

AT_ONCE: Final = 100
SENT_AT_ONCE: Final = 20
TIMEOUT_S: Final = 5.0
DELIVERY: Final = 7311142303
FILE: Final = re.compile(r"(?P<size>[0-9]{19})\.checkpoint")
NOTE: Final = "text/plain; charset=utf-8"


class DeliveryFailed(OSError):
    """The place did not take the checkpoint. The text says why; the next round tries again."""


class Contradicted(OSError):
    """The directory holds a checkpoint that this database does not know: one of the two was changed."""


@dataclass(frozen=True)
class Endpoint:
    """An https address that takes signed notes by POST. ``policy`` and ``ssl`` are for addresses of one's own."""

    url: str
    token: SecretStr | None = None
    policy: ProviderPolicy | None = None
    ssl: object = True

    async def send(self, note: str) -> None:
        """Send one note: https only, no redirect, no cookie, no proxy setting, five seconds, public addresses only.

        Raises:
            DeliveryFailed: it was not taken.
        """
        parts = urlsplit(self.url)
        if parts.scheme != "https":
            message = "KEYLEDGER_CHECKPOINT_URL is not an https address."
            raise DeliveryFailed(message)
        policy = self.policy or ProviderPolicy(allowed_hosts=frozenset({parts.netloc}))
        headers = {"Content-Type": NOTE, "User-Agent": "keyledger"}
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token.get_secret_value()}"
        try:
            policy.check(self.url)
            status = await self._post(policy, headers, note)
        except UrlRefused as refused:
            message = f"KEYLEDGER_CHECKPOINT_URL is not an address to send to: {refused}."
            raise DeliveryFailed(message) from None
        except (ClientError, OSError, ValueError) as error:
            # Messages of the transport may quote what was sent.
            message = f"The address in KEYLEDGER_CHECKPOINT_URL cannot be reached ({type(error).__name__})."
            raise DeliveryFailed(message) from None
        if status // 100 != 2:  # noqa: PLR2004 - the class of success
            message = f"The address in KEYLEDGER_CHECKPOINT_URL answered with the status {status}."
            raise DeliveryFailed(message)

    async def _post(self, policy: ProviderPolicy, headers: dict[str, str], note: str) -> int:
        names = ProviderNames()
        connector = TCPConnector(
            ssl=self.ssl,  # type: ignore[arg-type]  # a context, or the default
            resolver=names,
            socket_factory=guarded_sockets(allow_loopback=policy.allow_loopback),
        )
        try:
            async with (
                ClientSession(
                    connector=connector,
                    cookie_jar=DummyCookieJar(),
                    timeout=ClientTimeout(total=TIMEOUT_S),
                    trust_env=False,
                ) as session,
                session.post(
                    URL(self.url, encoded=True), data=note.encode(), headers=headers, allow_redirects=False
                ) as answer,
            ):
                return answer.status
        finally:
            await names.close()


@dataclass(frozen=True)
class Published:
    """Where checkpoints go: nowhere, a directory, an address, or both."""

    directory: Path | None = None
    endpoint: Endpoint | None = None


async def publish(pool: Pool, places: Published) -> int:
    """Bring to each place what it does not have yet, oldest first; return how many were brought.

    Raises:
        DeliveryFailed: the address did not take one; those before it are there.
        Contradicted: the directory belongs to another history.
        OSError: the directory cannot be written.
    """
    brought, trouble = 0, list[OSError]()
    for place in (
        None if places.directory is None else _fill(pool, places.directory),
        None if places.endpoint is None else _deliver(pool, places.endpoint),
    ):
        try:
            brought += 0 if place is None else await place
        except OSError as error:
            # What is wrong with one place is no reason to leave the other behind.
            trouble.append(error)
    if trouble:
        raise trouble[0]
    return brought


def file_name(size: int) -> str:
    """Return the name of a checkpoint's file, which sorts by size."""
    return f"{size:019d}.checkpoint"


async def _fill(pool: Pool, directory: Path) -> int:
    newest = await asyncio.to_thread(_newest, directory)
    if newest is not None:
        size, note = newest
        known = await _known(pool, size)
        if known is None or known.note != note:
            message = (
                f"{directory} has a checkpoint of {size} events that this database did not make: it was restored from "
                "an older backup, or changed. Run `keyledger verify --since` on it; a new log needs a new directory."
            )
            raise Contradicted(message)
    after, written = -1 if newest is None else newest[0], 0
    while page := await list_checkpoints(pool, after, AT_ONCE):
        for signed in page:
            await asyncio.to_thread(_write, directory, signed)
            written += 1
        after = page[-1].checkpoint.size
    return written


async def _known(pool: Pool, size: int) -> Signed | None:
    try:
        return await find_checkpoint(pool, size)
    except NoteRefused:
        return None


def _newest(directory: Path) -> tuple[int, str] | None:
    directory.mkdir(parents=True, exist_ok=True)
    names = sorted(file.name for file in directory.iterdir() if FILE.fullmatch(file.name))
    if not names:
        return None
    return int(names[-1].partition(".")[0]), (directory / names[-1]).read_text(encoding="utf-8")


def _write(directory: Path, signed: Signed) -> None:
    target = directory / file_name(signed.checkpoint.size)
    draft = directory / f".{target.name}.{os.getpid()}"
    with draft.open("w", encoding="utf-8", newline="") as file:
        file.write(signed.note)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(target)


async def _deliver(pool: Pool, endpoint: Endpoint) -> int:
    place = sha256(endpoint.url.encode()).hexdigest()
    for sent in range(SENT_AT_ONCE):
        if not await _deliver_one(pool, endpoint, place):
            return sent
    return SENT_AT_ONCE


async def _deliver_one(pool: Pool, endpoint: Endpoint, place: str) -> bool:
    async with transaction(pool) as connection:
        if not await connection.fetchval("select pg_try_advisory_xact_lock($1)", DELIVERY):
            return False
        last = await connection.fetchval("select size from ledger.deliveries where place = $1", place)
        following = await list_checkpoints(connection, -1 if last is None else last, 1)
        if not following:
            return False
        await endpoint.send(following[0].note)
        await connection.execute(
            """
            insert into ledger.deliveries (place, size) values ($1, $2)
            on conflict (place) do update set size = excluded.size, sent_at = clock_timestamp()
            """,
            place,
            following[0].checkpoint.size,
        )
    return True
