"""Shreds the secrets of a closed workspace: data key, sealed secrets and event go together, or not at all.

The events stay as they were recorded, and the history verifies: they hold a secret's id and the digest of its
ciphertext, never the ciphertext. What else is sealed (mails that wait, webhooks' secrets, names) is not sealed under a
workspace's data key, and has an end of its own.
"""

import difflib
from dataclasses import dataclass
from typing import Final

from events.commands.credentials import ShredSecrets
from events.envelope import Context
from events.refusals import Refusal
from events.secrets import SecretVault
from service.db import Pool
from service.errors import WorkspaceUnknown
from service.identity.change import Change, change_workspace
from service.identity.read_model import UnusableReadModel
from service.identity.resources import IdentityResources

# Looking for what was meant takes no longer where there are a million: those that begin alike come first.
_ALIKE: Final = """
    select slug from identity.workspaces where abs(length(slug) - length($1)) <= 2
    order by left(slug, 1) <> left($1, 1), slug limit 5000
"""
_LONGEST: Final = 63


@dataclass(frozen=True, slots=True)
class WorkspaceShredded:
    """What became of it: the data keys by id, and how many sealed secrets were deleted with them.

    ``changed`` is ``False`` when it was recorded before, or there was no data key. What is deleted then was brought
    back by a restored backup.
    """

    slug: str
    changed: bool
    data_key_ids: list[str]
    secrets: int
    version: int


async def shred_secrets(
    identity: IdentityResources, vault: SecretVault, slug: str, context: Context
) -> WorkspaceShredded:
    """Delete a closed workspace's data key and sealed secrets for good, and record it in the same transaction.

    Raises:
        Refusal: ``workspace_unknown``; ``not_ready`` while the workspace is open; ``workspace_parked`` where its state
            cannot be read; what ``Busy`` says when others came first each time. Nothing is deleted then.
    """

    async def work(change: Change) -> WorkspaceShredded:
        gone = await vault.shred(change.connection, slug)
        recorded = await change.decide(ShredSecrets(data_key_ids=gone.data_key_ids))
        return WorkspaceShredded(slug, bool(recorded), gone.data_key_ids, gone.secrets, change.workspace.version)

    try:
        return await change_workspace(identity, slug, context, work)
    except WorkspaceUnknown:
        raise await _unknown(identity.pool, slug) from None
    except UnusableReadModel:
        sentence = f"The state of {slug} cannot be read, so nothing was deleted. See: keyledger check"
        raise Refusal("workspace_parked", sentence) from None


async def _unknown(pool: Pool, slug: str) -> Refusal:
    slugs = [row["slug"] for row in await pool.fetch(_ALIKE, slug[:_LONGEST])]
    close = difflib.get_close_matches(slug[:_LONGEST], slugs, n=1)
    meant = f" Did you mean {close[0]}?" if close else " See: keyledger workspace list"
    return Refusal("workspace_unknown", f"There is no workspace {slug[:_LONGEST]}.{meant}")
