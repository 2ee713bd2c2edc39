"""What each step's result depends on, as one digest: a step whose key and outputs are unchanged is not done again."""

from __future__ import annotations

from dataclasses import asdict
from hashlib import sha256

from pipeline.build import reading
from pipeline.build.toolchain import pipeline_digest, toolchain
from pipeline.host.digests import key_of, sha256_of
from pipeline.host.workspace import Workspace
from pipeline.model.gateway import Gateway
from pipeline.model.golden import Golden


def inspect_key(workspace: Workspace) -> str:
    """The facts depend on the vanilla image and on what the pipeline looks for."""
    return key_of(
        vanilla=reading.vanilla_digest_of(workspace),
        layout=reading.release_of(workspace).layout,
        root=reading.release_of(workspace).vanilla_root,
        certificates=reading.release_of(workspace).keystores.certificates,
        environment=reading.release_of(workspace).bootloader.environment,  # a file that is read besides the others
        pipeline=pipeline_digest(),
    )


def base_key(workspace: Workspace) -> str:
    """The base depends on everything the gateways share."""
    release = reading.release_of(workspace)
    return key_of(
        inspect=inspect_key(workspace),
        configuration=reading.configuration_digest_of(workspace),
        epoch=release.epoch,
        golden=reading.fingerprint_of_secret(workspace, golden_content(reading.golden_of(workspace))),
        overlays=dict(reading.overlay_digests_of(workspace)),
        keys=sha256_of(workspace.input(release.keys)),
        certificates=[certificate.sha256 for certificate in reading.certificates_of(workspace)],
        signatures=reading.signing_digest_of(workspace),
        allowed_signers=reading.allowed_signers_of(workspace).decode("ascii", "replace"),
        tools=dict(toolchain()),
    )


def golden_content(golden: Golden) -> bytes:
    """All that travels of a golden sample, framed; its secrets too, which its published digest leaves out."""
    files = dict(golden.packages) | {str(path): content for path, content in golden.network.items()}
    parts = [golden.sha256.encode(), golden.snapshot, golden.dpa, golden.policy or b""]
    for name, content in sorted(files.items()):
        parts += [name.encode(), content]
    return b"".join(len(part).to_bytes(8, "big") + part for part in parts)


def device_key(workspace: Workspace, gateway: Gateway, *, base: str | None = None) -> str:
    """A gateway's image depends on the base, on its own row of the inventory, and on the fleet secret.

    Args:
        base: its key, where a caller asks for thousands of gateways.
    """
    outside = reading.outside_of(workspace, gateway)
    return key_of(
        base=base_key(workspace) if base is None else base,
        gateway=inventory_row(gateway),
        outside=[]
        if outside is None
        else [sha256(part or b"").hexdigest() for part in (outside.config, outside.defaults, *outside.dumps)],
        secrets=reading.fingerprint_of_secret(workspace, reading.secret_inputs_of(workspace, gateway)),
    )


def inventory_row(gateway: Gateway) -> dict[str, object]:
    """A gateway as plain values."""
    return asdict(gateway)
