"""The demonstration's provider answers as an Okta org does, and shows what it is about to do."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

import aiohttp
import aiosmtplib
import pytest
from support.plain_client import PlainClient, query_of
from support.tokens import half_hash

from service.demo.cast import ACME, GLOBEX, DemoWorkspace
from service.demo.grants import CODE_S
from service.demo.kept import Kept
from service.demo.ports import PortTaken
from service.demo.provider import ProviderOptions, serving
from service.demo.state import State

SERVICE = "http://127.0.0.1:8080"


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.time = 1_800_000_000.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.time


@dataclass
class Demo:
    """The running provider, and a browser."""

    state: State
    clock: Clock
    browser: aiohttp.ClientSession

    def application(self, workspace: DemoWorkspace = ACME) -> PlainClient:
        """Return a client with the registration of a workspace's application."""
        registered = self.state.applications[workspace.client_id]
        secret = registered.client_secret.get_secret_value()
        return PlainClient(self.state.issuer, workspace.client_id, secret, registered.redirect_uri)

    async def page(self, address: str) -> tuple[int, str]:
        """Open an address; return the status, and the page or where it redirects."""
        async with self.browser.get(address, allow_redirects=False) as answer:
            return answer.status, answer.headers.get("Location") or await answer.text()

    async def choose(self, authorization_url: str, person: str) -> tuple[int, str]:
        """Choose a person on the page, by the form that it holds."""
        status, page = await self.page(authorization_url)
        assert status == 200, page
        hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page))
        form = {**hidden, "person": person}
        async with self.browser.post(f"{self.state.issuer}/login", data=form, allow_redirects=False) as answer:
            return answer.status, answer.headers.get("Location") or await answer.text()

    async def code(self, app: PlainClient, person: str = "ada") -> str:
        """Log a person in and return the code that the application gets."""
        _, location = await self.choose(await app.authorization_url(), person)
        return query_of(location)["code"]


@pytest.fixture
async def demo(tmp_path: Path) -> AsyncIterator[Demo]:
    """A running provider with a clock of its own."""
    clock = Clock()
    options = ProviderOptions(0, 0, SERVICE, tmp_path)
    async with serving(options, clock) as state, aiohttp.ClientSession() as browser:
        yield Demo(state, clock, browser)


@pytest.mark.parametrize("post", [False, True], ids=["client_secret_basic", "client_secret_post"])
async def test_a_chosen_person_comes_back_with_a_code_for_a_token_as_okta_makes_it(demo: Demo, post: bool) -> None:
    app = demo.application()
    status, location = await demo.choose(await app.authorization_url(), "ada")
    assert status == 303
    assert location.startswith(f"{SERVICE}/api/sso/callback/acme?")
    answer = query_of(location)
    assert answer.keys() == {"code", "state"}
    assert answer["state"] == app.state
    status, tokens = await app.exchange(answer["code"], post=post)
    assert (status, tokens["token_type"], tokens["expires_in"]) == (200, "Bearer", 3600)
    header, claims = await app.verified(tokens["id_token"])
    assert header == {"kid": demo.state.key.kid, "alg": "RS256"}
    now = int(demo.clock())
    assert claims.pop("jti").startswith("ID.")
    assert claims == {
        "ver": 1,
        "sub": "00u1demoada",
        "name": "Ada",
        "email": "ada@acme.example",
        "preferred_username": "ada@acme.example",
        "iss": demo.state.issuer,
        "aud": app.client_id,
        "iat": now,
        "exp": now + 3600,
        "auth_time": now,
        "amr": ["pwd", "mfa", "otp"],
        "idp": "00o1demoorg",
        "nonce": app.nonce,
        "at_hash": half_hash(tokens["access_token"]),
    }
    person = await app.userinfo(tokens["access_token"])
    assert (person["sub"], person["email_verified"], person["groups"]) == (claims["sub"], False, ["Everyone"])


async def test_it_announces_what_it_can_do_and_not_rfc_9207(demo: Demo) -> None:
    document = await demo.application().discovered()
    assert document["issuer"] == demo.state.issuer
    assert document["id_token_signing_alg_values_supported"] == ["RS256"]
    assert document["code_challenge_methods_supported"] == ["S256"]
    assert document["token_endpoint_auth_methods_supported"] == ["client_secret_basic", "client_secret_post"]
    assert "authorization_response_iss_parameter_supported" not in document


async def test_a_code_is_good_once(demo: Demo) -> None:
    app = demo.application()
    code = await demo.code(app)
    assert (await app.exchange(code))[0] == 200
    status, told = await app.exchange(code)
    assert (status, told["error"]) == (400, "invalid_grant")


async def test_a_code_is_good_for_a_minute(demo: Demo) -> None:
    app = demo.application()
    in_time, late = await demo.code(app), await demo.code(app)
    demo.clock.time += CODE_S - 1
    assert (await app.exchange(in_time))[0] == 200
    demo.clock.time += 1
    assert (await app.exchange(late))[1]["error"] == "invalid_grant"


@pytest.mark.parametrize(
    "changes",
    [{"code_verifier": "w" * 64}, {"redirect_uri": f"{SERVICE}/api/sso/callback/globex"}, {"code": "guessed"}],
    ids=lambda changes: next(iter(changes)),
)
async def test_a_code_is_good_for_nothing_but_the_request_that_it_answers(demo: Demo, changes: dict[str, str]) -> None:
    app = demo.application()
    status, told = await app.exchange(await demo.code(app), changes=changes)
    assert (status, told["error"]) == (400, "invalid_grant")


async def test_a_code_of_one_application_is_no_good_to_another(demo: Demo) -> None:
    other = demo.application(GLOBEX)
    assert (await other.exchange(await demo.code(demo.application())))[1]["error"] == "invalid_grant"


async def test_a_wrong_client_secret_is_refused_in_the_words_of_okta(demo: Demo) -> None:
    app = demo.application()
    code = await demo.code(app)
    app.client_secret = "wrong"
    assert await app.exchange(code) == (
        401,
        {
            "error": "invalid_client",
            "error_description": "The client secret supplied for a confidential client is invalid.",
        },
    )


async def test_whoever_is_not_assigned_is_sent_back_in_the_words_of_okta(demo: Demo) -> None:
    app = demo.application()
    status, location = await demo.choose(await app.authorization_url(), "edsger")
    assert status == 303
    assert query_of(location) == {
        "error": "access_denied",
        "error_description": "User is not assigned to the client application.",
        "state": app.state,
    }


@pytest.mark.parametrize("changes", [{"redirect_uri": f"{SERVICE}/api/sso/callback/acme/"}, {"client_id": "0oa9other"}])
async def test_nobody_is_sent_to_an_address_that_is_not_registered_to_the_letter(
    demo: Demo, changes: dict[str, str]
) -> None:
    status, page = await demo.page(await demo.application().authorization_url(**changes))
    assert status == 400
    assert "This does not work" in page


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"scope": "email"}, "invalid_scope"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"prompt": "none"}, "login_required"),
    ],
)
async def test_a_request_that_cannot_be_granted_is_answered_with_an_error(
    demo: Demo, changes: dict[str, str | None], error: str
) -> None:
    app = demo.application()
    status, location = await demo.page(await app.authorization_url(**changes))
    assert status == 303
    assert (query_of(location)["error"], query_of(location)["state"]) == (error, app.state)


@pytest.mark.parametrize("workspace", [ACME, GLOBEX], ids=lambda workspace: workspace.slug)
async def test_the_page_says_of_each_person_what_is_going_to_happen(demo: Demo, workspace: DemoWorkspace) -> None:
    app = demo.application(workspace)
    _, page = await demo.page(await app.authorization_url(login_hint="grace@globex.example"))
    assert re.findall(r'<button class="person" name="person" value="(\w+)"', page)[0] == "grace"
    for key, story in workspace.stories.items():
        assert f'value="{key}"' in page
        assert story.line in page


async def test_pages_load_nothing_foreign_and_forms_lead_back_to_the_application_alone(demo: Demo) -> None:
    async with demo.browser.get(await demo.application().authorization_url()) as answer:
        policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert f"form-action 'self' {SERVICE}" in policy


async def test_a_tile_starts_a_sign_in_and_names_the_issuer(demo: Demo) -> None:
    _, page = await demo.page(demo.state.issuer)
    tiles = re.findall(r'<a class="tile" href="([^"]+)"', page)
    assert [tile.partition("?")[0] for tile in tiles] == [
        f"{SERVICE}/api/sso/initiate/acme",
        f"{SERVICE}/api/sso/initiate/globex",
    ]
    assert {query_of(tile)["iss"] for tile in tiles} == {demo.state.issuer}


async def test_mails_are_caught_and_their_addresses_can_be_followed(demo: Demo) -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "no-reply@localhost", "barbara@acme.example", "Confirm <this>"
    message.set_content("Hello Barbara,\n\nopen http://127.0.0.1:8080/link/abc?x=1&y=2 to confirm.")
    message.add_alternative("<p>Hello <b>Barbara</b></p>", subtype="html")
    await aiosmtplib.send(message, hostname="127.0.0.1", port=demo.state.smtp_port)
    _, inbox = await demo.page(f"{demo.state.issuer}/mail")
    assert "Confirm &lt;this&gt;" in inbox
    found = re.search(r'href="(/mail/[^"]+)"', inbox.partition("<main")[2])
    assert found is not None
    _, mail = await demo.page(demo.state.issuer + found[1])
    assert '<a href="http://127.0.0.1:8080/link/abc?x=1&amp;y=2">' in mail
    async with demo.browser.get(f"{demo.state.issuer}{found[1]}/html") as as_html:
        assert "<b>Barbara</b>" in await as_html.text()
        assert as_html.headers["Content-Security-Policy"].startswith("sandbox ")
    assert (await demo.page(f"{demo.state.issuer}/mail/..%2Fprovider.json"))[0] == 404


async def test_the_end_of_a_session_leads_to_registered_addresses_alone(demo: Demo) -> None:
    end = f"{demo.state.issuer}/oauth2/v1/logout"
    assert await demo.page(f"{end}?post_logout_redirect_uri={SERVICE}/&state=s") == (303, f"{SERVICE}/?state=s")
    assert (await demo.page(f"{end}?post_logout_redirect_uri=https://evil.example/"))[0] == 200


async def test_it_answers_under_no_other_name(demo: Demo) -> None:
    async with demo.browser.get(f"{demo.state.issuer}/mail", headers={"Host": "evil.example"}) as answer:
        assert answer.status == 421


async def test_key_and_client_secrets_outlive_a_restart(tmp_path: Path) -> None:
    first, second = Kept.at(tmp_path / "demo"), Kept.at(tmp_path / "demo")
    assert first.key.as_dict(private=True) == second.key.as_dict(private=True)
    assert first.client_secrets == second.client_secrets
    assert (tmp_path / "demo" / "provider.json").stat().st_mode & 0o077 == 0


async def test_a_taken_port_is_named_in_one_sentence_with_the_setting_to_change(demo: Demo, tmp_path: Path) -> None:
    taken = int(demo.state.issuer.rpartition(":")[2])
    with pytest.raises(PortTaken, match=rf"^127\.0\.0\.1:{taken} cannot be used .*KEYLEDGER_DEMO_PROVIDER_PORT"):
        async with serving(ProviderOptions(taken, 0, SERVICE, tmp_path)):
            pass
