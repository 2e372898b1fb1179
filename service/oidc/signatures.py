"""Which signatures count (RFC 7518, RFC 8037, RFC 9864), and which published keys may make them.

A key serves one family of algorithms by its type and curve, so that no header can make it serve another.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from joserfc.jwk import ECKey, Key, OKPKey, RSAKey
from joserfc.util import base64_to_int

_RSA_ALGORITHMS: Final = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})
_CURVE_ALGORITHMS: Final[Mapping[tuple[str, str], frozenset[str]]] = {
    ("EC", "P-256"): frozenset({"ES256"}),
    ("EC", "P-384"): frozenset({"ES384"}),
    ("EC", "P-521"): frozenset({"ES512"}),
    ("OKP", "Ed25519"): frozenset({"EdDSA", "Ed25519"}),
}
ALGORITHMS: Final = _RSA_ALGORITHMS.union(*_CURVE_ALGORITHMS.values())
"""All that are ever accepted: never ``none``, never one with a shared key."""

HASHES: Final[Mapping[str, str]] = {
    alg: f"sha{alg[2:]}" if alg[2:] in {"256", "384", "512"} else "sha512" for alg in ALGORITHMS
}
"""The hash of each algorithm, which ``at_hash`` and ``c_hash`` go by (OIDC Core 3.1.3.6)."""

SMALLEST_MODULUS_BITS: Final = 2048
LARGEST_MODULUS_BITS: Final = 8192
SMALLEST_EXPONENT: Final = 65537
LARGEST_EXPONENT: Final = 2**32

_PRIVATE_MEMBERS: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


class KeyUnusable(ValueError):
    """A published key that verifies no signature of ours. The message says why, without the key."""


@dataclass(frozen=True, slots=True, repr=False)
class SignatureKey:
    """A public key that may verify: its ``kid``, the algorithms it serves, and the key itself."""

    kid: str | None
    algorithms: frozenset[str]
    key: Key


def signature_key(jwk: object) -> SignatureKey:
    """Return the key that a member of a key set stands for (RFC 7517 4).

    Raises:
        KeyUnusable: it is malformed, weak, meant for something else, shared, or not secret any more.
    """
    if not isinstance(jwk, dict) or _PRIVATE_MEMBERS & jwk.keys():
        raise KeyUnusable("it is no public key")
    operations = jwk.get("key_ops", ["verify"])
    if jwk.get("use", "sig") != "sig" or not isinstance(operations, list) or "verify" not in operations:
        raise KeyUnusable("it is not meant for signatures")
    kid = jwk.get("kid")
    if kid is not None and not isinstance(kid, str):
        raise KeyUnusable("its kid is no text")
    try:
        algorithms, key = _imported(jwk)
    except KeyUnusable:
        raise
    except Exception:  # noqa: BLE001 - the libraries raise whatever a malformed member makes them stumble over
        raise KeyUnusable("it is malformed") from None
    if "alg" in jwk:
        algorithms = algorithms & {alg for alg in (jwk["alg"],) if isinstance(alg, str)}
    if not algorithms:
        raise KeyUnusable("it serves no acceptable algorithm")
    return SignatureKey(kid, algorithms, key)


def _imported(jwk: dict[str, Any]) -> tuple[frozenset[str], Key]:
    if jwk.get("kty") == "RSA":
        # Only what makes the key is handed on: the library refuses a key for oddities in members that do not matter.
        _check_strength(base64_to_int(jwk["n"]).bit_length(), base64_to_int(jwk["e"]))
        return _RSA_ALGORITHMS, RSAKey.import_key({"kty": "RSA", "n": jwk["n"], "e": jwk["e"]})
    curve = (jwk.get("kty"), jwk.get("crv"))
    algorithms = _CURVE_ALGORITHMS.get(curve)  # type: ignore[arg-type]
    if algorithms is None:
        raise KeyUnusable("its type or curve is not acceptable")
    members: dict[str, Any] = {name: jwk[name] for name in ("kty", "crv", "x", "y") if name in jwk}
    if jwk["kty"] == "EC":
        return algorithms, ECKey.import_key(members)
    return algorithms, OKPKey.import_key(members)


def _check_strength(modulus_bits: int, exponent: int) -> None:
    # The library only warns of a short modulus.
    if not SMALLEST_MODULUS_BITS <= modulus_bits <= LARGEST_MODULUS_BITS:
        raise KeyUnusable("its modulus is too short or too long")
    if exponent % 2 == 0 or not SMALLEST_EXPONENT <= exponent <= LARGEST_EXPONENT:
        raise KeyUnusable("its exponent is not acceptable")
