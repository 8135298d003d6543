"""The topologies that come with the testbed: one TOML file each in this folder, whose first line says what it is."""

from __future__ import annotations

import tomllib
from importlib import resources
from typing import Any

from testbed.errors import MisuseError

_FOLDER = resources.files(__name__)


def names() -> tuple[str, ...]:
    """The names of all presets, in order."""
    files = (entry.name for entry in _FOLDER.iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in files if name.endswith(".toml")))


def text(name: str) -> str:
    """A preset as it is written.

    Raises:
        MisuseError: there is none of this name.
    """
    if name not in names():
        raise MisuseError(f"no preset is called {name!r}; there are {', '.join(names())}")
    return _FOLDER.joinpath(f"{name}.toml").read_text(encoding="utf-8")


def about(name: str) -> str:
    """What a preset is, in one line.

    Raises:
        MisuseError: there is none of this name.
    """
    return text(name).partition("\n")[0].lstrip("# ")


def fields(name: str) -> dict[str, Any]:
    """The fields of a topology in which a preset differs from the default.

    Raises:
        MisuseError: there is none of this name.
    """
    return tomllib.loads(text(name))
