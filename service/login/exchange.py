"""The exchange of a code for a proven person: the connection's secret, unsealed for this one call."""

from events.workspace import Workspace
from service.login.attempt import Attempt
from service.login.connections import Secrets
from service.login.outcome import Refused
from service.login.own_credentials import credentials_of
from service.oidc.client import RelyingParty
from service.oidc.errors import OidcError
from service.oidc.okta import CLIENT_SECRET
from service.oidc.proven_person import ProvenPerson, ProviderCredentials


class Exchange:
    """Speaks to the provider on behalf of a callback."""

    def __init__(self, relying_party: RelyingParty, vault: Secrets) -> None:
        self._relying_party = relying_party
        self._vault = vault

    async def foreign_issuer(self, attempt: Attempt, iss: str | None) -> bool:
        """Whether the answer comes from another issuer than the attempt went to (RFC 9207 2.4), errors included."""
        if iss is not None:
            return iss != attempt.issuer
        try:
            metadata = await self._relying_party.prepare(attempt.issuer)
        except OidcError:
            # Nobody can tell now. The exchange needs the same metadata, and reports why they are not there.
            return False
        return metadata.iss_parameter_supported

    async def complete(self, connection: Workspace, attempt: Attempt, code: str) -> ProvenPerson | Refused:
        """Exchange the code, under the credentials that the attempt began under, and validate what comes back."""
        active = credentials_of(connection, attempt)
        if active is None:
            return Refused("workspace_unavailable", "sso_off")
        secret = await self._vault.open(connection, active)
        if secret is None:
            field = CLIENT_SECRET.at(active.provider_kind)
            return Refused("provider_misconfigured", "secret_gone", field, "The client secret was deleted here.")
        credentials = ProviderCredentials(
            issuer=active.issuer,
            client_id=active.client_id,
            client_secret=secret,
            auth_method=active.auth_method,
            email_verified=active.email_verified,
            subject_type=active.subject_type,
        )
        try:
            metadata = await self._relying_party.prepare(active.issuer)
            return await self._relying_party.complete(
                credentials, metadata, code, attempt.redirect_uri, attempt.verifier, attempt.nonce
            )
        except OidcError as error:
            return Refused.of(error, active.provider_kind)
