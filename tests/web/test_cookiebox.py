"""Sealed values: only for their purpose and place, under any key that is still in use."""

import secrets

import pytest

from service.cookiebox import CookieBox

OLD, NEW = secrets.token_bytes(32), secrets.token_bytes(32)


def test_what_is_sealed_opens_again_and_shows_nothing_of_itself() -> None:
    box = CookieBox([NEW])
    text = box.seal("login attempt", b"a secret verifier", "name")
    assert box.open("login attempt", text, "name") == b"a secret verifier"
    assert "secret" not in text
    assert text != box.seal("login attempt", b"a secret verifier", "name")


def test_s05_a_value_opens_for_no_other_purpose_and_at_no_other_place() -> None:
    """A session's value is no attempt and the reverse, and one cookie's content cannot be moved to another's name."""
    box = CookieBox([NEW])
    text = box.seal("login attempt", b"value", "one")
    assert box.open("switch ticket", text, "one") is None
    assert box.open("login attempt", text, "another") is None
    assert box.open("login attempt", text) is None


def test_every_key_opens_and_the_newest_seals() -> None:
    before, both, after = CookieBox([OLD]), CookieBox([NEW, OLD]), CookieBox([NEW])
    assert both.open("p", before.seal("p", b"old")) == b"old"
    assert after.open("p", both.seal("p", b"new")) == b"new"
    assert after.open("p", before.seal("p", b"old")) is None
    assert both.is_marked("p", b"value", before.mark("p", b"value"))
    assert not after.is_marked("p", b"value", before.mark("p", b"value"))
    assert not both.is_marked("q", b"value", both.mark("p", b"value"))


@pytest.mark.parametrize(
    "text", ["", "=", "A", "AAAA", "not base64 !", "ü", "A" * 100_000, "\0", "-" * 60, "A" * 59], ids=repr
)
def test_s04_garbage_opens_as_nothing(text: str) -> None:
    assert CookieBox([NEW]).open("p", text) is None


def test_s04_every_flipped_bit_is_noticed() -> None:
    box = CookieBox([NEW])
    text = box.seal("p", b"value")
    for place in range(len(text)):
        other = "B" if text[place] != "B" else "C"
        assert box.open("p", text[:place] + other + text[place + 1 :]) != b"another"
    # The last character's low bits are padding; every other change destroys the value.
    changed = [box.open("p", text[:i] + ("B" if text[i] != "B" else "C") + text[i + 1 :]) for i in range(len(text) - 1)]
    assert changed == [None] * (len(text) - 1)


def test_keys_of_another_length_are_refused_and_never_shown() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        CookieBox([b"short"])
    with pytest.raises(ValueError, match="at least one key"):
        CookieBox([])
    assert NEW.hex() not in repr(CookieBox([NEW]))
