"""The authorization endpoint: a page to choose a person on, and the answer to the application."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web
from multidict import MultiDict, MultiMapping

from service.demo.authorization import Declined, Request, Unanswerable, answer_address, read_request
from service.demo.cast import PEOPLE, Person
from service.demo.grants import Grant
from service.demo.organisation import Application
from service.demo.pages import html_page, self_posting_page
from service.demo.state import STATE, State

NOT_ASSIGNED: Final = ("access_denied", "User is not assigned to the client application.")


async def show(request: web.Request) -> web.Response:
    """``GET|POST /oauth2/v1/authorize``: who is it that signs in?"""
    sent = request.query if request.method == "GET" else _texts(await request.post())
    state = request.app[STATE]
    try:
        asked = read_request(state.applications, sent)
    except Unanswerable as problem:
        return _problem(state, problem)
    except Declined as declined:
        return _decline(state, declined)
    people = sorted(asked.application.stories(), key=lambda offered: offered[0].email != asked.asked.get("login_hint"))
    return html_page(
        state.pages,
        "choose",
        leads_to=_origin(asked.application),
        application=asked.application,
        asked=asked.asked,
        people=people,
        hinted=asked.asked.get("login_hint"),
    )


async def answer(request: web.Request) -> web.Response:
    """``POST /login``: the person that was chosen, beside the parameters of the authorization request."""
    form = _texts(await request.post())
    state = request.app[STATE]
    try:
        asked = read_request(state.applications, form)
        person = _chosen(form, asked)
    except Unanswerable as problem:
        return _problem(state, problem)
    except Declined as declined:
        return _decline(state, declined)
    return _send(state, asked.application, asked.asked.get("response_mode"), _granted(state, asked, person))


def _chosen(form: Mapping[str, str], asked: Request) -> Person:
    person = PEOPLE.get(form.get("person", ""))
    if person is None:
        raise Unanswerable("Nobody of that name is in this organisation’s directory.")
    if not asked.application.assigned(person):
        raise Declined(asked.application, asked.asked, *NOT_ASSIGNED)
    return person


def _granted(state: State, asked: Request, person: Person) -> dict[str, str]:
    grant = Grant(
        application=asked.application,
        person=person,
        scopes=asked.scopes,
        redirect_uri=asked.application.redirect_uri,
        challenge=asked.asked["code_challenge"],
        nonce=asked.asked.get("nonce"),
        logged_in_at=int(state.now()),
    )
    return {"code": state.codes.issue(grant), "state": asked.asked["state"]}


def _decline(state: State, declined: Declined) -> web.Response:
    told = {"error": declined.error, "error_description": declined.description}
    back = {"state": declined.asked["state"]} if "state" in declined.asked else {}
    return _send(state, declined.application, declined.asked.get("response_mode"), back | told)


def _send(state: State, application: Application, mode: str | None, told: dict[str, str]) -> web.Response:
    if mode == "form_post":
        return self_posting_page(state.pages, application.redirect_uri, told)
    return web.Response(
        status=303, headers={"Location": answer_address(application, told), "Cache-Control": "no-store"}
    )


def _problem(state: State, problem: Unanswerable) -> web.Response:
    return html_page(state.pages, "problem", status=400, explanation=str(problem))


def _origin(application: Application) -> str:
    parts = urlsplit(application.redirect_uri)
    return f"{parts.scheme}://{parts.netloc}"


def _texts(form: Mapping[str, object]) -> MultiMapping[str]:
    return MultiDict((name, value) for name, value in form.items() if isinstance(value, str))


def routes() -> list[web.RouteDef]:
    """The routes of this module."""
    return [
        web.get("/oauth2/v1/authorize", show),
        web.post("/oauth2/v1/authorize", show),
        web.post("/login", answer),
    ]
