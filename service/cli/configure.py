"""Commands that change a workspace's connection: domains, just-in-time creation, SSO, enforcement, bypasses."""

from enum import StrEnum
from typing import Annotated

import typer

from service.cli.change import Why, explained, record
from service.cli.options import Json, Slug
from service.cli.preflight import preview_enforcement, warn_of_affected

domain = typer.Typer(help="The e-mail domains that may sign in.", no_args_is_help=True)
jit = typer.Typer(
    help="Just-in-time creation: may people who are not members yet come in by SSO?", no_args_is_help=True
)
provider_logout = typer.Typer(help="Signing out here: end the session at the provider too?", no_args_is_help=True)
sso = typer.Typer(help="Switch single sign-on on and off.", no_args_is_help=True)
enforce = typer.Typer(help="Require single sign-on.", no_args_is_help=True)
bypass = typer.Typer(help="Let one member in beside SSO for a while.", no_args_is_help=True)

Domain = Annotated[str, typer.Argument(help="The domain, such as acme.example.", show_default=False)]
Email = Annotated[str, typer.Argument(help="The member's e-mail address.", show_default=False)]


class Method(StrEnum):
    """How a domain's ownership was shown."""

    support = "support"
    dns_txt = "dns_txt"


class JitRole(StrEnum):
    """The role of people created at their first sign-in."""

    editor = "editor"
    viewer = "viewer"


@domain.command("add", epilog='Example: keyledger domain add acme acme.example --reason "Ada asked by mail"')
@explained
def add_domain(slug: Slug, name: Domain, *, why: Why, as_json: Json = False) -> None:
    """Allow a domain. Exactly this one: subdomains are added one by one."""
    record(slug, "DomainAdded", {"domain": name}, why, as_json=as_json, then=f"keyledger workspace readiness {slug}")


@domain.command("remove", epilog='Example: keyledger domain remove acme acme.example --reason "sold"')
@explained
def remove_domain(slug: Slug, name: Domain, *, why: Why, as_json: Json = False) -> None:
    """Take a domain off the list. Its people's SSO sessions end."""
    record(slug, "DomainRemoved", {"domain": name}, why, as_json=as_json)


@domain.command("verify", epilog='Example: keyledger domain verify acme acme.example --reason "TXT record seen"')
@explained
def verify_domain(
    slug: Slug,
    name: Domain,
    method: Annotated[Method, typer.Option(help="How the ownership was shown.")] = Method.support,
    *,
    why: Why,
    as_json: Json = False,
) -> None:
    """Record that the customer owns a domain."""
    record(slug, "DomainVerified", {"domain": name, "method": method.value}, why, as_json=as_json)


@jit.command("on", epilog="Example: keyledger jit on acme --role editor")
@explained
def jit_on(
    slug: Slug,
    role: Annotated[JitRole, typer.Option(help="The role that new people get.")] = JitRole.editor,
    *,
    why: Why,
    as_json: Json = False,
) -> None:
    """Create people at their first SSO sign-in, without an invitation."""
    record(slug, "JitEnabled", {"role": role.value}, why, as_json=as_json)


@jit.command("off", epilog="Example: keyledger jit off acme")
@explained
def jit_off(slug: Slug, *, why: Why, as_json: Json = False) -> None:
    """Let in only members and people who were invited."""
    record(
        slug, "JitDisabled", {}, why, as_json=as_json, then=f"keyledger invite {slug} ada@acme.example --role editor"
    )


@provider_logout.command("on", epilog="Example: keyledger provider-logout on acme")
@explained
def provider_logout_on(slug: Slug, *, why: Why, as_json: Json = False) -> None:
    """Sign people out at the provider too. It has to know the sign-out redirect URI that keyledger show prints."""
    record(slug, "ProviderLogoutEnabled", {}, why, as_json=as_json, then=f"keyledger show {slug}")


@provider_logout.command("off", epilog="Example: keyledger provider-logout off acme")
@explained
def provider_logout_off(slug: Slug, *, why: Why, as_json: Json = False) -> None:
    """Leave the session at the provider alone when somebody signs out here."""
    record(slug, "ProviderLogoutDisabled", {}, why, as_json=as_json)


@sso.command("enable", epilog="Example: keyledger sso enable acme")
@explained
def sso_enable(slug: Slug, *, why: Why, as_json: Json = False) -> None:
    """Switch single sign-on on, beside the other sign-in methods."""
    then = f"sign in once by SSO, then keyledger enforce on {slug}"
    record(slug, "SsoEnabled", {}, why, as_json=as_json, then=then)


@sso.command("disable", epilog='Example: keyledger sso disable acme --reason "moving to another provider"')
@explained
def sso_disable(slug: Slug, *, why: Why, as_json: Json = False) -> None:
    """Switch single sign-on off. Sessions that it made end."""
    record(slug, "SsoDisabled", {}, why, as_json=as_json)


@enforce.command("on", epilog="Example: keyledger enforce on acme --confirm-within 60")
@explained
def enforce_on(
    slug: Slug,
    confirm_within: Annotated[
        int | None,
        typer.Option(
            min=1, help="Lift it again unless somebody signs in by SSO in so many minutes.", show_default=False
        ),
    ] = None,
    *,
    preview: Annotated[
        bool, typer.Option("--preview", help="Only tell what is missing and who would be affected; exit 1 if refused.")
    ] = False,
    why: Why,
    as_json: Json = False,
) -> None:
    """Require single sign-on: Google and magic links no longer open this workspace."""
    if preview:
        if not preview_enforcement(slug, as_json=as_json):
            raise typer.Exit(1)
        return
    if not as_json:
        warn_of_affected(slug)
    data = {} if confirm_within is None else {"confirm_within": confirm_within}
    record(slug, "EnforcementEnabled", data, why, as_json=as_json)


@enforce.command("off", epilog='Example: keyledger enforce off acme --reason "Okta is down"')
@explained
def enforce_off(slug: Slug, *, why: Why, as_json: Json = False) -> None:
    """Allow the other sign-in methods again."""
    record(slug, "EnforcementDisabled", {}, why, as_json=as_json)


@bypass.command("grant", epilog='Example: keyledger bypass grant acme ada@acme.example --hours 24 --reason "new phone"')
@explained
def grant_bypass(
    slug: Slug,
    email: Email,
    hours: Annotated[int, typer.Option(min=1, max=72, help="How long, in hours.")] = 24,
    *,
    why: Why,
    as_json: Json = False,
) -> None:
    """Let one active member in by magic link, until the time is over."""
    record(slug, "BypassGranted", {"email": email, "hours": hours}, why, as_json=as_json)


@bypass.command("revoke", epilog="Example: keyledger bypass revoke acme ada@acme.example")
@explained
def revoke_bypass(slug: Slug, email: Email, *, why: Why, as_json: Json = False) -> None:
    """End a bypass, and the sessions that it made."""
    record(slug, "BypassRevoked", {"email": email}, why, as_json=as_json)
