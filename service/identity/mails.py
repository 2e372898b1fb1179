"""What mails say: a text and an HTML part from the templates of their kind."""

from collections.abc import Mapping
from email.headerregistry import Address as HeaderAddress
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from service.clock import Clock
from service.identity.names import display_name
from service.identity.outbox import Mail

SUBJECTS: Final[Mapping[str, str]] = {
    "owner_notice": "{workspace_name}: who can sign in has changed",
    "invitation": "You are invited to {workspace_name}",
    "confirm_link": "{workspace_name}: is this your sign-in?",
    "magic_link": "Your sign-in link for {host}",
    "recovery": "{workspace}: use a recovery code",
    "confirm_google": "{host}: is this your Google account?",
}


class Mails:
    """Renders mails. All templates are read at start, so that a missing one is found there.

    ``sender`` is the From header, such as ``Keyledger <no-reply@example.com>``.
    """

    def __init__(self, sender: str, clock: Clock) -> None:
        name, address = parseaddr(sender)
        self._sender = HeaderAddress(name, addr_spec=address)
        self._clock = clock
        environment = Environment(
            loader=PackageLoader("service.identity", "mail_templates"),
            autoescape=select_autoescape(("html",)),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates = {
            (kind, form): environment.get_template(f"{kind}.{form}") for kind in SUBJECTS for form in ("txt", "html")
        }

    def render(self, mail_id: int, mail: Mail) -> EmailMessage:
        """Return the message. The same mail keeps its Message-ID, so that a second delivery is recognised."""
        values = dict(mail.values)
        shown = {key: value for key, value in values.items() if isinstance(value, str)}
        message = EmailMessage()
        message["From"] = self._sender
        message["To"] = HeaderAddress(addr_spec=mail.recipient)
        message["Subject"] = display_name(SUBJECTS[mail.kind].format_map(shown)) or mail.kind
        message["Date"] = format_datetime(self._clock())
        message["Message-ID"] = f"<outbox-{mail_id}.{mail.kind}@{self._sender.domain or 'localhost'}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(self._templates[mail.kind, "txt"].render(values))
        message.add_alternative(self._templates[mail.kind, "html"].render(values), subtype="html")
        return message
