"""The notary takes every event into the tree once, in order, and signs what the log holds at that moment."""

import asyncio
from typing import Any

import asyncpg
import pytest
from support.database import Pool, TestDatabase, on_both_servers
from support.identity_world import KEY
from support.ledger import ADA, domain, record, register
from support.proof import ORIGIN, notary_of
from support.tampering import Superuser

from events.head_map import HeadLeaf, in_map, map_root
from events.heads import head_proof
from events.intake import LogDoesNotHold, NotaryBusy
from events.merkle import Frontier, consistent, included, leaf_hash
from events.notary import rebuild_tree
from events.notes import open_note
from events.sealing import KeyRing
from events.signed import latest_checkpoint, list_checkpoints
from events.signing import SigningKeys, read_keys
from events.store import EventStore
from events.tiles import consistency_proof, grow, inclusion_proofs, root_of


async def hashes(pool: Pool) -> list[bytes]:
    """Return the events' hashes in the log's order."""
    return [row["hash"] for row in await pool.fetch("select hash from ledger.events order by position")]


def roots(entries: list[bytes]) -> list[bytes]:
    """Return the root after each number of entries, from none on."""
    tree, found = Frontier(), []
    for entry in entries:
        found.append(tree.root)
        tree.add(leaf_hash(entry))
    return [*found, tree.root]


@on_both_servers
async def test_a_checkpoint_says_what_the_log_and_every_stream_are(pool: Pool) -> None:
    """The root is that of all events, the second root that of all streams' ends, and the key is the served one."""
    store, notary = EventStore(pool), notary_of(pool)
    await record(store, await register(store, "acme"), domain(1), domain(2))
    await register(store, "globex")
    signed = await notary.make()
    (key,) = await read_keys(pool)
    text, by = open_note(signed.note, [key.key])
    entries = await hashes(pool)
    rows = await pool.fetch("select stream_id, version, head_hash from ledger.streams")
    assert text == signed.checkpoint.text
    assert text.startswith(f"{ORIGIN}\n5\n")
    assert by == [key.key]
    assert signed.checkpoint.root == roots(entries)[-1]
    assert signed.checkpoint.heads_root == map_root(HeadLeaf(*row) for row in rows)
    assert (signed.checkpoint.size, signed.checkpoint.streams) == (5, 3)
    assert signed.checkpoint.position == await pool.fetchval("select max(position) from ledger.events")
    assert await notary.make() == signed, "nothing new, nothing signed"


@pytest.mark.parametrize("batch", [1, 7, 16, 1000])
async def test_proofs_at_every_size_follow_from_the_kept_tree(pool: Pool, batch: int) -> None:
    """Whatever the batches were, each event is provably in, and each size provably grew into the next."""
    store, notary = EventStore(pool), notary_of(pool, batch=batch)
    acme = await register(store, "acme")
    for number in range(0, 40, 8):
        acme = await record(store, acme, *(domain(number + at) for at in range(8)))
        await notary.make()
    entries = await hashes(pool)
    expected, size = roots(entries), len(entries)
    async with pool.acquire() as conn:
        for at in range(0, size + 1, 5):
            assert await root_of(conn, at) == expected[at]
            assert consistent(at, size, await consistency_proof(conn, at, size), expected[at], expected[size])
        proofs = await inclusion_proofs(conn, range(size), size)
        for index, proof in enumerate(proofs):
            assert included(entries[index], index, size, proof, expected[size])
        positions = await conn.fetch("select unnest(positions) from ledger.tree_tiles where level = 0 order by tile")
    assert [row[0] for row in positions] == [
        row[0] for row in await pool.fetch("select position from ledger.events order by position")
    ]


async def test_each_stream_has_one_provable_end(pool: Pool) -> None:
    """Of many streams, those that went on and those that did not."""
    store, notary = EventStore(pool), notary_of(pool, batch=9)
    states = [await register(store, f"workspace-{number}") for number in range(40)]
    await notary.make()
    for state in states[::3]:
        await record(store, state, domain(1))
    root = (await notary.make()).checkpoint.heads_root
    async with pool.acquire() as conn:
        for row in await conn.fetch("select stream_id, version, head_hash from ledger.streams"):
            found = await head_proof(conn, row["stream_id"])
            assert found is not None
            leaf, proof = found
            assert leaf == HeadLeaf(*row)
            assert in_map(leaf, proof, root)
            assert not in_map(leaf._replace(version=leaf.version + 1), proof, root)
        assert await head_proof(conn, "nobody") is None


@on_both_servers
async def test_much_at_once_gives_the_rows_that_batches_give(pool: Pool, owner_pool: Pool) -> None:
    """A long piece of the log goes in by another way: the same tree, the same map, with what was there and without."""
    store, at_once = EventStore(pool), notary_of(pool, bulk_from=1)
    states = [await register(store, f"workspace-{number}") for number in range(40)]
    await at_once.make()
    for state in states[::3]:
        await record(store, state, domain(1))
    signed = await at_once.make()
    tables = [
        "select * from ledger.tree_tiles order by level, tile",
        "select * from ledger.head_nodes order by prefix",
        "select * from ledger.tree_state",
    ]
    found = [await pool.fetch(table) for table in tables]
    assert (signed.checkpoint.size, signed.checkpoint.streams) == (40 + 14 + 1, 41)
    assert await rebuild_tree(EventStore(owner_pool), batch=7) == signed.checkpoint.size
    assert [await pool.fetch(table) for table in tables] == found
    assert await rebuild_tree(EventStore(owner_pool), bulk_from=1) == signed.checkpoint.size
    assert [await pool.fetch(table) for table in tables] == found


@pytest.mark.parametrize("changed", ["known before", "new"])
async def test_much_at_once_is_taken_in_only_as_it_follows(pool: Pool, database: TestDatabase, changed: str) -> None:
    """Neither a changed event nor one that goes on from another end than the map knows is signed."""
    store, notary = EventStore(pool), notary_of(pool, bulk_from=1)
    acme = await record(store, await register(store, "acme"), domain(1))
    before = await notary.make()
    await record(store, acme, domain(2), domain(3))
    async with Superuser(database.superuser_dsn) as superuser:
        name = "a1." if changed == "known before" else "a2."
        if changed == "new":
            await superuser.do(f"update ledger.events set canonical = replace(canonical, '{name}', 'b.')")
        else:

            def change(row: dict[str, object]) -> None:
                row["canonical"] = str(row["canonical"]).replace(name, "b.")

            await superuser.write_anew(change)
    with pytest.raises(LogDoesNotHold) as refused:
        await notary.make()
    assert refused.value.fault.stream_id == "acme"
    assert await latest_checkpoint(pool) == before


async def test_many_instances_sign_one_history(pool: Pool) -> None:
    """Eight notaries at once over small batches: one key, one checkpoint for each size, the same root as ever."""
    store = EventStore(pool)
    await record(store, await register(store, "acme"), *(domain(number) for number in range(60)))
    made = await asyncio.gather(*(notary_of(pool, batch=5).make() for _ in range(8)))
    assert len({signed.note for signed in made}) == 1
    assert made[0].checkpoint.root == roots(await hashes(pool))[-1]
    assert len(await list_checkpoints(pool, 0, 100)) == len(await read_keys(pool)) == 1


async def test_a_batch_that_another_instance_was_faster_with_leaves_nothing(
    pool: Pool, owner_pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Store case 6: whoever loses the compare and set rolls back, and nothing is taken in twice."""
    store, notary = EventStore(pool), notary_of(pool)
    await notary.make()
    await register(store, "acme")

    async def overtaken(*arguments: Any) -> None:
        await owner_pool.execute("update ledger.tree_state set size = size + 100")
        await grow(*arguments)

    monkeypatch.setattr("events.intake.grow", overtaken)
    with pytest.raises(NotaryBusy):
        await notary.make()
    monkeypatch.undo()
    await owner_pool.execute("update ledger.tree_state set size = size - 100")
    signed = await notary.make()
    assert signed.checkpoint.size == 2
    assert signed.checkpoint.root == roots(await hashes(pool))[-1]


async def test_what_was_changed_before_the_notary_came_is_not_signed(pool: Pool, database: TestDatabase) -> None:
    """The checkpoint before stays the latest, and the fault is named by its position."""
    store, notary = EventStore(pool), notary_of(pool)
    acme = await register(store, "acme")
    before = await notary.make()
    await record(store, acme, domain(1), domain(2))
    superuser = await asyncpg.connect(database.superuser_dsn)
    await superuser.execute("alter table ledger.events disable trigger all")
    await superuser.execute("update ledger.events set canonical = replace(canonical, 'a2.', 'b2.')")
    with pytest.raises(LogDoesNotHold) as refused:
        await notary.make()
    position = await superuser.fetchval("select position from ledger.events where canonical like '%b2.%'")
    assert refused.value.fault.position == position
    assert await latest_checkpoint(pool) == before
    await superuser.close()


async def test_a_log_that_became_shorter_is_not_signed(pool: Pool, database: TestDatabase) -> None:
    store, notary = EventStore(pool), notary_of(pool)
    await register(store, "acme")
    signed = await notary.make()
    superuser = await asyncpg.connect(database.superuser_dsn)
    await superuser.execute("alter table ledger.events disable trigger all")
    await superuser.execute("delete from ledger.events where position = $1", signed.checkpoint.position)
    with pytest.raises(LogDoesNotHold, match="ends here"):
        await notary.make()
    await superuser.close()


async def test_a_rotated_key_is_introduced_by_the_one_before(pool: Pool) -> None:
    """The rotation is an event, and the checkpoint that covers it is signed by both keys; later ones by the new one."""
    store, notary = EventStore(pool), notary_of(pool)
    await notary.make()
    key, signed = await notary.rotate(ADA)
    old, new = await read_keys(pool)
    assert new.key == key.key
    assert open_note(signed.note, [old.key])[1] == [old.key]
    assert open_note(signed.note, [new.key])[1] == [new.key]
    rotated = (await store.read_stream("$system"))[-1]
    assert (rotated.type, rotated.data["key_id"], rotated.data["former_key_id"]) == (
        "SigningKeyRotated",
        new.key_id,
        old.key_id,
    )
    assert rotated.reason == ADA.reason
    await register(store, "acme")
    later = await notary.make()
    assert open_note(later.note, [old.key, new.key])[1] == [new.key]


async def test_signing_keys_are_sealed_and_follow_the_secret_keys(pool: Pool) -> None:
    """No seed is in the database in clear; after rotate-keys the old secret key is not needed any more."""
    notary = notary_of(pool)
    await notary.make()
    async with pool.acquire() as conn:
        signer = await notary.keys.signer(conn)
        assert signer is not None
        seed = signer.private.private_bytes_raw()
        wrapped = await conn.fetchval("select wrapped from ledger.signing_keys")
        assert seed not in wrapped
        newer = bytes(range(7, 39))
        assert await SigningKeys(KeyRing([newer, KEY])).rewrap(pool) == 1
        again = await SigningKeys(KeyRing([newer])).signer(conn)
        assert again is not None
        assert again.key == signer.key


async def test_a_damaged_tree_is_made_anew_and_stays_the_one_that_was_signed(pool: Pool, owner_pool: Pool) -> None:
    """The rebuilt tree has the same rows; of a log that a kept checkpoint contradicts no tree is made."""
    store, notary = EventStore(pool), notary_of(pool)
    await record(store, await register(store, "acme"), *(domain(number) for number in range(20)))
    signed = await notary.make()
    before = await pool.fetch("select * from ledger.tree_tiles order by level, tile")
    heads = await pool.fetch("select * from ledger.head_nodes order by prefix")
    await owner_pool.execute("delete from ledger.tree_tiles; delete from ledger.head_nodes")
    assert await rebuild_tree(EventStore(owner_pool), batch=7) == signed.checkpoint.size
    assert await pool.fetch("select * from ledger.tree_tiles order by level, tile") == before
    assert await pool.fetch("select * from ledger.head_nodes order by prefix") == heads
    await owner_pool.execute("alter table ledger.checkpoints disable trigger user")
    other = signed.note.replace(f"\n{signed.checkpoint.size}\n", f"\n{signed.checkpoint.size - 1}\n")
    await owner_pool.execute("update ledger.checkpoints set note = $1", other)
    with pytest.raises(LogDoesNotHold, match="not the one"):
        await rebuild_tree(EventStore(owner_pool))
    assert await pool.fetch("select * from ledger.tree_tiles order by level, tile") == before


@pytest.mark.parametrize(
    "statement",
    [
        "update ledger.checkpoints set note = 'x'",
        "delete from ledger.checkpoints",
        "truncate ledger.checkpoints",
        "delete from ledger.signing_keys",
        "update ledger.signing_keys set public_key = 'x'",
        "delete from ledger.tree_tiles",
    ],
)
async def test_the_runtime_role_cannot_take_back_what_was_signed(pool: Pool, statement: str) -> None:
    await notary_of(pool).make()
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await pool.execute(statement)


@pytest.mark.parametrize(
    "statement",
    ["update ledger.checkpoints set note = 'x'", "truncate ledger.checkpoints", "delete from ledger.signing_keys"],
)
async def test_what_was_signed_stays_for_its_owner_too(owner_pool: Pool, statement: str) -> None:
    with pytest.raises(asyncpg.PostgresError, match="append-only"):
        await owner_pool.execute(statement)
