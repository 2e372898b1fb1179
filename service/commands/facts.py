"""What the tables know at the moment of a decision, read under the workspace's lock."""

from dataclasses import replace

from events.commands import Command
from events.commands.access import GrantBypass, LapseEnforcement, RevokeBypass
from events.decisions import Facts
from events.domains import parse_address
from events.refusals import Refusal
from events.workspace import Workspace
from service.db import Connection
from service.errors import invalid
from service.identity.facts import invitation_facts, member_fact_by_address, member_facts

_SSO_SINCE = """
    select exists (
        select from identity.sign_ins s join ledger.events e on e.event_id = $2 and e.stream_id = s.workspace
        where s.workspace = $1 and s.method = 'sso' and s.reason = 'ok'
          and s.initiated_by is distinct from 'test' and s.at >= e.recorded_at
    )
"""


async def facts_about(connection: Connection, workspace: Workspace, command: Command, facts: Facts) -> Facts:
    """Return the facts with what this one command is about: a member, or whether enforcement was confirmed in time.

    Raises:
        Refusal: ``data_invalid`` when an address is none.
    """
    if isinstance(command, GrantBypass | RevokeBypass):
        try:
            key = parse_address(command.email.strip()).key
        except Refusal as refusal:
            raise invalid(refusal.message, "/data/email") from None
        return replace(facts, member=await member_fact_by_address(connection, workspace, key))
    if isinstance(command, LapseEnforcement):
        # A lapse is judged by the database's clock: every instance sees the same moment.
        now = await connection.fetchval("select clock_timestamp()")
        signed_in = await connection.fetchval(_SSO_SINCE, workspace.slug, command.event_id)
        return replace(facts, now=now, sso_since_enforcement=signed_in)
    return facts


async def facts_of_people(connection: Connection, workspace: Workspace, facts: Facts) -> Facts:
    """Return the facts with all active members and open invitations, for the readiness answer."""
    return replace(
        facts,
        members=await member_facts(connection, workspace),
        invitations=await invitation_facts(connection, workspace, facts.now),
    )
