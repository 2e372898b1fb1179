"""The notary: takes the log into the Merkle tree and the map of streams' ends, and signs checkpoints of both.

It works beside the appends and never in them. Each batch is one transaction with its compare and set; one instance
works at a time. It takes in only events that follow from those before them, so that it never signs what was changed
before it came by.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TYPE_CHECKING

from events.catalogue.instants import write_instant
from events.chain import Fault
from events.checkpoints import Checkpoint
from events.envelope import SYSTEM, Context
from events.heads import map_root_of
from events.intake import LogDoesNotHold, TreeState, take_in
from events.notes import NoteSigner, sign_note
from events.progress import Progress, unseen
from events.sealing import WrappingKeyMissing
from events.signed import Signed, latest_checkpoint, list_checkpoints
from events.signing import SigningKey, SigningKeys
from events.store import EventStore
from events.tiles import root_of

if TYPE_CHECKING:
    from events.store import Connection

BATCH = 1000
BULK_FROM = 5_000
"""From so many events on that are not in the tree yet, and a sixteenth of the map's streams, the map is made anew."""

TURN = 7311142302
REWRITE_TIMEOUT_S = 6 * 3600.0

_KEEP = """
    insert into ledger.checkpoints (size, position, root, streams, heads_root, key_id, note, made_at)
    values ($1, $2, $3, $4, $5, $6, $7, $8)
"""
_FORGET = """
    delete from ledger.tree_tiles;
    delete from ledger.head_nodes;
    update ledger.tree_state set size = 0, position = 0, streams = 0;
"""
_BEGINNING = Context(SYSTEM, reason="The log's first checkpoint needs a key.")


class Notary:
    """Makes the checkpoints of one log.

    Args:
        store: the log, through a pool of the runtime role.
        keys: the signing keys.
        origin: the log's name, for its first key; it never changes afterwards.
        batch: how many events one transaction takes in at most.
        bulk_from: from how many events on they are taken in with the map made anew.
    """

    def __init__(
        self, store: EventStore, keys: SigningKeys, origin: str, *, batch: int = BATCH, bulk_from: int = BULK_FROM
    ) -> None:
        self.store, self.keys, self._origin = store, keys, origin
        self._batch, self._bulk_from = batch, bulk_from

    async def make(self) -> Signed:
        """Take in what is new and return a checkpoint of the whole log: a new one, or the latest if nothing is new.

        Raises:
            LogDoesNotHold: an event does not follow from those before it.
            SealError: the signing key cannot be opened.
        """
        async with self._turn() as conn:
            if await self.keys.signer(conn) is None:
                await self.keys.rotate(self.store, conn, self._origin, _BEGINNING)
        while True:
            async with self._turn() as conn:
                state = await take_in(self.store, conn, self._batch, self._bulk_from)
                if state is not None:
                    return await self._sign(conn, state)

    async def try_make(self) -> Signed | None:
        """Do the same, or nothing if another instance is at it."""
        async with self.store.pool.acquire() as conn, conn.transaction():
            if not await conn.fetchval("select pg_try_advisory_xact_lock($1)", TURN):
                return None
        return await self.make()

    async def rotate(self, context: Context) -> tuple[SigningKey, Signed]:
        """Make a new signing key, and the checkpoint that both keys sign, the old one for the last time.

        An old key whose secret key is lost signs no more, and the new one signs alone.

        Raises:
            LogDoesNotHold: see ``make``; the new key is there all the same.
        """
        async with self._turn() as conn:
            key = await self.keys.rotate(self.store, conn, self._origin, context)
        return key, await self.make()

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator["Connection"]:
        async with self.store.pool.acquire() as conn, conn.transaction():
            await conn.execute("select pg_advisory_xact_lock($1)", TURN)
            yield conn

    async def _sign(self, conn: "Connection", state: TreeState) -> Signed:
        latest = await latest_checkpoint(conn)
        if latest is not None and latest.checkpoint.size == state.size:
            return latest
        signers = await self._signers(conn, latest)
        now: datetime = await conn.fetchval("select clock_timestamp()")
        checkpoint = Checkpoint(
            origin=signers[0].key.name,
            size=state.size,
            root=await root_of(conn, state.size),
            position=state.position,
            streams=state.streams,
            heads_root=await map_root_of(conn),
            made_at=write_instant(now),
        )
        signed = Signed(checkpoint, signers[0].key.id.hex(), sign_note(checkpoint.text, signers), now)
        await conn.execute(
            _KEEP,
            state.size,
            state.position,
            checkpoint.root,
            state.streams,
            checkpoint.heads_root,
            signed.key_id,
            signed.note,
            now,
        )
        return signed

    async def _signers(self, conn: "Connection", latest: Signed | None) -> list[NoteSigner]:
        newest = await self.keys.signer(conn)
        assert newest is not None  # noqa: S101 - the first key comes before the first checkpoint
        if latest is None or latest.key_id == newest.key.id.hex():
            return [newest]
        # Whoever knows only the former key learns of the new one from the log that the former key signs here.
        try:
            former = await self.keys.signer(conn, latest.key_id)
        except WrappingKeyMissing:
            former = None
        return [newest] if former is None else [newest, former]


async def rebuild_tree(
    store: EventStore, progress: Progress = unseen, *, batch: int = BATCH, bulk_from: int = BULK_FROM
) -> int:
    """Make the tree and the map anew from the events, and return of how many; the checkpoints that were signed stay.

    Args:
        store: the log, through a pool of at least two connections of the role that owns the tables.
        progress: told of how many events of how many are in.
        batch: how many events are taken in at once.
        bulk_from: from how many events on they are taken in much faster.

    Raises:
        LogDoesNotHold: the log is not the one that a kept checkpoint covers; the tree is as it was.
    """
    async with store.pool.acquire() as conn, conn.transaction():
        await conn.execute("select pg_advisory_xact_lock($1)", TURN)
        await conn.execute(_FORGET, timeout=REWRITE_TIMEOUT_S)
        while (state := await take_in(store, conn, batch, bulk_from, progress)) is None:
            pass
        after = -1
        while page := await list_checkpoints(conn, after, batch):
            for checkpoint in (signed.checkpoint for signed in page):
                if checkpoint.size > state.size or await root_of(conn, checkpoint.size) != checkpoint.root:
                    problem = f"The log is not the one that the checkpoint of {checkpoint.made_at} covers."
                    raise LogDoesNotHold(Fault(checkpoint.position, "", 0, problem, "forked"))
            after = page[-1].checkpoint.size
        return state.size
