"""The outbox: mails commit with what they tell of, go out at least once, and wait when they cannot."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP
from pydantic import SecretStr
from support.identity_mail import KeptMails, deliver, worker
from support.identity_world import World

from service.db import transaction
from service.identity.outbox import LEASE, MOST_ATTEMPTS, Mail, MailKind, enqueue
from service.mail import MailDelayed, MailRefused, SmtpMailer

VALUES: dict[str, dict[str, Any]] = {
    "owner_notice": {
        "workspace_name": "Acme <b>&",
        "slug": "acme",
        "changes": ["SSO is switched off."],
        "actor": "support staff (grace)",
        "at": "today",
        "reason": "asked <script>",
        "requested_by": "Ada",
        "ticket": "T-1",
    },
    "invitation": {
        "workspace_name": "Acme <b>&",
        "inviter": "Grace",
        "role": "editor",
        "link": "https://id.example.com/sign-in?workspace=acme",
        "ends": "soon",
    },
    "confirm_link": {
        "workspace_name": "Acme <b>&",
        "role": "owner",
        "email": "ada@acme.example",
        "name": "<script>",
        "issuer": "https://acme.okta.example",
        "replaces": 1,
        "at": "today",
        "minutes": 30,
        "link": "https://id.example.com/link/token",
    },
    "magic_link": {
        "link": "https://id.example.com/login/magic-link/token",
        "email": "ada@acme.example",
        "minutes": 15,
        "host": "id.example.com",
    },
    "confirm_google": {
        "link": "https://id.example.com/login/magic-link/token",
        "email": "ada@acme.example",
        "minutes": 15,
        "host": "id.example.com",
    },
}


def mail(kind: MailKind = "confirm_link", recipient: str = "ada@acme.example", **changes: Any) -> Mail:
    return Mail(kind, recipient, VALUES[kind], "acme", **changes)


async def put(world: World, one: Mail) -> bool:
    async with transaction(world.pool) as connection:
        return await enqueue(connection, world.resources.box, one, world.clock.now)


class Undone(Exception):
    """The change was taken back."""


class Failing:
    """A mailer that fails in the given way until it is mended."""

    def __init__(self, error: Exception) -> None:
        self.error: Exception | None = error
        self.kept: list[EmailMessage] = []

    async def send(self, message: EmailMessage) -> None:
        """Fail, or keep."""
        if self.error is not None:
            raise self.error
        self.kept.append(message)


class Stuck:
    """A mailer that never comes back."""

    def __init__(self) -> None:
        self.taken = asyncio.Event()

    async def send(self, _: EmailMessage) -> None:
        """Take the mail and hang."""
        self.taken.set()
        await asyncio.Event().wait()


async def test_a_mail_commits_with_its_change_or_not_at_all(world: World) -> None:
    async def undone() -> None:
        async with transaction(world.pool) as connection:
            await enqueue(connection, world.resources.box, mail(), world.clock.now)
            raise Undone

    with pytest.raises(Undone):
        await undone()
    assert await world.rows("outbox") == []


async def test_what_is_sent_is_dropped_and_not_sent_again(world: World) -> None:
    await put(world, mail())
    mails = KeptMails()
    assert [await deliver(world, mails), await deliver(world, mails)] == [1, 0]
    (row,) = await world.rows("outbox")
    assert (row["content"], row["sent_at"], len(mails.kept)) == (None, world.clock.now, 1)


async def test_the_content_is_sealed_while_it_waits(world: World) -> None:
    await put(world, mail())
    (row,) = await world.rows("outbox")
    assert "magic-link" not in row["content"]


async def test_a_mail_that_cannot_go_out_waits_longer_each_time(world: World) -> None:
    """Backoff doubles from a minute; once the server is back the mail goes out."""
    await put(world, mail())
    failing = Failing(MailDelayed("connection refused"))
    for minutes in (1, 2, 4, 8):
        assert await deliver(world, failing) == 1
        world.clock.now += timedelta(minutes=minutes) - timedelta(seconds=1)
        assert await deliver(world, failing) == 0
        world.clock.turn(seconds=1)
    failing.error = None
    assert await deliver(world, failing) == 1
    assert len(failing.kept) == 1


async def test_a_mail_is_given_up_in_the_end(world: World) -> None:
    await put(world, mail())
    failing = Failing(MailDelayed("connection refused"))
    for _ in range(MOST_ATTEMPTS):
        assert await deliver(world, failing) == 1
        world.clock.turn(hours=7)
    assert await deliver(world, failing) == 0
    (row,) = await world.rows("outbox")
    assert (row["content"], row["last_error"]) == (None, "connection refused")


async def test_a_mail_refused_for_good_is_given_up_at_once(world: World) -> None:
    await put(world, mail())
    failing = Failing(MailRefused("recipient refused with 550"))
    await deliver(world, failing)
    world.clock.turn(days=1)
    assert await deliver(world, failing) == 0


async def test_a_mail_whose_link_has_ended_is_not_sent(world: World) -> None:
    await put(world, mail(useless_after=world.clock.now + timedelta(minutes=15)))
    world.clock.turn(minutes=15)
    mails = KeptMails()
    await deliver(world, mails)
    assert mails.kept == []


async def test_a_mail_that_cannot_be_made_does_not_keep_others_back(world: World) -> None:
    await put(world, Mail("confirm_link", "ada@acme.example", {}))
    await put(world, mail(recipient="grace@acme.example"))
    mails = KeptMails()
    await deliver(world, mails)
    assert [message["To"] for message in mails.kept] == ["grace@acme.example"]


async def test_two_workers_do_not_send_the_same_mail(world: World) -> None:
    for _ in range(10):
        await put(world, mail())
    mails = KeptMails()
    await asyncio.gather(*(deliver(world, mails) for _ in range(4)))
    assert len(mails.kept) == 10


async def test_a_mail_taken_by_a_process_that_died_is_taken_again(world: World) -> None:
    await put(world, mail())
    stuck = Stuck()
    dying = asyncio.create_task(deliver(world, stuck))
    await stuck.taken.wait()
    dying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await dying
    mails = KeptMails()
    assert await deliver(world, mails) == 0
    world.clock.now += LEASE
    assert await deliver(world, mails) == 1


async def test_without_a_server_mails_wait(world: World) -> None:
    """Nothing goes out, nothing is lost, and the worker ends by itself."""
    await put(world, mail())
    await worker(world, None).run()
    (row,) = await world.rows("outbox")
    assert row["content"] is not None


async def test_a_mail_put_in_wakes_the_worker(world: World) -> None:
    mails = KeptMails()
    sending = worker(world, mails)
    running = asyncio.create_task(sending.run())
    await put(world, mail())
    sending.wake()
    async with asyncio.timeout(4):
        await mails.arrived.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


@pytest.mark.parametrize("recipient", ["", "nobody", "ada@acme.example\nBcc: eve@globex.example", "a@b@c.example"])
async def test_what_is_no_address_gets_no_mail(world: World, recipient: str) -> None:
    assert not await put(world, mail(recipient=recipient))
    assert await world.rows("outbox") == []


@pytest.mark.parametrize("kind", list(VALUES))
async def test_every_kind_has_a_text_and_an_html_part_and_escapes_what_it_is_given(
    world: World, kind: MailKind
) -> None:
    await world.member()
    await put(world, mail(kind))
    mails = KeptMails()
    await deliver(world, mails)
    (message,) = mails.kept
    html, text = message.get_body(("html",)), message.get_body(("plain",))
    assert html is not None
    assert text is not None
    assert "<script>" not in html.get_content()
    assert "<b>" not in html.get_content()
    assert "{" not in text.get_content() + html.get_content()
    assert message["Auto-Submitted"] == "auto-generated"


async def test_a_subject_stays_on_one_line(world: World) -> None:
    values = {**VALUES["invitation"], "workspace_name": "Acme\r\nBcc: eve@globex.example"}
    await put(world, Mail("invitation", "ada@acme.example", values))
    mails = KeptMails()
    await deliver(world, mails)
    (message,) = mails.kept
    assert message["Bcc"] is None
    assert message["Subject"] == "You are invited to Acme Bcc: eve@globex.example"


class Inbox:
    """Takes mails over SMTP, or turns recipients down."""

    def __init__(self) -> None:
        self.received: list[EmailMessage] = []
        self.answer: str | None = None

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:  # noqa: N802
        """Take or turn down a recipient."""
        if self.answer is not None:
            return self.answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        """Keep a mail."""
        message = BytesParser(policy=default).parsebytes(envelope.content)
        assert isinstance(message, EmailMessage)
        self.received.append(message)
        return "250 OK"


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
async def smtp(inbox: Inbox) -> AsyncIterator[SecretStr]:
    """A real SMTP server on this machine."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(inbox, loop=loop), "127.0.0.1", 0)
    async with server:
        yield SecretStr(f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}")


async def test_mails_go_out_by_smtp(world: World, inbox: Inbox, smtp: SecretStr) -> None:
    await put(world, mail("invitation"))
    await deliver(world, SmtpMailer.from_url(smtp))
    (message,) = inbox.received
    assert (message["To"], message["From"]) == ("ada@acme.example", "Keyledger <no-reply@id.example.com>")
    body = message.get_body(("plain",))
    assert body is not None
    assert "https://id.example.com/sign-in?workspace=acme" in body.get_content()


@pytest.mark.parametrize(("answer", "given_up"), [("550 no such user", True), ("451 try later", False)])
async def test_what_the_server_answers_decides_whether_to_try_again(
    world: World, inbox: Inbox, smtp: SecretStr, answer: str, given_up: bool
) -> None:
    inbox.answer = answer
    await put(world, mail())
    await deliver(world, SmtpMailer.from_url(smtp))
    (row,) = await world.rows("outbox")
    assert (row["given_up_at"] is not None) == given_up
    assert answer.split(maxsplit=1)[0] in row["last_error"]


async def test_a_server_that_is_not_there_delays_the_mail(world: World) -> None:
    await put(world, mail())
    await deliver(world, SmtpMailer.from_url(SecretStr("smtp://127.0.0.1:1")))
    (row,) = await world.rows("outbox")
    assert row["content"] is not None
    assert row["last_error"]


@pytest.mark.parametrize(
    ("url", "start_tls"),
    [
        ("smtp://mail.example.com", None),
        ("smtp://ada:secret@mail.example.com", True),
        ("smtp+starttls://mail.example.com", True),
        ("smtps://ada:secret@mail.example.com", False),
    ],
)
def test_a_password_is_only_sent_over_tls(url: str, start_tls: bool | None) -> None:
    mailer = SmtpMailer.from_url(SecretStr(url))
    assert mailer.start_tls is start_tls
    assert mailer.implicit_tls == url.startswith("smtps")
    assert "secret" not in repr(mailer)


@pytest.mark.parametrize("url", ["mail.example.com", "http://mail.example.com", "smtp://", ""])
def test_an_unusable_url_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ValueError, match="it has to look like"):
        SmtpMailer.from_url(SecretStr(url))
