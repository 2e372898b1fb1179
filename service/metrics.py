"""What operators count and time, for Prometheus.

With several workers, ``PROMETHEUS_MULTIPROC_DIR`` (set by the supervisor before Python starts) makes the client keep
its numbers in files that any worker can add up.
"""

import os
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from service.batch import Batch

MULTIPROCESS_VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"
CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)


class Metrics:
    """The service's own numbers. Labels are taken from closed sets, never from what a request says."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        self._sign_ins = Counter(
            "keyledger_sign_ins", "Sign-ins by reason, ok among them", ["reason"], registry=self.registry
        )
        self._initiates = Counter(
            "keyledger_initiates", "Sign-ins begun, by outcome", ["outcome"], registry=self.registry
        )
        self._appends = Counter(
            "keyledger_appended_events", "Events appended to the ledger, by type", ["type"], registry=self.registry
        )
        self._fetches = Counter(
            "keyledger_provider_fetches", "Requests to providers", ["what", "outcome"], registry=self.registry
        )
        self._requests = Histogram(
            "keyledger_request_seconds",
            "Time from a request's head to its answer",
            ["route", "status"],
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self._limited = Counter(
            "keyledger_limited", "Requests refused by a rate limit", ["route"], registry=self.registry
        )
        self._logouts = Counter(
            "keyledger_provider_logouts",
            "Sign-outs that go to or come from a provider",
            ["channel", "outcome"],
            registry=self.registry,
        )
        self._removed = Counter(
            "keyledger_removed_rows", "Rows removed because their time was over", ["what"], registry=self.registry
        )
        self._staleness = Histogram(
            "keyledger_connection_cache_lag_seconds",
            "Time from the commit of a change to this worker's no longer serving what was before it",
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self._timers: dict[tuple[str, int], Histogram] = {}
        self._answers: Batch[tuple[str, int, float]] = Batch(self._observe)
        self._begun = self._initiates.labels("begun")
        self._begun_lately = 0

    def signed_in(self, reason: str) -> None:
        """Count a sign-in that ended, with its reason code (``ok`` among them)."""
        self._sign_ins.labels(reason).inc()

    def begun(self) -> None:
        """Count an initiate that sent a browser to its provider."""
        self._begun_lately += 1

    def not_begun(self, reason: str) -> None:
        """Count an initiate that was refused, with its reason code."""
        self._initiates.labels(reason).inc()

    def appended(self, event_type: str, count: int = 1) -> None:
        """Count events appended to the ledger."""
        self._appends.labels(event_type).inc(count)

    def fetched(self, what: str, outcome: str) -> None:
        """Count a request to a provider: ``what`` (discovery, keys, token, userinfo), ``outcome`` (ok or a reason)."""
        self._fetches.labels(what, outcome).inc()

    def logged_out(self, channel: str, outcome: str) -> None:
        """Count a sign-out to (rp_initiated) or from (backchannel, frontchannel) a provider, with how it went."""
        self._logouts.labels(channel, outcome).inc()

    def removed(self, what: str, rows: int) -> None:
        """Count rows of one kind that were removed because their time was over."""
        self._removed.labels(what).inc(rows)

    def limited(self, route: str) -> None:
        """Count a request that a rate limit refused."""
        self._limited.labels(route).inc()

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count and time an answered request by its route's template, a moment later."""
        self._answers.add((route, status, seconds))

    def _observe(self, answers: list[tuple[str, int, float]]) -> None:
        begun, self._begun_lately = self._begun_lately, 0
        if begun:
            self._begun.inc(begun)
        for route, status, seconds in answers:
            timer = self._timers.get((route, status))
            if timer is None:
                timer = self._timers[(route, status)] = self._requests.labels(route, str(status))
            timer.observe(seconds)

    def connection_cache_lag(self, seconds: float) -> None:
        """Time how long the state before a commit was still served here."""
        self._staleness.observe(seconds)

    def exposition(self) -> bytes:
        """Return all numbers in Prometheus' text format, of all workers together where there are several."""
        self._observe([])
        self._answers.flush()
        if MULTIPROCESS_VARIABLE not in os.environ:
            return generate_latest(self.registry)
        together = CollectorRegistry()
        MultiProcessCollector(together)  # type: ignore[no-untyped-call, unused-ignore]  # stubs differ between releases
        return generate_latest(together)
