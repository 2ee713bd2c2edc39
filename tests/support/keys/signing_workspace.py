"""A workspace with what signing looks at: a release, keys, and the golden sample that ships."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from pipeline.build import reading
from pipeline.host.workspace import Workspace
from tests.support.workspaces import CHECKOUT

MANIFEST_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
_PEM = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def signing_workspace(
    root: Path,
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | None,
    chain: Sequence[bytes],
    *,
    uri: str = "file:bundle.pem",
    production: bool = False,
    development: Sequence[str] = (),
) -> Workspace:
    """A workspace below ``root``.

    Args:
        key: written to ``keys/bundle.pem``; None where it is out of reach.
        development: names of keys that keys.toml marks so.
    """
    keys = root / "keys"
    keys.mkdir(parents=True)
    shutil.copytree(CHECKOUT / "golden", root / "golden", symlinks=True)
    for name in ("golden.lock", "devices.toml"):
        if (CHECKOUT / name).exists():
            shutil.copy(CHECKOUT / name, root / name)
    if key is not None:
        private(keys / "bundle.pem", key.private_bytes(*_PEM))
    pem = b"".join(x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM) for der in chain)
    (keys / "bundle.crt").write_bytes(pem)
    private(keys / "manifest", MANIFEST_KEY.private_bytes(*_PEM))
    public = MANIFEST_KEY.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    (keys / "manifest.pub").write_bytes(public + b"\n")
    marked = {name: "development = true\n" if name in development else "" for name in ("company", "manifests")}
    (keys / "keys.toml").write_text(
        f'[company]\nkey = "{uri}"\ncertificates = ["bundle.crt"]\n{marked["company"]}\n'
        '[manifests]\nuse = "manifest"\nkey = "file:manifest"\npublic = "manifest.pub"\n'
        f'principal = "release@example.com"\n{marked["manifests"]}'
    )
    text = (CHECKOUT / "gateway.toml").read_text()
    for old, new in (
        (r'bundle = "[^"]*"', 'bundle = "company"'),
        (r'manifest = "[^"]*"', 'manifest = "manifests"'),
        (r'export = "[^"]*"', 'export = "golden"'),
        (r'demo = "[^"]*"', f"production = {str(production).lower()}"),
        (r'keys = \["file:[^"]*"\]', f'keys = ["{public.decode()}"]'),
    ):
        text, times = re.subn(rf"(?m)^{old}", lambda _, new=new: new, text)
        assert times == 1, old
    (root / "gateway.toml").write_text(text)
    reading.forget_inputs()
    return Workspace(root)


def edit(workspace: Workspace, file: str, old: str, new: str) -> None:
    """Change a file of the workspace, as a person would, and have it read anew."""
    text = (workspace.root / file).read_text()
    assert text.count(old) == 1, old
    (workspace.root / file).write_text(text.replace(old, new))
    reading.forget_inputs()


def private(path: Path, data: bytes) -> None:
    """A file nobody else may read."""
    path.touch(0o600)
    path.write_bytes(data)
