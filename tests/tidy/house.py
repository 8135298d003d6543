"""Finds what breaks the rules of the house, from source text alone. Pure: text in, offences out."""

from __future__ import annotations

import ast
import functools
import re
from typing import TYPE_CHECKING, TypeGuard

from testbed.evidence import named_tests, rule_marks

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

FILE_LINES = 300
FUNCTION_LINES = 40

WITH_CONTAINERS = frozenset(
    {"bed", "nemesis", "watch", "web_client", "outlook_plugin", "call_assistant", "browser_client"}
)
"""The fixtures that need a bed, and are one or work on one."""

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_READS = r"msgspec\.(\w+\.)?(decode|convert|Decoder)"


@functools.cache
def parsed(source: str) -> ast.Module:
    """What is parsed once is looked at by many; nobody changes it."""
    return ast.parse(source)


def imported(source: str, *, package: str) -> set[str]:
    """Every module that the source imports, at any depth of it; a relative import counts from its package."""
    found: set[str] = set()
    for node in ast.walk(parsed(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*parents, *([node.module] if node.module else [])])
            found |= {base} | {f"{base}.{alias.name}" for alias in node.names}
    return found


def imports_of(source: str, top: str, *, package: str) -> set[str]:
    """What the source imports of one top-level package."""
    return {name for name in imported(source, package=package) if name.split(".")[0] == top}


def reached(start: str, sources: Mapping[str, str]) -> set[str]:
    """Every module that the start imports, directly or through modules whose source is given."""
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        module = waiting.pop()
        if module in sources:
            new = imported(sources[module], package=module.rpartition(".")[0]) - seen
            seen |= new
            waiting += new
    return seen


def unknown_marks(source: str, known: Collection[str]) -> list[str]:
    """The marks that name no known rule, each with its line."""
    return [f"line {line}: {name!r}" for line, name in rule_marks(parsed(source)) if name not in known]


def shown(sources: Mapping[str, str]) -> set[str]:
    """The rules that a test with containers shows: it takes a bed itself, or what cannot be had without one."""
    tests = [test for path, text in sources.items() for test in named_tests(path, text)]
    return {rule for test in tests if WITH_CONTAINERS & set(test.arguments) for rule in test.rules}


def names_rule(source: str, rule: str) -> bool:
    """Whether the source names a rule, alone or in a span such as "ROLE-9 to ROLE-12"."""
    group, number = rule.split("-")
    spans = re.findall(rf"\b{group}-(\d+)(?: to {group}-(\d+))?\b", source)
    return any(int(first) <= int(number) <= int(last or first) for first, last in spans)


def presets_used(source: str) -> set[str]:
    """The presets that the source marks tests with, by their written names."""
    return {
        str(keyword.value.value)
        for node in ast.walk(parsed(source))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and ast.unparse(node.func).endswith("mark.topology")
        for keyword in node.keywords
        if keyword.arg == "preset" and isinstance(keyword.value, ast.Constant)
    }


def long_parts(source: str) -> dict[str, int]:
    """The file ("") if it is too long, and every function (by its dotted name) that is, with its length."""
    lines = len(source.splitlines())
    whole = {"": lines} if lines > FILE_LINES else {}
    return whole | {name: length for name, length in _functions(parsed(source)) if length > FUNCTION_LINES}


def _functions(node: ast.AST, prefix: str = "") -> Iterator[tuple[str, int]]:
    for child in ast.iter_child_nodes(node):
        name = prefix
        if isinstance(child, _Function | ast.ClassDef):
            name = f"{prefix}.{child.name}" if prefix else child.name
        if isinstance(child, _Function):
            yield name, (child.end_lineno or child.lineno) - child.lineno + 1
        yield from _functions(child, name)


def classes_like_tests(source: str) -> list[str]:
    """Classes that pytest would take for tests."""
    classes = (node for node in ast.walk(parsed(source)) if isinstance(node, ast.ClassDef))
    return [node.name for node in classes if node.name.startswith("Test")]


def read_by_msgspec(source: str) -> list[str]:
    """What lets msgspec read something, and the imports that would hide it, each with its line."""
    return [f"line {node.lineno}: {ast.unparse(node)}" for node in ast.walk(parsed(source)) if _reads(node)]


def _reads(node: ast.AST) -> TypeGuard[ast.Attribute | ast.ImportFrom]:
    if isinstance(node, ast.ImportFrom):
        return (node.module or "").split(".")[0] == "msgspec" and node.module != "msgspec.structs"
    return isinstance(node, ast.Attribute) and re.fullmatch(_READS, ast.unparse(node)) is not None
