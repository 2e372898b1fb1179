"""Idempotency keys: the same request under the same key gets the first answer, another request is refused.

What is kept is a keyed digest of the request, secrets included, and where in the log its answer stands. The digest is
keyed, because a client secret might be guessed from a plain one.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from service.db import Connection
from service.errors import IdempotencyConflict
from service.identity.resources import Executor

PURPOSE = b"keyledger/idempotency/v1"


@dataclass(frozen=True)
class Idempotency:
    """A request's key, whose it is, and the request itself (JSON values, never kept or shown)."""

    principal: str
    key: str
    request: Any = field(repr=False)


@dataclass(frozen=True)
class Kept:
    """What the first request led to: its events are those of the workspace's versions from ``first`` to ``last``.

    No events: ``first`` is behind ``last``. ``extra`` is what the answer showed beside the events.
    """

    first: int
    last: int
    position: int
    extra: Mapping[str, Any]


class IdempotencyKeys:
    """The keys of the request digests: the newest makes them, all of them recognise them."""

    def __init__(self, secret_keys: Sequence[bytes]) -> None:
        self._keys = [hmac.digest(key, PURPOSE, "sha256") for key in secret_keys]

    def digest(self, request: Any) -> bytes:
        """Return the digest of a request."""
        return self._digests(request)[0]

    def matches(self, request: Any, kept: bytes) -> bool:
        """Whether ``kept`` is the digest of this request, under any key."""
        return any([hmac.compare_digest(digest, kept) for digest in self._digests(request)])  # noqa: C419 -- all are compared, whichever fits

    def _digests(self, request: Any) -> list[bytes]:
        text = orjson.dumps(request, option=orjson.OPT_SORT_KEYS)
        return [hmac.digest(key, text, hashlib.sha256) for key in self._keys]


async def find_kept(connection: Executor, keys: IdempotencyKeys, slug: str, idempotency: Idempotency) -> Kept | None:
    """Return what this request led to before, if it did.

    Raises:
        Refusal: ``idempotency_conflict`` when the key belongs to another request.
    """
    row = await connection.fetchrow(
        "select mac, answer from identity.idempotency where principal = $1 and workspace = $2 and key = $3",
        idempotency.principal,
        slug,
        idempotency.key,
    )
    if row is None:
        return None
    if not keys.matches(idempotency.request, row["mac"]):
        raise IdempotencyConflict
    answer = orjson.loads(row["answer"])
    return Kept(answer["first"], answer["last"], answer["position"], answer["extra"])


async def keep(connection: Connection, keys: IdempotencyKeys, slug: str, idempotency: Idempotency, kept: Kept) -> None:
    """Keep what this request led to, in the transaction that it led to it in."""
    answer = {"first": kept.first, "last": kept.last, "position": kept.position, "extra": dict(kept.extra)}
    await connection.execute(
        "insert into identity.idempotency (principal, workspace, key, mac, status, answer)"
        " values ($1, $2, $3, $4, $5, $6)",
        idempotency.principal,
        slug,
        idempotency.key,
        keys.digest(idempotency.request),
        0,
        orjson.dumps(answer).decode(),
    )
