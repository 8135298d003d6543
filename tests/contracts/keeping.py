"""Runs schemathesis against a service and collects what it did not keep of its document.

Its engine is used, as its own command does; its pytest fixtures do not work with the pytest in the lock.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import schemathesis
from schemathesis.core import NOT_SET
from schemathesis.engine import StopReason, events, from_schema

from stubs import openapi

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from schemathesis import BaseSchema, Response
    from schemathesis import Case as AnyCase
    from schemathesis.engine.recorder import ScenarioRecorder

    Case = AnyCase[Any]

BOUNDED_BY_MEANING = {
    "PUT /api/v1/configuration": ["412", "422"],
    "POST /api/v1/meetings": ["422"],
    "PUT /api/v1/meetings/{item}": ["422"],
}
"""What may still be refused although its form is right: a stale configuration, a line twice, a time that has passed."""

PHASES = ("examples", "coverage", "fuzzing", "stateful")


@dataclass
class Kept:
    """What a run saw.

    Attributes:
        statuses: how often each operation was answered with each status.
        breaches: what was not as documented, each with the request.
    """

    statuses: defaultdict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    breaches: list[str] = field(default_factory=list)

    def without_success(self) -> set[str]:
        """The operations that never did what they are there for."""
        return {label for label, seen in self.statuses.items() if not any(status < 400 for status in seen)}

    def ever(self) -> set[int]:
        """Every status that was seen."""
        return {status for seen in self.statuses.values() for status in seen}


def config(  # noqa: PLR0913 - the particulars of a run
    *,
    seed: int,
    certificate: str | None = None,
    phases: Collection[str] = PHASES,
    examples: int = 60,
    expected_5xx: Collection[int] = (),
    excluded_checks: Collection[str] = (),
) -> schemathesis.Config:
    """How to run.

    Args:
        seed: of what is drawn; the same seed draws the same.
        certificate: PEM file that the service is trusted by.
        phases: of schemathesis.
        examples: how many requests each operation gets in fuzzing, and how many sequences there are.
        expected_5xx: documented statuses that are fine in the state that the service is in.
        excluded_checks: of schemathesis, by name.
    """
    fine = ["2xx", "3xx", "401", "404", "409", *map(str, expected_5xx)]
    return schemathesis.Config.from_dict(
        {
            "seed": seed,
            "max-redirects": 0,
            **({} if certificate is None else {"tls-verify": certificate}),
            "generation": {"database": "none", "max-examples": examples},
            "phases": {phase: {"enabled": phase in phases} for phase in PHASES},
            "checks": {
                "not_a_server_error": {"expected-statuses": ["2xx", "3xx", "4xx", *map(str, expected_5xx)]},
                "negative_data_rejection": {"expected-statuses": ["3xx", "4xx", *map(str, expected_5xx)]},
                "positive_data_acceptance": {"expected-statuses": fine},
                "missing_required_header": {"expected-statuses": ["400", "401", "415", "422", "428"]},
                **{name: {"enabled": False} for name in excluded_checks},
            },
            "operations": [
                {"include-name": name, "checks": {"positive_data_acceptance": {"expected-statuses": [*fine, *more]}}}
                for name, more in BOUNDED_BY_MEANING.items()
            ],
        }
    )


def log_in_with(schema: BaseSchema, cookies: Mapping[str, str]) -> None:
    """Send cookies, by the name of the cookie, to each operation that asks for one of them."""

    @schema.auth(refresh_interval=None)
    class _Cookies:
        def get(self, case: Case, _context: object) -> dict[str, str]:
            schemes = case.operation.schema.raw_schema["components"]["securitySchemes"]
            asked = {schemes[name]["name"] for one in case.operation.definition.raw["security"] for name in one}
            return {name: value for name, value in cookies.items() if name in asked}

        def set(self, case: Case, data: dict[str, str], _context: object) -> None:
            case.cookies = {**case.cookies, **data}


def log_in_as(schema: BaseSchema, name: str, password: str) -> None:
    """Send a name and a password (HTTP's basic scheme) with every request."""
    schema.config.auth.update(basic=(name, password))


def asked(schema: BaseSchema, method: str, path: str, *, body: Any = NOT_SET, **options: Any) -> Response:
    """Send one request of our own; its answer.

    Raises:
        schemathesis.core.failures.FailureGroup: it is not as documented.
    """
    case = schema[path][method].Case(body=body, media_type=None if body is NOT_SET else "application/json")
    return case.call_and_validate(allow_redirects=False, **options)


def tried(schema: BaseSchema) -> set[str]:
    """The operations that a run tries: all but the document itself, which it reads anyhow."""
    paths = schema.raw_schema["paths"]
    return {f"{method.upper()} {path}" for path in paths for method in paths[path] if path != openapi.PATH}


def kept(schema: BaseSchema) -> Kept:
    """Run all phases against a service.

    Raises:
        AssertionError: the run did not come to its end.
    """
    seen = Kept()
    ended = None
    for event in from_schema(schema).execute():
        match event:
            case events.ScenarioFinished():
                _take(seen, event.phase.value, event.recorder)
            case events.NonFatalError():
                seen.breaches.append(f"{event.label}: {event.value!r}")
            case events.FatalError():
                raise event.exception
            case events.EngineFinished():
                ended = event.stop_reason
            case _:
                pass
    assert ended is StopReason.COMPLETED, ended
    return seen


def _take(seen: Kept, phase: str, recorder: ScenarioRecorder) -> None:
    for identity, interaction in recorder.interactions.items():
        if interaction.response is not None:
            label = recorder.cases[identity].value.operation.label
            seen.statuses[label][interaction.response.status_code] += 1
        for check in recorder.checks.get(identity, []):
            if check.failure_info is not None:
                case = recorder.cases[identity].value
                answer = interaction.response
                said = None if answer is None else (answer.status_code, answer.content[:300])
                failure = str(check.failure_info.failure)
                seen.breaches.append(f"{phase}: {check.name}: {failure}\n{case.as_curl_command()}\n{said}")
