"""From bytes to checked values, each bounded. A refusal points at its place and never echoes what was sent."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from aiohttp import web
from pydantic import TypeAdapter, ValidationError

from events.mistakes import mistake
from events.refusals import Refusal
from service.api.operation import JSON, Query
from service.errors import data_invalid, invalid

MAXIMUM_ERRORS = 20
MAXIMUM_NAME = 64
IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,200}")
ENTITY_TAG = re.compile(r'"([0-9]{1,18})"')


def read_query(request: web.Request, model: type[Query]) -> Query:
    """Return the query parameters as ``model``.

    Raises:
        Refusal: ``data_invalid`` for an unknown, repeated or impossible parameter.
    """
    given: dict[str, str] = {}
    for name, value in request.query.items():
        if name in given:
            raise invalid("This parameter is given twice.", _pointer([name]), "query")
        given[name] = value
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise _refusal_of(error, "query", [field.alias or name for name, field in model.model_fields.items()]) from None


async def read_body(request: web.Request, limit: int) -> object:
    """Return the JSON body, at most ``limit`` bytes.

    Raises:
        Refusal: ``too_large``, ``media_type_unsupported`` or ``data_invalid``.
    """
    if request.content_type != JSON:
        raise Refusal("media_type_unsupported", f"Send the body as Content-Type: {JSON}.")
    return parse_json(await _bounded(request, limit))


async def refuse_body(request: web.Request) -> None:
    """Refuse a body where none belongs."""
    if request.body_exists and await request.content.read(1):
        raise invalid("This address takes no body.")


async def _bounded(request: web.Request, limit: int) -> bytes:
    received = bytearray()
    async for chunk in request.content.iter_chunked(16 * 1024):
        received += chunk
        if len(received) > limit:
            raise Refusal("too_large", f"The body is larger than {limit // 1024} KiB.", {"limit": limit})
    return bytes(received)


def parse_json(raw: bytes) -> object:
    """Parse strict JSON: UTF-8, no repeated members, no NaN.

    Raises:
        Refusal: ``data_invalid``.
    """
    try:
        return json.loads(raw.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise invalid("The body is not valid JSON (UTF-8, each member once, no NaN).") from None


def _unique(pairs: Iterable[tuple[str, object]]) -> dict[str, object]:
    members: dict[str, object] = {}
    for name, value in pairs:
        if name in members:
            raise ValueError
        members[name] = value
    return members


def _no_constant(_: str) -> object:
    raise ValueError


def check(adapter: TypeAdapter[Any], value: object, known: Sequence[str] = (), at: Sequence[str | int] = ()) -> Any:
    """Return ``value`` as the adapter's type; ``at`` is where it stands in the body."""
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        raise _refusal_of(error, "body", known, at) from None


def _refusal_of(error: ValidationError, where: str, known: Sequence[str], at: Sequence[str | int] = ()) -> Refusal:
    found = error.errors(include_input=False, include_url=False)[:MAXIMUM_ERRORS]
    return data_invalid(
        [
            {
                "in": where,
                "pointer": _pointer([*at, *item["loc"]]),
                "detail": mistake(item, known),
            }
            for item in found
        ]
    )


def _pointer(place: Iterable[str | int]) -> str:
    """Return a JSON pointer (RFC 6901), each part bounded."""
    parts = (str(part)[:MAXIMUM_NAME].replace("~", "~0").replace("/", "~1") for part in place)
    return "".join(f"/{part}" for part in parts)


def read_expected_version(headers: Mapping[str, str]) -> int | None:
    """Return the version that ``If-Match`` names (RFC 9110 13.1.1), or ``None`` when there is no condition.

    Raises:
        Refusal: ``data_invalid`` when it is not one strong entity tag of this API.
    """
    text = headers.get("If-Match", "*").strip()
    if text == "*":
        return None
    match = ENTITY_TAG.fullmatch(text)
    if match is None:
        raise invalid('If-Match takes one version in quotes, such as "7".', "/If-Match", "header")
    return int(match[1])


def read_idempotency_key(headers: Mapping[str, str]) -> str | None:
    """Return the ``Idempotency-Key``, if there is one.

    Raises:
        Refusal: ``data_invalid`` when it is empty, too long or not printable ASCII.
    """
    text = headers.get("Idempotency-Key")
    if text is not None and not IDEMPOTENCY_KEY.fullmatch(text):
        raise invalid("An Idempotency-Key has 1 to 200 printable ASCII characters.", "/Idempotency-Key", "header")
    return text
