"""Commands about what the workspace presents to its provider."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, StringConstraints, model_validator

from events.catalogue.credentials import AuthMethod, EmailVerified, ProviderKind
from events.catalogue.event_data import Identifier
from events.commands.command import Command

MAXIMUM_SECRET = 1024


def _pasted_secret(secret: SecretStr) -> SecretStr:
    value = secret.get_secret_value().strip()
    # RFC 6749 A.2: a client secret is made of visible ASCII characters and spaces.
    if not value or len(value) > MAXIMUM_SECRET or not value.isascii() or not value.isprintable():
        raise ValueError("a client secret is 1 to 1024 printable ASCII characters; copy it again from the provider")
    return SecretStr(value)


Pasted = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2048)]
ClientIdText = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=255, pattern=r"^[ -~]+$")
]


class NewCredentials(Command):
    """Credentials as they are typed in. Either ``okta_domain`` or ``issuer`` names the provider.

    What is left out follows from the provider: ``email_verified`` is ``ignore`` for Okta and ``require`` for others,
    ``auth_method`` is what the provider's discovery document offers.
    """

    okta_domain: Pasted | None = None
    issuer: Pasted | None = None
    provider_kind: ProviderKind | None = None
    client_id: ClientIdText
    client_secret: Annotated[SecretStr, AfterValidator(_pasted_secret)]
    auth_method: AuthMethod | None = None
    email_verified: EmailVerified | None = None

    @model_validator(mode="after")
    def _one_provider(self) -> Self:
        if (self.okta_domain is None) == (self.issuer is None):
            raise ValueError("give either okta_domain or issuer")
        if self.okta_domain is not None and self.provider_kind == "oidc":
            raise ValueError("an okta_domain names a provider of the kind okta")
        return self

    @property
    def kind(self) -> ProviderKind:
        """The kind of provider, as given or as the other members tell."""
        return self.provider_kind or ("okta" if self.okta_domain is not None else "oidc")

    @property
    def email_verified_policy(self) -> EmailVerified:
        """The ``email_verified`` policy, as given or the provider's default."""
        return self.email_verified or ("ignore" if self.kind == "okta" else "require")


class SetCredentials(NewCredentials):
    """Make these credentials the active ones at once."""

    emits: ClassVar[str] = "CredentialsSet"


class StageCredentials(NewCredentials):
    """Put these credentials beside the active ones, to be tested."""

    emits: ClassVar[str] = "CredentialsStaged"


class PromoteCredentials(Command):
    """Make the staged credentials the active ones. ``credentials_id``, if given, says which ones are meant."""

    emits: ClassVar[str] = "CredentialsPromoted"

    credentials_id: Identifier | None = None


class RollBackCredentials(Command):
    """Make the credentials before the last promotion the active ones again."""

    emits: ClassVar[str] = "CredentialsRolledBack"


class DiscardCredentials(Command):
    """Give the staged credentials up."""

    emits: ClassVar[str] = "CredentialsDiscarded"


class RemoveCredentials(Command):
    """Remove the active credentials, and with them the former ones."""

    emits: ClassVar[str] = "CredentialsRemoved"


class ProveConnection(Command):
    """Record that a sign-in of an admissible person through exactly these credentials succeeded."""

    emits: ClassVar[str] = "ConnectionProven"

    credentials_id: Identifier
    by: Literal["sign_in", "test"]
    member_id: Identifier | None = None


class ShredSecrets(Command):
    """Record that the data keys of a closed workspace were destroyed: these, all that there were."""

    emits: ClassVar[str] = "SecretsShredded"

    data_key_ids: Annotated[list[Identifier], Field(max_length=1000)]
