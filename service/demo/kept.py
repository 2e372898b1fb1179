"""What the demonstration's provider keeps from one run to the next: its signing key and its client secrets."""

import json
import os
import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from joserfc.jwk import RSAKey
from pydantic import SecretStr

from service.demo.cast import WORKSPACES

FILE: Final = "provider.json"
KEY_BITS: Final = 2048


@dataclass(frozen=True)
class Kept:
    """The provider's signing key, and each application's client secret by its client id."""

    key: RSAKey
    client_secrets: dict[str, SecretStr]

    @classmethod
    def at(cls, directory: Path) -> Self:
        """Read what the directory keeps; make it at the first start. Whoever comes second gets the first one's.

        Raises:
            OSError: when the directory cannot be written.
        """
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = directory / FILE
        if not path.exists():
            _write_once(path, _made())
        read = json.loads(path.read_text(encoding="utf-8"))
        given = {client_id: SecretStr(secret) for client_id, secret in read["client_secrets"].items()}
        return cls(RSAKey.import_key(read["key"]), given)


def _made() -> str:
    key = RSAKey.generate_key(KEY_BITS, {"kid": secrets.token_urlsafe(16), "use": "sig", "alg": "RS256"})
    given = {workspace.client_id: secrets.token_urlsafe(30) for workspace in WORKSPACES}
    return json.dumps({"key": key.as_dict(private=True), "client_secrets": given})


def _write_once(path: Path, text: str) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent)
    draft = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        # A link makes the whole file or finds another process's.
        path.hardlink_to(draft)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
