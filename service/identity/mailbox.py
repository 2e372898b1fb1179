"""Signing in by a mailed link: whoever uses it reads the mailbox."""

from dataclasses import replace
from datetime import datetime
from typing import Literal

from service.db import transaction
from service.identity.arrival import NOWHERE, Arrival
from service.identity.claiming import claim_memberships
from service.identity.magic_link import MagicLink, find_magic_link, is_unused, use_magic_link
from service.identity.outcome import Outcome
from service.identity.resources import Connection, IdentityResources, RequestMeta
from service.identity.user_identities import link_identity

__all__ = ["NOWHERE", "sign_in_by_magic_link"]


async def sign_in_by_magic_link(
    resources: IdentityResources, token: str, meta: RequestMeta
) -> Outcome | Literal["used", "ended", "unknown"]:
    """Use a magic link up and sign its person in, or say why the link is worth nothing.

    ``confirm_switch`` leaves the link unused: the same POST with ``switch_confirmed`` signs in.
    """
    link, now = await find_magic_link(resources, token), resources.clock()
    if link is None:
        return "unknown"
    if link.state != "open":
        return link.state
    try:
        async with transaction(resources.pool) as connection:
            arrival = await _answer(resources, connection, link, meta, now)
    except _Spent:
        return "used"
    return await (arrival.ask_to_switch() if arrival.switches else arrival.sign_in())


class _Spent(Exception):
    """The link was used, or went with its person, since it was looked at: what was claimed is taken back."""


async def _answer(
    resources: IdentityResources, connection: Connection, link: MagicLink, meta: RequestMeta, now: datetime
) -> Arrival:
    """Give the reader of the mailbox what is theirs, and use the link up, if they are not asked something first."""
    claim = await claim_memberships(connection, link.address, now, meta.session)
    meta = replace(meta, session=claim.session)
    arrival = Arrival(resources, "magic_link", claim.user_id, link.address, link.address.display, meta, now)
    # Claimed first: who is erased at the same time takes their links along in the end.
    if not await (is_unused if arrival.switches else use_magic_link)(connection, link, now):
        raise _Spent
    if link.confirms is not None and not arrival.switches:
        await link_identity(connection, link.confirms, claim.user_id, now)
    return arrival
