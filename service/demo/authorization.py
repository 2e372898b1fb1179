"""The authorization request (OIDC Core 3.1.2.1, RFC 7636 4.3), judged the way Okta judges it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from multidict import MultiMapping

from service.demo.organisation import Application

PARAMETERS: Final = (
    "client_id",
    "redirect_uri",
    "response_type",
    "response_mode",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "prompt",
    "login_hint",
)
LONGEST: Final = 2048
_CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}")


class Unanswerable(Exception):
    """Nobody can be sent back: the application or its address is not the registered one. A sentence for the page."""


class Declined(Exception):
    """The application is told an error instead of a code (RFC 6749 4.1.2.1)."""

    def __init__(self, application: Application, asked: Mapping[str, str], error: str, description: str) -> None:
        super().__init__(error)
        self.application = application
        self.asked = asked
        self.error = error
        self.description = description


@dataclass(frozen=True, slots=True)
class Request:
    """A request that may be answered with a code. ``asked`` holds the parameters as they were sent."""

    application: Application
    asked: Mapping[str, str]

    @property
    def scopes(self) -> frozenset[str]:
        """What was asked for."""
        return frozenset(self.asked["scope"].split())


def read_request(applications: Mapping[str, Application], sent: MultiMapping[str]) -> Request:
    """Judge the parameters.

    Raises:
        Unanswerable: when an error may not be sent back either.
        Declined: when the application is told what is wrong.
    """
    asked = {name: sent[name] for name in PARAMETERS if name in sent}
    doubled = next((name for name in asked if len(sent.getall(name)) > 1), None)
    if doubled or any(len(value) > LONGEST for value in asked.values()):
        raise Unanswerable("A parameter was sent twice, or is far too long.")
    application = applications.get(asked.get("client_id", ""))
    if application is None:
        raise Unanswerable("The “client_id” is not the client ID of any app in this organisation.")
    if asked.get("redirect_uri") != application.redirect_uri:
        raise Unanswerable(
            "The “redirect_uri” has to be one of the app’s sign-in redirect URIs, letter by letter: "
            f"{application.redirect_uri}"
        )
    if wrong := _wrong_with(asked):
        raise Declined(application, asked, *wrong)
    return Request(application, asked)


def _wrong_with(asked: Mapping[str, str]) -> tuple[str, str] | None:
    if not asked.get("state"):
        return "invalid_request", "The 'state' parameter is required."
    if asked.get("response_type") != "code":
        return "unsupported_response_type", "The response type is not supported by this app."
    if asked.get("response_mode", "query") not in {"query", "form_post"}:
        return "invalid_request", "The response mode is not supported."
    if "openid" not in asked.get("scope", "").split():
        return "invalid_scope", "The scope has to contain 'openid'."
    if asked.get("code_challenge_method") != "S256" or not _CHALLENGE.fullmatch(asked.get("code_challenge", "")):
        return "invalid_request", "PKCE code challenge is required by this app, by method S256."
    if "none" in asked.get("prompt", "").split():
        return "login_required", "The client specified not to prompt, but the user is not logged in."
    return None


def answer_address(application: Application, answer: Mapping[str, str]) -> str:
    """Return where the browser is sent with an answer by ``response_mode=query``."""
    return f"{application.redirect_uri}?{urlencode(answer)}"
