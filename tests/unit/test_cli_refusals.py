"""What the command line refuses without asking an engine: exit code 2 and one line that says what is wrong."""

from __future__ import annotations

import gc
import sys
import warnings
from typing import TYPE_CHECKING

import pytest

from testbed import cli, environment

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Run a command that must be refused; its one line."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent.sock")

    def refused(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["testbed", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)  # the engine's client leaves a socket that never connected
            gc.collect()
        captured = capsys.readouterr()
        assert (ended.value.code, captured.out) == (2, "")
        assert len(captured.err.splitlines()) == 1, captured.err
        return captured.err

    return refused


@pytest.mark.parametrize("name", ["Demo", "a_b", "-a", "a-", "a" * 41, "", "a.b", "ü"])
def test_up_refuses_what_cannot_be_a_name(refused: Callable[..., str], name: str) -> None:
    """It becomes part of a host name; the refusal says what may."""
    assert "use up to 40 of a-z, 0-9 and -" in refused("up", "--name", name)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["start"], "No such command 'start'"),
        (["fault", "kill"], "Missing argument"),
        (["up", "--nmae", "x"], "No such option"),
        (["images", "build", "--base", "windows"], "is not one of"),
        (["random", "--minutes", "0"], "is not in the range"),
        (["random", "--shrink-for", "soon"], "'soon' is no duration"),
        (["replay"], "Missing argument"),
        (["replay", "/nonexistent"], "cannot read /nonexistent"),
        (["configure", "demo", "primary", "colour=red"], "nothing to set is called 'colour'; there are select"),
        (["configure", "demo", "primary", "failover=maybe"], "failover is on|off, not 'maybe'"),
    ],
)
def test_commands_refuse_what_does_not_parse(refused: Callable[..., str], arguments: list[str], said: str) -> None:
    """One line, too."""
    assert said in refused(*arguments)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("time_scale = ", "Invalid value"),
        ("colour = 'red'", "unknown field `colour`"),
        ("[primary]\ncolour = 'red'", "unknown field `colour` - at `$.primary`"),
        ("time_scale = 'fast'", "Expected `float`, got `str` - at `$.time_scale`"),
        ("time_scale = 2", "at `$.time_scale`"),
        ("primary = 3", "at `$.primary`"),
        ("[secondary]\nfailback = 'sometimes'", "at `$.secondary.failback`"),
        ("[primary]\ndetection_minutes = 0.5", "at `$.primary.detection_minutes`"),
        ("[primary]\nselect = 1", "at `$.primary.select`"),
        ("users = [{name = 'a', password = 'b', home = 'there'}]", "at `$.users[0].home`"),
        ("users = [{name = 'a', home = 'primary'}]", "missing required field `password` - at `$.users[0]`"),
        ("[administrator]\nname = ''", "at `$.administrator.name`"),
    ],
)
def test_up_refuses_a_wrong_topology_file(refused: Callable[..., str], tmp_path: Path, text: str, said: str) -> None:
    """The file and the field are named, before an engine is asked."""
    file = tmp_path / "pair.toml"
    file.write_text(text)
    line = refused("up", "--topology", str(file))
    assert str(file) in line
    assert said in line


def test_up_refuses_a_file_that_is_no_text(refused: Callable[..., str], tmp_path: Path) -> None:
    """Likewise a folder."""
    file = tmp_path / "pair.toml"
    file.write_bytes(b"\xff\xfe\x00")
    assert f"cannot read {file}" in refused("up", "--topology", str(file))
    assert f"cannot read {tmp_path}" in refused("up", "--topology", str(tmp_path))


@pytest.mark.parametrize("host", ["tcp://127.0.0.1:9", "unix:///nonexistent.sock", "nonsense"])
@pytest.mark.parametrize("command", ["up", "ls", "status demo", "down demo", "gc", "images build"])
def test_commands_say_that_the_engine_is_missing(
    refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch, host: str, command: str
) -> None:
    """And how to get one."""
    monkeypatch.setenv("DOCKER_HOST", host)
    assert "no container engine answers: start one" in refused(*command.split())


def test_up_refuses_a_wrong_base(refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable is named."""
    monkeypatch.setenv("TESTBED_BASE", "windows")
    monkeypatch.setattr(environment, "engine", object)
    assert "TESTBED_BASE: base 'windows' is not known" in refused("up")


def test_up_refuses_a_topology_that_is_neither_file_nor_preset(refused: Callable[..., str]) -> None:
    """The presets are named; what looks like a path is taken for one."""
    assert "no file and no preset is called 'expnsion'; presets: application-primary" in refused(
        "up", "--topology", "expnsion"
    )
    assert "cannot read ./expansion" in refused("up", "--topology", "./expansion")


def test_topologies_refuses_an_unknown_preset(refused: Callable[..., str]) -> None:
    """Those that exist are named."""
    assert "there are application-primary, " in refused("topologies", "expnsion")
