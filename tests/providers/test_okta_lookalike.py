"""The certified provider that other tests sign in at, itself."""

import dataclasses
from urllib.parse import urlencode

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from support.node_provider import ADA, GRACE, NodeProvider, browser, node_provider
from support.plain_client import CALLBACK, PlainClient, query_of

pytestmark = pytest.mark.node


def application(provider: NodeProvider) -> PlainClient:
    return PlainClient(provider.issuer, provider.client_id, provider.client_secret)


async def test_a_whole_login_yields_what_an_okta_org_yields() -> None:
    async with node_provider(redirect_uris=[CALLBACK]) as provider:
        app = application(provider)
        answer = query_of(await provider.log_in(await app.authorization_url(), ADA))
        assert answer.keys() == {"code", "state"}
        assert answer["state"] == app.state
        status, tokens = await app.exchange(answer["code"])
        assert (status, tokens["token_type"]) == (200, "Bearer")
        header, claims = await app.verified(tokens["id_token"])
        person = await app.userinfo(tokens["access_token"])
        assert header.keys() == {"alg", "kid"}
        assert claims["iss"] == provider.issuer
        assert claims["aud"] == provider.client_id
        assert claims["nonce"] == app.nonce
        assert claims["auth_time"] <= claims["iat"] < claims["exp"]
        assert (claims["email"], claims["name"], claims["ver"]) == ("ada@acme.example", "Ada", 1)
        assert "email_verified" not in claims
        assert person["sub"] == claims["sub"]
        assert (person["email_verified"], person["groups"]) == (False, ["Everyone", "Engineering"])
        assert await app.exchange(answer["code"]) == (
            400,
            {"error": "invalid_grant", "error_description": "grant request is invalid"},
        )


async def test_it_announces_what_an_okta_org_announces() -> None:
    async with node_provider() as provider:
        document = await application(provider).discovered()
        assert document["issuer"] == provider.issuer
        assert document["authorization_endpoint"] == f"{provider.issuer}/oauth2/v1/authorize"
        assert document["jwks_uri"] == f"{provider.issuer}/oauth2/v1/keys"
        assert document["id_token_signing_alg_values_supported"] == ["RS256"]
        assert document["code_challenge_methods_supported"] == ["S256"]
        assert "authorization_response_iss_parameter_supported" not in document


@pytest.mark.parametrize("alg", ["PS256", "ES256"])
async def test_it_signs_by_the_algorithm_that_is_switched_on(alg: str) -> None:
    async with node_provider(
        redirect_uris=[CALLBACK], metadata={"token_endpoint_auth_method": "client_secret_post"}
    ) as provider:
        await provider.switch(alg=alg, thin_id_token=True)
        app = application(provider)
        answer = query_of(await provider.log_in(await app.authorization_url(), ADA))
        _, tokens = await app.exchange(answer["code"], post=True)
        header, claims = await app.verified(tokens["id_token"], alg)
        assert header["alg"] == alg
        assert "email" not in claims
        assert (await app.userinfo(tokens["access_token"]))["email"] == ADA.email


async def test_keys_rotate_between_the_login_and_the_exchange() -> None:
    async with node_provider(redirect_uris=[CALLBACK]) as provider:
        app = application(provider)
        before = (await app._json("GET", f"{provider.issuer}/oauth2/v1/keys"))["keys"]
        answer = query_of(await provider.log_in(await app.authorization_url(), ADA))
        await provider.rotate_keys()
        _, tokens = await app.exchange(answer["code"])
        header, _ = await app.verified(tokens["id_token"])
        assert header["kid"] not in {key["kid"] for key in before}


async def test_whoever_is_not_assigned_comes_back_with_what_okta_says() -> None:
    async with node_provider(redirect_uris=[CALLBACK]) as provider:
        await provider.put(dataclasses.replace(GRACE, assigned=False))
        app = application(provider)
        assert query_of(await provider.log_in(await app.authorization_url(), GRACE)) == {
            "error": "access_denied",
            "error_description": "User is not assigned to the client application.",
            "state": app.state,
        }


async def test_answers_come_by_form_post_and_name_the_issuer_where_switched_on() -> None:
    async with node_provider(redirect_uris=[CALLBACK], switches={"form_post": True, "iss_parameter": True}) as provider:
        app = application(provider)
        assert (await app.discovered())["authorization_response_iss_parameter_supported"] is True
        fields = await provider.log_in_to_form(await app.authorization_url(), ADA)
        assert (fields["state"], fields["iss"]) == (app.state, provider.issuer)
        await provider.switch(iss_parameter=False)
        assert "iss" not in await provider.log_in_to_form(await app.authorization_url(), ADA)


async def test_a_person_is_logged_in_without_a_page_by_hint_by_order_and_by_their_session() -> None:
    async with node_provider(redirect_uris=[CALLBACK], switches={"follow_hint": True}) as provider:
        app = application(provider)
        async with browser() as own:
            hinted = await provider.log_in(await app.authorization_url(login_hint=GRACE.email), ADA, own)
            _, tokens = await app.exchange(query_of(hinted)["code"])
            assert (await app.verified(tokens["id_token"]))[1]["email"] == GRACE.email
            again = query_of(await provider.log_in(await app.authorization_url(prompt="none"), ADA, own))
            assert "code" in again
        assert (
            query_of(await provider.log_in(await app.authorization_url(prompt="none"), ADA))["error"]
            == "login_required"
        )
        await provider.log_in_without_page(ADA)
        ordered = query_of(await provider.log_in(await app.authorization_url(), GRACE))
        _, tokens = await app.exchange(ordered["code"])
        assert (await app.verified(tokens["id_token"]))[1]["email"] == ADA.email


async def test_it_insists_on_pkce_and_on_the_registered_address() -> None:
    async with node_provider(redirect_uris=[CALLBACK]) as provider:
        app = application(provider)
        bare = await app.authorization_url(code_challenge=None, code_challenge_method=None)
        assert query_of(await provider.log_in(bare, ADA))["error"] == "invalid_request"
        elsewhere = await app.authorization_url(redirect_uri=f"{CALLBACK}/")
        with pytest.raises(AssertionError, match="own page"):
            await provider.log_in(elsewhere, ADA)


async def test_a_logout_is_told_to_the_applications_that_asked_for_it() -> None:
    told: list[str] = []

    async def hear(request: web.Request) -> web.Response:
        told.append(str((await request.post())["logout_token"]))
        return web.Response()

    app = web.Application()
    app.router.add_post("/logout", hear)
    async with TestServer(app) as server, browser() as own:
        registered = {
            "backchannel_logout_uri": str(server.make_url("/logout")),
            "post_logout_redirect_uris": ["http://127.0.0.1:1/signed-out"],
        }
        async with node_provider(redirect_uris=[CALLBACK], metadata=registered) as provider:
            client = application(provider)
            answer = query_of(await provider.log_in(await client.authorization_url(), ADA, own))
            _, tokens = await client.exchange(answer["code"])
            end = (await client.discovered())["end_session_endpoint"]
            asked = {"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": "http://127.0.0.1:1/signed-out"}
            assert await provider.log_out(f"{end}?{urlencode(asked)}", own) == "http://127.0.0.1:1/signed-out"
            header, claims = await client.verified(told[0])
    assert header["typ"] == "logout+jwt"
    assert (claims["sub"], claims["aud"]) == ("00u17ada", provider.client_id)
