"""What is missing before SSO and before enforcement, and whom enforcement would affect, with addresses and names."""

from dataclasses import dataclass

from events.decisions import Facts, Readiness, readiness
from events.envelope import Actor
from events.workspace import Workspace
from service.commands.facts import facts_of_people
from service.commands.reading import read_workspace
from service.commands.resources import CommandResources
from service.db import borrowed
from service.identity.facts import owner_facts


@dataclass(frozen=True)
class Assessment:
    """The workspace, its readiness, and who the members and invitations are that the readiness names by their ids.

    ``names`` holds those that are known; whoever is invited has none yet.
    """

    workspace: Workspace
    readiness: Readiness
    addresses: dict[str, str]
    names: dict[str, str]


async def assess(resources: CommandResources, slug: str, actor: Actor) -> Assessment:
    """Return what is missing, on committed state.

    Raises:
        Refusal: ``workspace_unknown``.
    """
    identity = resources.identity
    async with (
        borrowed(identity.pool) as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        workspace = await read_workspace(connection, identity.store, slug)
        owners = await owner_facts(connection, workspace)
        facts = Facts(now=identity.clock(), actor=actor, owners=owners)
        facts = await facts_of_people(connection, workspace, facts)
        found = readiness(workspace, facts, identity.rules)
        rows = await connection.fetch(
            "select member_id::text as id, email, name from identity.members"
            " where workspace = $1 and email is not null"
            " union all select invitation_id::text, email, '' from identity.invitations where workspace = $1",
            slug,
        )
    addresses = {row["id"]: row["email"] for row in rows}
    return Assessment(workspace, found, addresses, {row["id"]: row["name"] for row in rows if row["name"]})
