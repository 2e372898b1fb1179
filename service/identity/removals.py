"""What is removed when it has served its time, and what is kept for ever, because. Every table is in one of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class Removal:
    """Rows of one table whose time is over.

    Attributes:
        what: a name for metrics and log lines.
        table: the table with its schema.
        over: the condition in SQL, in which $1 is now.
        instead: what is set instead of deleting the row.
    """

    what: str
    table: str
    over: str
    instead: str | None = None

    @property
    def statement(self) -> str:
        """Remove at most $2 of them. What somebody else is changing is left to the next time, and not waited for."""
        change = f"delete from {self.table}" if self.instead is None else f"update {self.table} set {self.instead}"
        chosen = f"select ctid from {self.table} where {self.over} limit $2 for update skip locked"
        return f"{change} where ctid = any (array({chosen}))"


REMOVALS: Final = (
    # An attempt that is so old is refused by its age.
    Removal("spent attempts", "identity.spent_attempts", "expires_at <= $1"),
    Removal("sessions", "identity.sessions", "absolute_expires_at <= $1"),
    Removal("limited sessions", "identity.limited_sessions", "expires_at <= $1"),
    Removal("recovery requests", "identity.recovery_requests", "expires_at <= $1"),
    # A request is repeated within minutes, or the next morning.
    Removal("idempotency keys", "identity.idempotency", "created_at <= $1::timestamptz - interval '24 hours'"),
    # So long its page says that a link has expired.
    Removal("link confirmations", "identity.link_confirmations", "expires_at <= $1::timestamptz - interval '1 day'"),
    Removal("magic links", "identity.magic_links", "expires_at <= $1::timestamptz - interval '1 hour'"),
    # A month to find out who came, and whether a mail went out.
    Removal("identity conflicts", "identity.identity_conflicts", "at <= $1::timestamptz - interval '30 days'"),
    Removal("mails", "identity.outbox", "coalesce(sent_at, given_up_at) <= $1::timestamptz - interval '30 days'"),
    # Anybody can type an address.
    Removal(
        "mails with magic links",
        "identity.outbox",
        "kind in ('magic_link', 'confirm_google', 'recovery')"
        " and coalesce(sent_at, given_up_at, created_at) <= $1::timestamptz - interval '1 day'",
    ),
    # Where no mail server is set they would wait for ever. No invitation is open for longer than ninety days.
    Removal(
        "mails that never went out",
        "identity.outbox",
        "sent_at is null and given_up_at is null and created_at <= $1::timestamptz - interval '90 days'",
    ),
    # What came of them stands in the history. Those that were revoked or have expired count on: see KEPT.
    Removal(
        "invitations",
        "identity.invitations",
        "status in ('accepted', 'replaced') and expires_at <= $1::timestamptz - interval '30 days'",
    ),
    # A month for those who look for what they were not told; after that they still read it in the log.
    Removal("dead letters", "identity.webhook_messages", "given_up_at <= $1::timestamptz - interval '30 days'"),
    # Behind one that is not taken, or for a webhook that was disabled. An attempt moves its message's time on.
    Removal(
        "waiting webhook messages",
        "identity.webhook_messages",
        "given_up_at is null and next_attempt_at <= $1::timestamptz - interval '30 days'",
        instead="given_up_at = $1, last_error = 'it waited for thirty days'",
    ),
)

SIGN_INS: Final = "identity.sign_ins"
"""Removed by a setting, and counted: see ``sign_in_retention``."""

KEPT: Final[Mapping[str, str]] = MappingProxyType(
    {
        # The history and what proves it: the reason for which there is a log.
        "ledger.events": "append-only; what changed, for ever",
        "ledger.streams": "one row a workspace; a slug is never given twice",
        "ledger.epochs": "one row a restore; readers of the log compare with it",
        "ledger.tree_tiles": "the tree over all events; proofs are read from it",
        "ledger.head_nodes": "about two rows a workspace; proofs are read from it",
        "ledger.tree_state": "one row",
        "ledger.checkpoints": "append-only; at most one an event, so that each can be compared with its copies",
        "ledger.signing_keys": "one row a rotation; old checkpoints are checked with old keys",
        "ledger.deliveries": "one row for each place that gets checkpoints",
        "ledger.migrations": "one row a migration",
        "ledger.data_keys": "one row a workspace, until its secrets are shredded",
        "ledger.secrets": "of credentials in use, staged and former; others go with the next change of credentials",
        "ledger.names": "one row a person named in events; forgetting them empties it",
        "ledger.names_key": "one row",
        # What is true now: as many rows as there are workspaces and people.
        "projection.connections": "one row a workspace",
        "projection.sign_in_domains": "one row for each domain of a workspace",
        "projection.checkpoints": "one row a projection",
        "projection.parked": "one row for each workspace that a projection cannot take in, until it can",
        "projection.timeline_v1": "one row an event; the history in sentences",
        "identity.workspaces": "one row a workspace",
        "identity.websites": "one row a website of a workspace",
        "identity.users": "one row a person; erased with their last membership, or their address",
        "identity.members": "one row a membership; what is left of an erased one is the opaque id that events speak of",
        "identity.identities": "one row for each account of a member; erased with the member",
        "identity.user_identities": "one row for each account of a person; erased with the person",
        "identity.tombstones": "so that erased people never come back unasked; keyed digests",
        "identity.tombstone_key": "one row",
        "identity.api_tokens": "one row a token; a name is never given twice, and events name tokens by it",
        "identity.signing_algorithms": "as the secrets of credentials",
        "identity.webhooks": "fifty at most",
        # What stays of sign-ins.
        "identity.sign_in_counts": "how many there were, by day, for auditors and graphs; nothing about a person",
        "identity.removed_tests": "what the last tests of credentials in use showed; those of others go with the next",
        "identity.sign_in_removal": "one row",
    }
)
"""Tables of which nothing is removed by its age, each with the reason.

Of ``identity.invitations`` those that were revoked or have expired stay, one for each address: they suspend
just-in-time creation, until the address is invited again or erased.
"""
