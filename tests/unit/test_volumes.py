"""Tars for a server's volume: everything is private, and the vault belongs to nobody on the server."""

from __future__ import annotations

import io
import tarfile

from testbed.certificates import own
from testbed.engine.volumes import packed, unpacked
from testbed.staging import installed_files

FILES = {"conf/server.json": b"{}", "conf/tls.pem": b"key", "vault/authority-key.pem": b"secret"}


def test_what_is_packed_is_unpacked() -> None:
    """Every file, and no folder."""
    assert unpacked(packed(FILES)) == FILES


def test_nobody_but_its_owner_reads_a_file() -> None:
    """The stubs' user owns what the server needs, root what the testbed keeps there."""
    with tarfile.open(fileobj=io.BytesIO(packed(FILES))) as tar:
        entries = {entry.name: (entry.uid, entry.gid, entry.mode) for entry in tar.getmembers()}
    assert entries == {
        "conf": (10001, 10001, 0o700),
        "conf/server.json": (10001, 10001, 0o400),
        "conf/tls.pem": (10001, 10001, 0o400),
        "vault": (0, 0, 0o700),
        "vault/authority-key.pem": (0, 0, 0o400),
    }


def test_the_authoritys_key_lies_in_the_vault_alone() -> None:
    """A server never has the key that vouches for it."""
    certificate = own("server.demo.test", "192.0.2.5")
    holding = [path for path, content in installed_files(certificate).items() if certificate.anchor_key in content]
    assert holding == ["vault/authority-key.pem"]
