"""Back-channel logout: every input that is wrong ends nothing, and a right one ends exactly what it names."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from aiohttp import web
from support.database import Pool
from support.provider_logout import (
    SID,
    is_signed_in,
    logout_token,
    post_token,
    signed_in,
)
from support.site import Site, running_site
from support.tokens import Json, ec_key, rsa_key
from support.wrong_logouts import ANNOUNCED, WRONG_TOKENS

from service.identity.session_ends import _BY_PROVIDER_SESSION
from service.limits import RateLimit
from service.web.ways_out import WAYS_OUT

ADDRESS = "/api/sso/backchannel-logout/acme"


@pytest.fixture
async def site(pool: Pool) -> AsyncIterator[Site]:
    """A site with a workspace ``acme`` that signs in at the provider."""
    async with running_site(pool) as made:
        await made.connect()
        yield made


async def test_whatever_is_wrong_with_a_token_is_answered_alike_and_ends_nothing(site: Site) -> None:
    site.provider.published = [site.provider.signing_key, ec_key()]
    site.provider.metadata_changes = ANNOUNCED
    browser = await signed_in(site)
    tokens = [wrong.make(site.provider) for wrong in WRONG_TOKENS.values()]
    answers = [await post_token(site, token) for token in tokens]
    assert {answer.status for answer in answers} == {400}
    assert {(await answer.json())["error"] for answer in answers} == {"invalid_request"}
    assert all("no-store" in answer.headers["Cache-Control"] for answer in answers)
    assert len({await answer.text() for answer in answers}) == 1
    assert await is_signed_in(browser)


async def test_l09_a_token_counts_once(site: Site) -> None:
    token = logout_token(site.provider)
    first = await signed_in(site)
    assert (await post_token(site, token)).status == 200
    assert not await is_signed_in(first)
    again = await signed_in(site)
    assert (await post_token(site, token)).status == 400
    assert await is_signed_in(again)


async def test_l09_of_two_at_once_one_counts(site: Site) -> None:
    token = logout_token(site.provider)
    await signed_in(site)
    answers = await asyncio.gather(*(post_token(site, token) for _ in range(4)))
    assert sorted(answer.status for answer in answers) == [200, 400, 400, 400]


async def test_l12_a_token_for_one_workspace_is_worth_nothing_at_another(site: Site) -> None:
    await site.connect("globex", client_id="0oa-globex", domain="globex.example")
    browser = await signed_in(site)
    assert (await post_token(site, logout_token(site.provider), "globex")).status == 400
    assert (await post_token(site, logout_token(site.provider, aud="0oa-globex"))).status == 400
    assert await is_signed_in(browser)


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        ({"method": "GET", "params": {"logout_token": "a.b.c"}}, 405),
        ({"method": "POST", "json": {"logout_token": "a.b.c"}}, 415),
        ({"method": "POST", "data": {"logout_token": "a" * 1_000_000}}, 413),
        ({"method": "POST", "data": [("logout_token", "a.b.c"), ("logout_token", "a.b.c")]}, 400),
        ({"method": "POST", "data": {}}, 400),
        ({"method": "POST", "params": {"logout_token": "a.b.c"}}, 400),
    ],
    ids=["L14-get", "L14-json", "L14-too-large", "twice", "nothing", "in-the-query"],
)
async def test_a_request_of_another_form_is_refused(site: Site, request_: Json, status: int) -> None:
    answer = await site.client.request(request_.pop("method"), ADDRESS, **request_)
    assert answer.status == status
    assert "json" in answer.content_type
    assert "no-store" in answer.headers["Cache-Control"]


async def test_unknown_workspaces_are_answered_like_wrong_tokens(site: Site) -> None:
    texts = {await (await post_token(site, "a.b.c", slug)).text() for slug in ("acme", "nobody", "No-Slug", "a" * 900)}
    assert len(texts) == 1


async def test_by_sub_every_session_of_the_person_ends_and_nobody_elses(site: Site) -> None:
    here, there = await signed_in(site, sid="one"), await signed_in(site)
    site.provider.person = {"sub": "00u17grace", "name": "Grace", "email": "grace@acme.example"}
    grace = await signed_in(site)
    ada = logout_token(site.provider, sub="00u17ada1acme")
    assert (await post_token(site, ada)).status == 200
    assert [await is_signed_in(one) for one in (here, there, grace)] == [False, False, True]


async def test_by_sid_alone_one_session_ends(site: Site) -> None:
    here, there = await signed_in(site, sid=SID), await signed_in(site, sid="another")
    assert (await post_token(site, logout_token(site.provider, sub=None, sid=SID))).status == 200
    assert [await is_signed_in(one) for one in (here, there)] == [False, True]


async def test_by_both_one_session_ends_with_those_whose_session_there_nobody_knows(site: Site) -> None:
    here, there, unnamed = await signed_in(site, sid=SID), await signed_in(site, sid="another"), await signed_in(site)
    assert (await post_token(site, logout_token(site.provider, sid=SID))).status == 200
    assert [await is_signed_in(one) for one in (here, there, unnamed)] == [False, True, False]


async def test_a_provider_ends_nothing_by_another_persons_sid(site: Site) -> None:
    """Sub and sid have to fit together: what the provider says of Grace is not applied to Ada."""
    ada = await signed_in(site, sid=SID)
    site.provider.person = {"sub": "00u17grace", "name": "Grace", "email": "grace@acme.example"}
    await signed_in(site, sid="another")
    assert (await post_token(site, logout_token(site.provider, sid=SID))).status == 200
    assert await is_signed_in(ada)


async def test_a_token_about_somebody_unknown_ends_nothing_by_the_sid_in_it(site: Site) -> None:
    """Sub and sid have to fit together also where nobody here has that sub."""
    ada = await signed_in(site, sid=SID)
    assert (await post_token(site, logout_token(site.provider, sub="00u-nobody", sid=SID))).status == 200
    assert await is_signed_in(ada)


async def test_a_sid_ends_nothing_in_another_workspace(site: Site) -> None:
    await site.connect("globex", client_id=site.provider.client_id, domain="globex.example")
    here = await signed_in(site, sid=SID)
    assert (await post_token(site, logout_token(site.provider, sub=None, sid=SID), "globex")).status == 200
    assert await is_signed_in(here)


async def test_somebody_who_is_not_known_or_not_signed_in_is_no_error(site: Site) -> None:
    assert (await post_token(site, logout_token(site.provider, sub="00u-nobody"))).status == 200
    assert (await post_token(site, logout_token(site.provider, sub=None, sid="nobody's"))).status == 200
    lines = [line for line in site.log_lines() if line["event"] == "provider_logout"]
    assert [line["sessions"] for line in lines] == [0, 0]


async def test_what_the_person_has_opened_in_another_way_stays_open(site: Site) -> None:
    browser = await signed_in(site)
    await site.world.pool.execute(
        """update identity.sessions set data = jsonb_set(data, '{authentications}', (data -> 'authentications')
           || jsonb_build_array(jsonb_build_object('method', 'magic_link', 'at', $1::text)))""",
        site.world.clock().isoformat(),
    )
    assert (await post_token(site, logout_token(site.provider))).status == 200
    told = await (await browser.get("/api/session")).json()
    assert [one["method"] for one in told["authentications"]] == ["magic_link"]


async def test_keys_that_are_new_are_fetched_and_those_that_never_were_cost_one_request(site: Site) -> None:
    browser = await signed_in(site)
    site.provider.signing_key = rsa_key("okta-2")
    assert (await post_token(site, logout_token(site.provider))).status == 200
    assert not await is_signed_in(browser)
    asked = len(site.provider.requests("keys"))
    for _ in range(20):
        assert (await post_token(site, logout_token(site.provider, key=rsa_key("nobody's")))).status == 400
    assert len(site.provider.requests("keys")) <= asked + 1


async def test_a_client_that_signs_by_another_algorithm_logs_out_by_that_one_alone(site: Site) -> None:
    """The algorithm is the one of the client's ID tokens, on every instance, as its last sign-in showed it."""
    own, key = site.provider.signing_key, ec_key()
    site.provider.metadata_changes = {"id_token_signing_alg_values_supported": ["RS256", "ES256"]}
    site.provider.published = [own, key]
    site.provider.signing_key, site.provider.alg = key, "ES256"
    browser = await signed_in(site)
    assert (await post_token(site, logout_token(site.provider, key=own, alg="RS256"))).status == 400
    assert await is_signed_in(browser)
    assert (await post_token(site, logout_token(site.provider, alg="ES256"))).status == 200
    assert not await is_signed_in(browser)


async def test_a_provider_whose_keys_are_not_to_be_had_ends_nothing_and_may_try_again(site: Site) -> None:
    token = logout_token(site.provider)
    site.provider.hooks["keys"] = lambda _: web.Response(status=503)
    assert (await post_token(site, token)).status == 400
    del site.provider.hooks["keys"]
    site.world.clock.now += timedelta(seconds=11)
    assert (await post_token(site, token)).status == 200


async def test_pairwise_subjects_are_those_of_the_client(site: Site) -> None:
    await site.connect("pair", client_id=site.provider.client_id, subject_type="pairwise")
    browser = await signed_in(site, slug="pair")
    assert (await post_token(site, logout_token(site.provider), "pair")).status == 200
    assert not await is_signed_in(browser)


async def test_many_logouts_from_one_address_are_slowed_down(pool: Pool) -> None:
    async with running_site(pool, trusted_proxies=["127.0.0.0/8"]) as site:
        await site.connect()
        assert site.client.app is not None
        site.client.app[WAYS_OUT].posts._by_address = RateLimit(60, burst=2)
        headers = {"X-Forwarded-For": "203.0.113.9"}
        answers = [await site.client.post(ADDRESS, data={}, headers=headers) for _ in range(3)]
        assert [answer.status for answer in answers] == [400, 400, 429]
        assert int(answers[-1].headers["Retry-After"]) >= 1
        assert answers[-1].content_type == "application/problem+json"
        elsewhere = await site.client.post(ADDRESS, data={}, headers={"X-Forwarded-For": "203.0.113.10"})
        assert elsewhere.status == 400


async def test_sessions_are_found_by_an_index_and_not_one_by_one(site: Site) -> None:
    await signed_in(site, sid=SID)
    async with site.world.pool.acquire() as connection, connection.transaction():
        await connection.execute("set local enable_seqscan = off")
        plan = await connection.fetch(f"explain {_BY_PROVIDER_SESSION}", f'["{SID}"]')
    assert any("sessions_by_provider_session" in row[0] for row in plan), plan


async def test_outcomes_are_counted_and_logged_without_the_token(site: Site) -> None:
    token = logout_token(site.provider)
    await signed_in(site)
    await post_token(site, token)
    await post_token(site, token)
    told = site.metrics.exposition().decode()
    for outcome in ("ended", "refused"):
        assert f'keyledger_provider_logouts_total{{channel="backchannel",outcome="{outcome}"}} 1.0' in told
    details = [line["detail"] for line in site.log_lines() if line["event"] == "provider_logout_refused"]
    assert details == ["token_used"]
    assert token not in site.log_text()
