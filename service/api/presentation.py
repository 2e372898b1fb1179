"""From what the ledger holds to what the API shows."""

from collections.abc import Mapping
from datetime import datetime

from events.catalogue.instants import write_instant
from events.envelope import Recorded
from events.workspace import Standing, Workspace
from events.workspace_values import Credentials
from service.api.naming import IDS_ONLY, Shown
from service.api.shapes import (
    BypassShape,
    CredentialsShape,
    DomainShape,
    EnforcementShape,
    EventShape,
    JitShape,
    ParkedAtShape,
    ProviderLogoutShape,
    Sealed,
    SsoShape,
    WorkspaceLine,
    WorkspaceShape,
)


def show_workspace(workspace: Workspace, public_url: str, addresses: Mapping[str, str | None]) -> WorkspaceShape:
    """Return the configuration as it is shown. ``addresses`` are the e-mail addresses of members with a bypass."""
    return WorkspaceShape(
        slug=workspace.slug,
        name=workspace.name,
        plan=workspace.plan,
        version=workspace.version,
        position=workspace.position,
        closed=workspace.closed,
        initiate_uri=f"{public_url}/api/sso/initiate/{workspace.slug}",
        redirect_uri=f"{public_url}/api/sso/callback/{workspace.slug}",
        sign_out_redirect_uri=f"{public_url}/api/sso/signed-out/{workspace.slug}",
        backchannel_logout_uri=f"{public_url}/api/sso/backchannel-logout/{workspace.slug}",
        frontchannel_logout_uri=f"{public_url}/api/sso/frontchannel-logout/{workspace.slug}",
        domains=[DomainShape(domain=name, verified=domain.verified) for name, domain in workspace.domains.items()],
        jit=JitShape(enabled=workspace.jit_enabled, role=workspace.jit_role),
        credentials=show_credentials(workspace.credentials),
        staged=show_credentials(workspace.staged),
        sso=SsoShape(enabled=workspace.sso_enabled),
        provider_logout=ProviderLogoutShape(enabled=workspace.provider_logout),
        enforcement=show_enforcement(workspace),
        bypasses=[
            BypassShape(
                member_id=member_id,
                email=addresses.get(member_id),
                expires_at=write_instant(bypass.expires_at),
                reason=bypass.reason,
            )
            for member_id, bypass in workspace.bypasses.items()
        ],
    )


def show_line(standing: Standing) -> WorkspaceLine:
    """Return a workspace as it stands in the list."""
    workspace, unreadable = standing
    return WorkspaceLine(
        slug=workspace.slug,
        name=workspace.name,
        plan=workspace.plan,
        version=workspace.version,
        closed=workspace.closed,
        sso=SsoShape(enabled=workspace.sso_enabled),
        enforcement=show_enforcement(workspace),
        parked=None
        if unreadable is None
        else ParkedAtShape(
            position=unreadable.position, type=unreadable.type, schema_version=unreadable.schema_version
        ),
    )


def show_enforcement(workspace: Workspace) -> EnforcementShape:
    """Return whether SSO is required, and whether somebody has shown since that it works."""
    enforcement = workspace.enforcement
    if enforcement is None:
        return EnforcementShape(enabled=False, confirmed=False, confirm_by=None)
    return EnforcementShape(enabled=True, confirmed=enforcement.confirmed, confirm_by=instant(enforcement.confirm_by))


def show_credentials(credentials: Credentials | None) -> CredentialsShape | None:
    """Return credentials without their secret: that it is kept, and its fingerprint."""
    if credentials is None:
        return None
    return CredentialsShape.model_validate(
        {
            "id": credentials.credentials_id,
            "client_secret": Sealed(fingerprint=credentials.secret_fingerprint),
            **{
                name: getattr(credentials, name)
                for name in (
                    "provider_kind",
                    "issuer",
                    "client_id",
                    "auth_method",
                    "email_verified",
                    "subject_type",
                    "proven",
                )
            },
        }
    )


def show_event(event: Recorded, shown: Shown = IDS_ONLY) -> EventShape:
    """Return a recorded event."""
    return EventShape(
        position=event.position,
        event_id=str(event.event_id),
        stream_id=event.stream_id,
        version=event.version,
        type=event.type,
        schema_version=event.schema_version,
        data=event.data,
        actor=shown.actor(event.actor.type, event.actor.id),
        reason=event.reason,
        requested_by=shown.asker(event.requested_by),
        ticket=event.ticket,
        correlation_id=event.correlation_id,
        causation_id=None if event.causation_id is None else str(event.causation_id),
        idempotency_key=event.idempotency_key,
        recorded_at=write_instant(event.recorded_at),
        hash=event.hash.hex(),
    )


def cloud_event(event: Recorded, source: str) -> dict[str, object]:
    """Return a recorded event as a CloudEvent (CloudEvents 1.0, structured JSON).

    ``source`` is the service's address; the event's stream is the subject. Extension attributes have lower-case letters
    and digits only (CloudEvents 1.0, 3.1).
    """
    return {
        "specversion": "1.0",
        "id": str(event.event_id),
        "source": source,
        "type": f"keyledger.{event.type}.v{event.schema_version}",
        "subject": event.stream_id,
        "time": write_instant(event.recorded_at),
        "datacontenttype": "application/json",
        "position": str(event.position),
        "streamversion": str(event.version),
        "hash": event.hash.hex(),
        "data": show_event(event).model_dump(mode="json"),
    }


def instant(time: datetime | None) -> str | None:
    """Return a time as text, if there is one."""
    return None if time is None else write_instant(time)
