"""Programs started in containers that run, with their input open. Holds the connection; knows nothing of what is said.

A program that ends at once may take its last words with it, as the engine forwards them late or never (moby issue
27289). So whoever is asked here ends only when its input does, which is after its answer was read.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any, TypeAlias

from testbed.network.frames import Frames

if TYPE_CHECKING:
    from collections.abc import Sequence

    import docker

    from testbed.network.frames import Stream

Pipe: TypeAlias = "tuple[Stream, object]"
"""A stream, and what must be kept for as long as it is used: docker-py closes a connection with its response."""

ANSWER_S = 30.0
"""How long a program may take that answers once, in seconds: filling a disk takes some."""


def opened(api: docker.APIClient, container: str, command: Sequence[str], *, user: str) -> Pipe:
    """Start a program.

    Raises:
        DockerException, OSError: it was not started.
    """
    made = api.exec_create(container, list(command), stdin=True, user=user)
    keep = api.exec_start(made["Id"], socket=True)
    stream: Any = getattr(keep, "_sock", keep)  # what there is depends on the transport
    return stream, keep


def hang_up(pipe: Pipe) -> None:
    """End the program's input, and the connection. Twice is fine."""
    for one in pipe:
        close = getattr(one, "close", None)
        if close is not None:
            with contextlib.suppress(OSError):
                close()


def asked(api: docker.APIClient, container: str, command: Sequence[str], *, user: str) -> bytes:
    """Start a program that says one line and then waits for the end of its input; that line.

    Raises:
        DockerException, OSError: it was not started, said nothing in time (TimeoutError), or ended without a word; then
            with what it complained of.
    """
    pipe = opened(api, container, command, user=user)
    frames = Frames(pipe[0])
    try:
        return frames.line(time.monotonic() + ANSWER_S)
    except TimeoutError as error:
        raise TimeoutError(f"{' '.join(command)} said nothing within {ANSWER_S:g} s") from error
    except EOFError as error:
        said = frames.stderr.decode(errors="replace").strip().rsplit("\n", 1)[-1]
        raise OSError(f"{' '.join(command)} ended without an answer{': ' + said if said else ''}") from error
    finally:
        hang_up(pipe)
