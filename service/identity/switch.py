"""Signing in as another person than the session's: the proven sign-in waits, sealed in a form, for a confirming POST.

The form is bound to the session that it would replace, lasts ten minutes and works once; what it holds is judged anew.
"""

import hashlib
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, Literal

import orjson
from pydantic import SecretStr

from service.identity.logout_hint import keepable
from service.identity.people import Person
from service.identity.resources import BegunAttempt, IdentityResources
from service.identity.session_values import LiveSession
from service.identity.spent import spend

LIFETIME: Final = timedelta(minutes=10)
_PURPOSE: Final = "confirm switch"


@dataclass(frozen=True, slots=True)
class KeptPerson:
    """A proven person, as the form holds them."""

    issuer: str
    subject: str
    subject_scope: str
    email: str
    email_verified_claim: bool
    name: str | None
    sid: str | None = None
    id_token: SecretStr | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class KeptSwitch:
    """A proven sign-in that waits. ``target`` is where the person wanted to go."""

    slug: str
    credentials_id: str
    kind: Literal["app", "okta", "test"]
    person: KeptPerson
    target: str | None


def seal_switch(
    resources: IdentityResources,
    session: LiveSession,
    slug: str,
    attempt: BegunAttempt,
    person: Person,
    target: str | None,
) -> str:
    """Return the hidden field of the confirming form."""
    content = orjson.dumps(
        (
            resources.clock().timestamp(),
            (slug, attempt.credentials_id, attempt.kind, target),
            (
                person.issuer,
                person.subject,
                person.subject_scope,
                person.email,
                # Only JSON true ever counts, so that nothing else is worth keeping.
                person.email_verified_claim is True,
                person.name,
                person.sid,
                keepable(person.id_token),
            ),
        )
    )
    return resources.box.seal(_PURPOSE, content, session.session_hash.hex())


async def open_switch(resources: IdentityResources, session: LiveSession | None, field: str) -> KeptSwitch | None:
    """Return the waiting sign-in and use the form up; ``None`` when it is not this session's, too old, or used.

    Run ``admit`` with the result and ``switch_confirmed``.
    """
    content = None if session is None else resources.box.open(_PURPOSE, field, session.session_hash.hex())
    if content is None:
        return None
    sealed_at, (slug, credentials_id, kind, target), person = orjson.loads(content)
    ends_at = datetime.fromtimestamp(sealed_at, resources.clock().tzinfo) + LIFETIME
    if ends_at <= resources.clock():
        return None
    if not await spend(resources.pool, hashlib.sha256(field.encode()).digest(), ends_at):
        return None
    kept = KeptPerson(*person[:-1])
    if person[-1] is not None:
        kept = replace(kept, id_token=SecretStr(person[-1]))
    return KeptSwitch(slug, credentials_id, kind, kept, target)
