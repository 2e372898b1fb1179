"""The replay of the whole log gives every workspace's state, whatever its events contain, in bounded memory."""

import asyncio
from struct import pack
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from support.database import Pool, on_both_servers
from support.ledger import ADA, domain, record, register

from events import replay
from events.canonical import canonical_json
from events.catalogue.access import BypassGranted
from events.catalogue.configuration import JitDisabled
from events.catalogue.system import SYSTEM_STREAM, ApiTokenRevoked
from events.copying import HEADER_BYTES, whole_fields
from events.envelope import Actor, Context, NewEvent
from events.raw import raw_events
from events.replay import fold_all
from events.store import ANY_VERSION, EventStore
from events.verify import verify_log
from events.workspace import UnreadableEvent, Workspace

HOSTILE = ["\\u0000", "\\", '"', "a\nb\r\x01\x02\x1f\x7f", "é e\u0301 ﬀ", "😀\u2028\ufeff", "],[", "\\.", "'; drop --"]


async def states(store: EventStore, **options: Any) -> dict[str, dict[str, Any]]:
    """Return what a fold of the whole log gives."""
    found: dict[str, dict[str, Any]] = {}

    def keep(state: Workspace) -> None:
        found[state.slug] = state.to_document()

    await fold_all(store, keep, **options)
    return found


@on_both_servers
@pytest.mark.parametrize("at_once", [1, 4000])
async def test_a_fold_of_the_log_gives_the_state_that_each_append_recorded(pool: Pool, at_once: int) -> None:
    """Many workspaces side by side or one after the other, as their number asks for: the same states."""
    store = EventStore(pool)
    await store.append(SYSTEM_STREAM, ANY_VERSION, store.prepare([NewEvent.of(ApiTokenRevoked(token_id="t1"))], ADA))
    expected: dict[str, Workspace] = {slug: await register(store, slug) for slug in ("bb", "a-b", "c1")}
    for number in range(300):
        slug = ("bb", "a-b", "c1")[number % 3]
        expected[slug] = await record(store, expected[slug], domain(number))
    found = await states(store, states_at_once=at_once)
    assert found == {slug: state.to_document() for slug, state in expected.items()}
    assert list(found) == sorted(found)


async def test_a_log_with_nothing_in_it_folds_to_nothing(pool: Pool) -> None:
    assert await states(EventStore(pool)) == {}


@on_both_servers
async def test_case_9_hostile_text_comes_back_as_it_was_and_the_chain_holds(pool: Pool) -> None:
    """Store case 9: escapes, control characters, delimiters and look-alikes of COPY's own marks."""
    store = EventStore(pool)
    state = await register(store, "acme")
    for place, text in enumerate(HOSTILE):
        context = Context(Actor("staff", text), reason=text, ticket=text)
        event = BypassGranted(member_id=f"m{place}", expires_at="2026-11-25T13:00:00.000000Z", reason=text)
        prepared = store.prepare([NewEvent.of(event)], context)
        state = state.after(prepared)
        await store.append("acme", state.version - 1, prepared, state.to_document())
    found = await states(store)
    assert [bypass["reason"] for bypass in found["acme"]["bypasses"].values()] == HOSTILE
    events = await store.read_stream("acme", 1)
    assert [(event.actor.id, event.reason, event.ticket) for event in events] == [(t, t, t) for t in HOSTILE]
    raw = [event async for page in raw_events(store) for event in page]
    assert len(raw) == len(HOSTILE) + 1
    assert (await verify_log(store)).fault is None


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=9), min_size=1, max_size=9), st.data())
def test_rows_cut_anywhere_between_two_buffers_are_decoded_alike(texts: list[str], data: st.DataObject) -> None:
    """What COPY sends may be cut into buffers at any byte."""
    texts = [text.replace(chr(0), "") for text in texts]
    content = {"type": "JitDisabled", "schema_version": 1}
    lines = [f'["acme",1,1,{canonical_json({**content, "data": {"a": text}})}],'.encode() for text in texts]
    fields = [pack(">hi", 1, len(line)) + line for line in lines]
    # The format's header, a block of positions without events (null), and the end (PostgreSQL, COPY, binary format).
    sent = b"".join([b"PGCOPY\n\xff\r\n\0", bytes(8), fields[0], pack(">hi", 1, -1), *fields[1:], pack(">h", -1)])
    cut = data.draw(st.integers(HEADER_BYTES, len(sent)))
    rest, rows = None, []
    for buffer in (sent[:cut], sent[cut:]):
        complete, rest = whole_fields(rest, buffer)
        rows += replay._decode(complete)
    assert rest == pack(">h", -1)
    assert [row.body.data["a"] for row in rows] == texts


@on_both_servers
@pytest.mark.parametrize("at_once", [1, 4000])
async def test_case_12_an_event_of_a_newer_program_stops_one_workspace_and_no_other(pool: Pool, at_once: int) -> None:
    """Store case 12: an unknown type on an old node: its workspace is handed over as unreadable, the others fold."""
    store = EventStore(pool)
    await register(store, "acme")
    other = await register(store, "other")
    (event,) = store.prepare([NewEvent.of(JitDisabled())], ADA)
    newer = replace(event, type="JitPaused", data={}, canonical=event.canonical.replace("JitDisabled", "JitPaused"))
    await store.append("acme", 1, [newer])
    await store.append("acme", 2, store.prepare([NewEvent.of(domain(1))], ADA))
    unreadable: list[tuple[str, int]] = []
    found = await states(
        store, on_unreadable=lambda error, state: unreadable.append((error.type, state.version)), states_at_once=at_once
    )
    assert unreadable == [("JitPaused", 1)]
    assert found == {"other": other.to_document()}
    with pytest.raises(UnreadableEvent):
        await states(store)


async def test_a_reader_of_raw_events_may_stop_and_leaves_its_connection_usable(pool: Pool) -> None:
    store = EventStore(pool)
    state = await register(store, "acme")
    await record(store, state, *(domain(number) for number in range(900)))
    async with pool.acquire() as connection:
        pages = raw_events(store, conn=connection)
        assert (await anext(pages))[0].position == 1
        await pages.aclose()
    async with asyncio.timeout(10):
        assert sum([len(page) async for page in raw_events(store)]) == 901
