"""Bearer tokens: hashed at rest, with a role, an end and a name; wrong ones count against the client's address."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr
from support.database import Pool
from support.identity_world import KEY
from support.management import OPERATOR, Management

from events.names import Names
from events.refusals import Refusal
from events.sealing import KeyRing
from events.store import EventStore
from service.tokens import create_token, find_principal, list_tokens, revoke_token

WRONG = "klt_" + "A" * 43


def names_of(pool: Pool) -> Names:
    """Return the names of people in this database's events."""
    return Names(pool, KeyRing([KEY]))


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        f"Bearer {WRONG}",
        f"Basic {WRONG}",
        f"Bearer {WRONG} {WRONG}",
        "Bearer " + "x" * 500,
        "Bearer klt_é",
    ],
)
async def test_without_a_good_token_there_is_no_answer(api: Management, authorization: str) -> None:
    """401 with WWW-Authenticate, code unauthenticated, and nothing of what was sent."""
    headers = {"Authorization": authorization}
    answer = await api.call("GET", "/workspaces", **headers)
    problem = await answer.json()
    assert (answer.status, problem["code"]) == (401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert answer.headers["Cache-Control"] == "no-store"
    assert WRONG not in str(problem)


async def test_two_authorization_headers_are_no_token(api: Management) -> None:
    """A request that names two tokens is refused rather than judged by one of them."""
    good = ("Authorization", f"Bearer {api.token.get_secret_value()}")
    answer = await api.client.get("/api/v1/workspaces", headers=[good, good])
    assert answer.status == 401


async def test_an_auditor_reads_and_does_not_write(api: Management) -> None:
    """Role auditor: 200 on reads, 403 forbidden on writes, before the body is looked at."""
    await api.register()
    auditor = await api.new_token("irene", "auditor")
    await api.get("/workspaces/acme", **auditor)
    await api.get("/workspaces/acme/events", **auditor)
    problem = await api.post("/workspaces/acme/events", {"type": "nonsense"}, 403, **auditor)
    assert (problem["code"], problem["role"], problem["needed"]) == ("forbidden", "auditor", "support")
    assert (await api.post("/workspaces", {}, 403, **auditor))["code"] == "forbidden"


async def test_an_operator_may_do_all(api: Management) -> None:
    """Role operator reads and writes."""
    operator = await api.new_token("root", "operator")
    await api.post("/workspaces", {"slug": "acme", "name": "Acme", "plan": "one"}, 201, **operator)
    await api.get("/workspaces/acme", **operator)


async def test_only_the_hash_is_kept(pool: Pool) -> None:
    """Neither the tables nor the log contain the token; its making is an event on the system stream."""
    store = EventStore(pool)
    names = names_of(pool)
    token = await create_token(pool, store, names, "ada", "support", OPERATOR)
    kept = await pool.fetch("select t::text from identity.api_tokens t")
    (event,) = await store.read_stream("$system")
    assert token.get_secret_value().startswith("klt_")
    assert len(token.get_secret_value()) == 47
    assert token.get_secret_value() not in str(kept) + str(event)
    assert (event.type, event.data["holder"], event.data["role"]) == (
        "ApiTokenCreated",
        await names.find("ada"),
        "support",
    )
    assert event.actor == OPERATOR.actor


async def test_a_revoked_token_is_worth_nothing_at_once(api: Management) -> None:
    """The request after the revocation is refused; the revocation is an event, and a second one changes nothing."""
    await api.get("/workspaces")
    assert await revoke_token(api.pool, api.store, "ada-support", OPERATOR)
    await api.get("/workspaces", 401)
    assert not await revoke_token(api.pool, api.store, "ada-support", OPERATOR)
    assert [event.type for event in await api.store.read_stream("$system")] == ["ApiTokenCreated", "ApiTokenRevoked"]


async def test_an_expired_token_is_worth_nothing(pool: Pool) -> None:
    """A token is good until its end, not at it."""
    end = datetime(2026, 12, 1, tzinfo=UTC)
    token = await create_token(pool, EventStore(pool), names_of(pool), "ada", "support", OPERATOR, end)
    assert await find_principal(pool, token, end - timedelta(microseconds=1)) is not None
    assert await find_principal(pool, token, end) is None


async def test_a_name_is_never_given_twice(pool: Pool) -> None:
    """The name stands for its holder in the history, so that a revoked token's name stays taken."""
    store, names = EventStore(pool), names_of(pool)
    await create_token(pool, store, names, "ada", "support", OPERATOR)
    await revoke_token(pool, store, "ada", OPERATOR)
    with pytest.raises(Refusal, match="never used again"):
        await create_token(pool, store, names, "ada", "auditor", OPERATOR)
    assert [event.type for event in await store.read_stream("$system")] == ["ApiTokenCreated", "ApiTokenRevoked"]
    with pytest.raises(Refusal, match="letters"):
        await create_token(pool, store, names, "ada\nlovelace", "auditor", OPERATOR)


async def test_a_use_is_noted_at_most_once_a_minute(pool: Pool) -> None:
    """last_used_at moves by whole minutes, so that a busy token does not write at each request."""
    token = await create_token(pool, EventStore(pool), names_of(pool), "ada", "support", OPERATOR)
    start = datetime(2026, 11, 25, 13, tzinfo=UTC)
    seen = []
    for seconds in (0, 59, 60):
        await find_principal(pool, token, start + timedelta(seconds=seconds))
        (line,) = await list_tokens(pool)
        seen.append(line.last_used_at)
    assert seen == [start, start, start + timedelta(seconds=60)]


async def test_what_is_no_token_is_not_looked_up(pool: Pool) -> None:
    """Text of another shape is refused without a query."""
    assert await find_principal(pool, SecretStr("klt_short"), datetime.now(UTC)) is None


async def test_failures_are_limited_for_each_address(api: Management) -> None:
    """After too many wrong tokens an address gets 429 with Retry-After; a good token and other addresses go on."""
    wrong = {"Authorization": f"Bearer {WRONG}"}
    statuses = [(await api.call("GET", "/workspaces", **wrong)).status for _ in range(21)]
    assert statuses == [401] * 20 + [429]
    limited = await api.call("GET", "/workspaces", **wrong)
    assert int(limited.headers["Retry-After"]) >= 1
    assert (await limited.json())["code"] == "rate_limited"
    assert (await api.call("GET", "/workspaces", **wrong, X_Test_Address="192.0.2.2")).status == 401
    await api.get("/workspaces")


async def test_failures_from_all_addresses_of_one_ipv6_subnet_are_counted_together(api: Management) -> None:
    """Whoever has one address there has 2^64, and guesses no more often for it."""
    wrong = {"Authorization": f"Bearer {WRONG}"}
    addresses = [f"2001:db8::{number:x}" for number in range(21)]
    statuses = [(await api.call("GET", "/workspaces", **wrong, X_Test_Address=one)).status for one in addresses]
    assert statuses == [401] * 20 + [429]
