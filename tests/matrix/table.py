"""The verdicts as they were seen: a table for people (`certificates.html`) and for programs (`certificates.json`)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from jinja2 import Environment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.matrix.expected import Row

SCHEMA = "portal-resilience-testbed/certificates"
SCHEMA_VERSION = 1

PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Certificates and clients</title>
<style>
body { font: 1rem/1.4 sans-serif; margin: 2rem; color: #1a1a1a; background: #fff }
table { border-collapse: collapse } caption { text-align: left; padding-bottom: .5rem; max-width: 60rem }
th, td { border: 1px solid #888; padding: .3rem .6rem; text-align: left; vertical-align: top }
.trusted { background: #fff2cc } .sound .trusted { background: #d9ead3 } .strange { outline: 3px solid #b00020 }
</style>
<h1>Certificates and clients</h1>
<table>
<caption>What each client made of each certificate, in its own words or numbers. "error N" is OpenSSL's X509_V_ERR
number (18 self-signed, 19 and 20 unknown issuer, 10 expired, 9 not yet valid, 62 wrong host, 79 issuer is no authority,
26 wrong usage, 47 name constraint). A faulty certificate that is trusted all the same stands out.</caption>
<thead><tr><th>server shows{% for client in clients %}<th>{{ client }}{% endfor %}</thead>
<tbody>
{% for case, row in rows.items() %}
<tr{% if case.startswith("sound") %} class="sound"{% endif %}><th>{{ case }}
{% for client in clients %}{% set seen = row.get(client) %}
<td class="{{ "trusted" if seen == "trusted" }}{{ " strange" if client in row and seen != expected[case][client] }}">
{{- seen if client in row else "not asked" }}{% endfor %}
{% endfor %}
</tbody></table>
"""


class Table:
    """What was seen so far.

    Args:
        folder: where its two files go.
        expected: what every client is known to say; cases and clients are shown in this order.
    """

    def __init__(self, folder: Path, expected: Mapping[str, Row]) -> None:
        self._folder = folder
        self._expected = expected
        self.rows: dict[str, dict[str, str]] = {}

    def add(self, case: str, client: str, verdict: str) -> None:
        """Keep one verdict, and write the table anew: what was seen is there whatever ends the run."""
        self.rows.setdefault(case, {})[client] = verdict
        self._folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"schema": SCHEMA, "schema_version": SCHEMA_VERSION, "cases": self.rows}, indent=2)
        (self._folder / "certificates.json").write_text(text + "\n", encoding="utf-8")
        (self._folder / "certificates.html").write_text(self.page(), encoding="utf-8")

    def page(self) -> str:
        """The table for people."""
        clients = tuple(dict.fromkeys(client for row in self._expected.values() for client in row))
        rows = {case: self.rows[case] for case in self._expected if case in self.rows}
        template = Environment(autoescape=True).from_string(PAGE)
        return template.render(clients=clients, rows=rows, expected=self._expected)
