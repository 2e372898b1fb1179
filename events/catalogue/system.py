"""The system stream: what concerns no single workspace."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from events.catalogue.event_data import EventData, Identifier, Instant, Name, Slug

SYSTEM_STREAM = "$system"

StaffRole = Literal["support", "auditor", "operator"]
NameId = Annotated[str, StringConstraints(pattern=r"^~[A-Za-z0-9_-]{43}$")]
PublicKey = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+/=_-]{40,200}$")]


class ApiTokenCreated(EventData):
    """A bearer token may be used until it expires or is revoked.

    ``holder`` is the id of the holder's name; in events from before there were ids, the name itself.
    """

    schema_version: ClassVar[int] = 2

    token_id: Identifier
    holder: Name
    role: StaffRole
    expires_at: Instant | None = None


class ApiTokenRevoked(EventData):
    """The token opens nothing any more."""

    token_id: Identifier


class NameShredded(EventData):
    """The name that this id stands for, and its key, are deleted: nobody can say any more whose it was."""

    name_id: NameId


class SigningKeyRotated(EventData):
    """Checkpoints are signed with this Ed25519 key from now on."""

    key_id: Identifier
    public_key: PublicKey
    former_key_id: Identifier | None = None


class WebhookAdded(EventData):
    """An address at ``host`` is told of events: of one workspace or the whole log, of some types or all."""

    webhook_id: Identifier
    host: Annotated[str, StringConstraints(min_length=1, max_length=253)]
    workspace: Slug | None = None
    types: Annotated[list[Identifier], Field(max_length=100)] | None = None


class WebhookSecretRotated(EventData):
    """What the address is told is signed with a new secret, and with the former one as well until ``former_until``."""

    webhook_id: Identifier
    former_until: Instant


class WebhookRemoved(EventData):
    """The address is told of nothing more."""

    webhook_id: Identifier


class LogRestored(EventData):
    """The log was restored from a backup that ended at ``position``; cursors and sessions of former epochs are void."""

    epoch: Annotated[int, Field(ge=1)]
    position: Annotated[int, Field(ge=0)]
