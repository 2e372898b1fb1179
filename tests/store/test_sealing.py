"""Sealed secrets open in their own place and nowhere else, and nothing shows them."""

import asyncio
import os
from hashlib import sha256
from uuid import UUID, uuid4

import pytest
from pydantic import SecretStr

from events.sealing import DataKey, KeyRing, SealError, WrappedKey, WrappingKeyMissing, bind

SECRET = SecretStr("correct horse battery staple")


def data_key(stream_id: str = "acme", key: bytes = b"k" * 32) -> DataKey:
    return DataKey(stream_id, UUID(int=1), key)


def test_a_sealed_secret_opens_in_its_place() -> None:
    secret_id = uuid4()
    sealed = data_key().seal("c1", secret_id, SECRET)
    assert data_key().open("c1", secret_id, sealed.sealed) == SECRET
    assert sealed.digest == sha256(sealed.sealed).hexdigest()


def test_a_sealed_secret_opens_nowhere_else() -> None:
    """Another workspace, other credentials, another id, another key or one changed bit: each is refused alike."""
    secret_id = uuid4()
    sealed = data_key().seal("c1", secret_id, SECRET).sealed
    attempts = [
        (data_key("other"), "c1", secret_id, sealed),
        (data_key(), "c2", secret_id, sealed),
        (data_key(), "c1", uuid4(), sealed),
        (data_key(key=b"x" * 32), "c1", secret_id, sealed),
        (data_key(), "c1", secret_id, b""),
        (data_key(), "c1", secret_id, sealed[:20]),
        (data_key(), "c1", secret_id, b"\x02" + sealed[1:]),
        *((data_key(), "c1", secret_id, _flipped(sealed, place)) for place in range(len(sealed))),
    ]
    for key, credentials_id, id_, text in attempts:
        with pytest.raises(SealError):
            key.open(credentials_id, id_, text)


def _flipped(text: bytes, place: int) -> bytes:
    return text[:place] + bytes([text[place] ^ 1]) + text[place + 1 :]


def test_equal_secrets_show_one_fingerprint_within_a_workspace_and_another_elsewhere() -> None:
    key = data_key()
    first, second = key.seal("c1", uuid4(), SECRET), key.seal("c2", uuid4(), SECRET)
    assert first.fingerprint == second.fingerprint
    assert first.sealed != second.sealed
    assert key.seal("c1", uuid4(), SecretStr("another")).fingerprint != first.fingerprint
    assert data_key(key=b"x" * 32).seal("c1", uuid4(), SECRET).fingerprint != first.fingerprint
    assert sha256(SECRET.get_secret_value().encode()).hexdigest()[:12] != first.fingerprint


def test_nothing_that_is_printed_shows_a_secret() -> None:
    ring, key = KeyRing([b"k" * 32]), data_key()
    secret_id = uuid4()
    sealed = key.seal("c1", secret_id, SECRET)
    printed = f"{ring!r} {key!r} {sealed!r} {key.open('c1', secret_id, sealed.sealed)!r}"
    with pytest.raises(SealError) as refused:
        key.open("c2", secret_id, sealed.sealed)
    assert SECRET.get_secret_value() not in f"{printed} {refused.value!r} {refused.value.__context__!r}"
    assert "kkkk" not in printed


@pytest.mark.parametrize("text", ["", "x" * 4097])
def test_the_size_of_a_secret_is_bounded(text: str) -> None:
    with pytest.raises(ValueError, match="4096"):
        data_key().seal("c1", uuid4(), SecretStr(text))


def test_every_key_of_the_ring_unwraps_and_the_newest_wraps() -> None:
    old, new = os.urandom(32), os.urandom(32)
    wrapped = asyncio.run(KeyRing([old]).wrap(b"d" * 32, b"place"))
    assert wrapped.wrapping_key_id == sha256(old).hexdigest()[:8]
    both = KeyRing([new, old])
    assert asyncio.run(both.unwrap(wrapped, b"place")) == b"d" * 32
    assert both.newest == asyncio.run(both.wrap(b"d" * 32, b"place")).wrapping_key_id == sha256(new).hexdigest()[:8]


def test_a_wrapped_key_is_bound_to_its_place_and_a_missing_key_is_named() -> None:
    old, new = os.urandom(32), os.urandom(32)
    wrapped = asyncio.run(KeyRing([old]).wrap(b"d" * 32, b"place"))
    with pytest.raises(SealError):
        asyncio.run(KeyRing([old]).unwrap(wrapped, b"elsewhere"))
    with pytest.raises(WrappingKeyMissing, match=wrapped.wrapping_key_id):
        asyncio.run(KeyRing([new]).unwrap(wrapped, b"place"))
    with pytest.raises(SealError):
        asyncio.run(KeyRing([new]).unwrap(WrappedKey(KeyRing([new]).newest, wrapped.wrapped), b"place"))


@pytest.mark.parametrize("keys", [[], [b"short"], [b"k" * 32, b"k" * 31]])
def test_a_ring_takes_whole_keys_only(keys: list[bytes]) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        KeyRing(keys)


def test_places_that_are_written_alike_are_told_apart() -> None:
    assert bind("a", "bc") != bind("ab", "c")
