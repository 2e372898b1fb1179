"""Generated requests to every operation of the API, made from the document that describes it."""

from collections.abc import Callable
from typing import Any

import hypothesis
import schemathesis
from hypothesis import HealthCheck
from schemathesis import GenerationMode


def probe(
    base: str, attempt: Callable[[Any], None], *, examples: int, modes: tuple[GenerationMode, ...], derandomize: bool
) -> list[str]:
    """Make cases of every operation of the API at ``base``, attempt each, and return what did not hold."""
    schema = schemathesis.openapi.from_url(f"{base}/api/v1/openapi.json")
    schema.config.update(base_url=base)
    # A body that breaks the description may be too large before it is looked at.
    rejection = schema.config.checks.negative_data_rejection
    rejection.expected_statuses = [*rejection.expected_statuses, "413"]

    def known(case: Any) -> None:
        if "slug" in case.path_parameters:
            # What lies behind an unknown workspace is never reached.
            case.path_parameters["slug"] = "acme"
        attempt(case)

    bounded = hypothesis.settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=derandomize,
        phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    broken: list[str] = []
    for result in schema.get_all_operations():
        operation = result.ok()  # type: ignore[union-attr]  # an Err raises here, and the test fails
        for mode in modes:
            strategy = operation.as_strategy(generation_mode=mode)
            try:
                bounded(hypothesis.given(case=strategy)(known))()
            except Exception as error:  # noqa: BLE001 -- all that is broken is told at once
                broken.append(f"{operation.label} ({mode.value}): {error}")
    return broken
