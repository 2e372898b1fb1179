"""The hash chain and the check of the whole log: every kind of tampering is found, and named by its first position."""

from collections.abc import Callable
from hashlib import sha256

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.database import Pool, TestDatabase, on_both_servers
from support.ledger import domain, record, register

from events.chain import BEFORE_THE_FIRST, RawEvent, link, verify_stream
from events.raw import raw_events
from events.store import EventStore
from events.verify import verify_log


async def filled(pool: Pool) -> EventStore:
    """Return a store with two streams whose events alternate: acme has positions 1, 3, 5, 7 and other 2, 4, 6."""
    store = EventStore(pool)
    acme, other = await register(store, "acme"), await register(store, "other")
    for number in range(2):
        acme = await record(store, acme, domain(number))
        other = await record(store, other, domain(number))
    await record(store, acme, domain(2))
    return store


async def raw(store: EventStore) -> list[RawEvent]:
    return [event async for page in raw_events(store) for event in page]


def test_the_hash_is_made_of_exactly_these_bytes() -> None:
    """Written out by hand, so that somebody else's program can do the same."""
    by_hand = sha256(
        b"keyledger/event/v1\n"
        b"\x00\x00\x00\x04acme"
        + bytes.fromhex("0000000000000002")
        + bytes.fromhex("0000000000000007")
        + bytes.fromhex("0000000000000005")
        + bytes.fromhex("00064bb2f0e3a001")
        + b"\x11" * 32
        + sha256(b'{"type":"X"}').digest()
    )
    previous = b"\x11" * 32
    assert link("acme", 2, 7, 5, 0x00064BB2F0E3A001, previous, b'{"type":"X"}') == by_hand.digest()


@on_both_servers
async def test_the_database_and_this_program_make_the_same_hashes(pool: Pool) -> None:
    store = await filled(pool)
    events = await raw(store)
    assert verify_stream(event for event in events if event.stream_id == "acme") is None
    verified = await verify_log(store)
    assert (verified.fault, verified.events, verified.streams) == (None, 7, 2)


async def test_an_empty_log_holds(pool: Pool) -> None:
    verified = await verify_log(EventStore(pool))
    assert (verified.fault, verified.events, verified.streams) == (None, 0, 0)


COLUMNS = "position, stream_id, version, leaf_index, event_id, recorded_at, type, schema_version, canonical, body, hash"
TAMPERING: dict[str, tuple[str, int]] = {
    "content changed": ("update ledger.events set canonical = replace(canonical, 'a0.', 'b0.') where position = 3", 3),
    "time changed": ("update ledger.events set recorded_at = recorded_at + interval '1 us' where position = 4", 4),
    "hash forged": ("update ledger.events set hash = sha256(convert_to(canonical, 'UTF8')) where position = 5", 5),
    "middle deleted": ("delete from ledger.events where position = 3", 4),
    "end of a stream deleted": ("delete from ledger.events where position = 7", 7),
    "end of the log deleted": ("delete from ledger.events where position > 5", 6),
    "stream deleted": ("delete from ledger.events where stream_id = 'other'", 3),
    "moved to another stream": ("update ledger.events set stream_id = 'acm' where position = 1", 1),
    "contents swapped": (
        (
            "update ledger.events e set canonical = o.canonical from ledger.events o"
            " where (e.position, o.position) in ((4, 6), (6, 4))"
        ),
        4,
    ),
    "leaf renumbered": ("update ledger.events set leaf_index = 100 where position = 2", 2),
    "stream's end rewritten": ("update ledger.streams set head_hash = sha256('x') where stream_id = 'acme'", 7),
    "stream's end set back": ("update ledger.streams set version = 3 where stream_id = 'acme'", 7),
    "column for lookups changed": ("update ledger.events set type = 'DomainRemoved' where position = 6", 6),
    "forked": (
        (
            f"insert into ledger.events ({COLUMNS}) overriding system value"
            " select position + 100, 'forked', version, leaf_index + 7, gen_random_uuid(),"
            " recorded_at + interval '1 h', type, schema_version, canonical, body, hash"
            " from ledger.events where position = 1"
        ),
        101,
    ),
}


@on_both_servers
async def test_case_11_every_tampering_is_found_and_named_by_its_first_position(
    pool: Pool, database: TestDatabase
) -> None:
    """Store case 11: a superuser drops the guards and changes, deletes, swaps, inserts or forks."""
    store = await filled(pool)
    superuser = await asyncpg.connect(database.superuser_dsn)
    for table in ("events", "streams"):
        await superuser.execute(f"alter table ledger.{table} disable trigger all")
        await superuser.execute(f"create table public.{table} as table ledger.{table}")
    found = {}
    for name, (statement, _) in TAMPERING.items():
        assert not (await superuser.execute(statement)).endswith(" 0"), name
        fault = (await verify_log(store)).fault
        found[name] = None if fault is None else fault.position
        await superuser.execute(
            f"""
            truncate ledger.events, ledger.streams;
            insert into ledger.events ({COLUMNS}) overriding system value select {COLUMNS} from public.events;
            insert into ledger.streams select * from public.streams
            """
        )
    assert found == {name: position for name, (_, position) in TAMPERING.items()}
    assert (await verify_log(store)).fault is None
    await superuser.close()


@given(
    st.lists(st.binary(min_size=1, max_size=20), min_size=2, max_size=8),
    st.data(),
)
def test_a_chain_holds_until_any_one_byte_of_it_changes(texts: list[bytes], data: st.DataObject) -> None:
    chain: list[RawEvent] = []
    previous = BEFORE_THE_FIRST
    for place, text in enumerate(texts):
        digest = link("acme", place + 1, place + 10, place, 1000 + place, previous, text)
        chain.append(RawEvent(place + 10, "acme", place + 1, place, 1000 + place, text, digest))
        previous = digest
    assert verify_stream(chain) is None
    place = data.draw(st.integers(0, len(chain) - 1))
    harm: dict[str, Callable[[RawEvent], RawEvent]] = {
        "canonical": lambda event: event._replace(canonical=event.canonical + b" "),
        "hash": lambda event: event._replace(hash=bytes(32)),
        "recorded_us": lambda event: event._replace(recorded_us=event.recorded_us + 1),
        "leaf_index": lambda event: event._replace(leaf_index=event.leaf_index + 1),
        "position": lambda event: event._replace(position=event.position + 1000),
        "version": lambda event: event._replace(version=event.version + 1),
    }
    chain[place] = harm[data.draw(st.sampled_from(sorted(harm)))](chain[place])
    fault = verify_stream(chain)
    assert fault is not None
    assert fault.position == chain[place].position


@pytest.mark.parametrize("kept", [[0, 2], [1, 2], [0, 1, 1, 2], [0, 2, 1]])
def test_a_stream_with_an_event_missing_doubled_or_out_of_order_does_not_hold(kept: list[int]) -> None:
    chain: list[RawEvent] = []
    previous = BEFORE_THE_FIRST
    for place in range(3):
        digest = link("acme", place + 1, place + 1, place, place, previous, b"{}")
        chain.append(RawEvent(place + 1, "acme", place + 1, place, place, b"{}", digest))
        previous = digest
    assert verify_stream(chain) is None
    fault = verify_stream([chain[place] for place in kept])
    assert fault is not None
    assert "where version" in fault.problem
