"""Demo: keys, a vanilla image and a golden sample, made on this machine on first run and kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

import pipeline
from pipeline.build import reading
from pipeline.build.names import is_demo
from pipeline.demo.bundles import DemoPackage, bundle
from pipeline.demo.golden import plant
from pipeline.demo.vanilla import build_kura_vanilla, build_vanilla
from pipeline.demo.vendor import VendorIdentity, https_identity, vendor_identity
from pipeline.errors import PipelineError
from pipeline.host.digests import digest_of_tree, key_of, write_atomically
from pipeline.host.progress import Say
from pipeline.host.records import is_current, write_record
from pipeline.host.workspace import Workspace
from pipeline.signing.bundles.bundle import sign_bundle
from pipeline.signing.keys.development import make_development_keys
from pipeline.signing.keys.signers import BundleSigner


def _platform(version: str) -> tuple[DemoPackage, ...]:
    """Two bundles that stand for the platform's many."""
    return (
        DemoPackage("core", "1.0.0", "org.example.platform.core", version, "Core of the demo's platform"),
        DemoPackage(
            "net", "1.0.0", "org.example.platform.net", version, "Network administration of the demo's platform"
        ),
    )


# The demo's vanilla image stands for a file that comes from elsewhere: its clock is its own, not the release's.
_EPOCH = 1_735_689_600  # 2025-01-01T00:00:00Z


def is_made(workspace: Workspace) -> bool:
    """Whether all inputs of the demonstration are there, made by this version of the demo."""
    return is_current(_record(workspace), _key(workspace))


def make_demo(workspace: Workspace, say: Say) -> None:
    """Make what is missing; keys and secrets that exist are never replaced."""
    if not is_demo(workspace):
        raise PipelineError(
            "this workspace does not build the demonstration", 'set demo = "esf-5" under [release] in gateway.toml'
        )
    workspace.make_state()
    source = workspace.root / "golden"
    if not source.is_dir():
        raise PipelineError(f"{source}: the demo's golden sample is missing", "use a complete checkout")
    workspace.demo.mkdir(mode=0o700, exist_ok=True)
    workspace.demo.chmod(0o700)
    say("making development keys and a fleet secret where they are missing")
    make_development_keys(workspace.demo, epoch=_EPOCH)
    _make_user_key(workspace.demo / "keys")
    variant = reading.release_of(workspace).demo
    _VANILLA[variant](workspace, say)
    say("planting what must never travel into a copy of the golden sample")
    plant(source, workspace.demo / "golden", epoch=_EPOCH, variant=variant)
    write_record(_record(workspace), _key(workspace), _outputs(workspace))
    reading.forget_inputs()


def _esf5(workspace: Workspace, say: Say) -> None:
    vendor = vendor_identity(workspace.demo / "keys")
    build_vanilla(
        workspace.demo / "vanilla.img",
        workspace.demo / "work",
        epoch=_EPOCH,
        progress=say,
        vendor=vendor,
        plugins=_plugins(vendor),
    )


def _kura5(workspace: Workspace, say: Say) -> None:
    keys = workspace.demo / "keys"
    build_kura_vanilla(
        workspace.demo / "vanilla.img",
        workspace.demo / "work",
        epoch=_EPOCH,
        progress=say,
        vendor=vendor_identity(keys),
        https=https_identity(keys),
        # Open-source Kura has no policy that would ask for signatures, and its bundles have none.
        plugins={f"{package.bundle}_{package.bundle_version}.jar": bundle(package) for package in _platform("5.6.0")},
    )


_VANILLA: Mapping[str, Callable[[Workspace, Say], None]] = {"esf-5": _esf5, "kura-5": _kura5}


def _plugins(vendor: VendorIdentity) -> dict[str, bytes]:
    """Bundles of the platform, signed by the demo's vendor: the policy has to let them run."""
    chain = [certificate.public_bytes(Encoding.DER) for certificate in vendor.signer_chain]
    signer = BundleSigner.of("vendor", vendor.signer_key, chain, development=True)
    return {
        f"{package.bundle}_{package.bundle_version}.jar": sign_bundle(bundle(package), signer)
        for package in _platform("5.0.0")
    }


def _make_user_key(directory: Path) -> None:
    """An SSH key for the demo's operator, so that a person can log in to a booted demo image."""
    private = directory / "demo-user"
    if not private.exists():
        key = Ed25519PrivateKey.generate()
        text = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
        public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
        write_atomically(private.with_suffix(".pub"), public + b" operator@demo\n", 0o644)
        write_atomically(private, text, 0o600)


def _outputs(workspace: Workspace) -> list[Path]:
    """The image and the golden sample; keys are left out, since their digests are nobody's business."""
    place = workspace.demo
    golden = place / "golden"
    return [
        place / "vanilla.img",
        *sorted(path for path in golden.rglob("*") if path.is_file() and not path.is_symlink()),
    ]


def _record(workspace: Workspace) -> Path:
    """Lies with what it speaks of: workspaces may share one set of inputs."""
    return workspace.demo / "record.json"


def _key(workspace: Workspace) -> str:
    package = Path(pipeline.__file__).parent
    return key_of(
        variant=reading.release_of(workspace).demo,
        golden=digest_of_tree(workspace.root / "golden"),
        demo=digest_of_tree(package / "demo"),
        signing=digest_of_tree(package / "signing"),
    )
