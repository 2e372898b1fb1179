"""Catches the mails that the service sends, so that the demonstration can show them. Nothing leaves this machine."""

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Final

from aiosmtpd.smtp import SMTP, Envelope

MOST_KEPT: Final = 200
LARGEST: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Mail:
    """One caught mail. ``name`` addresses it in the mailbox."""

    name: str
    message: EmailMessage

    @property
    def text(self) -> str:
        """The plain text part, or nothing."""
        return _part(self.message, "plain")

    @property
    def html(self) -> str:
        """The HTML part, or nothing."""
        return _part(self.message, "html")


class Mailbox:
    """A directory of mails, newest first; the oldest go when there are too many."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._directory = directory

    def keep(self, content: bytes) -> None:
        """Keep one mail as it came over the wire."""
        name = f"{time.time_ns():020d}-{secrets.token_hex(4)}.eml"
        draft = self._directory / f"{name}.part"
        draft.write_bytes(content)
        draft.rename(self._directory / name)
        for old in self._names()[MOST_KEPT:]:
            (self._directory / old).unlink(missing_ok=True)

    def mails(self) -> Sequence[Mail]:
        """Return all mails, newest first."""
        return [mail for name in self._names() if (mail := self.find(name)) is not None]

    def find(self, name: str) -> Mail | None:
        """Return one mail."""
        if name not in self._names():
            return None
        content = (self._directory / name).read_bytes()
        message = message_from_bytes(content, _class=EmailMessage, policy=policy.default)
        return Mail(name, message)

    def _names(self) -> list[str]:
        return sorted((path.name for path in self._directory.glob("*.eml")), reverse=True)

    async def handle_DATA(self, _server: SMTP, _session: Any, envelope: Envelope) -> str:  # noqa: N802 -- aiosmtpd's name
        """Take a mail over SMTP."""
        content = envelope.content
        if isinstance(content, bytes):
            self.keep(content)
        return "250 OK"

    def connection(self) -> SMTP:
        """Return the protocol of one SMTP connection."""
        return SMTP(self, data_size_limit=LARGEST, enable_SMTPUTF8=True, ident="Keyledger demo")


def _part(message: EmailMessage, kind: str) -> str:
    found = message.get_body((kind,))
    return str(found.get_content()) if found is not None else ""
