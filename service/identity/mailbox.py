"""Signing in by a mailed link: whoever uses it reads the mailbox."""

from dataclasses import replace
from typing import Literal

from service.db import transaction
from service.identity.arrival import NOWHERE, Arrival
from service.identity.claiming import claim_memberships
from service.identity.magic_link import find_magic_link, use_magic_link
from service.identity.outcome import Outcome
from service.identity.resources import IdentityResources, RequestMeta
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
    async with transaction(resources.pool) as connection:
        claim = await claim_memberships(connection, link.address, now, meta.session)
    meta = replace(meta, session=claim.session)
    said = link.address.display
    arrival = Arrival(resources, "magic_link", claim.user_id, link.address, said, meta, now)
    if arrival.switches:
        return await arrival.ask_to_switch()
    async with transaction(resources.pool) as connection:
        if not await use_magic_link(connection, link, now):
            return "used"
        if link.confirms is not None:
            await link_identity(connection, link.confirms, claim.user_id, now)
    return await arrival.sign_in()
