"""The state of one workspace: what decisions are made on, and what the connection read model contains.

It follows from the recorded data and event ids alone. Neither the time of recording nor the position enters it, so
that the state after an append is known before the append, and is the same after every replay.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple, Self
from uuid import UUID

from events.catalogue.instants import write_instant
from events.envelope import Prepared, Recorded
from events.upcasting import UnknownSchema, upcast
from events.workspace_fold import FOLDS
from events.workspace_values import (
    AllowedDomain,
    Bypass,
    Credentials,
    Enforcement,
    SetupLink,
    enforcement_document,
    read_enforcement,
)

FOLD_VERSION = 3
"""Raised whenever the same events give another document; rows written by another version are rebuilt."""


class UnreadableEvent(Exception):
    """An event that this program cannot fold. The stream is to be parked, with its last good state."""

    def __init__(self, stream_id: str, position: int, type_: str, schema_version: int) -> None:
        super().__init__(f"stream {stream_id}, position {position}: cannot read {type_} v{schema_version}")
        self.stream_id = stream_id
        self.position = position
        self.type = type_
        self.schema_version = schema_version


class Workspace:
    """A workspace after the event with number ``version`` in its stream; version 0 is before its registration.

    ``position`` is the place of that event in the whole log, ``head`` its hash, as far as they are known (0 and empty
    for a decided, unrecorded state). A version and a position may come again, after a restore; the hash tells.
    """

    __slots__ = (
        "bypasses",
        "closed",
        "credentials",
        "domains",
        "enforcement",
        "former",
        "head",
        "jit_enabled",
        "jit_role",
        "name",
        "plan",
        "position",
        "provider_logout",
        "recovery_codes",
        "setup_links",
        "shredded",
        "slug",
        "sso_enabled",
        "staged",
        "version",
    )

    def __init__(self, slug: str) -> None:
        self.slug = slug
        self.name = ""
        self.plan = ""
        self.version = 0
        self.position = 0
        self.head = b""
        self.closed = False
        self.shredded = False
        self.domains: dict[str, AllowedDomain] = {}
        # A registration switches just-in-time creation on, as editor: part of what that event means.
        self.jit_enabled = True
        self.jit_role = "editor"
        self.credentials: Credentials | None = None
        self.staged: Credentials | None = None
        self.former: Credentials | None = None
        self.provider_logout = False
        self.sso_enabled = False
        self.enforcement: Enforcement | None = None
        self.bypasses: dict[str, Bypass] = {}
        self.setup_links: dict[str, SetupLink] = {}
        self.recovery_codes: frozenset[str] = frozenset()

    def apply(
        self,
        type_: str,
        data: dict[str, Any],
        event_id: str | UUID,
        version: int,
        position: int = 0,
        schema_version: int = 1,
    ) -> None:
        """Take one event in, the next of the stream. ``data`` are the recorded JSON values, of any schema version.

        Raises:
            UnreadableEvent: unknown type, newer schema version, or data that do not fit; nothing has changed then.
        """
        try:
            fold, newest = FOLDS[type_]
            if fold is not None:
                fold(self, data if schema_version == newest else upcast(type_, schema_version, data), event_id)
            elif schema_version != newest:
                upcast(type_, schema_version, data)
        except (UnknownSchema, LookupError, TypeError, ValueError) as error:
            raise UnreadableEvent(self.slug, position, type_, schema_version) from error
        self.version = version
        self.position = position

    def apply_recorded(self, event: Recorded) -> None:
        """Take one recorded event in.

        Raises:
            UnreadableEvent: see ``apply``.
        """
        self.apply(event.type, event.data, event.event_id, event.version, event.position, event.schema_version)
        self.head = event.hash

    def after(self, events: Iterable[Prepared]) -> "Workspace":
        """Return the state once these events are recorded next; this state stays as it is."""
        state = self.copy()
        state.head = b""
        for event in events:
            state.apply(event.type, event.data, event.event_id, state.version + 1, 0, event.schema_version)
        return state

    def copy(self) -> "Workspace":
        """Return a state that changes independently."""
        twin = object.__new__(Workspace)
        for name in Workspace.__slots__:
            setattr(twin, name, getattr(self, name))
        twin.domains = self.domains.copy()
        twin.bypasses = self.bypasses.copy()
        twin.setup_links = self.setup_links.copy()
        return twin

    def allows(self, domain: str) -> bool:
        """Whether addresses of this domain (an A-label) may sign in by SSO: exact match, no subdomains."""
        return domain in self.domains

    def has_recovery_code(self, member_id: str, code_hash: str) -> bool:
        """Whether this is the digest of a code that the member holds and has not spent."""
        return f"{member_id}:{code_hash}" in self.recovery_codes

    def recovery_code_holders(self) -> list[str]:
        """Return the members who hold codes."""
        return sorted({code.partition(":")[0] for code in self.recovery_codes})

    def bypass_of(self, member_id: str, now: datetime) -> Bypass | None:
        """Return the member's bypass if it has not ended."""
        bypass = self.bypasses.get(member_id)
        return bypass if bypass is not None and bypass.expires_at > now else None

    def to_document(self) -> dict[str, Any]:
        """Return the state as JSON values: the content of the read model, without position and head."""
        return {
            "slug": self.slug,
            "name": self.name,
            "plan": self.plan,
            "version": self.version,
            "closed": self.closed,
            "shredded": self.shredded,
            "domains": {name: domain._asdict() for name, domain in self.domains.items()},
            "jit": {"enabled": self.jit_enabled, "role": self.jit_role},
            "credentials": None if self.credentials is None else self.credentials._asdict(),
            "staged": None if self.staged is None else self.staged._asdict(),
            "former": None if self.former is None else self.former._asdict(),
            "provider_logout": self.provider_logout,
            "sso_enabled": self.sso_enabled,
            "enforcement": enforcement_document(self.enforcement),
            "bypasses": {
                member_id: {"expires_at": write_instant(bypass.expires_at), "reason": bypass.reason}
                for member_id, bypass in self.bypasses.items()
            },
            "setup_links": [
                {
                    "link_id": link_id,
                    "token_hash": link.token_hash,
                    "expires_at": write_instant(link.expires_at),
                    "used": link.used,
                }
                for link_id, link in self.setup_links.items()
            ],
            "recovery_codes": sorted(self.recovery_codes),
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any], position: int = 0, head: bytes = b"") -> Self:
        """Return the state that ``to_document`` of the same ``FOLD_VERSION`` wrote."""
        state = cls(document["slug"])
        for name in ("name", "plan", "version", "closed", "shredded", "provider_logout", "sso_enabled"):
            setattr(state, name, document[name])
        state.position, state.head = position, head
        state.domains = {name: AllowedDomain(**domain) for name, domain in document["domains"].items()}
        state.jit_enabled, state.jit_role = document["jit"]["enabled"], document["jit"]["role"]
        for name in ("credentials", "staged", "former"):
            values = document[name]
            setattr(state, name, None if values is None else Credentials(**values))
        state.enforcement = read_enforcement(document["enforcement"])
        state.bypasses = {
            member_id: Bypass(datetime.fromisoformat(bypass["expires_at"]), bypass["reason"])
            for member_id, bypass in document["bypasses"].items()
        }
        state.setup_links = {
            link["link_id"]: SetupLink(link["token_hash"], datetime.fromisoformat(link["expires_at"]), link["used"])
            for link in document["setup_links"]
        }
        state.recovery_codes = frozenset(document["recovery_codes"])
        return state


class Standing(NamedTuple):
    """A workspace as far as its events can be read. ``unreadable`` is the first one that cannot: it is parked there."""

    state: Workspace
    unreadable: UnreadableEvent | None = None

    def after(self, event: Recorded) -> "Standing":
        """Take the next event in, the state being changed; nothing more is taken in behind one that cannot be read."""
        if self.unreadable is not None:
            return self
        try:
            self.state.apply_recorded(event)
        except UnreadableEvent as unreadable:
            return Standing(self.state, unreadable)
        return self


def replay(stream_id: str, events: Iterable[Recorded]) -> Workspace:
    """Return the state after all these events of one stream.

    Raises:
        UnreadableEvent: see ``Workspace.apply``.
    """
    state = Workspace(stream_id)
    for event in events:
        state.apply_recorded(event)
    return state
