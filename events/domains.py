"""E-mail domains and addresses: one form of writing, exact comparison, and which domains a workspace may claim."""

import re
import unicodedata
from dataclasses import dataclass, field

import idna

from events.domains_lists import MailDomainLists, mail_domain_lists
from events.refusals import Refusal

MAXIMUM_DOMAIN = 253
MAXIMUM_ADDRESS = 254
MAXIMUM_LOCAL_PART = 64

# Labels of letters, digits and single hyphens need no IDNA; "--" may begin an A-label and takes the long way.
_PLAIN_LABEL = r"(?![a-z0-9-]{64})[a-z0-9](?:-?[a-z0-9])*"
_PLAIN = re.compile(rf"(?:{_PLAIN_LABEL}\.)+{_PLAIN_LABEL}")
_LOCAL_PART = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")

_EAST_ASIAN = (
    frozenset({"LATIN", "CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA"}),
    frozenset({"LATIN", "CJK", "BOPOMOFO"}),
    frozenset({"LATIN", "CJK", "HANGUL"}),
)


@dataclass(frozen=True, slots=True)
class Address:
    """One e-mail address: ``display`` as it was given, ``key`` as it is compared."""

    display: str
    local_part: str
    domain: str

    @property
    def key(self) -> str:
        """The form in which two addresses are the same address."""
        return f"{self.local_part.lower()}@{self.domain}"


def normalise_domain(text: str) -> str:
    """Return a domain as its lower-case A-label form (IDNA 2008, mapped by UTS 46), without a trailing dot.

    White space around it is dropped: people paste.

    Raises:
        Refusal: ``domain_invalid``, for anything that is not a name of at least two labels.
    """
    name = text.strip(" \t\r\n").removesuffix(".")
    if "@" in name:
        raise _invalid("Give the domain alone, the part of the address after the @.")
    if ":" in name or name.startswith("["):
        raise _invalid("Give a domain without scheme, port or brackets, such as acme.example.")
    return _a_labels(name)


def parse_address(text: str) -> Address:
    """Return exactly one address. Nothing is stripped from it and nothing repaired.

    The local part is ASCII without quotes (RFC 5321 dot-string) and compared without case; the domain is compared in
    its A-label form.

    Raises:
        Refusal: ``data_invalid``; the message does not repeat what was given.
    """
    local_part, at, domain = text.partition("@") if len(text) <= MAXIMUM_ADDRESS else ("", "", "")
    if not at or len(local_part) > MAXIMUM_LOCAL_PART or _LOCAL_PART.fullmatch(local_part) is None:
        raise _no_address()
    try:
        name = _a_labels(domain)
    except Refusal:
        raise _no_address() from None
    if len(local_part) + 1 + len(name) > MAXIMUM_ADDRESS:
        raise _no_address()
    return Address(text, local_part, name)


def domain_of_address(text: str) -> str | None:
    """Return the domain of exactly one address in its A-label form, or None if the text is not that."""
    try:
        return parse_address(text).domain
    except Refusal:
        return None


@dataclass(frozen=True)
class MailDomainPolicy:
    """Which domains a workspace may claim for its sign-ins.

    ``allow`` and ``deny`` are the operator's: ``allow`` accepts a domain that the lists hold for a public provider's,
    ``deny`` refuses one whatever they say. Both, like the lists, mean a domain and the names below it.

    Raises:
        Refusal: ``domain_invalid``, when an entry is no domain.
    """

    allow: frozenset[str] = frozenset()
    deny: frozenset[str] = frozenset()
    lists: MailDomainLists = field(default_factory=mail_domain_lists, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "allow", frozenset(normalise_domain(entry) for entry in self.allow))
        object.__setattr__(self, "deny", frozenset(normalise_domain(entry) for entry in self.deny))

    def check(self, text: str) -> str:
        """Return the domain in its one form if a workspace may claim it.

        Raises:
            Refusal: ``domain_invalid``, ``domain_generic`` or ``domain_disposable``.
        """
        domain = normalise_domain(text)
        registrable = self.lists.registrable(domain)
        if registrable is None:
            raise _invalid(f"{domain} is a public suffix: it belongs to many. Name the domain below it.", domain=domain)
        names = {domain, registrable}
        if names & self.deny:
            raise Refusal("domain_generic", f"This service does not accept {domain} for SSO.", domain=domain)
        if names & self.allow:
            return domain
        if names & self.lists.disposable:
            sentence = f"{domain} gives out throw-away addresses. SSO needs a domain of your own organisation."
            raise Refusal("domain_disposable", sentence, domain=domain)
        if names & self.lists.generic:
            sentence = f"Anybody can get an address at {domain}. SSO needs a domain of your own organisation."
            raise Refusal("domain_generic", sentence, domain=domain)
        return domain


def _a_labels(name: str) -> str:
    lowered = name.lower() if name.isascii() else name
    plain = len(lowered) <= MAXIMUM_DOMAIN and _PLAIN.fullmatch(lowered) is not None
    ascii_name = lowered if plain else _by_idna(name)
    if "." not in ascii_name:
        raise _invalid("A domain has at least two parts, such as acme.example.")
    if _NUMBER.fullmatch(ascii_name.rpartition(".")[2]):
        raise _invalid("An IP address is no domain. Give a name such as acme.example.")
    return ascii_name


def _by_idna(name: str) -> str:
    # Invisible and control characters would be mapped away; a name that needs that is not what it looks like.
    # The two joiners belong to some scripts, and IDNA says where (RFC 5892 A.1 and A.2).
    visible = name.replace("\u200c", "").replace("\u200d", "")
    if len(name) > MAXIMUM_DOMAIN or any(unicodedata.category(character)[0] in "CZ" for character in visible):
        raise _invalid("This is not a domain. Give a name such as acme.example.")
    try:
        encoded = idna.encode(name, uts46=True, std3_rules=True, strict=True).decode("ascii").lower()
        labels = [idna.ulabel(label) for label in encoded.split(".")]
    except (UnicodeError, idna.IDNAError, IndexError):
        raise _invalid("This is not a valid domain (IDNA 2008). Give a name such as acme.example.") from None
    if any(_mixes_scripts(label) for label in labels):
        raise _invalid("This domain mixes letters of different scripts that look alike. Type it, do not paste it.")
    return encoded


def _mixes_scripts(label: str) -> bool:
    """Whether the letters come from scripts that are not written together (UTS 39 5.2, highly restrictive)."""
    letters = (character for character in label if unicodedata.category(character)[0] == "L")
    scripts = {unicodedata.name(letter, "UNNAMED").partition(" ")[0] for letter in letters}
    return len(scripts) > 1 and not any(scripts <= together for together in _EAST_ASIAN)


def _invalid(sentence: str, **details: object) -> Refusal:
    return Refusal("domain_invalid", sentence, **details)


def _no_address() -> Refusal:
    return Refusal("data_invalid", "This is not one e-mail address. Give it as name@acme.example, without spaces.")
