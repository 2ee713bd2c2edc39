"""Hands over one gateway's secrets: to a file that nobody else can read, or one that only a recipient can open."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.host import tools
from pipeline.host.durable import sync_directory
from pipeline.host.unnamed import write_unnamed
from pipeline.model.gateway import Gateway
from pipeline.model.release import Release
from pipeline.model.trust import GatewaySecrets

_MEANING = {
    "root": "the root account; no SSH, console of the device only (A:11)",
    "console": "the administration console (A:115)",
    "certificates_keystore": "certificates.ks, until the first boot replaces it (B:545)",
    "cacerts_keystore": "cacerts.ks, until the first boot replaces it (A:227)",
    "wifi": "the Wi-Fi access point",
}


def handover_text(release: Release, gateway: Gateway, passwords: Mapping[str, str], secrets: GatewaySecrets) -> bytes:
    """What a factory or an operator needs, as `signing.secrets.given` reads it; comments say what is for what."""
    lines = [
        f"# Secrets of {gateway.name}, release {release.name}, generation {release.secrets_generation}.",
        "# Whoever reads this can log in to the gateway. Remove it when it has served its purpose.",
        *([f"# Serial number {gateway.serial}"] if gateway.serial else []),
        f"# The console's user is {release.console.username}.",
    ]
    for name, value in sorted(passwords.items()):
        lines += ["", f"# {_MEANING[name]}", f'{name} = "{value}"']
    lines += ["", "# What SSH clients should see at the first connection:"]
    lines += [f"#   {' '.join(key.public.split()[:2])}" for key in secrets.host_keys]
    return ("\n".join(lines) + "\n").encode("ascii")


def write_private(path: Path, content: bytes) -> None:
    """Write a file that is private from its first byte and was not there before; it has its name when it is whole.

    A file system without files that have no name yet (vfat of a memory stick) shows it while it grows.

    Raises:
        PipelineError: something of that name is there, or the directory cannot be written to.
    """
    try:
        if write_unnamed(path, content, 0o600):
            return
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise PipelineError(f"{path}: it is there already", "name a new file: secrets never replace anything") from None
    except OSError as error:
        raise PipelineError(f"{path}: cannot be written: {error.strerror}", "name another place") from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        path.unlink(missing_ok=True)  # half of it would be taken for all
        raise
    sync_directory(path.parent)


def encrypted_for(recipient: str, content: bytes) -> bytes:
    """The content as only the recipient's identity opens it (age, https://age-encryption.org/v1).

    Raises:
        PipelineError: age is missing, or the recipient is none.
    """
    done = tools.run("age", "--encrypt", "--recipient", recipient, stdin=content, reason="encrypt the secrets")
    return done.stdout
