"""What userinfo may answer."""

from collections.abc import Callable

import pytest
from aiohttp import web
from support.oidc import fails, sign_in
from support.provider import FakeProvider

from service.oidc.client import RelyingParty

SUBJECT = "00u17ada1acme"
Answer = Callable[[web.Request], web.Response]


def says(**members: object) -> Answer:
    return lambda _: web.json_response(members)


def status(code: int) -> Answer:
    return lambda _: web.Response(status=code)


def body(raw: bytes, content_type: str = "application/json") -> Answer:
    return lambda _: web.Response(body=raw, content_type=content_type)


REFUSED: dict[str, tuple[Answer, str, str]] = {
    "C19 another sub": (
        says(sub=SUBJECT + "invalid", email="x@acme.example"),
        "userinfo_invalid",
        "userinfo_sub_mismatch",
    ),
    "C19 sub in another case": (says(sub=SUBJECT.upper()), "userinfo_invalid", "userinfo_sub_mismatch"),
    "C19 sub missing": (says(email="x@acme.example"), "userinfo_invalid", "userinfo_sub_missing"),
    "C19 sub a list": (says(sub=[SUBJECT]), "userinfo_invalid", "userinfo_sub_missing"),
    "C19 sub not ASCII": (says(sub="é"), "userinfo_invalid", "userinfo_sub_missing"),
    "C19 401": (status(401), "userinfo_invalid", "userinfo_refused"),
    "C19 403": (status(403), "userinfo_invalid", "userinfo_refused"),
    "C19 redirect": (
        lambda _: web.Response(status=302, headers={"Location": "/"}),
        "provider_misconfigured",
        "redirect_refused",
    ),
    "C19 html": (body(b"<html>", "text/html"), "userinfo_invalid", "userinfo_malformed"),
    "C19 array": (body(b"[]"), "userinfo_invalid", "userinfo_malformed"),
    "C19 signed": (body(b"a.b.c", "application/jwt"), "userinfo_invalid", "userinfo_signed"),
    "C19 members twice": (body(b'{"sub":"a","sub":"b"}'), "userinfo_invalid", "userinfo_malformed"),
    "C20 2 MB": (body(b" " * 2_000_000), "provider_misconfigured", "answer_too_large"),
    "H11 500": (status(500), "provider_unreachable", "userinfo_failed"),
    "C12 no address": (says(sub=SUBJECT), "email_missing", "email_absent"),
    "C12 two addresses": (says(sub=SUBJECT, email="a@b.example,c@d.example"), "email_missing", "email_malformed"),
}


@pytest.mark.parametrize("row", REFUSED)
async def test_userinfo_that_does_not_hold_ends_the_login(
    relying_party: RelyingParty, provider: FakeProvider, row: str
) -> None:
    """oidcc-client-test-userinfo-invalid-sub among them."""
    answer, reason, detail = REFUSED[row]
    provider.claim_changes = {"email": None}
    provider.hooks["userinfo"] = answer
    failed = await fails(sign_in(relying_party, provider))
    assert (failed.reason, failed.detail) == (reason, detail)
    assert failed.checks["subject"] == "passed"
    assert list(failed.checks.values())[-1] == "failed"


async def test_userinfo_is_asked_with_the_access_token_in_the_header(
    relying_party: RelyingParty, provider: FakeProvider
) -> None:
    """oidcc-client-test-userinfo-bearer-header."""
    provider.claim_changes = {"email": None}
    await sign_in(relying_party, provider)
    (request,) = provider.requests("userinfo")
    assert request.headers["Authorization"].startswith("Bearer ")
    assert not request.query


async def test_a_provider_without_userinfo_and_without_an_address_is_told_about_the_address(
    relying_party: RelyingParty, provider: FakeProvider
) -> None:
    provider.claim_changes = {"email": None}
    provider.metadata_changes = {"userinfo_endpoint": None}
    failed = await fails(sign_in(relying_party, provider))
    assert (failed.reason, failed.field) == ("email_missing", "Directory › People › Profile › Primary email")
