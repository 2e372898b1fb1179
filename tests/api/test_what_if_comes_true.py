"""What was told beforehand is what happens: the same change made for real lets in and refuses exactly the people named.

Random configurations, people and changes; ``WHAT_IF_WORLDS`` makes it a longer run.
"""

import os
import random
from dataclasses import dataclass, field
from typing import Any

import pytest
from support.identity_mail import mailed_link
from support.identity_values import Proven
from support.identity_world import World, credentials_data
from support.management import Management

from events.catalogue.access import EnforcementEnabled
from events.catalogue.configuration import DomainAdded, JitDisabled, JitEnabled
from events.catalogue.credentials import CredentialsSet
from events.catalogue.event_data import EventData
from service.identity.mailbox import sign_in_by_magic_link
from service.identity.outcome import Outcome
from service.identity.people import Role
from service.identity.resources import RequestMeta

WORLDS = int(os.environ.get("WHAT_IF_WORLDS", "6"))
DOMAINS = ("acme.example", "b.example", "c.example")
LET_IN = {"ok", "link_unconfirmed"}
"""An owner's first sign-in is let in once a mail has confirmed it; so a what-if tells it."""


@dataclass
class Somebody:
    """A person, and how their sign-ins ended: by SSO, and by a mailed link where they have a mailbox here."""

    email: str
    subject: str
    verified: bool
    mailbox: bool = False
    before: dict[str, str] = field(default_factory=dict)
    after: dict[str, str] = field(default_factory=dict)

    async def come(self, world: World, outcomes: dict[str, str]) -> None:
        """Sign in by each way that the person has, and note the reasons."""
        proven = Proven(email=self.email, subject=self.subject, email_verified_claim=self.verified)
        outcomes["sso"] = (await world.sign_in(proven)).reason
        if self.mailbox:
            token = await mailed_link(world, self.email)
            assert token is not None
            outcome = await sign_in_by_magic_link(world.resources, token, RequestMeta("r-2", None))
            assert isinstance(outcome, Outcome)
            outcomes["magic_link"] = outcome.reason


async def settle(world: World, choose: random.Random) -> list[Somebody]:
    """Make a workspace at random, and people who are members, invited, deactivated, both or nothing there."""
    await world.register(jit=choose.random() < 0.5)
    data: list[EventData] = [DomainAdded(domain=name) for name in DOMAINS[1:] if choose.random() < 0.5]
    if choose.random() < 0.4:
        data.append(credentials_data(CredentialsSet, email_verified="require"))
    if choose.random() < 0.3:
        data.append(EnforcementEnabled(confirm_by=None))
    await world.append("acme", data or [JitEnabled(role="viewer")])
    people = []
    for number in range(10):
        somebody = Somebody(f"p{number}@{choose.choice(DOMAINS)}", f"00u-{number}", choose.random() < 0.7)
        role: Role = choose.choice(("owner", "admin", "editor", "viewer"))
        what = choose.choice(("member", "member", "mailbox", "deactivated", "open", "revoked", "nobody", "nobody"))
        if what in {"member", "mailbox", "deactivated"}:
            somebody.mailbox = what == "mailbox"
            member_id = await world.member(somebody.email, role, proven=somebody.mailbox)
            if what == "deactivated":
                await world.pool.execute(
                    "update identity.members set status = 'deactivated' where member_id = $1", member_id
                )
        elif what != "nobody":
            await world.invitation(somebody.email, choose.choice(("editor", "viewer")), status=what)
        people.append(somebody)
    return people


def some_change(choose: random.Random) -> list[dict[str, Any]]:
    """Propose one to three events."""
    events: list[dict[str, Any]] = [
        {"type": "JitDisabled"},
        {"type": "JitEnabled", "data": {"role": choose.choice(("editor", "viewer"))}},
        {"type": "SsoDisabled", "data": {"reason": "a try"}},
        {"type": "EnforcementDisabled", "data": {"reason": "a try"}},
        {"type": "WorkspacePlanChanged", "data": {"plan": "starter"}},
        *({"type": kind, "data": {"domain": name}} for name in DOMAINS for kind in ("DomainAdded", "DomainRemoved")),
    ]
    return choose.sample(events, k=choose.randrange(1, 4))


async def a_change_that_is_accepted(api: Management, choose: random.Random) -> tuple[list[dict[str, Any]], Any]:
    """Return a change that would be made and makes a difference, and what it would do."""
    while True:
        proposed = some_change(choose)
        answer = await api.post("/workspaces/acme/what-if", proposed, 200)
        if answer["accepted"] and answer["changes"]:
            return proposed, answer


def told(answer: Any, name: str) -> dict[tuple[str, str], tuple[str, Any]]:
    """Return, by person and way, the list and the finding of everybody for whom a way differs."""
    return {
        (one["email"], way["method"]): (kind, way)
        for kind in ("newly_admitted", "newly_refused", "otherwise", "uncertain")
        for one in answer[name][kind]
        for way in one["ways"]
    }


@pytest.mark.parametrize("seed", range(WORLDS))
async def test_whom_a_what_if_names_is_whom_the_change_lets_in_or_refuses(api: Management, seed: int) -> None:
    """Each person by each of their ways, those included who are named nowhere: nothing changes for them."""
    choose = random.Random(seed)  # noqa: S311 - reproducible, and no secret
    world = World(api.pool, api.clock)
    people = await settle(world, choose)
    await world.append("acme", [JitDisabled()] if choose.random() < 0.3 else [JitEnabled(role="editor")])
    for somebody in people:
        # Twice: whoever is created or linked by the first is known at the second, as in the what-if.
        await somebody.come(world, somebody.before)
        await somebody.come(world, somebody.before)
    proposed, answer = await a_change_that_is_accepted(api, choose)
    await api.post("/workspaces/acme/events", proposed, 201)
    for somebody in people:
        await somebody.come(world, somebody.after)
    named, looked_at = {**told(answer, "members"), **told(answer, "sign_ins")}, 0
    for somebody in people:
        for way, before in somebody.before.items():
            after = somebody.after[way]
            kind, finding = named.get((somebody.email, way), ("unchanged", None))
            where = (seed, proposed, somebody, kind, finding)
            if finding is None:
                assert (before in LET_IN) == (after in LET_IN), where
                continue
            looked_at += 1
            if finding["after"]["outcome"] == "uncertain" or finding["before"]["outcome"] == "uncertain":
                continue
            assert finding["before"]["admitted"] == (before in LET_IN), where
            assert finding["after"]["admitted"] == (after in LET_IN), where
            if after not in LET_IN:
                # Where two rules refuse, the one is named that does so whatever the provider says of the address.
                assert after in {finding["after"]["reason"], "email_unverified"}, where
    changed = [
        one for one in people if any((one.before[way] in LET_IN) != (one.after[way] in LET_IN) for way in one.before)
    ]
    assert looked_at >= len(changed)
