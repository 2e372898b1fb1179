"""The audit timeline says who did what, when and why, in a sentence for every type of event."""

from typing import Any

import pytest
from msgspec.structs import replace
from support.database import Pool, on_both_servers
from support.golden_events import golden_events
from support.ledger import ADA, domain, record, register

from events.catalogue import CATALOGUE
from events.envelope import Context, NewEvent, Recorded
from events.store import EventStore
from events.upcasting import UnknownSchema
from projections.projector import Projector
from projections.summaries import SENTENCES, summarise
from projections.timeline import Timeline, read_timeline


def recorded(type_: str, data: dict[str, Any], schema_version: int = 1) -> Recorded:
    """Return an event as the log would hold it, with no more of a place than a sentence needs."""
    return replace(BLANK, type=type_, data=data, schema_version=schema_version)


BLANK = Recorded(*(None,) * 17)  # type: ignore[arg-type]


def test_every_type_of_event_has_a_sentence() -> None:
    assert set(SENTENCES) == set(CATALOGUE)


@pytest.mark.parametrize("golden", golden_events(), ids=lambda golden: f"{golden['type']}.v{golden['schema_version']}")
def test_every_golden_event_reads_as_one_plain_sentence(golden: dict[str, Any]) -> None:
    sentence = summarise(recorded(golden["type"], golden["data"], golden["schema_version"]))
    assert sentence[0].isupper()
    assert len(sentence) < 1500
    for leftover in ("None", "{", "lambda"):
        assert leftover not in sentence


def test_an_event_of_a_newer_program_has_no_sentence_rather_than_a_wrong_one() -> None:
    with pytest.raises(UnknownSchema):
        summarise(recorded("DomainAdded", {"domain": "acme.example"}, 99))


@on_both_servers
async def test_an_entry_says_who_what_when_and_why(pool: Pool) -> None:
    store = EventStore(pool)
    state = await register(store, "acme")
    why = Context(ADA.actor, reason="Acme bought Example", requested_by="Grace", ticket="T-7", correlation_id="r-9")
    prepared = store.prepare([NewEvent.of(domain(1))], why)
    (event,) = (await store.append("acme", 1, prepared, state.after(prepared).to_document())).recorded
    await Projector(store, Timeline()).catch_up()
    entry, registered = await read_timeline(pool, "acme")
    assert registered.summary == "Registered the workspace Acme on the plan one."
    assert entry.summary == "Allowed the domain a1.example."
    assert (entry.actor_type, entry.actor_id) == ("staff", "ada@acme.example")
    assert (entry.reason, entry.requested_by, entry.ticket) == ("Acme bought Example", "Grace", "T-7")
    assert (entry.recorded_at, entry.version, entry.event_id) == (event.recorded_at, 2, event.event_id)
    assert (entry.position, entry.correlation_id, entry.type) == (event.position, "r-9", "DomainAdded")


async def test_pages_go_back_in_time_and_stay_within_a_workspace(pool: Pool) -> None:
    store = EventStore(pool)
    await record(store, await register(store, "acme"), *(domain(number) for number in range(5)))
    await record(store, await register(store, "other"), domain(1))
    await Projector(store, Timeline()).catch_up()
    first = await read_timeline(pool, "acme", limit=4)
    second = await read_timeline(pool, "acme", before=first[-1].position, limit=4)
    assert [entry.version for entry in (*first, *second)] == [6, 5, 4, 3, 2, 1]
    assert len(await read_timeline(pool, None, limit=500)) == 8
    for limit in (0, 501):
        with pytest.raises(ValueError, match="500"):
            await read_timeline(pool, None, limit=limit)
