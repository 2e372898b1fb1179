"""What stands for a name in an event: it commits to the name, and tells nothing without the person's key."""

import base64
import hashlib
import hmac
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.name_ids import check_name, ids_in, is_name_id, name_id, stands_for, with_names
from events.refusals import Refusal

ROOT = Path(__file__).parents[2]
KEY = bytes(range(32))
NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=200)
KEYS = st.binary(min_size=32, max_size=32)


def test_an_id_is_the_hmac_of_the_name_as_the_format_describes_it() -> None:
    digest = hmac.new(KEY, b"keyledger/name/v1\n" + b"ada@acme.example", hashlib.sha256).digest()
    expected = "~" + base64.urlsafe_b64encode(digest).decode().rstrip("=")
    assert name_id(KEY, "ada@acme.example") == expected
    assert is_name_id(expected)
    assert len(expected) == 44


@given(NAMES, NAMES, KEYS, KEYS)
def test_an_id_stands_for_its_name_under_its_key_and_for_no_other(
    name: str, other: str, key: bytes, wrong: bytes
) -> None:
    id_ = name_id(key, name)
    assert stands_for(id_, key, name)
    assert stands_for(id_, key, other) == (other == name)
    assert stands_for(id_, wrong, name) == (wrong == key)


@pytest.mark.parametrize("key", [b"", KEY[:31], KEY + b"\0", KEY + bytes(32), hashlib.sha256(KEY).digest() * 2])
def test_a_key_of_another_length_is_none(key: bytes) -> None:
    """HMAC pads and hashes keys: a key of 33 bytes that ends in zero would do the same as one of 32."""
    with pytest.raises(ValueError, match="32 bytes"):
        name_id(key, "ada")
    assert not stands_for(name_id(KEY, "ada"), key, "ada")


@pytest.mark.parametrize("name", ["~", "~ada", name_id(KEY, "ada")])
def test_no_name_begins_as_ids_do(name: str) -> None:
    with pytest.raises(Refusal, match="does not begin with ~"):
        check_name(name)


@pytest.mark.parametrize("name", ["", "a" * 201, "ada\nlovelace", "ada\x1b[2J", "\ud800"])
def test_a_name_is_one_printable_line(name: str) -> None:
    with pytest.raises(Refusal, match="printable"):
        check_name(name)


def test_nobody_acts_under_a_name_in_clear() -> None:
    """Actors who have a name are made by ``Names.actor``, or of a token's row, which holds the id."""
    named = re.compile(r"""\bActor\(\s*(?:type=)?["'](?:staff|token|operator)["']""")
    makers = {path.name for path in ROOT.glob("service/**/*.py") if named.search(path.read_text(encoding="utf-8"))}
    assert makers == {"tokens.py"}


def test_ids_are_found_within_phrases_and_replaced_by_names() -> None:
    one, other = name_id(KEY, "ada"), name_id(KEY, "grace")
    phrase = f"token {one} for {other}"
    assert ids_in(phrase, None, "ada", one + "A", "~short") == {one, other}
    assert with_names(phrase, {one: "ada", other: "(forgotten)"}) == "token ada for (forgotten)"
    assert with_names(phrase, {}) == phrase
