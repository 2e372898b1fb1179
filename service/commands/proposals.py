"""What may be asked for: one model for each event type that a caller can propose, with the data a person would give.

The recorded data often differ: credentials are proposed as an Okta domain and a secret, recorded as an issuer and the
name of a sealed secret; a bypass is proposed for an address, recorded for a member.
"""

import difflib
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    StrictInt,
    StringConstraints,
    TypeAdapter,
    WithJsonSchema,
    create_model,
    model_validator,
)

from events.catalogue.event_data import SLUG_PATTERN
from events.refusals import Refusal

MAXIMUM_BATCH = 50


def _printable(text: str) -> str:
    if not text.isprintable():
        message = "Control characters and line breaks cannot be kept here."
        raise ValueError(message)
    return text


def _written(value: object) -> object:
    if not isinstance(value, str | datetime):
        message = "Write a time in RFC 3339, such as 2026-11-25T13:00:00Z."
        raise ValueError(message)  # noqa: TRY004 -- pydantic turns a ValueError into its refusal, a TypeError into a fault
    return value


Line = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), AfterValidator(_printable)
]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]
Slug = Annotated[str, StringConstraints(pattern=SLUG_PATTERN, min_length=2, max_length=63)]
Plan = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_.-]{0,39}$")]
DomainText = Annotated[str, StringConstraints(min_length=1, max_length=300)]
Address = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=320)]
Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Moment = Annotated[
    AwareDatetime,
    BeforeValidator(_written),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-11-26T13:00:00Z"]}),
]
PastedPlace = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2048)]
ClientId = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[!-~]([ -~]*[!-~])?$", max_length=255)]
Secret = Annotated[SecretStr, Field(min_length=1, max_length=4096)]


class Data(BaseModel):
    """The data of a proposed event. Unknown members are refused; what was sent is never repeated in an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class NoData(Data):
    """Nothing to say."""


class PlanData(Data):
    """A plan."""

    plan: Plan


class DomainData(Data):
    """A domain as it is pasted; it is kept as a lower-case IDNA A-label."""

    domain: DomainText


class DomainVerifiedData(DomainData):
    """A domain, and how its ownership was shown."""

    method: Literal["dns_txt", "support"] = "support"


class JitData(Data):
    """The role of people who are created at their first sign-in."""

    role: Literal["editor", "viewer"] = "editor"


class CredentialsData(Data):
    """What the customer's Okta administrator hands over. Either an Okta domain, or another provider's issuer."""

    okta_domain: PastedPlace | None = None
    issuer: PastedPlace | None = None
    client_id: ClientId
    client_secret: Secret
    email_verified: Literal["ignore", "require"] | None = None

    @model_validator(mode="after")
    def _one_place(self) -> "CredentialsData":
        if (self.okta_domain is None) == (self.issuer is None):
            message = "Give either okta_domain or issuer."
            raise ValueError(message)
        return self


class EnforcementData(Data):
    """``confirm_within``: minutes in which somebody has to sign in by SSO, or else enforcement is lifted."""

    confirm_within: Annotated[StrictInt, Field(ge=5, le=7 * 24 * 60)] | None = None


class ReasonData(Data):
    """Why; the reason beside the data serves as well."""

    reason: Text | None = None


class BypassData(Data):
    """Whom to let in beside SSO, until when, and why."""

    email: Address
    expires_at: Moment
    reason: Text | None = None


class AddressData(Data):
    """A member's address."""

    email: Address


class LinkData(Data):
    """A set-up link."""

    link_id: Identifier


class Proposal(BaseModel):
    """One proposed event, with its reason, and on whose behalf. Who acts is taken from the token."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    type: str
    data: Any
    reason: Text | None = None
    requested_by: Line | None = None
    ticket: Line | None = None


DATA: Mapping[str, type[Data]] = MappingProxyType(
    {
        "WorkspacePlanChanged": PlanData,
        "WorkspaceClosed": NoData,
        "DomainAdded": DomainData,
        "DomainRemoved": DomainData,
        "DomainVerified": DomainVerifiedData,
        "JitEnabled": JitData,
        "JitDisabled": NoData,
        "CredentialsSet": CredentialsData,
        "CredentialsStaged": CredentialsData,
        "CredentialsPromoted": NoData,
        "CredentialsRolledBack": NoData,
        "CredentialsDiscarded": NoData,
        "CredentialsRemoved": NoData,
        "SsoEnabled": NoData,
        "SsoDisabled": ReasonData,
        "EnforcementEnabled": EnforcementData,
        "EnforcementDisabled": ReasonData,
        "BypassGranted": BypassData,
        "BypassRevoked": AddressData,
        "SetupLinkRevoked": LinkData,
    }
)
"""The types that may be proposed. All others are recorded by the service itself when they happen."""


def _model(name: str, data: type[Data]) -> type[Proposal]:
    fields: dict[str, Any] = {
        "type": (Literal[name], ...),
        "data": (
            data,
            Field(default_factory=data) if not any(f.is_required() for f in data.model_fields.values()) else ...,
        ),
    }
    return create_model(f"{name}Proposal", __base__=Proposal, **fields)


PROPOSALS: Mapping[str, type[Proposal]] = MappingProxyType({name: _model(name, data) for name, data in DATA.items()})
ADAPTERS: Mapping[str, TypeAdapter[Proposal]] = MappingProxyType({n: TypeAdapter(m) for n, m in PROPOSALS.items()})


def refuse_type(name: object) -> Refusal:
    """Return the refusal of a type that cannot be proposed, naming the closest one that can."""
    close = difflib.get_close_matches(name[:64], DATA, n=1) if isinstance(name, str) else []
    meant = f" Did you mean {close[0]}?" if close else ""
    return Refusal(
        "event_type_unknown",
        f"This type of event does not exist, or the service records it by itself.{meant}",
        {"known": sorted(DATA), **({"did_you_mean": close[0]} if close else {})},
    )
