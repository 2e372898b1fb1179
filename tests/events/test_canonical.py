"""Payloads at the door: what does not mean the same to everybody is refused; what is kept, comes back as it was."""

import enum
import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

import msgspec
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from events.canonical import MAXIMUM_BYTES, MAXIMUM_DEPTH, canonical_json, canonical_record, check_payload
from events.refusals import Refusal


class Number(enum.IntEnum):
    """An integer that writes itself in its own way."""

    ONE = 1


class Text(str):
    """A string that could write itself in its own way."""

    __slots__ = ()


class Record(msgspec.Struct):
    """A record around what may be anything."""

    free: object
    id: UUID = UUID(int=7)
    text: str | None = None


def nested(levels: int, *, lists: bool) -> Any:
    value: Any = "core"
    for _ in range(levels):
        value = [value] if lists else {"a": value}
    return value


@pytest.mark.parametrize(
    ("payload", "pointer"),
    [
        ({"a": "x\x00y"}, "/a"),
        ({"a": ["ok", "\ud800"]}, "/a/1"),
        ({"a": "\udfff"}, "/a"),
        ({"x\x00": 1}, ""),
        ({"\ud800": 1}, ""),
        ({"a": float("nan")}, "/a"),
        ({"a": float("inf")}, "/a"),
        ({"a": 0.1234567890123456789}, "/a"),
        ({"a": 1.0}, "/a"),
        ({"a": 2**53}, "/a"),
        ({"a": -(2**53)}, "/a"),
        ({"a": 2**63}, "/a"),
        ({"a": 10**400}, "/a"),
        ({"a": b"bytes"}, "/a"),
        ({"a": {1, 2}}, "/a"),
        ({"a": object()}, "/a"),
        ({1: "a"}, ""),
        ({None: "a"}, ""),
        ({"a": Number.ONE}, "/a"),
        ({"a": Text("x")}, "/a"),
        ({"a/b~c": {"d": 0.5}}, "/a~1b~0c/d"),
    ],
)
def test_a_hostile_value_is_refused_with_its_place(payload: object, pointer: str) -> None:
    with pytest.raises(Refusal) as caught:
        check_payload(payload)
    assert caught.value.code == "data_invalid"
    assert caught.value.details["pointer"] == pointer
    with pytest.raises(Refusal) as within:
        canonical_record(Record(payload), payload)
    assert within.value.details["pointer"] == f"/free{pointer}"


@pytest.mark.parametrize("lists", [True, False])
def test_sixteen_levels_are_kept_and_seventeen_refused(lists: bool) -> None:
    check_payload(nested(MAXIMUM_DEPTH, lists=lists))
    for levels in (MAXIMUM_DEPTH + 1, 100_000):
        with pytest.raises(Refusal, match="nested"):
            check_payload(nested(levels, lists=lists))


@pytest.mark.parametrize(
    "payload",
    [
        {"a": "x" * 1_000_000},
        {"a": "é" * (MAXIMUM_BYTES // 2)},
        {"a": "\x01" * (MAXIMUM_BYTES // 6)},
        {"a": [0] * MAXIMUM_BYTES},
        {"x" * MAXIMUM_BYTES: 1},
    ],
    ids=["text", "bytes, not characters", "escapes", "nodes", "name"],
)
def test_more_than_64_kib_is_refused_whatever_makes_it_large(payload: object) -> None:
    with pytest.raises(Refusal, match="larger"):
        check_payload(payload)


def test_a_list_that_contains_one_list_many_times_does_not_unfold() -> None:
    bomb: Any = ["x"]
    for _ in range(MAXIMUM_DEPTH - 2):
        bomb = [bomb] * 20
    with pytest.raises(Refusal, match="larger"):
        check_payload(bomb)


def test_64_kib_exactly_are_kept() -> None:
    payload = {"a": "x" * (MAXIMUM_BYTES - len('{"a":""}'))}
    assert len(canonical_json(payload)) == MAXIMUM_BYTES


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        ({"b": 1, "a": 2}, '{"a":2,"b":1}'),
        ({"\u20ac": 1, "\U0001f600": 2, "\ufb33": 3}, '{"€":1,"😀":2,"\ufb33":3}'),
        ({"a": "\\u0000"}, '{"a":"\\\\u0000"}'),
        ({"a": '\b\t\n\f\r\x1f"\\/'}, '{"a":"\\b\\t\\n\\f\\r\\u001f\\"\\\\/"}'),
        ({"a": [None, True, False, 0, -1, 2**53 - 1]}, '{"a":[null,true,false,0,-1,9007199254740991]}'),
        ({"a": "\u2028"}, '{"a":"\u2028"}'),
        ("é", '"é"'),
    ],
)
def test_the_canonical_text_is_that_of_rfc_8785(payload: object, text: str) -> None:
    assert canonical_json(payload) == text


def test_composed_and_decomposed_letters_stay_two_texts() -> None:
    assert canonical_json("\u00e9") != canonical_json("e\u0301")


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=8), inner, max_size=4
        )
    ),
    max_leaves=20,
)


@given(JSON)
def test_the_fast_writer_and_the_reference_agree_on_whatever_is_kept(payload: Any) -> None:
    """Names in any script, strings with any character: the text is RFC 8785's to the byte."""
    assert canonical_json(payload) == rfc8785.dumps(payload).decode()


@given(JSON, st.none() | st.text(max_size=20))
def test_a_record_is_written_and_refused_as_the_same_members_would_be(payload: Any, text: str | None) -> None:
    """What is hashed of an event is written the quick way; no byte and no refusal differ from the reference."""

    def of(write: Callable[[], str]) -> str:
        try:
            return write()
        except Refusal as refusal:
            return repr((refusal.code, refusal.message, refusal.details))

    record = Record(payload, text=text)
    members = {"free": payload, "id": str(record.id), "text": text}
    assert of(lambda: canonical_record(record, payload)) == of(lambda: canonical_json(members))


@given(JSON)
def test_what_is_kept_comes_back_as_it_was_and_its_text_is_stable(payload: Any) -> None:
    try:
        text = canonical_json(payload)
    except Refusal as refusal:
        assert "nested" in refusal.message  # noqa: PT017 - only depth may refuse such a payload
        return
    assert json.loads(text) == payload
    assert canonical_json(json.loads(text)) == text


@given(
    st.recursive(
        st.floats() | st.integers() | st.text() | st.binary(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_any_value_is_either_kept_whole_or_refused_with_a_sentence(payload: Any) -> None:
    try:
        text = canonical_json(payload)
    except Refusal as refusal:
        assert refusal.code == "data_invalid"  # noqa: PT017 - nothing else may be raised
        refusal.message.encode("utf-8")
        return
    assert json.loads(text) == payload
