"""A workspace whose credentials hold a sealed client secret, without asking a provider; and what is left of it."""

from typing import TYPE_CHECKING
from uuid import uuid4

from pydantic import SecretStr
from support.database import Pool
from support.identity_world import KEY
from support.management import Management

from events.catalogue.credentials import CredentialsSet, SealedSecret
from events.envelope import SYSTEM, Context, NewEvent
from events.sealing import KeyRing
from events.secrets import SecretVault
from projections.connection import load_connection
from service.db import transaction

if TYPE_CHECKING:
    from events.store import Connection

CLIENT_SECRET = "correct horse battery staple"


async def sealed_credentials(
    vault: SecretVault, connection: "Connection", slug: str, secret: SecretStr
) -> CredentialsSet:
    """Seal a client secret, and return the event that names it."""
    credentials_id = str(uuid4())
    sealed = await vault.seal(connection, slug, credentials_id, secret)
    return CredentialsSet(
        credentials_id=credentials_id,
        provider_kind="okta",
        issuer="https://acme.okta.example",
        client_id="0oa1",
        secret=SealedSecret(id=sealed.secret_id, digest=sealed.digest, fingerprint=sealed.fingerprint),
        auth_method="client_secret_basic",
        email_verified="ignore",
        subject_type="public",
    )


async def with_secret(api: Management, slug: str, *, closed: bool = False) -> None:
    """Register a workspace with a client secret, and close it if that is asked for."""
    await api.register(slug)
    vault = SecretVault(api.pool, KeyRing([KEY]))
    state = await load_connection(api.pool, slug)
    assert state is not None
    async with transaction(api.pool) as connection:
        data = await sealed_credentials(vault, connection, slug, SecretStr(CLIENT_SECRET))
        prepared = api.store.prepare([NewEvent.of(data)], Context(SYSTEM))
        document = state.after(prepared).to_document()
        await api.store.append(slug, state.version, prepared, document, conn=connection)
    if closed:
        await api.record(slug, "WorkspaceClosed")


async def opened(pool: Pool, slug: str, key: bytes = KEY) -> str | None:
    """Open a workspace's client secret as a service does that had nothing open before."""
    state = await load_connection(pool, slug)
    assert state is not None
    assert state.credentials is not None
    secret = await SecretVault(pool, KeyRing([key])).open(state, state.credentials)
    return None if secret is None else secret.get_secret_value()


async def holders(api: Management) -> dict[str, list[str]]:
    """Return whose secrets and whose data keys there are."""
    return {
        table: [row[0] for row in await api.pool.fetch(f"select stream_id from ledger.{table} order by 1")]
        for table in ("secrets", "data_keys")
    }


async def types(api: Management, slug: str) -> list[str]:
    """Return the types of a workspace's events, in order."""
    return [event.type for event in await api.store.read_stream(slug)]
