"""The OpenAPI 3.1 document, made from the operations and the models that check and answer requests."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from pydantic import TypeAdapter
from pydantic.fields import FieldInfo

from events.refusals import STATUS
from service.api.operation import JSON, Answer, Operation
from service.api.problem import MEDIA_TYPE
from service.api.shapes import Problem

REFERENCE = "#/components/schemas/{model}"
SHARED_REFUSALS = ("unauthenticated", "forbidden", "data_invalid", "rate_limited", "busy")
HEADERS: Mapping[str, Mapping[str, Any]] = {
    "If-Match": {
        "description": 'The version that the change builds on, in quotes: "7". Another version answers 412.',
        "schema": {"type": "string", "pattern": r'^(\*|"[0-9]{1,18}")$'},
    },
    "Idempotency-Key": {
        "description": "Repeat a request with the same key, and the first answer comes again; nothing happens "
        "twice. Its events keep the key for ever, in clear: name nobody in it.",
        "schema": {"type": "string", "pattern": r"^[\x21-\x7e]{1,200}$"},
    },
}
ANSWER_HEADERS: Mapping[str, Mapping[str, Any]] = {
    "ETag": {"description": "The workspace's version, in quotes.", "schema": {"type": "string"}},
    "Idempotent-Replayed": {
        "description": "true when this is the kept answer to an earlier request with the same key.",
        "schema": {"type": "string", "const": "true"},
    },
    "Keyledger-Epoch": {
        "description": "Rises when a backup was restored: positions from before may stand for other events then.",
        "schema": {"type": "string"},
    },
    "Location": {"description": "Where the new thing is read.", "schema": {"type": "string"}},
}


def document(operations: Sequence[Operation], *, server: str, version: str) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document for these operations."""
    schemas = _Schemas(operations)
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Keyledger management API",
            "version": version,
            "description": "Workspaces, their SSO connections, and the history of both. Every change is an event.",
        },
        "servers": [{"url": server}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": schemas.components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "description": "keyledger token create"}},
        },
    }


class _Schemas:
    """All JSON schemas of the operations, made in one go so that equal models share one component."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._adapters: dict[tuple[str, Literal["validation", "serialization"]], TypeAdapter[Any]] = {}
        for operation in operations:
            if operation.body is not None:
                self._adapters[self._key(operation.body), "validation"] = TypeAdapter(operation.body)
            for answer in operation.answers.values():
                for kind in answer.content.values():
                    if kind is not None:
                        self._adapters[self._key(kind), "serialization"] = TypeAdapter(kind)
        self._adapters[self._key(Problem), "serialization"] = TypeAdapter(Problem)
        inputs = [(key, mode, adapter) for (key, mode), adapter in self._adapters.items()]
        self._made, definitions = TypeAdapter.json_schemas(inputs, ref_template=REFERENCE)
        self.components: dict[str, Any] = definitions.get("$defs", {})

    @staticmethod
    def _key(kind: Any) -> str:
        return str(kind)

    def of(self, kind: Any, mode: Literal["validation", "serialization"]) -> Mapping[str, Any]:
        """Return the schema of one body or answer."""
        return self._made[self._key(kind), mode]


def _operation(operation: Operation, schemas: _Schemas) -> dict[str, Any]:
    made: dict[str, Any] = {
        "operationId": operation.identifier,
        "summary": operation.summary,
        "parameters": [*_path_parameters(operation.path), *_query_parameters(operation), *_headers(operation)],
        "responses": {
            **{str(status): _answer(answer, schemas) for status, answer in operation.answers.items()},
            **_refusals(operation, schemas),
        },
    }
    if operation.body is not None:
        made["requestBody"] = {
            "required": True,
            "content": {JSON: {"schema": schemas.of(operation.body, "validation")}},
        }
    return made


def _path_parameters(path: str) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in re.findall(r"\{(\w+)\}", path)
    ]


def _query_parameters(operation: Operation) -> list[dict[str, Any]]:
    schema = operation.query.model_json_schema(by_alias=True)
    required = set(schema.get("required", ()))
    parameters = []
    for name, field in operation.query.model_fields.items():
        shown = field.alias or name
        parameters.append(_parameter(shown, field, schema["properties"][shown], required=shown in required))
    return parameters


def _parameter(name: str, field: FieldInfo, schema: dict[str, Any], *, required: bool) -> dict[str, Any]:
    kept = {key: value for key, value in schema.items() if key not in {"title", "description"}}
    options = [option for option in kept.get("anyOf", ()) if option != {"type": "null"}]
    if options:
        # A query parameter is absent or has a value; there is no null to send.
        kept = {**{key: value for key, value in kept.items() if key not in {"anyOf", "default"}}, **options[0]}
    return {"name": name, "in": "query", "required": required, "description": field.description or "", "schema": kept}


def _headers(operation: Operation) -> list[dict[str, Any]]:
    return [{"name": name, "in": "header", "required": False, **HEADERS[name]} for name in operation.headers]


def _answer(answer: Answer, schemas: _Schemas) -> dict[str, Any]:
    made: dict[str, Any] = {"description": answer.description}
    if answer.content:
        made["content"] = {
            media: {} if kind is None else {"schema": schemas.of(kind, "serialization")}
            for media, kind in answer.content.items()
        }
    if answer.headers:
        made["headers"] = {name: ANSWER_HEADERS[name] for name in answer.headers}
    return made


def _refusals(operation: Operation, schemas: _Schemas) -> dict[str, Any]:
    shared = SHARED_REFUSALS if operation.access != "public" else ("data_invalid",)
    body = () if operation.body is None else ("too_large", "media_type_unsupported")
    # Whatever names a workspace may come upon an event of it that cannot be read.
    parked = ("workspace_parked",) if "workspace_unknown" in operation.refusals else ()
    by_status: dict[int, list[str]] = {}
    for code in dict.fromkeys([*shared, *body, *operation.refusals, *parked]):
        by_status.setdefault(STATUS[code], []).append(code)
    content = {MEDIA_TYPE: {"schema": schemas.of(Problem, "serialization")}}
    return {
        str(status): {"description": "code: " + ", ".join(codes), "content": content}
        for status, codes in sorted(by_status.items())
    }
