"""A check of exported histories by somebody who knows nothing of this program but the page ``FORMAT.md``.

It shares no line with the program, and is written in another way where the page leaves a choice.
"""

import base64
import json
import re
from hashlib import sha256
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


class Wrong(Exception):
    """The file does not hold; ``position`` is that of the event at which it shows, if it is one."""

    def __init__(self, position: int | None = None) -> None:
        super().__init__(position)
        self.position = position


def check(text: str) -> None:
    """Raise ``Wrong`` unless the file holds."""
    try:
        check_document(json.loads(text, object_pairs_hook=_no_member_twice))
    except Wrong:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        raise Wrong from None


def check_document(file: dict[str, Any]) -> None:
    """Raise, ``Wrong`` or what the values themselves provoke, unless the document holds."""
    _need(file["format"] == "keyledger-export/1")
    size, root, heads = _checkpoint(file["checkpoint"], file["key"])
    stream, end = file["stream"], file["head"]
    _need(_integer(end["version"]) >= 1)
    key = sha256(stream.encode()).digest()
    node = sha256(b"\x00" + key + _int64(end["version"]) + _hex(end["hash"])).digest()
    beside = [_base64_hash(one) for one in end["proof"]]
    _need(len(beside) <= 256)
    path = int.from_bytes(key, "big") >> (256 - len(beside))
    for other in beside:
        node = _sha(b"\x01", other, node) if path & 1 else _sha(b"\x01", node, other)
        path >>= 1
    _need(node == heads)
    if file["since"] is not None:
        _integer(file["since"]["size"])
        for one in file["since"]["proof"]:
            _base64_hash(one)
    events = [_event(one) for one in file["events"]]
    previous, before = bytes(32), (-1, -1, -1)
    for number, event in enumerate(events, start=1):
        place = (event["position"], event["leaf_index"], event["recorded_us"])
        _need(event["version"] == number, event)
        _need(all(new > old for new, old in zip(place, before, strict=True)), event)
        content = sha256(event["canonical"].encode()).digest()
        name = stream.encode()
        whole = b"".join(
            [
                b"keyledger/event/v1\n",
                len(name).to_bytes(4, "big"),
                name,
                *(_int64(event[part]) for part in ("version", "position", "leaf_index", "recorded_us")),
                previous,
                content,
            ]
        )
        _need(sha256(whole).digest() == event["hash"], event)
        _need(event["leaf_index"] < size, event)
        found = _up(_sha(b"\x00", event["hash"]), event["leaf_index"], size, list(event["proof"]))
        _need(found == root, event)
        previous, before = event["hash"], place
    _need(len(events) == end["version"] and previous == _hex(end["hash"]))
    _names(file.get("names", {}), events)


def _names(names: dict[str, Any], events: list[dict[str, Any]]) -> None:
    """Check every name that the file gives against its id: HMAC (RFC 2104) made from hashes alone."""
    wrong = set()
    for id_, told in names.items():
        key = _base64(told["key"])
        _need(re.fullmatch("~[-_0-9A-Za-z]{43}", id_) is not None and len(key) == 32)
        inner, outer = (bytes(one ^ pad for one in key.ljust(64, b"\0")) for pad in (0x36, 0x5C))
        made = _sha(outer, _sha(inner, b"keyledger/name/v1\n", told["name"].encode()))
        if base64.urlsafe_b64encode(made).decode().rstrip("=") != id_[1:]:
            wrong.add(id_)
    for event in events:
        _need(not any(id_ in event["canonical"] for id_ in wrong), event)
    _need(not wrong)


def _up(leaf: bytes, index: int, size: int, proof: list[bytes]) -> bytes | None:
    """Return the root that a proof leads to, by the definition in RFC 9162, 2.1.3.1, from the top of the tree down."""
    if size == 1:
        return leaf if not proof else None
    if not proof:
        return None
    half = 1
    while half * 2 < size:
        half *= 2
    other = proof.pop()
    if index < half:
        left = _up(leaf, index, half, proof)
        return None if left is None else _sha(b"\x01", left, other)
    right = _up(leaf, index - half, size - half, proof)
    return None if right is None else _sha(b"\x01", other, right)


def _checkpoint(note: str, key_text: str) -> tuple[int, bytes, bytes]:
    name, id_, encoded = key_text.strip().split("+", 2)
    raw = _base64(encoded)
    _need(len(raw) == 33 and raw[0] == 1 and id_ == _sha(name.encode(), b"\n", raw)[:4].hex())
    at = note.rindex("\n\n")
    text, lines = note[: at + 1], note[at + 2 :].split("\n")
    _need(lines.pop() == "" and bool(lines))
    held = False
    for line in lines:
        dash, signer, signature = line.split(" ")
        signed = _base64(signature)
        _need(dash == "\u2014" and bool(signer) and len(signed) > 4)
        if signer == name and signed[:4].hex() == id_:
            try:
                Ed25519PublicKey.from_public_bytes(raw[1:]).verify(signed[4:], text.encode())
            except InvalidSignature:
                raise Wrong from None
            held = True
    _need(held)
    origin, size, root, *more = text.removesuffix("\n").split("\n")
    extensions = dict(line.split(" ", 1) for line in more)
    _need(origin == name)
    return int(size), _base64_hash(root), _base64_hash(extensions["heads"])


def _event(event: dict[str, Any]) -> dict[str, Any]:
    numbers = {part: _integer(event[part]) for part in ("position", "version", "leaf_index", "recorded_us")}
    _need(isinstance(event["canonical"], str) and isinstance(event["proof"], list))
    proof = [_base64_hash(one) for one in event["proof"]]
    return {**numbers, "canonical": event["canonical"], "hash": _hex(event["hash"]), "proof": proof}


def _need(holds: bool, event: dict[str, Any] | None = None) -> None:
    if not holds:
        raise Wrong(None if event is None else event["position"])


def _sha(*parts: bytes) -> bytes:
    return sha256(b"".join(parts)).digest()


def _int64(number: int) -> bytes:
    return number.to_bytes(8, "big", signed=True)


def _integer(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 63:
        raise Wrong
    return value


def _hex(text: str) -> bytes:
    if len(text) != 64 or set(text) - set("0123456789abcdef"):
        raise Wrong
    return bytes.fromhex(text)


def _base64(text: str) -> bytes:
    raw = base64.b64decode(text, validate=True)
    _need(base64.b64encode(raw) == text.encode())
    return raw


def _base64_hash(text: str) -> bytes:
    raw = _base64(text)
    _need(len(raw) == 32)
    return raw


def _no_member_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) != len(pairs):
        raise Wrong
    return dict(pairs)
