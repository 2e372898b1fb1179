"""Store case 11: whatever a superuser does to the log behind the service's back is found, where it begins and how."""

import json
from dataclasses import dataclass

import pytest
from support import stranger
from support.database import Pool, TestDatabase
from support.ledger import domain, record, register
from support.proof import notary_of
from support.tampering import COLUMNS, Superuser

from events.anchors import Anchor
from events.chain import Fault
from events.checkpoints import Checkpoint
from events.export import open_export
from events.export_check import first_fault, verify_export, verify_since
from events.exported import Export, ExportRefused, read_export
from events.intake import LogDoesNotHold
from events.notary import Notary
from events.store import EventStore
from events.verify import verify_log
from events.verify_stream import verify_stream_in


async def exported(notary: Notary, stream_id: str = "acme", since: int | None = None) -> str:
    """Return an export as its holder gets it."""
    async with open_export(notary, stream_id, since) as pieces:
        return b"".join([piece async for piece in pieces]).decode()


@dataclass
class Ledger:
    """A ledger whose events of acme have the positions 2, 4, 6, 9 and 11, those of globex 3, 5, 7 and 10; 8 is a hole.

    ``export`` and ``checkpoint`` are what somebody outside has kept.
    """

    store: EventStore
    notary: Notary
    export: Export
    checkpoint: Checkpoint

    async def find(self, *, outside: bool = True) -> tuple[str, int] | None:
        """Return what the check of the whole log finds."""
        since = [Anchor(self.checkpoint, outside=True)] if outside else []
        return found((await verify_log(self.store, since)).fault)

    async def holder_finds(self) -> tuple[str, int] | None:
        """Return what the holder of the kept export finds in a new one."""
        try:
            raw = await exported(self.notary, since=self.export.checkpoint.size)
            new = read_export(raw)
        except LogDoesNotHold as refused:
            return found(refused.fault)
        fault = first_fault(verify_export(new), verify_since(new, self.export))
        if fault is None:
            stranger.check(raw)
        return found(fault)


def found(fault: Fault | None) -> tuple[str, int] | None:
    """Return what was done, and where it begins."""
    return None if fault is None else (fault.kind, fault.position)


@pytest.fixture
async def ledger(pool: Pool, owner_pool: Pool) -> Ledger:
    store, notary = EventStore(pool), notary_of(pool)
    await notary.make()
    acme, globex = await register(store, "acme"), await register(store, "globex")
    for number in range(3):
        if number == 2:
            await owner_pool.execute("select nextval('ledger.events_position_seq')")
        acme = await record(store, acme, domain(number))
        globex = await record(store, globex, domain(number))
    await record(store, acme, domain(3))
    export = read_export(await exported(notary))
    assert [entry.event.position for entry in export.entries] == [2, 4, 6, 9, 11]
    assert verify_export(export) is None
    return Ledger(store, notary, export, export.checkpoint)


EDIT = "update ledger.events set canonical = replace(canonical, 'a1.', 'b1.') where position = 6"
SWAP_CONTENTS = (
    "update ledger.events e set canonical = o.canonical from ledger.events o"
    " where (e.position, o.position) in ((4, 9), (9, 4))"
)
SWAP_ROWS = (
    "update ledger.events set position = -position where position in (4, 9)",
    "update ledger.events set position = 13 + position where position in (-4, -9)",
)
NEW_ID = "00000000-0000-7000-8000-000000000001"
PUT_IN_TEXT = f"replace(replace(canonical, event_id::text, '{NEW_ID}'), 'a1.', 'z1.')"
PUT_IN = (
    f"insert into ledger.events ({COLUMNS}) overriding system value select %s, '{NEW_ID}',"
    " recorded_at + interval '1 us', type, schema_version,"
    f" {PUT_IN_TEXT}, ({PUT_IN_TEXT})::jsonb, hash"
    " from ledger.events where position = 6"
)
SET_ENDS_BACK = (
    "update ledger.streams s set version = e.version, head_hash = e.hash, position = e.position"
    " from ledger.events e where e.stream_id = s.stream_id and e.position in (6, 7)"
)
CUT_OFF = "delete from ledger.events where position > 7"
TAMPERING: dict[str, tuple[tuple[str, ...], tuple[str, int], tuple[str, int] | None]] = {
    # what is done: the statements, what the whole check finds, what the holder of an earlier export of acme finds
    "edited": ((EDIT,), ("edited", 6), ("edited", 6)),
    "edited with its hash": (
        (EDIT, "update ledger.events set hash = sha256(convert_to(canonical, 'UTF8')) where position = 6"),
        ("edited", 6),
        ("edited", 6),
    ),
    "time edited": (
        ("update ledger.events set recorded_at = recorded_at + interval '1 us' where position = 9",),
        ("edited", 9),
        ("edited", 9),
    ),
    "removed": (("delete from ledger.events where position = 6",), ("removed", 6), ("removed", 6)),
    "first removed": (("delete from ledger.events where position = 2",), ("removed", 2), ("removed", 2)),
    "another's removed": (("delete from ledger.events where position = 5",), ("removed", 5), None),
    "put at the end": ((PUT_IN % "5000, stream_id, 6, 10",), ("inserted", 5000), None),
    "put between": ((PUT_IN % "8, stream_id, 6, 100",), ("inserted", 8), None),
    "put between in the stream": (
        (
            "update ledger.events set version = -version where stream_id = 'acme' and version > 3",
            "update ledger.events set version = 1 - version where version < 0",
            PUT_IN % "8, stream_id, 4, 100",
        ),
        ("inserted", 8),
        ("inserted", 8),
    ),
    "contents swapped": ((SWAP_CONTENTS,), ("reordered", 4), ("reordered", 4)),
    "rows swapped": (SWAP_ROWS, ("reordered", 4), ("reordered", 4)),
    "cut off": ((CUT_OFF,), ("truncated", 9), ("truncated", 9)),
    "cut off, with the streams' ends": ((CUT_OFF, SET_ENDS_BACK), ("truncated", 9), ("truncated", 9)),
}


@pytest.mark.parametrize("name", TAMPERING)
async def test_what_was_done_is_named_with_its_first_position(
    ledger: Ledger, database: TestDatabase, name: str
) -> None:
    """By the check of the whole log, and by who holds an earlier export and gets a new one from the service."""
    statements, whole, holder = TAMPERING[name]
    assert (await ledger.find(), await ledger.holder_finds()) == (None, None)
    async with Superuser(database.superuser_dsn) as superuser:
        await superuser.do(*statements)
    assert await ledger.find(outside=False) == whole
    assert await ledger.holder_finds() == holder


async def test_a_log_written_anew_contradicts_the_kept_tree(ledger: Ledger, database: TestDatabase) -> None:
    """An edit with all hashes made anew holds as a chain; the tree remembers what was recorded there."""
    async with Superuser(database.superuser_dsn) as superuser:
        await superuser.do(EDIT)
        await superuser.write_anew()
    assert await ledger.find(outside=False) == ("forked", 6)
    assert await ledger.holder_finds() == ("edited", 6)


async def test_a_log_written_anew_with_its_tree_contradicts_what_is_kept_outside(
    ledger: Ledger, database: TestDatabase
) -> None:
    """Everything in the database agrees, even newly signed; a checkpoint elsewhere and the earlier export do not."""
    async with Superuser(database.superuser_dsn) as superuser:
        await superuser.do(EDIT)
        await superuser.write_anew()
        await superuser.forget_the_tree()
    assert (await ledger.notary.make()).checkpoint.size == ledger.checkpoint.size
    assert await ledger.find(outside=False) is None
    kind, position = await ledger.find() or ("", 0)
    assert kind == "forked"
    assert position <= 6, "the first position at which it may have been"
    assert await ledger.holder_finds() == ("edited", 6)


async def test_between_two_checkpoints_kept_outside_the_fork_is_narrowed_down(
    ledger: Ledger, database: TestDatabase
) -> None:
    """What agrees with the earlier one was not touched: the change begins behind it."""
    earlier = Anchor(ledger.checkpoint, outside=True)
    (state,) = [await register(ledger.store, "initech")]
    await record(ledger.store, state, domain(1), domain(2))
    later = Anchor((await ledger.notary.make()).checkpoint, outside=True)
    assert (await verify_log(ledger.store, [earlier, later])).fault is None
    async with Superuser(database.superuser_dsn) as superuser:
        await superuser.do("update ledger.events set canonical = replace(canonical, 'a2.', 'b2.') where position > 12")
        await superuser.write_anew()
        await superuser.forget_the_tree()
    fault = (await verify_log(ledger.store, [earlier, later])).fault
    assert found(fault) == ("forked", 12)


async def test_a_restored_backup_is_told_by_a_checkpoint_of_what_came_after_it(
    ledger: Ledger, database: TestDatabase
) -> None:
    """In itself an older backup holds: it ends where it ended. The position named is the first that is missing."""
    async with Superuser(database.superuser_dsn) as superuser:
        await superuser.back_up("nightly")
        state = await register(ledger.store, "initech")
        await record(ledger.store, state, domain(1))
        ledger.checkpoint = (await ledger.notary.make()).checkpoint
        ledger.export = read_export(await exported(ledger.notary))
        assert await ledger.find() is None
        await superuser.restore("nightly")
    assert await ledger.find(outside=False) is None
    assert await ledger.find() == ("restored", 12)
    assert verify_since(read_export(await exported(ledger.notary)), ledger.export) is not None
    again = verify_since(read_export(await exported(ledger.notary)), ledger.checkpoint)
    assert found(again) == ("restored", 12)


async def test_a_log_that_went_on_from_an_older_backup_is_another_log(ledger: Ledger, database: TestDatabase) -> None:
    """It is longer by now than it was, and newly signed; the kept checkpoint tells, and the epoch tells where."""
    async with Superuser(database.superuser_dsn) as superuser:
        await superuser.back_up("nightly")
        await register(ledger.store, "initech")
        ledger.checkpoint = (await ledger.notary.make()).checkpoint
        await superuser.restore("nightly")
        await superuser.conn.execute("select ledger.begin_epoch('restored from the nightly backup')")
    for slug in ("umbrella", "hooli"):
        await register(ledger.store, slug)
    await ledger.notary.make()
    assert await ledger.find(outside=False) is None
    kind, position = await ledger.find() or ("", 0)
    first = await ledger.store.pool.fetchval("select min(position) from ledger.events where stream_id = 'umbrella'")
    assert (kind, position) == ("forked", first)


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        (
            "update ledger.checkpoints set note = replace(note, 'position', 'positron') where size = 10",
            "checkpoint of 10 events",
        ),
        (
            "update ledger.checkpoints set note = replace(note, 'streams 3', 'streams 2') where size = 10",
            "checkpoint of 10 events",
        ),
        ("delete from ledger.tree_tiles", "Merkle tree"),
        ("update ledger.head_nodes set hash = sha256('x') where prefix = ''", "map of streams' ends"),
    ],
)
async def test_damage_beside_the_log_is_told_from_damage_of_the_log(
    ledger: Ledger, database: TestDatabase, statement: str, told: str
) -> None:
    """The log holds, and is still held against what is kept elsewhere."""
    async with Superuser(database.superuser_dsn) as superuser:
        await superuser.do(statement)
        verified = await verify_log(ledger.store, [Anchor(ledger.checkpoint, outside=True)])
        assert (verified.fault, verified.covered) == (None, 10)
        assert told in str(verified.damage)
        await superuser.do(EDIT)
        assert await ledger.find() == ("edited", 6)


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (EDIT, ("edited", 6)),
        ("delete from ledger.events where position = 6", ("removed", 9)),
        ("delete from ledger.events where position = 11", ("truncated", 10)),
        ("update ledger.streams set version = 4 where stream_id = 'acme'", ("inserted", 11)),
        ("update ledger.events set canonical = 'x' where position = 5", None),
    ],
)
async def test_one_workspace_is_checked_without_the_others(
    ledger: Ledger, database: TestDatabase, statement: str, expected: tuple[str, int] | None
) -> None:
    """Its chain, its leaves in the kept tree and its end; what was done to another workspace does not show."""
    assert (await verify_stream_in(ledger.store, "acme")).events == 5
    async with Superuser(database.superuser_dsn) as superuser:
        await superuser.do(statement.replace("'x'", "replace(canonical, 'a0.', 'b0.')"))
    assert found((await verify_stream_in(ledger.store, "acme")).fault) == expected


async def test_one_workspace_written_anew_contradicts_the_kept_tree(ledger: Ledger, database: TestDatabase) -> None:
    async with Superuser(database.superuser_dsn) as superuser:
        await superuser.do(EDIT)
        await superuser.write_anew()
    assert found((await verify_stream_in(ledger.store, "acme")).fault) == ("forked", 6)


async def test_a_key_that_nobody_vouches_for_is_refused(ledger: Ledger, database: TestDatabase) -> None:
    """A superuser who signs with a key of their own convinces nobody who kept the old one."""
    raw = await exported(ledger.notary)
    async with Superuser(database.superuser_dsn) as superuser:
        await superuser.do(EDIT)
        await superuser.write_anew()
        await superuser.forget_the_tree()
        await superuser.conn.execute("truncate ledger.signing_keys")
    forged = await exported(ledger.notary)
    assert verify_export(read_export(forged)) is None, "with its own key it holds"
    with pytest.raises(ExportRefused, match="not a key to go by"):
        read_export(forged, [read_export(raw).key])
    assert json.loads(forged)["key"] != json.loads(raw)["key"]
