"""Which tests show which rule, from source text alone. Pure: text in, values out.

A test names its rules by `pytest.mark.rule(...)`: on itself, on its class, on its module (`pytestmark`), or on one of
its parameters, written there or in a list of the module that it is parametrized with.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from testbed.errors import MisuseError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, kw_only=True)
class NamedTest:
    """A test function.

    Attributes:
        nodeid: the name by which pytest finds it, without parameters.
        line: where it begins.
        rules: the rules that it names, each once.
        arguments: what it takes: its fixtures, and its parameters.
        promise: the first line of its docstring.
    """

    nodeid: str
    line: int
    rules: tuple[str, ...]
    arguments: tuple[str, ...]
    promise: str


def rule_marks(node: ast.AST) -> Iterator[tuple[int, str | None]]:
    """Line and argument of every `pytest.mark.rule(…)` in a tree; None where an argument is no plain string."""
    for each in ast.walk(node):
        if isinstance(each, ast.Call) and _is_rule_mark(each.func):
            arguments = [*each.args, *(keyword.value for keyword in each.keywords)]
            if not arguments:
                yield each.lineno, None
            for argument in arguments:
                yield each.lineno, str(argument.value) if isinstance(argument, ast.Constant) else None


def _is_rule_mark(called: ast.expr) -> bool:
    return isinstance(called, ast.Attribute) and called.attr == "rule" and ast.unparse(called.value).endswith("mark")


def named_tests(path: str, source: str) -> tuple[NamedTest, ...]:
    """The tests of a file, in order.

    Args:
        path: of the file, as pytest prints it.
        source: its text.

    Raises:
        MisuseError: it is no Python.
    """
    try:
        module = ast.parse(source)
    except SyntaxError as error:
        raise MisuseError(f"{path}, line {error.lineno}: {error.msg}") from error
    return tuple(_tests(module, path, _marked_names(module), ()))


def by_rule(tests: Sequence[NamedTest]) -> dict[str, list[NamedTest]]:
    """The tests that name each rule."""
    found: dict[str, list[NamedTest]] = {}
    for test in tests:
        for rule in test.rules:
            found.setdefault(rule, []).append(test)
    return found


def _tests(
    scope: ast.Module | ast.ClassDef, prefix: str, names: Mapping[str, tuple[str, ...]], inherited: tuple[str, ...]
) -> Iterator[NamedTest]:
    """The tests right in a module or a class, and in its classes; all of them have its own marks too."""
    own = (*inherited, *names.get("pytestmark", ())) if isinstance(scope, ast.Module) else inherited
    for child in scope.body:
        if isinstance(child, ast.ClassDef) and child.name.startswith("Test"):
            within = [rule for mark in _assigned(child, "pytestmark") for rule in _rules(mark, names)]
            on_it = [rule for decorator in child.decorator_list for rule in _rules(decorator, names)]
            yield from _tests(child, f"{prefix}::{child.name}", names, (*own, *on_it, *within))
        elif isinstance(child, _Function) and child.name.startswith("test"):
            on_it = [rule for decorator in child.decorator_list for rule in _rules(decorator, names)]
            docstring = ast.get_docstring(child) or ""
            yield NamedTest(
                nodeid=f"{prefix}::{child.name}",
                line=child.lineno,
                rules=tuple(dict.fromkeys((*own, *on_it))),
                arguments=tuple(argument.arg for argument in (*child.args.args, *child.args.kwonlyargs)),
                promise=docstring.partition("\n")[0],
            )


def _marked_names(module: ast.Module) -> dict[str, tuple[str, ...]]:
    """The rules named in what the module's own names stand for; a name may stand for others."""
    found: dict[str, tuple[str, ...]] = {}
    for statement in module.body:
        for name, value in _assignments(statement):
            found[name] = tuple(_rules(value, found))
    return found


def _rules(node: ast.AST, names: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    yield from (rule for _line, rule in rule_marks(node) if rule is not None)
    for each in ast.walk(node):
        if isinstance(each, ast.Name):
            yield from names.get(each.id, ())


def _assigned(scope: ast.ClassDef, name: str) -> Iterator[ast.expr]:
    return (value for statement in scope.body for target, value in _assignments(statement) if target == name)


def _assignments(statement: ast.stmt) -> Iterator[tuple[str, ast.expr]]:
    match statement:
        case ast.Assign(targets=targets, value=value):
            yield from ((target.id, value) for target in targets if isinstance(target, ast.Name))
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
            yield name, value
        case _:
            pass
