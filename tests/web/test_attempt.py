"""Login attempts: fresh secrets each time, one cookie each, bounded in number and size."""

import base64
import hashlib
import secrets

import pytest

from service.cookiebox import CookieBox
from service.login.attempt import (
    LARGEST_COOKIE,
    LARGEST_TOGETHER,
    LIFETIME_S,
    MOST_AT_ONCE,
    Attempt,
    AttemptCookies,
)
from service.login.state import MOST_AHEAD, Draws, state_time

NOW = 1_800_000_000
BOX = CookieBox([secrets.token_bytes(32)])
SECURE = AttemptCookies(BOX, secure=True)


def an_attempt(now: int = NOW, target: str | None = None, slug: str = "acme") -> Attempt:
    draw = Draws(BOX).next(now)
    return Attempt(
        slug=slug,
        credentials_id="0193b1de-0000-7000-8000-000000000001",
        issuer="https://acme.okta.com",
        client_id="0oa1",
        redirect_uri=f"https://id.example/api/sso/callback/{slug}",
        state=draw.state,
        nonce=draw.nonce,
        verifier=draw.verifier,
        target=target,
        started_at=now,
        kind="app",
    )


def kept(attempt: Attempt, cookies: AttemptCookies = SECURE) -> str:
    header = cookies.keep(attempt)
    assert header is not None
    return header


def cookie_header(*attempts: Attempt) -> str:
    return "; ".join(kept(attempt).partition(";")[0] for attempt in attempts)


def test_a09_state_nonce_and_verifier_are_long_and_never_used_twice() -> None:
    draws = Draws(BOX)
    drawn = [draws.next(NOW) for _ in range(10 * MOST_AHEAD)] + [draws.next(NOW + 1) for _ in range(10)]
    for values in (set(column) for column in zip(*drawn, strict=True)):
        assert len(values) == len(drawn)
    one = drawn[0]
    assert 43 <= len(one.verifier) <= 128
    assert len(base64.urlsafe_b64decode(one.nonce)) == 33
    assert set("".join(one)) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def test_a08_the_challenge_is_that_of_the_verifier() -> None:
    for draw in [Draws(BOX).next(NOW) for _ in range(5)]:
        digest = hashlib.sha256(draw.verifier.encode()).digest()
        assert base64.urlsafe_b64decode(draw.challenge + "=") == digest


def test_what_is_drawn_ahead_is_not_used_in_a_later_second() -> None:
    draws = Draws(BOX)
    for second in range(3):
        for _ in range(100):
            assert state_time(BOX, draws.next(NOW + second).state) == NOW + second


def test_an_attempt_comes_back_from_its_cookie_as_it_was() -> None:
    attempt = an_attempt(target="https://app.example/inbox?x=ü".replace("ü", "%C3%BC"))
    assert SECURE.find(f"other=1; {cookie_header(attempt)}; more=2", attempt.state) == (True, attempt)


def test_a12_each_tab_has_its_own_cookie() -> None:
    first, second = an_attempt(), an_attempt()
    header = cookie_header(first, second)
    assert SECURE.find(header, second.state) == (True, second)
    assert SECURE.find(header, first.state) == (True, first)


def test_s09_cookies_carry_their_flags_when_set_and_when_deleted() -> None:
    attempt = an_attempt()
    for header in (kept(attempt), SECURE.drop(attempt.state)):
        assert header.startswith("__Host-keyledger-attempt-")
        for flag in ("; Path=/", "; HttpOnly", "; SameSite=Lax", "; Secure"):
            assert flag in header
        assert "Domain" not in header
    assert f"Max-Age={LIFETIME_S}" in kept(attempt)
    assert "Max-Age=0" in SECURE.drop(attempt.state)


def test_over_http_in_development_cookies_drop_secure_and_the_host_prefix() -> None:
    plain = AttemptCookies(BOX, secure=False)
    header = kept(an_attempt(), plain)
    assert header.startswith("keyledger-attempt-")
    assert "Secure" not in header


def test_s03_a_planted_cookie_of_the_same_name_does_not_hide_ours() -> None:
    attempt = an_attempt()
    name = SECURE.name(attempt.state)
    ours = cookie_header(attempt)
    assert SECURE.find(f"{name}=planted; {ours}", attempt.state) == (True, attempt)
    assert SECURE.find(f"{ours}; {name}=planted", attempt.state) == (True, attempt)


@pytest.mark.parametrize("value", ["", "garbage", "A" * 5000, '"quoted"', "\x7f"], ids=lambda text: repr(text[:12]))
def test_s04_an_unreadable_cookie_is_no_attempt(value: str) -> None:
    attempt = an_attempt()
    assert SECURE.find(f"{SECURE.name(attempt.state)}={value}", attempt.state) == (True, None)


def test_an_attempt_under_another_state_of_the_same_name_is_not_taken() -> None:
    """The cookie's name holds a part of the state; the whole of it has to match."""
    attempt = an_attempt()
    other_state = attempt.state[:30] + ("A" if attempt.state[30] != "A" else "B") + attempt.state[31:]
    assert SECURE.find(cookie_header(attempt), other_state) == (True, None)


def test_the_state_tells_when_we_made_it_and_nobody_else_can_make_one() -> None:
    attempt = an_attempt()
    assert state_time(BOX, attempt.state) == NOW
    assert state_time(CookieBox([secrets.token_bytes(32)]), attempt.state) is None
    for forged in ("", "x", "A" * 48, "A" * 10_000, "ü" * 48, attempt.state[:-1], attempt.state + "A"):
        assert state_time(BOX, forged) is None


@pytest.mark.parametrize(("age", "expired"), [(0, False), (LIFETIME_S - 1, False), (LIFETIME_S, True), (-3600, True)])
def test_an_attempt_lasts_thirty_minutes(age: int, expired: bool) -> None:
    assert an_attempt().expired(NOW + age) is expired


def test_the_oldest_attempt_makes_room_for_the_sixth() -> None:
    attempts = [an_attempt(NOW + age) for age in range(MOST_AT_ONCE)]
    dropped = SECURE.surplus(cookie_header(*attempts), kept(an_attempt(NOW + 60)))
    assert [header.partition("=")[0] for header in dropped] == [SECURE.name(attempts[0].state)]
    assert SECURE.surplus(cookie_header(*attempts[:-1]), kept(an_attempt())) == []
    assert SECURE.surplus("unrelated=1", kept(an_attempt())) == []


def test_unreadable_attempts_go_first() -> None:
    attempts = [an_attempt(NOW + age) for age in range(MOST_AT_ONCE - 1)]
    header = cookie_header(*attempts) + f"; {SECURE.name('x' * 48)}=garbage"
    dropped = SECURE.surplus(header, kept(an_attempt(NOW + 60)))
    assert [one.partition("=")[0] for one in dropped] == [SECURE.name("x" * 48)]


def test_s08_all_attempts_together_stay_far_below_what_servers_take_as_a_header() -> None:
    target = "https://app.example/" + "x" * 1000
    header = ""
    attempts: list[Attempt] = []
    for age in range(12):
        attempt = an_attempt(NOW + age, target=target)
        new = kept(attempt)
        gone = {one.partition("=")[0] for one in SECURE.surplus(header, new)}
        attempts = [one for one in attempts if SECURE.name(one.state) not in gone] + [attempt]
        header = cookie_header(*attempts)
        assert len(new) < 4096
        assert len(header) <= LARGEST_TOGETHER + 300
    assert attempts


def test_s08_an_attempt_too_large_for_browsers_is_not_set() -> None:
    attempt = an_attempt()._replace(issuer="https://acme.example/" + "x" * LARGEST_COOKIE)
    assert SECURE.keep(attempt) is None


def test_an_attempt_shows_no_secret_of_its_own() -> None:
    attempt = an_attempt()
    shown = f"{attempt!r} {attempt}"
    assert not any(secret in shown for secret in (attempt.state, attempt.nonce, attempt.verifier))
