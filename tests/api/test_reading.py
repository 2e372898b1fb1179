"""Requests are read strictly: bounded, nothing unknown, every refusal points at its place and repeats nothing."""

import pytest
from pydantic import TypeAdapter
from support.management import Management

from events.refusals import Refusal
from service.api import cursor
from service.api.reading import check, parse_json, read_expected_version, read_idempotency_key
from service.commands.proposals import Emission, read_changes


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b'{"a":1,"a":2}', b'{"a":NaN}', b"\xff\xfe", b"[" * 100_000, b'{"a":' + b"9" * 5000 + b"}"],
    ids=["empty", "cut", "twice", "nan", "not-utf-8", "deep", "huge-number"],
)
def test_hostile_json_is_refused(raw: bytes) -> None:
    """What is not strict JSON is data_invalid, never a fault."""
    with pytest.raises(Refusal) as refused:
        parse_json(raw)
    assert refused.value.code == "data_invalid"


def test_an_unknown_member_is_refused_with_its_place_and_the_likely_name() -> None:
    """A typo never silently loses a wish."""
    with pytest.raises(Refusal) as refused:
        check(TypeAdapter(Emission), {"type": "DomainAdded", "reson": "x"}, ["reason"])
    assert refused.value.details["errors"] == [
        {"in": "body", "pointer": "/reson", "detail": "This is not known here. Did you mean reason?"}
    ]


@pytest.mark.parametrize(
    "data",
    [
        {"okta_domain": "acme.okta.com", "client_id": "0oa1", "client_secret": {"planted": "planted-secret"}},
        {"okta_domain": "acme.okta.com", "client_id": 7, "client_secret": "planted-secret"},
        {"client_id": "0oa1", "client_secret": "planted-secret"},
        {"okta_domain": "a", "issuer": "b", "client_id": "0oa1", "client_secret": "planted-secret"},
        {"okta_domain": "acme.okta.com", "client_id": "0oa1", "client_secret": "planted-secret" * 1000},
        {
            "okta_domain": "acme.okta.com",
            "client_id": "0oa1",
            "client_secret": "planted-secret",
            "surplus": "planted-secret",
        },
    ],
    ids=["secret-object", "id-number", "no-place", "two-places", "too-long", "surplus"],
)
def test_a_refused_secret_is_not_repeated(data: dict[str, object]) -> None:
    """Whatever is wrong about credentials, the answer holds nothing of the secret."""
    with pytest.raises(Refusal) as refused:
        read_changes([Emission(type="CredentialsSet", data=data)], listed=False)
    told = f"{refused.value.message} {dict(refused.value.details)} {refused.value!r}"
    assert "planted-secret" not in told


def test_a_proposed_secret_does_not_show_in_a_repr() -> None:
    """Neither the emission nor the change that it asks for shows the secret when printed."""
    data = {"okta_domain": "acme.okta.com", "client_id": "0oa1", "client_secret": "planted-secret"}
    emission = Emission(type="CredentialsSet", data=data)
    assert "planted-secret" not in repr(emission) + repr(read_changes([emission], listed=False))


def test_an_entity_tag_is_a_version_in_quotes() -> None:
    """If-Match names one version; without it, or with a star, there is no condition."""
    assert read_expected_version({"If-Match": '"7"'}) == 7
    assert read_expected_version({"If-Match": "*"}) is None
    assert read_expected_version({}) is None


@pytest.mark.parametrize("bad", ["7", 'W/"7"', '"seven"', '"7", "8"', '"' + "9" * 19 + '"', ""])
def test_any_other_entity_tag_is_refused(bad: str) -> None:
    """A condition that is not understood is never taken as met."""
    with pytest.raises(Refusal) as refused:
        read_expected_version({"If-Match": bad})
    assert refused.value.code == "data_invalid"


@pytest.mark.parametrize("bad", ["", "k" * 201, "two words", "käse"])
def test_an_idempotency_key_is_short_and_printable(bad: str) -> None:
    """A key that cannot be kept is refused at the door."""
    with pytest.raises(Refusal):
        read_idempotency_key({"Idempotency-Key": bad})


def test_a_cursor_comes_back_as_the_place_it_was_made_from() -> None:
    """A page begins where the one before it ended."""
    assert cursor.decode("events/acme", cursor.encode("events/acme", 17), (int,)) == (17,)


@pytest.mark.parametrize(
    "bad", ["", "!", "AAAA", cursor.encode("events/globex", 17), cursor.encode("events/acme", "x"), "A" * 600]
)
def test_a_foreign_or_broken_cursor_is_refused(bad: str) -> None:
    """A cursor of another list, or of no list, is data_invalid."""
    with pytest.raises(Refusal) as refused:
        cursor.decode("events/acme", bad, (int,))
    assert refused.value.code == "data_invalid"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/workspaces/a%00b/events", {"type": "JitDisabled"}),
        ("POST", "/workspaces/a%00b/invitations", {"email": "ada@acme.example"}),
        ("PATCH", "/workspaces/acme/members/a%00b", {"role": "viewer"}),
        ("GET", "/workspaces/acme%00", None),
    ],
)
async def test_a_name_that_the_database_cannot_hold_is_of_nothing(
    api: Management, method: str, path: str, body: object
) -> None:
    """It is no fault of the service's, and nothing to be alarmed about in its log."""
    await api.register("acme")
    assert (await api.call(method, path, body)).status == 404


async def test_a_made_up_cursor_is_refused_before_the_database_is_asked(api: Management) -> None:
    made_up = cursor.encode("workspaces", "a\0b")
    problem = await api.get(f"/workspaces?cursor={made_up}", 422)
    assert problem["code"] == "data_invalid"
