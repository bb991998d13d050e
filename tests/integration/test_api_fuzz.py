"""Schemathesis makes requests from the API's own description, valid and invalid ones; none breaks it or its word.

A short run; `make api-fuzz` is the long one. The live stream is left out: it does not end.
"""

from __future__ import annotations

import os

import pytest
import schemathesis
from console_stage import ConsoleStage, on_database
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from schemathesis import GenerationMode
from schemathesis.checks import load_all_checks

from alerts.api.app import api_app

EXAMPLES = int(os.environ.get("API_FUZZ_EXAMPLES", "2"))
OPERATIONS = [
    (method, path)
    for path, methods in api_app(None).openapi()["paths"].items()  # type: ignore[arg-type]
    for method in methods
    if not path.endswith("/live")
]

load_all_checks()


@pytest.fixture(scope="module")
def fuzzed(console: ConsoleStage) -> ConsoleStage:
    return on_database(console.database, failures_per_minute=1_000_000)  # it tries wrong tokens, too


@pytest.fixture(scope="module")
def api(fuzzed: ConsoleStage):
    schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", fuzzed.app())
    # What fits the description may still make no sense, such as a cursor of no page: that is 400, never 422.
    schema.config.checks.positive_data_acceptance.expected_statuses = ["2xx", "400", "401", "403", "404", "409"]
    return schema


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_the_api_keeps_what_its_description_promises(
    api, fuzzed: ConsoleStage, method: str, path: str, mode: GenerationMode
):
    operation = api[path][method]

    @given(case=operation.as_strategy(generation_mode=mode))
    @hypothesis_settings(
        max_examples=EXAMPLES,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
        derandomize="API_FUZZ_EXAMPLES" not in os.environ,
        database=None,
    )
    def asks(case: schemathesis.Case) -> None:
        spoilt = {place.value for place, made in case.meta.components.items() if made.mode is GenerationMode.NEGATIVE}
        # A request whose headers are what is wrong with it keeps them.
        token = {} if "header" in spoilt else {"Authorization": f"Bearer {fuzzed.tokens['operator']}"}
        case.call_and_validate(headers=token)

    asks()
