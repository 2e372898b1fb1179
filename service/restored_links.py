"""Set-up links and recovery codes after a restore: revoked in each workspace's own history, and its owners are told.

A workspace whose state cannot be read is left as it is, and named: while that is so, nobody comes in by its links and
codes either. The others are done in any case, each in a transaction of its own.
"""

from dataclasses import dataclass, field
from typing import Final

from events.commands.access import RevokeRecoveryCodes, RevokeSetupLink
from events.envelope import Context
from events.refusals import Refusal
from events.workspace import UnreadableEvent
from service.errors import WorkspaceUnknown
from service.identity.change import Change, change_workspace
from service.identity.read_model import UnusableReadModel
from service.identity.resources import IdentityResources

LEFT_NAMED: Final = 100
_BATCH: Final = 500
# What the row does not say may be so. A workspace that was closed stays so, and nothing is decided in it any more.
_HOLDING: Final = """
    select s.stream_id from ledger.streams s left join projection.connections c on c.slug = s.stream_id
    where s.stream_id <> '$system' and s.stream_id > $1 and c.document ->> 'closed' is distinct from 'true' and (
        c.version is distinct from s.version or coalesce(c.document -> 'setup_links' <> '{}', true)
        or coalesce(c.document -> 'recovery_codes' <> '[]', true)
    )
    order by s.stream_id limit $2
"""


@dataclass(frozen=True, slots=True)
class LeftAlone:
    """A workspace in which nothing was revoked, why, and what to do about it."""

    workspace: str
    problem: str


@dataclass(slots=True)
class Left:
    """How many workspaces were left as they are, and the first hundred of them."""

    count: int = 0
    first: list[LeftAlone] = field(default_factory=list)

    def add(self, workspace: str, problem: str) -> None:
        """Take note of one."""
        self.count += 1
        if len(self.first) < LEFT_NAMED:
            self.first.append(LeftAlone(workspace, problem))


async def revoke_in_workspaces(identity: IdentityResources, context: Context) -> tuple[int, Left]:
    """Revoke all set-up links and recovery codes; return in how many workspaces there were any, and which are left."""
    done, left, last = 0, Left(), ""
    while True:
        slugs = [row["stream_id"] for row in await identity.pool.fetch(_HOLDING, last, _BATCH)]
        for slug in slugs:
            try:
                done += await change_workspace(identity, slug, context, _revoke)
            except WorkspaceUnknown:
                left.add(slug, "the log has it, and the tables of people do not. Restore the whole backup.")
            except UnusableReadModel as unusable:
                left.add(slug, _told(unusable))
            except Refusal as refusal:
                left.add(slug, refusal.message)
        if len(slugs) < _BATCH:
            return done, left
        last = slugs[-1]


def _told(unusable: UnusableReadModel) -> str:
    cause = unusable.__cause__
    if isinstance(cause, UnreadableEvent):
        return (
            f"this version cannot read its {cause.type} at position {cause.position}. Install the version of Keyledger "
            "that wrote it."
        )
    return "its row in the read model is not at the version of its stream. Run: keyledger rebuild connections"


async def _revoke(change: Change) -> bool:
    if change.workspace.closed:
        return False
    open_links = [link_id for link_id, link in change.workspace.setup_links.items() if link.expires_at > change.now]
    for link_id in open_links:
        await change.decide(RevokeSetupLink(link_id=link_id))
    for member_id in change.workspace.recovery_code_holders():
        await change.decide(RevokeRecoveryCodes(member_id=member_id))
    return bool(change.prepared)
