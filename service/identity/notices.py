"""Tells a workspace's owners what changed in who gets in, whoever changed it: with the reason and the actor.

Written to the outbox in the change's own transaction, also to those who were owners in the last thirty days, so that
whoever takes a workspace over cannot do it unseen: neither by the ways to sign in nor by who its owners are.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final, NamedTuple, Protocol

from events.catalogue.event_data import EventData
from events.envelope import Actor, Context
from events.workspace import Workspace
from service.cookiebox import CookieBox
from service.identity.outbox import Mail, enqueue
from service.identity.resources import Connection

FORMER_OWNERS: Final = timedelta(days=30)

_SENTENCES: Final[Mapping[str, str]] = {
    "CredentialsSet": "New credentials for {issuer} are in use.",
    "CredentialsStaged": "New credentials for {issuer} are ready to be tested. They let nobody in yet.",
    "CredentialsPromoted": "The credentials that were tested are in use now.",
    "CredentialsRolledBack": "The credentials from before are in use again.",
    "CredentialsDiscarded": "The credentials that were to be tested are given up.",
    "CredentialsRemoved": "The credentials were removed: nobody signs in by SSO.",
    "SsoEnabled": "Members may sign in by SSO.",
    "SsoDisabled": "SSO is switched off.",
    "EnforcementEnabled": "Everybody has to sign in by SSO; other ways are closed.",
    "EnforcementDisabled": "SSO is no longer required; other ways to sign in are open again.",
    "EnforcementLapsed": "SSO is no longer required, because nobody signed in by it in time.",
    "BypassGranted": "{who} may sign in by a mailed link until {expires_at}, although SSO is required.",
    "BypassRevoked": "{who} may no longer sign in beside SSO.",
    "SetupLinkIssued": "A link was made with which SSO can be set up, until {expires_at}.",
    "SetupLinkRevoked": "A set-up link was revoked.",
    "SetupLinkUsed": "A set-up link was opened.",
    "RecoveryCodesIssued": "{who} has new recovery codes.",
    "RecoveryCodeUsed": "{who} used a recovery code.",
    "RecoveryCodesRevoked": "The recovery codes of {who} are void. New ones are made on the account page.",
    "SecretsShredded": "The stored secrets were destroyed for good.",
}

_OF_OWNERS: Final[Mapping[str, str]] = {
    "MemberDeactivated": "{who}, an owner, may no longer sign in.",
    "MemberReactivated": "{who}, an owner, may sign in again.",
    "MemberErased": "What was known of an owner was erased.",
}

_ACTORS: Final[Mapping[str, str]] = {
    "staff": "support staff ({name})",
    "token": "the management API (token {name})",
    "member": "{who}",
    "setup": "whoever holds the set-up link",
    "system": "Keyledger itself",
    "operator": "an operator ({name})",
}


class Happened(Protocol):
    """An event, decided or recorded."""

    @property
    def type(self) -> str:
        """The event type."""

    @property
    def data(self) -> EventData | dict[str, object]:
        """The event's data."""


async def notify_owners(
    connection: Connection,
    box: CookieBox,
    workspace: Workspace,
    events: Iterable[Happened],
    context: Context,
    now: datetime,
) -> int:
    """Put one mail for each owner into the outbox if any of the events calls for it. Returns the number of mails."""
    happened = list(events)
    people = await _people(connection, workspace.slug, happened, context.actor)
    told = [event for event in happened if _form(event, people) is not None]
    if not told:
        return 0
    actor = people.get(context.actor.id)
    values = {
        "workspace_name": workspace.name,
        "slug": workspace.slug,
        "changes": [_sentence(event, people) for event in told],
        "actor": _ACTORS[context.actor.type].format(
            name=context.actor.name or context.actor.id, who=actor.email if actor else "a member"
        ),
        "reason": context.reason or _own_reason(told),
        "requested_by": context.requested_by_name or context.requested_by,
        "ticket": context.ticket,
        "at": _shown(now),
    }
    sent = 0
    for recipient in await owner_addresses(connection, workspace.slug, now):
        sent += await enqueue(connection, box, Mail("owner_notice", recipient, values, workspace.slug), now)
    return sent


async def owner_addresses(connection: Connection, workspace: str, now: datetime) -> list[str]:
    """Return where mails to the owners go, former ones of the last thirty days included.

    The user's own proven address wins over the one that the workspace's connection says, which whoever runs the
    provider could change.
    """
    rows = await connection.fetch(
        "select distinct coalesce(u.email, m.email) as email from identity.members m"
        " join identity.users u using (user_id)"
        " where m.workspace = $1 and ((m.role = 'owner' and m.status = 'active') or m.owner_until > $2)"
        " order by email",
        workspace,
        now - FORMER_OWNERS,
    )
    return [row["email"] for row in rows]


def _data(event: Happened) -> dict[str, object]:
    return event.data.to_data() if isinstance(event.data, EventData) else event.data


def _form(event: Happened, people: Mapping[str, "_Person"]) -> str | None:
    return _SENTENCES.get(event.type) or _form_of_owner(event, people)


def _form_of_owner(event: Happened, people: Mapping[str, "_Person"]) -> str | None:
    """Return what is told of a change to a member or an invitation: something only where it is about an owner."""
    data = _data(event)
    person = people.get(str(data.get("member_id")))
    was, becomes = person is not None and person.role == "owner", data.get("role") == "owner"
    if event.type == "MemberInvited":
        return "Somebody is invited as an owner." if becomes else None
    if event.type == "IdentityRelinked" and (was or data.get("how") == "support"):
        return "{who} signs in by another account at the provider now."
    if event.type == "MemberRoleChanged" and was != becomes:
        return "{who} is an owner now." if becomes else "{who} is no longer an owner."
    return _OF_OWNERS.get(event.type) if was else None


def _sentence(event: Happened, people: Mapping[str, "_Person"]) -> str:
    data = _data(event)
    person = people.get(str(data.get("member_id")))
    values = {
        "issuer": data.get("issuer"),
        "who": person.email if person else "A member",
        "expires_at": _shown(datetime.fromisoformat(str(data["expires_at"]))) if data.get("expires_at") else "",
    }
    return (_form(event, people) or "").format(**values)


def _own_reason(events: Iterable[Happened]) -> str | None:
    reasons = (_data(event).get("reason") for event in events)
    return next((str(reason) for reason in reasons if reason), None)


def _shown(instant: datetime) -> str:
    return f"{instant:%d %B %Y, %H:%M} UTC"


class _Person(NamedTuple):
    """A member as the change finds them: their role is the one before it."""

    email: str
    role: str


async def _people(
    connection: Connection, workspace: str, events: Iterable[Happened], actor: Actor
) -> dict[str, _Person]:
    wanted = [str(one) for one in (_data(event).get("member_id") for event in events) if one]
    wanted += [actor.id] if actor.type == "member" else []
    if not wanted:
        return {}
    rows = await connection.fetch(
        "select member_id::text as id, email, role from identity.members"
        " where workspace = $1 and member_id::text = any($2) and email is not null",
        workspace,
        wanted,
    )
    return {row["id"]: _Person(row["email"], row["role"]) for row in rows}
