"""What may be used once, whichever instance is asked: remembered by its hash for as long as it could be used."""

import asyncio
from asyncio import Future, Task
from datetime import datetime
from operator import attrgetter
from typing import Final, NamedTuple

from service.db import Executor, Pool

MOST_TOGETHER: Final = 100

_SPEND: Final = """
    insert into identity.spent_attempts (attempt_hash, expires_at) values ($1, $2)
    on conflict do nothing returning true
"""
_SPEND_TOGETHER: Final = """
    insert into identity.spent_attempts (attempt_hash, expires_at)
    select s.digest, s.ends_at
    from set_config('synchronous_commit', 'off', true),
         unnest($1::bytea[], $2::timestamptz[], $3::timestamptz[]) as s (digest, ends_at, begun_at)
    -- What was spent after the backup that was restored is forgotten, so that all from before counts as spent.
    where not exists (select from ledger.epochs e where e.epoch > 1 and e.began_at > s.begun_at)
    on conflict do nothing returning attempt_hash
"""


async def spend(executor: Executor, digest: bytes, expires_at: datetime) -> bool:
    """Use something up. Of all who try, one is told ``True``. ``digest`` is a SHA-256 of what identifies it."""
    return bool(await executor.fetchval(_SPEND, digest, expires_at))


class _Asked(NamedTuple):
    digest: bytes
    expires_at: datetime
    begun_at: datetime
    answer: "Future[bool]"


class AttemptsSpent:
    """Uses login attempts up: those together that are asked for while earlier ones are being written.

    Nobody waits for the disk. All instances see at once what is spent; only a crash of the database forgets what was
    spent in the moment before, and then the provider still takes each code but once (RFC 6749 4.1.2).
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._asked: list[_Asked] = []
        self._writing: Task[None] | None = None

    async def spend(self, digest: bytes, expires_at: datetime, begun_at: datetime) -> bool:
        """Use an attempt up. Of all who try, one is told ``True``. ``digest`` is a SHA-256 of what identifies it.

        Nobody is, for an attempt that was begun before the database was restored from a backup.
        """
        answer: Future[bool] = asyncio.get_running_loop().create_future()
        self._asked.append(_Asked(digest, expires_at, begun_at, answer))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_all())
        return await answer

    async def _write_all(self) -> None:
        try:
            while self._asked:
                together, self._asked = self._asked[:MOST_TOGETHER], self._asked[MOST_TOGETHER:]
                await self._write(together)
        finally:
            self._writing = None

    async def _write(self, together: list[_Asked]) -> None:
        # Every instance writes in the same order, or two that hold what the other waits for would stop each other, and
        # with them everybody's sign-in that is written along.
        together.sort(key=attrgetter("digest"))
        try:
            digests, ends = [one.digest for one in together], [one.expires_at for one in together]
            begun = [one.begun_at for one in together]
            first = {row[0] for row in await self._pool.fetch(_SPEND_TOGETHER, digests, ends, begun)}
        except Exception as error:  # noqa: BLE001 - raised where somebody waits for the answer
            for one in together:
                if not one.answer.done():
                    one.answer.set_exception(error)
            return
        for one in together:
            if not one.answer.done():
                one.answer.set_result(one.digest in first)
            # Two who asked for the same in one go: the first has it.
            first.discard(one.digest)
