"""Wrong use and a missing engine: exit code 2, one line that names what is wrong, and nothing half-made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from testbed.engine import labels
from tests.program import begin, end, run

if TYPE_CHECKING:
    from pathlib import Path

    import docker

NO_ENGINE = {"DOCKER_HOST": "tcp://127.0.0.1:9"}


def parts(client: docker.DockerClient, name: str) -> int:
    """How many things the engine has that belong to a topology of this name."""
    filters = {"label": f"{labels.NAME}={name}"}
    api = client.api
    volumes = api.volumes(filters=filters)["Volumes"] or []
    return len([*api.containers(all=True, filters=filters), *api.networks(filters=filters), *volumes])


def test_up_refuses_a_name_that_is_taken(described: dict[str, Any], client: docker.DockerClient) -> None:
    """And leaves its owner alone."""
    before = parts(client, described["name"])
    assert f"{described['name']} is up already" in run("up", "--name", described["name"]).refused()
    assert parts(client, described["name"]) == before


@pytest.mark.parametrize(
    "arguments",
    [
        ["status"],
        ["down"],
        ["fault", "kill", "?", "primary/portal"],
    ],
    ids=" ".join,
)
def test_commands_refuse_an_unknown_topology(arguments: list[str]) -> None:
    """It is named."""
    filled = ["cli-nobody" if argument == "?" else argument for argument in arguments]
    ended = run(*filled, *([] if "?" in arguments else ["cli-nobody"]))
    assert "no topology called cli-nobody is up" in ended.refused()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["fault", "kill", "?", "tertiary/portal"], "no server is called 'tertiary'; there are primary, secondary"),
        (["fault", "kill", "?", "primary/voicemail"], "no service 'voicemail'; it has core and portal"),
        (["configure", "?", "failover=on"], "no server is called 'failover=on'; there are primary, secondary"),
        (["fault", "lose", "?", "primary/portal"], "no server is called 'primary/portal'"),
        (["fault", "cut", "?", "primary", "primary"], "a link has two ends"),
        (["fault", "cut", "?", "primary", "secondary", "--for", "soon"], "'soon' is no duration"),
        (["fault", "heal", "?"], "say which link to heal (A B), whose disk and slow starts (A), or --all"),
        (["fault", "fill", "?", "primary"], "start a topology that gives it one (testbed up --topology small-disk,"),
        (["fault", "slow-start", "?", "primary/portal", "--by", "2h"], "'2h' is no duration"),
        (["fault", "slow-start", "?", "primary/portal", "--by", "61m"], "up to 60 minutes longer"),
        (["fault", "cert", "?", "primary", "rotten"], "no certificate case is called 'rotten'; there are self-signed,"),
        (["fault", "cert", "?", "tertiary", "expired"], "no server is called 'tertiary'"),
        (["fault", "pause", "?", "primary/voicemail"], "it has core and portal"),
        (["logs", "?", "primary/voicemail"], "has no primary/voicemail; it has primary/core"),
        (["up", "--topology", "/nonexistent.toml"], "cannot read /nonexistent.toml"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_commands_refuse_what_cannot_be_meant(described: dict[str, Any], arguments: list[str], said: str) -> None:
    """And say what could."""
    filled = [described["name"] if argument == "?" else argument for argument in arguments]
    assert said in run(*filled).refused()


def test_up_refuses_a_wrong_topology_file(tmp_path: Path, fresh: str, client: docker.DockerClient) -> None:
    """The file and the field are named, and nothing was made."""
    file = tmp_path / "pair.toml"
    file.write_text("[primary]\ncolour = 'red'")
    line = run("up", "--name", fresh, "--topology", str(file)).refused()
    assert line == f"testbed: {file}: Object contains unknown field `colour` - at `$.primary`\n"
    assert parts(client, fresh) == 0


def test_commands_say_that_the_engine_is_missing() -> None:
    """And how to get one."""
    begun = [begin(*command, environ=NO_ENGINE) for command in (["up"], ["status", "demo"])]
    for process in begun:
        assert "no container engine answers: start one" in end(process).refused()


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("TESTBED_POOL", "10.0.0.0/33", "TESTBED_POOL=10.0.0.0/33"),
        ("TESTBED_POOL", "10.213.255.0/30", "smaller than one network"),
    ],
)
def test_up_refuses_a_wrong_environment(
    fresh: str, client: docker.DockerClient, variable: str, value: str, said: str
) -> None:
    """The variable is named, and nothing is left."""
    ended = run("up", "--name", fresh, environ={variable: value})
    assert said in ended.refused()
    assert parts(client, fresh) == 0
