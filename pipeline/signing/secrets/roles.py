"""Writes one encrypted file for each role with its secrets of all gateways; none of it is on a disk in the clear."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from pathlib import Path

from pipeline.errors import PipelineError, Problem, raise_if_any
from pipeline.formats.toml_string import quoted
from pipeline.host import tools
from pipeline.model.gateway import Gateway
from pipeline.model.recipient import Recipient
from pipeline.model.release import Release
from pipeline.model.trust import ClientIdentity, GatewaySecrets
from pipeline.signing.secrets.handover import write_private

Told = tuple[Gateway, Mapping[str, str], GatewaySecrets]
"""A gateway, its passwords by what they are for, and its other secrets."""


def role_text(release: Release, recipient: Recipient, gateways: Iterable[Told]) -> bytes:
    """TOML with a table for each gateway; what the role may not know is not in it, not even by name."""
    lines = [
        f"# Secrets of release {release.name}, generation {release.secrets_generation}, for {recipient.role}:",
        f"# {', '.join(recipient.knows)}. Whoever reads this can use them. Remove it when it has served its purpose.",
    ]
    if {"console"} & {*recipient.knows}:
        lines.append(f"# The console's user is {release.console.username}.")
    for gateway, passwords, secrets in gateways:
        lines += ["", f"[{quoted(gateway.name)}]", f"serial = {quoted(gateway.serial)}"]
        lines += [f"{name} = {quoted(passwords[name])}" for name in recipient.knows if name in passwords]
        keys = [quoted(" ".join(key.public.split()[:2])) for key in secrets.host_keys]
        lines.append(f"ssh_host_keys = [{', '.join(keys)}]")
        if "client_keys" in recipient.knows:
            for client in secrets.client_keys:
                lines += _client(gateway, client)
    return ("\n".join(lines) + "\n").encode()


def hand_over(directory: Path, contents: Mapping[Recipient, bytes]) -> tuple[Path, ...]:
    """Write ``ROLE.age`` for each role: all of them are encrypted before the first is written.

    Raises:
        PipelineError: a file is there already, age is missing, or a recipient is none; nothing is written then.
    """
    targets = {recipient: directory / f"{recipient.role}.age" for recipient in contents}
    raise_if_any(
        Problem(f"{path}: it is there already", "name a new directory: secrets never replace anything")
        for path in targets.values()
        if path.exists() or path.is_symlink()
    )
    encrypted = {recipient: _encrypted(recipient, content) for recipient, content in contents.items()}
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise PipelineError(f"{directory}: cannot be made: {error.strerror}", "name another place") from None
    written: list[Path] = []
    try:
        for recipient, content in encrypted.items():
            write_private(targets[recipient], content)
            written.append(targets[recipient])
    except BaseException:
        for path in written:
            path.unlink(missing_ok=True)  # one role without the other would be taken for all
        raise
    return tuple(written)


def _encrypted(recipient: Recipient, content: bytes) -> bytes:
    words = [word for one in recipient.age for word in ("--recipient", one)]
    done = tools.run("age", "--encrypt", *words, stdin=content, reason=f"encrypt the secrets for {recipient.role}")
    return done.stdout


def _client(gateway: Gateway, client: ClientIdentity) -> list[str]:
    """A client key as given secrets have it: PEM, the chain leaf first."""
    return [
        "",
        f"[{quoted(gateway.name)}.client_keys.{quoted(client.alias)}]",
        f"key = {_pem('PRIVATE KEY', client.pkcs8)}",
        f"certificates = {_pem('CERTIFICATE', *client.chain)}",
    ]


def _pem(label: str, *contents: bytes) -> str:
    lines: list[str] = []
    for content in contents:
        text = base64.b64encode(content).decode("ascii")
        lines += [f"-----BEGIN {label}-----", *(text[at : at + 64] for at in range(0, len(text), 64))]
        lines += [f"-----END {label}-----"]
    return '"""\n' + "\n".join(lines) + '\n"""'
