"""What is proposed for inputs that were looked into: each decision with its reason, for ``gateway.toml`` to say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipeline.errors import PipelineError, Problem, raise_if_any
from pipeline.model.golden import Export
from pipeline.model.trust import PlatformBundle
from pipeline.model.vanilla import Vanilla

ENVIRONMENTS = ("/boot/uboot.env", "/boot/firmware/uboot.env", "/boot/efi/uboot.env", "/uboot.env")
"""Files in which images keep U-Boot's environment, the documents' first."""

CONFIG = "/etc/fw_env.config"
_FIRST_UID, _LAST_UID = 1500, 59_999


@dataclass(frozen=True)
class Proposal:
    """Decisions.

    Attributes:
        version_key: ``esf_version`` or ``kura_version``, with its value.
        approved_os: this system's release, as ``[rules] approved_os`` has it.
        environment: where U-Boot's environment lies; empty for none in this image.
        vendor_signers: whose bundles the image came with.
        uid: for the first account.
        notes: what was found and decided, a line each.
    """

    version_key: str
    version: str
    approved_os: str
    environment: str
    vendor_signers: tuple[str, ...]
    uid: int
    notes: tuple[str, ...]


def propose(vanilla: Vanilla, export: Export, bundles: Sequence[PlatformBundle], user: str) -> Proposal:
    """What fits a vanilla image and an export.

    Raises:
        PipelineError: they are not of the same release (A:240), or the user's name is taken in the image.
    """
    raise_if_any(_misfits(vanilla, export, user))
    environment, why = _environment(vanilla)
    signers = tuple(dict.fromkeys(";".join(bundle.signer_chain) for bundle in bundles if bundle.signer_chain))
    unsigned = [bundle.path for bundle in bundles if not bundle.signer_chain]
    system = f"{vanilla.os_release.get('ID', '')} {vanilla.os_release.get('VERSION_ID', '')}".strip()
    notes = [
        f"layout {vanilla.layout.name}: {vanilla.layout.product} {vanilla.esf_version}, {vanilla.init} init",
        f"system {vanilla.os_release.get('PRETTY_NAME', system or 'unknown')}: approved as it is in this image",
        why,
    ]
    if vanilla.layout.policy is None:
        notes.append(f"{vanilla.layout.product} {vanilla.esf_version} has no security policy: no signers to name")
    else:
        notes += [f"bundles of the image are signed by {signer}: may run" for signer in signers]
        notes += [f"{path} is not signed, as the gateway sees it: it will not run" for path in unsigned]
    if vanilla.layout.lacks_certificates:
        notes.append("no document says where the keystore of bundle signers is: name it in [keystores] certificates")
    return Proposal(
        "kura_version" if vanilla.layout.product == "Kura" else "esf_version",
        export.esf_version,
        system,
        environment,
        signers,
        _free_uid(vanilla),
        tuple(notes),
    )


def _misfits(vanilla: Vanilla, export: Export, user: str) -> Iterator[Problem]:
    if (vanilla.layout.product, vanilla.esf_version) != (export.product, export.esf_version):
        yield Problem(
            f"the image has {vanilla.layout.product} {vanilla.esf_version}, the export is of {export.product} "
            f"{export.esf_version}",
            "take the vendor's image of the release the golden sample runs (A:240)",
        )
    if any(fields[0] == user for fields in _accounts(vanilla)):
        yield Problem(f"--user: the image has an account {user} already", "choose another name")


def _environment(vanilla: Vanilla) -> tuple[str, str]:
    for path in ENVIRONMENTS:
        if vanilla.exists(path):
            return path, f"U-Boot's environment is in {path}"
    if vanilla.exists(CONFIG):
        return CONFIG, f"U-Boot's environment lies where {CONFIG} says, outside all files"
    return "", "no U-Boot environment in this image; where the board has one elsewhere, see [bootloader.outside]"


def _free_uid(vanilla: Vanilla) -> int:
    taken = {fields[2] for fields in _accounts(vanilla)}
    for uid in range(_FIRST_UID, _LAST_UID):
        if str(uid) not in taken:
            return uid
    raise PipelineError("vanilla image: no number is free for an account", "use an image as the vendor delivers it")


def _accounts(vanilla: Vanilla) -> Iterator[list[str]]:
    content = vanilla.find("/etc/passwd") or b""
    for line in content.decode("utf-8", "surrogateescape").splitlines():
        fields = line.split(":")
        if len(fields) == 7:
            yield fields
