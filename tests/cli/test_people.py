"""People by the command line: invited again, deactivated, removed, linked to another account."""

from support.command_line import CommandLine
from support.identity_values import ISSUER
from support.identity_world import World, credentials_data
from support.management import Management

from events.catalogue.access import SsoEnabled
from events.catalogue.configuration import DomainAdded
from events.catalogue.credentials import CredentialsSet

ADA = "ada@acme.example"


async def test_an_invitation_is_found_after_it_expired_and_sent_again(command: CommandLine, api: Management) -> None:
    await api.register()
    await api.post("/workspaces/acme/invitations", {"email": ADA})
    assert "[rate_limited]" in await command.refused("invitation", "resend", "acme", ADA)
    api.clock.turn(days=15)
    assert ADA in (await command.done("invitation", "list", "acme", "--status", "expired")).out
    assert "is invited again" in (await command.done("invitation", "resend", "acme", "ADA@acme.example")).out
    assert "[invitation_unknown]" in await command.refused("invitation", "resend", "acme", "grace@acme.example")


async def test_a_member_is_deactivated_linked_anew_and_removed(command: CommandLine, api: Management) -> None:
    """Each verb says what came of it; what cannot be is one sentence with its code."""
    await api.register()
    world = World(api.pool, clock=api.clock)
    await world.append("acme", [DomainAdded(domain="acme.example"), credentials_data(CredentialsSet), SsoEnabled()])
    member_id = await world.member(ADA)
    await api.pool.execute(
        "insert into identity.identities (workspace, issuer, subject, member_id, linked_at, last_sign_in_at)"
        " values ('acme', $1, '00u-old', $2, now(), now())",
        ISSUER,
        member_id,
    )
    await api.pool.execute(
        "insert into identity.identity_conflicts (workspace, request_id, issuer, subject_scope, subject, email,"
        " email_key, verified, at) values ('acme', 'req_7', $1, '', '00u-new', $2, $2, false, now())",
        ISSUER,
        ADA,
    )
    relink = ("member", "relink", "acme", ADA, "--request", "req_7")
    assert "[data_invalid]" in await command.refused(*relink)
    assert "signs in by that account now" in (await command.done(*relink, "--reason", "called back")).out
    websites = await command.done("member", "websites", "acme", ADA, "--json")
    assert websites.json["events"] == []
    gone = await command.done("member", "deactivate", "acme", ADA, "--reason", "left")
    assert "is now editor, deactivated" in gone.out
    assert "is deleted" in (await command.done("member", "remove", "acme", ADA, "--reason", "asked for it")).out
    assert "[member_unknown]" in await command.refused("member", "erase", "acme", ADA)
    assert (await command.done("member", "list", "acme", "--json")).json["items"] == []
