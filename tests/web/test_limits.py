"""Rate limits: bursts, a steady rate, and memory that does not grow with the number of callers."""

from service.limits import RateLimit


class Watch:
    """A clock that tests turn."""

    now = 1000.0

    def __call__(self) -> float:
        """Return the time it shows."""
        return self.now


def test_a_burst_passes_and_then_a_steady_rate() -> None:
    watch = Watch()
    limit = RateLimit(60, burst=3, clock=watch)
    assert [limit.wait("a") for _ in range(4)] == [0, 0, 0, 1]
    watch.now += 1.0
    assert limit.wait("a") == 0
    assert limit.wait("a") == 1


def test_callers_do_not_use_up_each_others_rate() -> None:
    limit = RateLimit(60, burst=1, clock=Watch())
    assert limit.wait("a") == 0
    assert limit.wait("b") == 0
    assert limit.wait("a") > 0


def test_waiting_as_long_as_told_is_enough() -> None:
    watch = Watch()
    limit = RateLimit(7, burst=2, clock=watch)
    while not (wait := limit.wait("a")):
        pass
    watch.now += wait
    assert limit.wait("a") == 0


def test_memory_is_bounded_whoever_calls() -> None:
    watch = Watch()
    limit = RateLimit(60, burst=60, most_keys=100, clock=watch)
    for number in range(1000):
        limit.wait(str(number))
        assert len(limit) <= 100
    watch.now += 3600
    for number in range(200):
        limit.wait(f"later {number}")
    assert len(limit) <= 100
