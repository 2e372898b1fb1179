"""A notary for tests, and the ledger it signs."""

from support.database import Pool
from support.identity_world import KEY

from events.notary import Notary
from events.sealing import KeyRing
from events.signing import SigningKeys
from events.store import EventStore

ORIGIN = "id.example.com/log"


def notary_of(pool: Pool, *, batch: int = 1000, bulk_from: int = 20_000) -> Notary:
    """Return the notary of the ledger that this pool leads to."""
    return Notary(EventStore(pool), SigningKeys(KeyRing([KEY])), ORIGIN, batch=batch, bulk_from=bulk_from)
