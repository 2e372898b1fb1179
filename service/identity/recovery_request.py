"""A request to use a recovery code: whether the address is an owner's and the code theirs, on committed state."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from service.identity.read_model import UnusableReadModel, read_workspace
from service.identity.resources import Executor

_READ: Final = """
    select r.workspace, r.code_hashes, m.member_id
    from identity.recovery_requests r
    left join identity.members m
        on m.workspace = r.workspace and m.email_key = r.email_key and m.role = 'owner' and m.status = 'active'
    where r.token_hash = $1 and r.expires_at > $2
"""


@dataclass(frozen=True, slots=True)
class Recovery:
    """A request whose code is an owner's."""

    token_hash: bytes
    workspace: str
    workspace_name: str
    member_id: UUID
    code_hash: str


async def recovery_of(executor: Executor, token_hash: bytes, now: datetime) -> Recovery | None:
    """Return the request with this hash; ``None`` when it ended, was used, or its code is nobody's."""
    row = await executor.fetchrow(_READ, token_hash, now)
    if row is None or row["member_id"] is None:
        return None
    try:
        workspace = await read_workspace(executor, row["workspace"])
    except UnusableReadModel:
        return None
    if workspace is None or workspace.closed:
        return None
    for code_hash in row["code_hashes"]:
        if workspace.has_recovery_code(str(row["member_id"]), code_hash):
            return Recovery(token_hash, workspace.slug, workspace.name, row["member_id"], code_hash)
    return None
