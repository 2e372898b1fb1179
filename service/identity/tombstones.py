"""What stays of an erased person: keyed digests, which say "was here once" about an address and about nothing else."""

import hmac
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from service.identity.resources import Connection, Executor

_LABEL = b"keyledger/tombstone/v1\0"


class TombstoneKeys:
    """Digests addresses and identities under keys newest first: the newest makes, all of them find.

    A key that is taken out of the settings takes its tombstones with it.
    """

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = [hmac.digest(key, _LABEL, "sha256") for key in keys]

    def __repr__(self) -> str:
        return f"<TombstoneKeys: {len(self._keys)}>"

    def digests(self, workspace: str, kind: str, value: str) -> list[bytes]:
        """Return the digests under each key, newest first."""
        text = f"{workspace}\0{kind}\0{value}".encode()
        return [hmac.digest(key, text, "sha256") for key in self._keys]

    def of_address(self, workspace: str, email_key: str) -> list[bytes]:
        """Return the digests of an address in its comparing form."""
        return self.digests(workspace, "address", email_key)

    def of_identity(self, workspace: str, issuer: str, scope: str, subject: str) -> list[bytes]:
        """Return the digests of an identity at a provider."""
        return self.digests(workspace, "identity", f"{issuer}\0{scope}\0{subject}")


async def was_erased(connection: "Executor", workspace: str, digests: Sequence[bytes]) -> bool:
    """Whether one of these digests belongs to somebody who was erased from the workspace."""
    return bool(
        await connection.fetchval(
            "select exists (select 1 from identity.tombstones where workspace = $1 and digest = any($2))",
            workspace,
            list(digests),
        )
    )


async def raise_tombstones(
    connection: "Connection", keys: TombstoneKeys, workspace: str, member_id: UUID, now: datetime
) -> None:
    """Leave tombstones for a member's address and identities, in the transaction that erases them."""
    rows = await connection.fetch(
        "select m.email_key, i.issuer, i.subject_scope, i.subject from identity.members m"
        " left join identity.identities i using (member_id) where m.member_id = $1",
        member_id,
    )
    digests = {keys.of_address(workspace, row["email_key"])[0] for row in rows if row["email_key"] is not None}
    digests |= {
        keys.of_identity(workspace, row["issuer"], row["subject_scope"], row["subject"])[0]
        for row in rows
        if row["issuer"] is not None
    }
    await connection.executemany(
        "insert into identity.tombstones (workspace, digest, erased_at) values ($1, $2, $3) on conflict do nothing",
        [(workspace, digest, now) for digest in digests],
    )
