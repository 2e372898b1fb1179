"""What a change would do is told before it is made, by the policy that judges sign-ins; nothing is recorded."""

from typing import Any

import pytest
from support.identity_values import ISSUER, Proven
from support.identity_world import World, credentials_data
from support.management import Management

from events.catalogue.access import EnforcementEnabled
from events.catalogue.configuration import DomainAdded
from events.catalogue.credentials import CredentialsSet
from service.commands.judging import LISTED
from service.identity.sign_in_log import SignIn, record


@pytest.fixture
async def world(api: Management) -> World:
    """A workspace with SSO, in the database of the API under test."""
    world = World(api.pool, api.clock)
    await world.register()
    return world


async def imagined(api: Management, *proposed: tuple[str, dict[str, object]], query: str = "") -> Any:
    """Propose events of acme."""
    body = [{"type": type_, "data": data} for type_, data in proposed]
    return await api.post(f"/workspaces/acme/what-if{query}", body, 200)


def emails(people: Any) -> list[str]:
    """Return whom a list names."""
    return sorted(one["email"] for one in people)


async def whole_database(api: Management) -> list[Any]:
    """Return how much every table holds, and each workspace's state."""
    tables = await api.pool.fetch(
        "select schemaname, tablename from pg_tables where schemaname in ('ledger', 'projection', 'identity')"
        " and tablename not in ('api_tokens') order by 1, 2"
    )
    rows = [
        await api.pool.fetch(f"select md5(string_agg(t::text, '|' order by t::text)) from {one[0]}.{one[1]} t")
        for one in tables
        if await api.pool.fetchval("select has_table_privilege($1, 'select')", f"{one[0]}.{one[1]}")
    ]
    assert len(rows) > 15
    return [dict(row[0]) for row in rows]


async def test_removing_a_domain_names_who_would_be_refused_and_the_rule(api: Management, world: World) -> None:
    """A member of the domain keeps the other ways in while SSO is not required; who lately came by SSO is refused."""
    await world.append("acme", [DomainAdded(domain="b.example")])
    await world.sign_in()
    await world.sign_in(Proven(email="grace@b.example", subject="00u-grace"))
    answer = await imagined(api, ("DomainRemoved", {"domain": "acme.example"}))
    assert answer["accepted"]
    assert [event["type"] for event in answer["proposed"][0]["events"]] == ["DomainRemoved"]
    assert [one["path"] for one in answer["changes"]] == ["/domains/acme.example"]
    (refused,) = answer["sign_ins"]["newly_refused"]
    (way,) = refused["ways"]
    assert (refused["email"], refused["reason"], way["method"]) == ("ada@acme.example", "ok", "sso")
    assert (way["before"]["outcome"], way["after"]["reason"], way["after"]["check"]) == (
        "known",
        "domain_not_allowed",
        "domain",
    )
    assert way["after"]["sentence"] == "The domain acme.example was not allowed; exactly these were: b.example."
    assert answer["members"]["newly_refused"] == []
    assert emails(answer["members"]["otherwise"]) == ["ada@acme.example"]
    assert answer["members"]["checked"] == 2


async def test_adding_a_domain_names_who_would_be_let_in(api: Management, world: World) -> None:
    """Somebody who was refused lately would be created; nobody is created by asking."""
    await world.sign_in(Proven(email="grace@b.example", subject="00u-grace"))
    answer = await imagined(api, ("DomainAdded", {"domain": "b.example"}))
    (admitted,) = answer["sign_ins"]["newly_admitted"]
    assert (admitted["email"], admitted["reason"]) == ("grace@b.example", "domain_not_allowed")
    assert admitted["ways"][0]["after"]["sentence"] == "Let in, created just in time as editor."
    assert await api.pool.fetchval("select count(*) from identity.members") == 0


async def test_requiring_sso_names_the_members_who_would_be_left_without_a_way_in(
    api: Management, world: World
) -> None:
    """Enforcement that the guards refuse is refused here too; lifting one gives its people the other ways back."""
    await world.member("ada@acme.example")
    await world.member("grace@foreign.example")
    refused = await imagined(api, ("EnforcementEnabled", {}))
    assert not refused["accepted"]
    assert refused["proposed"][0]["refusal"]["code"] == "not_proven"
    assert refused["members"]["counts"] == {}
    await world.append("acme", [EnforcementEnabled(confirm_by=None)])
    lifted = await imagined(api, ("EnforcementDisabled", {"reason": "a try"}))
    assert emails(lifted["members"]["newly_admitted"]) == ["grace@foreign.example"]
    assert {way["method"] for way in lifted["members"]["newly_admitted"][0]["ways"]} == {"google", "magic_link"}
    assert emails(lifted["members"]["otherwise"]) == ["ada@acme.example"]


async def test_switching_just_in_time_creation_off_names_newcomers_only(api: Management, world: World) -> None:
    """Whoever came in that way is a member by now, and stays in."""
    await world.sign_in()
    await world.append("acme", [DomainAdded(domain="b.example")])
    answer = await imagined(api, ("JitDisabled", {}))
    assert answer["sign_ins"]["counts"] == answer["members"]["counts"] == {}
    assert (answer["sign_ins"]["checked"], answer["members"]["checked"]) == (1, 1)


async def test_later_events_build_on_earlier_ones_and_a_refused_one_is_left_out(api: Management, world: World) -> None:
    answer = await imagined(
        api,
        ("DomainAdded", {"domain": "gmail.com"}),
        ("DomainAdded", {"domain": "b.example"}),
        ("DomainVerified", {"domain": "b.example"}),
    )
    codes = [one["refusal"] and one["refusal"]["code"] for one in answer["proposed"]]
    assert codes == ["domain_generic", None, None]
    assert not answer["accepted"]
    (change,) = answer["changes"]
    assert change["after"] == {"domain": "b.example", "verified": "support"}


async def test_what_only_the_provider_knows_is_told_as_uncertain(api: Management, world: World) -> None:
    """The log of a sign-in whose address's verification did not matter cannot tell whether it was verified."""
    await world.append("acme", [credentials_data(CredentialsSet, email_verified="require")])
    await world.sign_in(Proven(email_verified_claim=True))
    await world.append("acme", [credentials_data(CredentialsSet, credentials_id="c-2")])
    await world.member("grace@acme.example")
    from service.commands.judging import judge_members, judge_sign_ins

    before = await world.workspace()
    after = before.copy()
    assert after.credentials is not None
    after.credentials = after.credentials._replace(email_verified="require")
    async with api.pool.acquire() as connection:
        members = await judge_members(connection, before, after, api.clock.now)  # type: ignore[arg-type]
        seen = await judge_sign_ins(connection, before, after, api.clock.now, 10)  # type: ignore[arg-type]
    assert members.counts == {"otherwise": 2}
    assert {way.after.outcome for one in members.otherwise for way in one.ways} == {"uncertain"}
    assert (seen.checked, seen.counts.get("uncertain")) == (1, None)


async def test_nothing_at_all_is_recorded(api: Management, world: World) -> None:
    """Not a row of any table differs, whatever was proposed, refused or not."""
    await world.sign_in()
    before = await whole_database(api)
    await imagined(
        api, ("DomainRemoved", {"domain": "acme.example"}), ("SsoDisabled", {"reason": "x"}), ("WorkspaceClosed", {})
    )
    assert await whole_database(api) == before


async def test_people_are_judged_in_bounded_lists_and_whole_counts(api: Management, world: World) -> None:
    await api.pool.execute(
        """
        with users as (
            insert into identity.users (user_id, created_at) select gen_random_uuid(), now()
            from generate_series(1, $1) returning user_id
        )
        insert into identity.members (member_id, workspace, user_id, email, email_key, role, joined_at, joined_how)
        select gen_random_uuid(), 'acme', user_id, 'm' || n || '@acme.example', 'm' || n || '@acme.example', 'editor',
            now(), 'invitation'
        from (select user_id, row_number() over () as n from users) numbered
        """,
        LISTED + 1000,
    )
    answer = await imagined(api, ("SsoDisabled", {"reason": "a try"}))
    assert answer["members"]["checked"] == answer["members"]["counts"]["otherwise"] == LISTED + 1000
    assert len(answer["members"]["otherwise"]) == LISTED


async def test_a_person_whose_account_was_another_than_the_members_stays_in_conflict(
    api: Management, world: World
) -> None:
    """The log says that it was another account; what was refused for that is not let in by an unrelated change."""
    await world.sign_in()
    await world.sign_in(Proven(subject="00u-other"))
    answer = await imagined(api, ("JitDisabled", {}))
    assert answer["sign_ins"]["counts"] == {}
    assert answer["sign_ins"]["checked"] == 2


async def test_the_number_of_sign_ins_is_bounded_and_an_auditor_does_not_ask(api: Management, world: World) -> None:
    await world.sign_in()
    body = {"type": "JitDisabled"}
    none = await api.post("/workspaces/acme/what-if?sign_ins=0", body, 200)
    assert none["sign_ins"]["checked"] == 0
    assert (await api.post("/workspaces/acme/what-if?sign_ins=1001", body, 422))["code"] == "data_invalid"
    auditor = await api.new_token("grace", "auditor")
    assert (await api.post("/workspaces/acme/what-if", body, 403, **auditor))["code"] == "forbidden"
    assert (await api.post("/workspaces/nobody/what-if", body, 404))["code"] == "workspace_unknown"
    assert ISSUER not in str(none)


async def test_a_recovery_is_no_way_in_and_is_not_judged_again(api: Management, world: World) -> None:
    """It opens no workspace, whatever the configuration."""
    await record(api.pool, SignIn(api.clock.now, "acme", "recovery", "ok", "req-1", email="ada@acme.example"))
    answer = await imagined(api, ("SsoDisabled", {"reason": "a try"}))
    assert (answer["sign_ins"]["checked"], answer["sign_ins"]["counts"]) == (0, {})
