"""Runs schemathesis against a service and collects what it did not keep of its document.

Its engine is used, as its own command does; its pytest fixtures do not work with the pytest in the lock.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import schemathesis
from schemathesis.core import NOT_SET
from schemathesis.engine import StopReason, events, from_schema

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

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

Document = dict[str, Any]

PHASES = ("examples", "coverage", "fuzzing", "stateful")


@dataclass
class Kept:
    """What a run saw.

    Attributes:
        statuses: how often each operation, asked with its own method, was answered with each status.
        breaches: what was not as documented, each with the request.
    """

    statuses: defaultdict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    breaches: list[str] = field(default_factory=list)

    def never_done(self) -> set[str]:
        """The operations that never did what they are there for."""
        return {label for label, statuses in self.statuses.items() if min(statuses) >= HTTPStatus.BAD_REQUEST}


def config(  # noqa: PLR0913 - the particulars of a run
    *,
    seed: int,
    base_url: str | None = None,
    certificate: str | None = None,
    phases: Collection[str] = PHASES,
    examples: int = 20,
    expected_5xx: Collection[int] = (),
    excluded_checks: Collection[str] = (),
    in_part: bool = False,
) -> schemathesis.Config:
    """How to run.

    Args:
        seed: of what is drawn; the same seed draws the same.
        base_url: where the service is, if it is not in this process.
        certificate: PEM file that it is trusted by.
        phases: of schemathesis.
        examples: how many requests each operation gets in fuzzing, and how many sequences there are.
        expected_5xx: documented statuses that are fine in the state that the service is in.
        excluded_checks: of schemathesis, by name.
        in_part: the document is a part of one, so a method that it does not list may well be there: only one that is
            nowhere is tried unlisted, and what `Allow` lists is not compared.
    """
    excluded = {*excluded_checks, *(("allow_header_conformance",) if in_part else ())}
    coverage = {"enabled": "coverage" in phases, **({"unexpected-methods": ["PATCH"]} if in_part else {})}
    fine = ["2xx", "3xx", "401", "404", "409", *map(str, expected_5xx)]
    settings: dict[str, Any] = {
        "seed": seed,
        "max-redirects": 0,
        "generation": {"database": "none", "max-examples": examples},
        "phases": {phase: {"enabled": phase in phases} for phase in PHASES} | {"coverage": coverage},
        "checks": {
            "not_a_server_error": {"expected-statuses": ["2xx", "3xx", "4xx", *map(str, expected_5xx)]},
            "negative_data_rejection": {"expected-statuses": ["3xx", "4xx", *map(str, expected_5xx)]},
            "positive_data_acceptance": {"expected-statuses": fine},
            "missing_required_header": {"expected-statuses": ["400", "401", "415", "422", "428"]},
            **{name: {"enabled": False} for name in excluded},
        },
        "operations": [
            {"include-name": name, "checks": {"positive_data_acceptance": {"expected-statuses": [*fine, *more]}}}
            for name, more in BOUNDED_BY_MEANING.items()
        ],
    }
    where = {"base-url": base_url, "tls-verify": certificate}
    return schemathesis.Config.from_dict(settings | {name: value for name, value in where.items() if value is not None})


def part(document: Document, wanted: Callable[[str, dict[str, Any]], bool]) -> Document:
    """A document with some of its operations: by "METHOD /path" and operation object.

    What is left out cannot be reached by any way of schemathesis's, links and sequences included.
    """
    paths = {
        path: {method: one for method, one in item.items() if wanted(f"{method.upper()} {path}", one)}
        for path, item in document["paths"].items()
    }
    return {**document, "paths": {path: item for path, item in paths.items() if item}}


def operations(document: Document) -> set[str]:
    """All operations of a document, as "METHOD /path"."""
    return {f"{method.upper()} {path}" for path, item in document["paths"].items() for method in item}


def log_in_with(schema: BaseSchema, cookies: Mapping[str, str]) -> None:
    """Send cookies, by the name of the cookie, to each operation that asks for one of them."""

    @schema.auth(refresh_interval=None)
    class _Cookies:
        def get(self, case: Case, _context: object) -> dict[str, str]:
            schemes = case.operation.schema.raw_schema["components"]["securitySchemes"]
            asked = {schemes[name].get("name") for one in case.operation.definition.raw["security"] for name in one}
            return {name: value for name, value in cookies.items() if name in asked}

        def set(self, case: Case, data: dict[str, str], _context: object) -> None:
            case.cookies = {**case.cookies, **data}


def log_in_as(schema: BaseSchema, name: str, password: str) -> None:
    """Send a name and a password (HTTP's basic scheme) with every request."""
    schema.config.auth.update(basic=(name, password))


def asked(
    schema: BaseSchema,
    method: str,
    path: str,
    *,
    place: Mapping[str, str] | None = None,
    body: Any = NOT_SET,
    **options: Any,
) -> Response:
    """Send one request of our own; its answer.

    Args:
        schema: what is promised.
        method: of HTTP.
        path: as the document has it.
        place: what its varying parts are.
        body: as JSON.
        options: schemathesis's own, such as cookies.

    Raises:
        schemathesis.core.failures.FailureGroup: it is not as documented.
    """
    case = schema[path][method].Case(
        path_parameters=dict(place or {}), body=body, media_type=None if body is NOT_SET else "application/json"
    )
    return case.call_and_validate(**options)


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
        case, answer = recorder.cases[identity].value, interaction.response
        if answer is not None and interaction.request.method == case.operation.method.upper():
            seen.statuses[case.operation.label][answer.status_code] += 1
        for check in recorder.checks.get(identity, []):
            if check.failure_info is not None:
                said = None if answer is None else (answer.status_code, answer.content[:300])
                failure = str(check.failure_info.failure)
                seen.breaches.append(f"{phase}: {check.name}: {failure}\n{case.as_curl_command()}\n{said}")
