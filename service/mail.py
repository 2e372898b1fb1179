"""Sends a mail by SMTP. What is sent, to whom and when is decided elsewhere."""

from dataclasses import dataclass
from email.message import EmailMessage
from typing import Protocol, Self
from urllib.parse import unquote, urlsplit

import aiosmtplib
from pydantic import SecretStr

TIMEOUT_S = 20.0
PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}


class MailRefused(Exception):
    """The server will never take this mail; trying again is of no use."""


class MailDelayed(Exception):
    """The mail did not go out this time."""


class Mailer(Protocol):
    """Hands mails over for delivery."""

    async def send(self, message: EmailMessage) -> None:
        """Hand one mail over.

        Raises:
            MailRefused: for good.
            MailDelayed: for now.
        """


@dataclass(frozen=True, slots=True)
class SmtpMailer:
    """An SMTP server: ``smtp://`` (STARTTLS where offered), ``smtp+starttls://`` (required) or ``smtps://``.

    Name and password are only ever sent over TLS.
    """

    host: str
    port: int
    implicit_tls: bool
    start_tls: bool | None
    username: str | None = None
    password: SecretStr | None = None

    @classmethod
    def from_url(cls, url: SecretStr) -> Self:
        """Read the server from a URL.

        Raises:
            ValueError: with a sentence that does not repeat the URL, which may hold a password.
        """
        parts = urlsplit(url.get_secret_value())
        if parts.scheme not in PORTS or not parts.hostname:
            message = "it has to look like smtp://mail.example.com:587, smtp+starttls://... or smtps://..."
            raise ValueError(message)
        required = parts.scheme == "smtp+starttls" or (parts.scheme == "smtp" and parts.username is not None)
        return cls(
            host=parts.hostname,
            port=parts.port or PORTS[parts.scheme],
            implicit_tls=parts.scheme == "smtps",
            start_tls=False if parts.scheme == "smtps" else True if required else None,
            username=None if parts.username is None else unquote(parts.username),
            password=None if parts.password is None else SecretStr(unquote(parts.password)),
        )

    async def send(self, message: EmailMessage) -> None:
        """Hand one mail over. See :class:`Mailer`."""
        try:
            await aiosmtplib.send(
                message,
                hostname=self.host,
                port=self.port,
                use_tls=self.implicit_tls,
                start_tls=self.start_tls,
                username=self.username,
                password=None if self.password is None else self.password.get_secret_value(),
                timeout=TIMEOUT_S,
            )
        except aiosmtplib.SMTPRecipientsRefused as error:
            code = error.recipients[0].code if error.recipients else 0
            raise (MailRefused if 500 <= code < 600 else MailDelayed)(f"recipient refused with {code}") from None  # noqa: PLR2004 - RFC 5321 4.2.1
        except aiosmtplib.SMTPException as error:
            # The text may repeat what was sent; the kind of failure is what helps.
            answer = f" {error.code}" if isinstance(error, aiosmtplib.SMTPResponseException) else ""
            raise MailDelayed(f"{type(error).__name__}{answer}") from None
        except OSError as error:
            raise MailDelayed(type(error).__name__) from None
