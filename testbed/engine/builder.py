"""Making one image at the engine, fed from memory, and saying in one line how it failed."""

from __future__ import annotations

import io
import tomllib
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import requests
from docker.errors import DockerException

from stubs.decoding import convert
from testbed.engine.recipes import MAKER_LABEL, ORIGIN_LABEL, ROLE_LABEL, context
from testbed.errors import EngineError, MissingError, MisuseError
from testbed.owner import this_process

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import docker

    from testbed.engine.recipes import Role

SILENCE_S = 600
"""A command or a build that gives no sign for so long has failed."""

LAST_LINES = 6
"""So many lines of a failed build are told."""


@contextmanager
def engine_calls(doing: str) -> Iterator[None]:
    """Translate what the engine's library raises, once.

    Args:
        doing: what is being done, for the message.

    Raises:
        MissingError: the engine does not answer.
        EngineError: it answered with a failure.
    """
    try:
        yield
    except requests.RequestException as broken:
        raise MissingError(f"{doing}: the container engine does not answer; is it running? ({broken})") from broken
    except DockerException as refused:
        raise EngineError(f"{doing}: {refused}") from refused


def last_lines(text: str) -> str:
    """Give the end of a log on one line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " | ".join(lines[-LAST_LINES:])


def outcome(events: Iterable[Mapping[str, Any]]) -> str | None:
    """Read a builder's answer to its end; say how it failed, or nothing if it did not."""
    said: deque[str] = deque(maxlen=40)
    for event in events:
        if "error" in event:
            return last_lines("".join(said) + "\n" + str(event["error"]))
        said.append(str(event.get("stream", "")))
    return None


def build(client: docker.DockerClient, role: Role, files: Mapping[str, bytes], *, tag: str, origin: str) -> None:
    """Build an image from a Dockerfile with the engine's classic builder; its commands may use the network.

    Args:
        client: the engine.
        role: for the label and the messages.
        files: the whole build context, `Dockerfile` included.
        tag: what to call the result.
        origin: how its debian layer was made, for the label.

    Raises:
        EngineError: it failed; the last lines of the build are in the message.
        MissingError: the engine does not answer.
    """
    with engine_calls(f"building the image {role}"):
        events = client.api.build(
            fileobj=io.BytesIO(context(files)),
            custom_context=True,
            tag=tag,
            rm=True,
            forcerm=True,
            decode=True,
            timeout=SILENCE_S,
            labels={ROLE_LABEL: role, ORIGIN_LABEL: origin},
            use_config_proxy=True,
        )
        failure = outcome(events)
    if failure:
        raise EngineError(f"building the image {role} failed: {failure}")


@dataclass(frozen=True)
class Settings:
    """What an image adds to its parent besides files.

    Attributes:
        put: the folder that the files are put into.
        run: shell text, run as root and without network once the files are there.
        config: Dockerfile instructions on what containers are told: USER, CMD, ENV, WORKDIR.
    """

    put: str
    run: str
    config: tuple[str, ...]


def read_settings(text: bytes) -> Settings:
    """Read an `image.toml`.

    Raises:
        MisuseError: it says something else than it may.
    """
    try:
        return convert(tomllib.loads(text.decode()), Settings)
    except (ValueError, msgspec.ValidationError) as wrong:
        raise MisuseError(f"image.toml: {wrong}") from wrong


def assemble(  # noqa: PLR0913 - what an image is
    client: docker.DockerClient,
    role: Role,
    settings: Settings,
    files: Mapping[str, bytes],
    *,
    parent: str,
    tag: str,
    origin: str,
) -> None:
    """Make an image in one step: its parent, files put in, one command run without network, configuration.

    A builder commits each instruction by itself, which took 10 s an image on fuse-overlayfs; this is one commit.

    Args:
        client: the engine.
        role: for the label and the messages.
        settings: what to do.
        files: by path inside the folder that they are put into.
        parent: the tag to start from.
        tag: what to call the result.
        origin: how its debian layer was made, for the label.

    Raises:
        EngineError, MissingError: it failed, with the last lines of its command; the engine does not answer.
    """
    with engine_calls(f"making the image {role}"):
        container = client.api.create_container(
            parent,
            command=["sh", "-euc", settings.run],
            user="0:0",
            labels={ROLE_LABEL: role, ORIGIN_LABEL: origin, MAKER_LABEL: str(this_process())},
            host_config=client.api.create_host_config(network_mode="none"),
        )["Id"]
        try:
            client.api.put_archive(container, settings.put, context(files))
            _run(client.api, container, role)
            _commit(client.api, container, tag, settings.config)
        finally:
            client.api.remove_container(container, force=True)


def _run(api: docker.APIClient, container: str, role: Role) -> None:
    """Run the one command of an image that is being made."""
    api.start(container)
    if api.wait(container, timeout=SILENCE_S)["StatusCode"]:
        said = api.logs(container, tail=LAST_LINES).decode(errors="replace")
        raise EngineError(f"making the image {role} failed: {last_lines(said)}")


def _commit(api: docker.APIClient, container: str, tag: str, config: tuple[str, ...]) -> None:
    repository, _, version = tag.rpartition(":")
    changes = [*config, f'LABEL {MAKER_LABEL}=""']
    api.commit(container, repository=repository, tag=version, changes="\n".join(changes))
