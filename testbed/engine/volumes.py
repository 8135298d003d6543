"""What lies on a server's volume, as tars that the engine takes and gives. Pure: bytes in, bytes out.

`vault` holds what belongs to the testbed and not to the server: the engine reads it, the server's services cannot.
"""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

STUB_USER = 10001
"""The user that all stubs run as."""

VOLUME_ROOT = "/server"
"""Where a server's volume is mounted in each of its containers."""

VAULT = "vault"


def packed(files: Mapping[str, bytes]) -> bytes:
    """A tar of files, by path below the volume's root, that nobody but their owner can read.

    They belong to the stubs' user; those in the vault to root, so that no service reads them.
    """
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for folder in sorted({path.rpartition("/")[0] for path in files} - {""}):
            entry = _entry(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o700
            tar.addfile(entry)
        for path, content in sorted(files.items()):
            entry = _entry(path)
            entry.size, entry.mode = len(content), 0o400
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def unpacked(tar: bytes) -> dict[str, bytes]:
    """The files of a tar, by path."""
    with tarfile.open(fileobj=io.BytesIO(tar)) as opened:
        found = {entry.name: opened.extractfile(entry) for entry in opened.getmembers()}
        return {name: file.read() for name, file in found.items() if file is not None}


def _entry(path: str) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(path)
    entry.uid = entry.gid = 0 if path.split("/", maxsplit=1)[0] == VAULT else STUB_USER
    return entry
