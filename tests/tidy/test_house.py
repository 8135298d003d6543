"""The rules of the house hold everywhere, and each check finds a planted offender."""

from __future__ import annotations

from pathlib import Path

import pytest

from testbed import presets
from testbed.rules import RULES, Source
from tests.tidy.house import (
    FILE_LINES,
    FUNCTION_LINES,
    classes_like_tests,
    imports_of,
    long_parts,
    names_rule,
    presets_used,
    reached,
    read_by_msgspec,
    shown,
    unknown_marks,
)

ROOT = Path(__file__).parents[2]

LONG: dict[str, str] = {
    "testbed/clients/policy.py": "what each kind of client does, to be read as one table",
}
"""Parts that may be long, "path" or "path::function", each with its reason."""


def sources(*folders: str) -> dict[str, str]:
    """The text of every Python file under these folders, by its path from the root."""
    paths = (path for folder in folders for path in sorted((ROOT / folder).rglob("*.py")))
    return {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in paths}


def module(path: str) -> str:
    """The dotted name of the module in that file."""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def package(path: str) -> str:
    """The dotted name of the package that the file belongs to."""
    return path.rpartition("/")[0].replace("/", ".")


def test_there_is_something_to_check() -> None:
    """A search in the wrong folder would find no offender, ever."""
    assert {"stubs/__init__.py", "testbed/oracle.py", "tests/tidy/test_house.py"} <= set(
        sources("stubs", "testbed", "tests")
    )


def test_stubs_never_import_the_testbed() -> None:
    """What runs in the containers knows no tests, no engine and no orchestrator."""
    offences = {path: imports_of(text, "testbed", package=package(path)) for path, text in sources("stubs").items()}
    assert {path: names for path, names in offences.items() if names} == {}


def test_the_oracle_reaches_nothing_of_the_stubs() -> None:
    """Neither directly nor through another module: else a wrong stub would predict its own wrong answer."""
    ours = {module(path): text for path, text in sources("testbed", "stubs").items()}
    seen = reached("testbed.oracle", ours)
    assert "testbed.world" in seen
    assert {name for name in seen if name.split(".")[0] == "stubs"} == set()


def test_every_rule_mark_names_a_known_rule() -> None:
    """A mistyped mark would leave its rule untested, and the test would speak for nothing."""
    offences = {path: unknown_marks(text, RULES) for path, text in sources("tests").items()}
    assert {path: found for path, found in offences.items() if found} == {}


def test_every_rule_is_shown_on_containers() -> None:
    """A rule that only unit tests speak of was never seen to hold."""
    assert set(RULES) - shown(sources("tests/scenarios", "tests/browser")) == set()


def test_a_reading_of_ours_is_carried_out_in_one_named_place() -> None:
    """Every rule that is ours, and no other, says where, and the file there names it."""
    ours = {identity for identity, rule in RULES.items() if Source.OURS in rule.sources}
    held = {identity: rule.held_in for identity, rule in RULES.items() if rule.held_in is not None}
    assert set(held) == ours
    texts = {path: (ROOT / path).read_text(encoding="utf-8") for path in held.values()}
    assert [identity for identity, path in held.items() if not names_rule(texts[path], identity)] == []


def test_every_preset_has_its_scenario() -> None:
    """A topology that comes along and was never started may not start. The pair is what tests get unasked."""
    used = {name for text in sources("tests/scenarios").values() for name in presets_used(text)}
    assert set(presets.names()) - used == {"pair"}


def test_no_file_and_no_function_is_too_long() -> None:
    """Short enough to read; what is longer has its reason in LONG, and nothing stays there without need."""
    too_long = {
        f"{path}::{name}" if name else path
        for path, text in sources("stubs", "testbed").items()
        for name in long_parts(text)
    }
    assert too_long == set(LONG)
    assert all(LONG.values())


def test_no_class_of_ours_looks_like_a_test() -> None:
    """Whoever imports it into a test module would have pytest collect it."""
    offences = {path: classes_like_tests(text) for path, text in sources("stubs", "testbed").items()}
    assert {path: found for path, found in offences.items() if found} == {}


def test_one_module_reads_what_others_wrote() -> None:
    """Threads that read a type for the first time at once would crash anywhere else (`stubs.decoding`)."""
    offences = {path: read_by_msgspec(text) for path, text in sources("stubs", "testbed").items()}
    assert [path for path, found in offences.items() if found] == ["stubs/decoding.py"]


@pytest.mark.parametrize(
    "line",
    [
        "import testbed",
        "import testbed.oracle as o",
        "from testbed import oracle",
        "from testbed.engine.pods import Pod",
        "if TYPE_CHECKING:\n    from testbed import oracle",
        "def f():\n    import testbed.bed",
    ],
)
def test_imports_of_finds_a_planted_import(line: str) -> None:
    """However deep it hides, and in whatever form."""
    assert imports_of(line, "testbed", package="stubs.core")
    assert not imports_of(line.replace("testbed", "testbeds"), "testbed", package="stubs.core")


def test_imports_of_resolves_relative_imports() -> None:
    """A dot is the package, two its parent."""
    assert imports_of("from . import a", "stubs", package="stubs.core") == {"stubs.core", "stubs.core.a"}
    assert imports_of("from ..x import b", "stubs", package="stubs.core") == {"stubs.x", "stubs.x.b"}


def test_reached_follows_imports_and_survives_a_circle() -> None:
    """An import behind an import counts."""
    texts = {
        "a": "import b",
        "b": "from c import d",
        "c": "import a\nimport stubs.machine",
        "z": "import stubs.other",
    }
    assert reached("a", texts) == {"a", "b", "c", "c.d", "stubs.machine"}


def test_unknown_marks_finds_planted_marks_and_no_others() -> None:
    """On functions, on modules and on parameters; a name put together at run time cannot be checked."""
    text = (
        'pytestmark = [pytest.mark.rule("ROLE-98")]\n'
        '@pytest.mark.rule("ROLE-2", "ROLE-97")\n'
        "def test_x(): ...\n"
        'p = pytest.param(1, marks=pytest.mark.rule(f"ROLE-{n}"))\n'
        "q = pytest.mark.rule()\n"
        'r = mark.rule("ROLE-1")\n'
        "notice = \"pytest.mark.rule('ROLE-96')\"\n"
    )
    assert sorted(unknown_marks(text, RULES)) == [
        "line 1: 'ROLE-98'",
        "line 2: 'ROLE-97'",
        "line 4: None",
        "line 5: None",
    ]


def test_shown_finds_planted_tests_and_no_others() -> None:
    """The bed must be the test's own argument: a mark on a helper, or on a test without containers, shows nothing."""
    texts = {
        "tests/scenarios/test_a.py": (
            "import pytest\n"
            'pytestmark = pytest.mark.rule("ROLE-1")\n'
            '@pytest.mark.rule("ROLE-2", "ROLE-3")\n'
            "def test_x(bed): ...\n"
            '@pytest.mark.rule("ROLE-4")\n'
            "def test_without(path): ...\n"
            '@pytest.mark.rule("ROLE-5")\n'
            "def helper(bed): ...\n"
            '@pytest.mark.rule("ROLE-6")\n'
            "def test_y(*, web_client): ...\n"
        ),
        "tests/browser/test_b.py": 'import pytest\n@pytest.mark.rule("ROLE-7")\nasync def test_z(nemesis): ...\n',
    }
    assert shown(texts) == {"ROLE-1", "ROLE-2", "ROLE-3", "ROLE-6", "ROLE-7"}
    assert shown({}) == set()


def test_names_rule_takes_spans_of_rules_too() -> None:
    """As prose has them; and no rule for another whose number only begins alike."""
    assert names_rule("serves (ROLE-9, CFG-1)", "ROLE-9")
    assert names_rule("ROLE-9 to ROLE-12", "ROLE-11")
    assert not names_rule("ROLE-12", "ROLE-1")
    assert not names_rule("ROLE-9 to ROLE-12", "ROLE-13")
    assert not names_rule("ROLE-9 to CFG-12", "ROLE-11")


def test_presets_used_finds_written_names_only() -> None:
    """On functions and on parameters; a name put together at run time does not count."""
    text = (
        '@pytest.mark.topology(preset="one", certificates="own")\n'
        "def test_x(bed): ...\n"
        'p = pytest.param(1, marks=pytest.mark.topology(preset="two"))\n'
        'q = pytest.mark.topology(preset=f"three-{n}")\n'
        'r = pytest.mark.other(preset="four")\n'
        'notice = "pytest.mark.topology(preset=five)"\n'
    )
    assert presets_used(text) == {"one", "two"}


def function_of(lines: int, head: str = "def f():") -> str:
    """A function that is so many lines long."""
    return head + "\n" + "    x = 1\n" * (lines - 1)


def test_long_parts_finds_planted_ones_and_no_others() -> None:
    """At the limit is fine, one line more is not; methods and inner functions count."""
    assert long_parts(function_of(FUNCTION_LINES)) == {}
    assert long_parts(function_of(FUNCTION_LINES + 1, "async def f():")) == {"f": FUNCTION_LINES + 1}
    method = "class C:\n" + "".join(f"    {line}\n" for line in function_of(FUNCTION_LINES + 1).splitlines())
    assert long_parts(method) == {"C.f": FUNCTION_LINES + 1}
    assert long_parts("x = 1\n" * FILE_LINES) == {}
    assert long_parts("x = 1\n" * (FILE_LINES + 1)) == {"": FILE_LINES + 1}


def test_classes_like_tests_finds_planted_ones() -> None:
    """Nested ones too; a function or a name inside is nobody's harm."""
    text = "class TestBed: ...\nclass A:\n    class Testing: ...\nclass LoadTest: ...\ndef Test(): ...\n"
    assert classes_like_tests(text) == ["TestBed", "Testing"]


@pytest.mark.parametrize(
    "line",
    [
        "msgspec.json.decode(b'', type=int)",
        "msgspec.toml.decode('')",
        "f = msgspec.convert",
        "x = msgspec.json.Decoder(int)",
        "from msgspec import convert",
        "from msgspec.json import decode as read",
    ],
)
def test_read_by_msgspec_finds_planted_calls(line: str) -> None:
    """However they are written."""
    assert len(read_by_msgspec(line)) == 1


def test_read_by_msgspec_lets_pass_what_writes() -> None:
    """Writing is safe from many threads, and what is called alike elsewhere is not msgspec's."""
    assert read_by_msgspec("import msgspec\nmsgspec.json.encode(msgspec.to_builtins(1))\nmine.convert(2)") == []
