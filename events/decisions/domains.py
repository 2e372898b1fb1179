"""Decisions about allowed e-mail domains."""

from events.catalogue.configuration import DomainAdded, DomainRemoved, DomainVerified
from events.catalogue.event_data import EventData
from events.commands.configuration import AddDomain, RemoveDomain, VerifyDomain
from events.decisions.authority import is_staff
from events.decisions.facts import Facts, Rules
from events.decisions.lockout import lock_out, some_owner_has_way_in
from events.domains import normalise_domain
from events.refusals import Refusal
from events.workspace import Workspace

DOMAINS_MAXIMUM = 100

_SHOW_OWNERSHIP = "Publish the workspace's DNS record at this domain and try again, or show support that it is yours."


def add_domain(workspace: Workspace, command: AddDomain, facts: Facts, rules: Rules) -> list[EventData]:
    """Allow a domain; with ownership shown at once, both are recorded.

    Raises:
        Refusal: ``domain_invalid``, ``domain_generic``, ``domain_disposable``; ``not_ready`` when ownership must be
            shown first because SSO is already on; ``forbidden`` when somebody but staff vouches for ownership.
    """
    domain = rules.mail_domains.check(command.domain)
    if command.verified is not None and not is_staff(facts):
        raise Refusal("forbidden", "Only support can vouch for the ownership of a domain.", domain=domain)
    if workspace.allows(domain):
        if command.verified in {None, workspace.domains[domain].verified}:
            return []
        return [DomainVerified(domain=domain, method="support")]
    if len(workspace.domains) >= DOMAINS_MAXIMUM:
        raise Refusal("data_invalid", f"A workspace allows at most {DOMAINS_MAXIMUM} domains; remove one first.")
    added: list[EventData] = [DomainAdded(domain=domain)]
    if command.verified is not None:
        added.append(DomainVerified(domain=domain, method=command.verified))
    elif domain in facts.proven_domains:
        added.append(DomainVerified(domain=domain, method="dns_txt"))
    elif rules.require_verified_domains and workspace.sso_enabled:
        # Otherwise the condition that SSO was enabled under would hold for the first domain only.
        raise Refusal("not_ready", _SHOW_OWNERSHIP, missing=["verified_domain"], unverified=[domain])
    return added


def remove_domain(workspace: Workspace, command: RemoveDomain, facts: Facts, rules: Rules) -> list[EventData]:
    """Allow a domain no longer.

    Raises:
        Refusal: ``would_lock_out`` while SSO is required, for the last domain and for that of the last owner who
            has a way in; ``domain_invalid``.
    """
    domain = normalise_domain(command.domain)
    if not workspace.allows(domain):
        return []
    if workspace.enforcement is not None:
        remaining = workspace.domains.keys() - {domain}
        if not remaining:
            lock_out(
                f"{domain} is the last domain while SSO is required: nobody could sign in. Lift enforcement first."
            )
        if not some_owner_has_way_in(workspace, facts, rules, domains=remaining):
            lock_out(
                f"Without {domain} no owner could sign in while SSO is required. Let an owner with an address in "
                "another allowed domain sign in by SSO first, or lift enforcement.",
                missing=["owner"],
            )
    return [DomainRemoved(domain=domain)]


def verify_domain(workspace: Workspace, command: VerifyDomain, facts: Facts, _: Rules) -> list[EventData]:
    """Record that ownership was shown. Staff vouch for what they saw; others need the DNS record to be there now.

    Raises:
        Refusal: ``not_ready``, when the domain is not allowed or the record was not found; ``forbidden``;
            ``domain_invalid``.
    """
    domain = normalise_domain(command.domain)
    if not workspace.allows(domain):
        raise Refusal("not_ready", f"{domain} is not on the list of allowed domains: add it first.", missing=["domain"])
    if not is_staff(facts) and facts.actor.type != "system":
        if command.method == "support":
            raise Refusal("forbidden", "Only support can vouch for the ownership of a domain.", domain=domain)
        if domain not in facts.proven_domains:
            raise Refusal("not_ready", _SHOW_OWNERSHIP, missing=["verified_domain"], unverified=[domain])
    if workspace.domains[domain].verified == command.method:
        return []
    return [DomainVerified(domain=domain, method=command.method)]
