"""What the API answers: one model for each shape, used to write the answers and to describe them."""

from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

Item = TypeVar("Item")


class Shape(BaseModel):
    """An answer or a part of one."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ProblemPlace(Shape):
    """One thing to mend, and where it stands."""

    where: Annotated[Literal["body", "query", "header"], Field(alias="in")]
    pointer: str
    detail: str


class Problem(BaseModel):
    """An error (RFC 9457). ``code`` is stable; ``detail`` is for people and may change."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    request_id: str
    errors: list[dict[str, Any]] | None = None


class Page(Shape, Generic[Item]):
    """One page of a list. ``next`` is the cursor of the page after it, or null at the end."""

    items: list[Item]
    next: str | None


class Sealed(Shape):
    """A secret that is kept. Its fingerprint tells two secrets apart and reveals nothing."""

    sealed: Literal[True] = True
    fingerprint: str


class CredentialsShape(Shape):
    """What the service presents to the provider."""

    id: str
    provider_kind: Literal["okta", "oidc"]
    issuer: str
    client_id: str
    client_secret: Sealed
    auth_method: Literal["client_secret_basic", "client_secret_post"]
    email_verified: Literal["ignore", "require"]
    subject_type: Literal["public", "pairwise"]
    proven: bool


class DomainShape(Shape):
    """An allowed e-mail domain, and how its ownership was shown, if it was."""

    domain: str
    verified: str | None


class JitShape(Shape):
    """Just-in-time creation: whether unknown people are created, and with which role."""

    enabled: bool
    role: str


class ProviderLogoutShape(Shape):
    """Whether signing out here signs out at the provider too."""

    enabled: bool


class SsoShape(Shape):
    """Whether members may sign in by SSO."""

    enabled: bool


class EnforcementShape(Shape):
    """Whether members must sign in by SSO."""

    enabled: bool
    confirmed: bool
    confirm_by: str | None


class BypassShape(Shape):
    """One member's way in beside SSO, until it ends."""

    member_id: str
    email: str | None
    expires_at: str
    reason: str | None


class WorkspaceShape(Shape):
    """A workspace's configuration at one version."""

    slug: str
    name: str
    plan: str
    version: int
    position: int
    closed: bool
    initiate_uri: str
    redirect_uri: str
    sign_out_redirect_uri: str
    backchannel_logout_uri: str
    frontchannel_logout_uri: str
    domains: list[DomainShape]
    jit: JitShape
    credentials: CredentialsShape | None
    staged: CredentialsShape | None
    sso: SsoShape
    provider_logout: ProviderLogoutShape
    enforcement: EnforcementShape
    bypasses: list[BypassShape]


class ParkedAtShape(Shape):
    """The first event of a workspace that this version of the program cannot read."""

    position: int
    type: str
    schema_version: int


class WorkspaceLine(Shape):
    """A workspace in the list. One that is parked is shown as it was before the event that cannot be read."""

    slug: str
    name: str
    plan: str
    version: int
    closed: bool
    sso: SsoShape
    enforcement: EnforcementShape
    parked: ParkedAtShape | None


class ActorShape(Shape):
    """Who did it. For changes through this API: the token.

    ``id`` is what the event holds. Of tokens, operators and staff it is an id of a name, a commitment that begins with
    ``~`` (in events from before there were such ids, the name itself), and ``name`` is the name, or ``(forgotten)``,
    ``(unknown)``, ``(unreadable)`` or ``(not the recorded name)``. ``name`` is null for others, and wherever ids alone
    are given out.
    """

    type: str
    id: str
    name: str | None


class AskerShape(Shape):
    """Who asked for it. ``id`` and ``name`` are as an actor's; an id may stand within a phrase."""

    id: str
    name: str | None


class EventShape(Shape):
    """One event of a workspace's history."""

    position: int
    event_id: str
    stream_id: str
    version: int
    type: str
    schema_version: int
    data: dict[str, Any]
    actor: ActorShape
    reason: str | None
    requested_by: AskerShape | None
    ticket: str | None
    correlation_id: str | None
    causation_id: str | None
    idempotency_key: str | None
    recorded_at: str
    hash: str


class RecordedShape(Shape):
    """What a change recorded: its events (none when nothing changed), and the version they led to."""

    events: list[EventShape]
    version: int
    position: int


class CauseShape(Shape):
    """An event that made a part of a configuration so: what it did, who, when, why and on whose behalf."""

    version: int
    position: int
    recorded_at: str
    type: str
    summary: str
    actor: ActorShape
    reason: str | None
    requested_by: AskerShape | None
    ticket: str | None


class ChangeShape(Shape):
    """One place at which two configurations differ, and the events between them that changed it (the newest 20)."""

    path: str
    before: Any
    after: Any
    events: list[CauseShape]


class PointShape(Shape):
    """One side of a comparison."""

    version: int
    position: int


class DifferenceShape(Shape):
    """What differs between two versions."""

    earlier: Annotated[PointShape, Field(alias="from")]
    later: Annotated[PointShape, Field(alias="to")]
    changes: list[ChangeShape]
