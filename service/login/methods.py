"""Which ways to sign in are offered: for an address by its domain alone, or for one workspace.

Nothing here looks at people. An address that belongs to nobody, to a member or to somebody who was deactivated is
offered the same, so that the answer tells nothing. What is offered opens nothing by itself: each method is judged again
when it comes to its end.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import asyncpg

from events.workspace import Workspace
from projections.connection import load_connection
from service.db import Executor
from service.identity.people import Method
from service.identity.read_model import UnusableReadModel, workspace_of
from service.login.initiate import available
from service.login.slug import is_slug

MOST_CHOICES: Final = 20

# Whoever verified a domain comes first, so that no number of others can hide them.
_FOR_DOMAIN: Final = """
    select d.slug, d.verified, c.document, c.position, c.version, c.fold_version, s.version as stream_version
    from projection.sign_in_domains d
    join ledger.streams s on s.stream_id = d.slug
    left join projection.connections c on c.slug = d.slug
    where d.domain = $1 and c.document ->> 'closed' is distinct from 'true'
    order by d.verified desc, d.slug limit $2
"""


@dataclass(frozen=True, slots=True)
class SsoChoice:
    """A workspace that takes SSO. ``required``: no other method opens it, but by exception."""

    workspace: str
    name: str
    required: bool


@dataclass(frozen=True, slots=True)
class SignInMethods:
    """What is offered. By ``google`` and ``magic_link`` everything opens that the person may enter without SSO."""

    sso: Sequence[SsoChoice]
    google: bool
    magic_link: bool

    @property
    def names(self) -> list[Method]:
        """The methods that are offered, the one to prefer first."""
        offered: dict[Method, bool] = {"sso": bool(self.sso), "google": self.google, "magic_link": self.magic_link}
        return [name for name, is_offered in offered.items() if is_offered]


async def methods_for_domain(source: Executor, domain: str, *, google: bool) -> SignInMethods:
    """Return what is offered to the people of a domain (an A-label).

    Once a workspace has verified the domain, only workspaces that did are offered. ``google`` says whether Google is
    set up here at all.
    """
    rows = await source.fetch(_FOR_DOMAIN, domain, MOST_CHOICES)
    verified = any(row["verified"] for row in rows)
    states = [await _state(source, row) for row in rows if row["verified"] or not verified]
    return _offered([state for state in states if state is not None], google=google)


async def methods_for_workspace(source: Executor, slug: str, *, google: bool) -> SignInMethods:
    """Return what is offered at one workspace; one that does not exist looks like one without SSO."""
    state = await load_connection(source, slug) if is_slug(slug) else None
    return _offered([] if state is None else [state], google=google)


async def _state(source: Executor, row: asyncpg.Record) -> Workspace | None:
    try:
        return await workspace_of(source, row["slug"], row)
    except UnusableReadModel:
        return None


def _offered(states: Sequence[Workspace], *, google: bool) -> SignInMethods:
    choices = [
        SsoChoice(state.slug, state.name, required=state.enforcement is not None)
        for state in states
        if available(state)
    ]
    others = not choices or any(not choice.required for choice in choices)
    return SignInMethods(sorted(choices, key=lambda one: one.name.lower()), google and others, magic_link=others)
