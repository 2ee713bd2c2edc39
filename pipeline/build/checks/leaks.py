"""Searches a finished image for secrets of the build, of the golden sample and of other gateways, as the last check."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from pipeline.build import reading
from pipeline.build.golden_sample.values import golden_files, golden_values
from pipeline.errors import Problem, raise_if_any
from pipeline.host.digests import identity_of
from pipeline.host.progress import Say
from pipeline.host.workspace import Workspace
from pipeline.image.read.leak_scan import Hit, scan
from pipeline.model.gateway import Gateway
from pipeline.model.verdict import LEAK_SCAN
from pipeline.signing.keys.private_keys import private_values
from pipeline.verification.secret_forms import LEAST, Secret, patterns

_MOST = 20
_PRIVATE_KEY = re.compile(rb"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----(.*?)(?:-----END|\Z)", re.DOTALL)


def require_no_leaks(workspace: Workspace, name: str, image: Path, say: Say) -> str:
    """Search the whole raw image, free space, journal and compressed content included.

    Returns:
        What was looked for and not found, for reports.

    Raises:
        PipelineError: something was found; named by what it is and where, never by its value.
    """
    own = set(_in_the_image(workspace, reading.gateway_of(workspace, name)))
    secrets = [secret for secret in must_be_absent(workspace, name) if secret.value not in own]
    wanted = patterns(secrets)
    say(f"{name}: looking for {len(secrets)} secrets in {len(wanted)} forms, in free space too")
    base = workspace.base
    _refuse("base image", *_in_the_base(workspace, identity_of(base)))
    _refuse(name, scan(image, wanted, base=base), wanted)
    # The build's own are not counted: how many of its keys lie at hand must not show in a release (a key elsewhere
    # gives the same bytes).
    counted = len(secrets) - len(of_the_build(workspace))
    return (
        f"{LEAK_SCAN}: none of {counted} secrets of other gateways and of the golden sample, and no key of the build, "
        "plain, encoded or packed, anywhere in the raw image"
    )


@lru_cache(maxsize=2)
def _in_the_base(workspace: Workspace, _identity: str) -> tuple[Sequence[Hit], Mapping[bytes, tuple[str, str]]]:
    """What all gateways share has no secret of any: searched once, so that of each image only the rest is left."""
    owned = [secret for _, secret in _gateways(workspace)]
    wanted = patterns((*of_the_build(workspace), *owned, *of_the_golden_sample(workspace)))
    return scan(workspace.base, wanted), wanted


def _refuse(name: str, hits: Sequence[Hit], wanted: Mapping[bytes, tuple[str, str]]) -> None:
    problems = []
    for hit in hits[:_MOST]:
        what, form = wanted[hit.pattern]
        where = "compressed data at byte" if hit.packed else "byte"
        problems.append(
            Problem(
                f"{name}: {where} {hit.offset}: {what} ({form})",
                "nothing was published; find out which input brings it along: a golden export, an overlay, the vanilla "
                "image",
            )
        )
    raise_if_any(problems)


def must_be_absent(workspace: Workspace, name: str) -> tuple[Secret, ...]:
    """Everything secret of the build, of the other gateways and of the golden sample, that an image does not need."""
    others = [secret for owner, secret in _gateways(workspace) if owner != name]
    root = reading.passwords_of(workspace, reading.gateway_of(workspace, name)).get("root")
    mine = [Secret(f"root's password of {name} in clear", root.encode())] if root else []
    return (*of_the_build(workspace), *others, *mine, *of_the_golden_sample(workspace))


@lru_cache(maxsize=2)
def of_the_build(workspace: Workspace) -> tuple[Secret, ...]:
    """Secrets of the build itself: no image has them."""
    material = reading.fleet_secret_of(workspace).material
    found = [Secret("fleet secret", material), Secret("fleet secret", material.hex().encode())]
    keyring = reading.keyring_of(workspace)
    for entry in keyring.entries.values():
        scheme, _, place = entry.uri.partition(":")
        file = keyring.directory / place
        if scheme == "file" and file.is_file():
            found.append(Secret(f"private key {entry.name}", file.read_bytes()))
    return tuple(found)


@lru_cache(maxsize=2)
def _gateways(workspace: Workspace) -> tuple[tuple[str, Secret], ...]:
    """What each gateway alone may have, with its owner; derived once for all images of a release."""
    return tuple(
        (gateway.name, secret)
        for gateway in reading.gateways_of(workspace).values()
        for secret in of_gateway(workspace, gateway)
    )


def of_gateway(workspace: Workspace, gateway: Gateway) -> Iterator[Secret]:
    """What one gateway alone may have."""
    for what, password in reading.passwords_of(workspace, gateway).items():
        yield Secret(f"{what} password of {gateway.name}", password.encode())
    secrets = reading.secrets_of(workspace, gateway)
    yield Secret(f"machine id of {gateway.name}", secrets.machine_id.encode())
    yield from (Secret(f"SSH host key of {gateway.name}", key.private) for key in secrets.host_keys)
    for key in secrets.client_keys:
        yield from (Secret(f"client key {key.alias} of {gateway.name}", value) for value in private_values(key.pkcs8))
    if secrets.https is not None:
        yield from (Secret(f"HTTPS key of {gateway.name}", value) for value in private_values(secrets.https.pkcs8))
        yield Secret(f"HTTPS keystore's password of {gateway.name}", secrets.https.password.encode())
    if secrets.root_hash.startswith("$"):
        yield Secret(f"password hash of {gateway.name}", secrets.root_hash.encode())


def _in_the_image(workspace: Workspace, gateway: Gateway) -> Iterator[bytes]:
    """What this gateway needs in its own image; root's password it needs as a hash only."""
    for secret in of_gateway(workspace, gateway):
        if not secret.name.startswith("root password"):
            yield secret.value


@lru_cache(maxsize=2)
def of_the_golden_sample(workspace: Workspace) -> tuple[Secret, ...]:
    """What makes the golden gateway itself, whatever was decided about the rest of its export.

    What the vanilla image has too, such as a vendor's default password, is no secret of the golden gateway's; the rules
    see to those.
    """
    found = [
        (one.kind, one.place, one.value)
        for one in golden_values(workspace)
        if (one.own and one.secret) or one.kind == "machine id"
    ]
    # A key may stand in a setting of the snapshot, too: only the key is looked for, and only where it was to stay.
    travelling = reading.golden_of(workspace).snapshot
    found += [
        ("private key", str(path), b"\n".join(key[1].split()))
        for path, content in golden_files(workspace).items()
        for key in _PRIVATE_KEY.finditer(content)
        if key[0] not in travelling
    ]
    everywhere = b"\n".join(reading.vanilla_of(workspace).files.values())
    return tuple(
        Secret(f"{kind} of the golden sample ({place})", value)
        for kind, place, value in found
        if len(value) >= LEAST and value not in everywhere
    )
