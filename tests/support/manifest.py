"""A small but complete image in memory: its manifest, and what a fresh look at the unchanged image finds."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace

from pipeline.manifest import build_manifest
from pipeline.model.disk import Disk, Partition
from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import DirEntry, FileEntry, Layer, LinkEntry, Origin, Removal
from pipeline.model.manifest import (
    CertificateFacts,
    ImageFacts,
    Keystore,
    Manifest,
    ManifestInputs,
    RuleFact,
    Sources,
    Step,
    WaiverFact,
)
from pipeline.model.observation import Observation
from pipeline.model.tree import Kind, Node, Tree
from pipeline.model.trust import SignedBundle, SignedPackage

ESF = "/opt/eurotech/esf_5.0.0"
CERTIFICATES = f"{ESF}/kura/certificates.ks"
UNIT = 64 << 10  # the small disk is eight of them


def digest(content: bytes | str) -> str:
    """SHA-256 in hex digits."""
    return hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()


def a_file(content: str, mode: int = 0o644, **more: int) -> Node:
    """A regular file whose content is known."""
    return Node(Kind.FILE, mode, size=len(content), sha256=digest(content), **more)


def a_directory(mode: int = 0o755) -> Node:
    """A directory of root's."""
    return Node(Kind.DIRECTORY, mode)


def a_vanilla_tree() -> Tree:
    """The image before anything is changed; every kind of node is in it."""
    nodes: Mapping[str, Node] = {
        "/": a_directory(),
        "/bin": Node(Kind.LINK, 0o777, target="usr/bin"),
        "/dev": a_directory(),
        "/dev/console": Node(Kind.CHARACTER, 0o600, device="5:1"),
        "/dev/initctl": Node(Kind.FIFO, 0o600),
        "/dev/log": Node(Kind.SOCKET, 0o666),
        "/dev/sda": Node(Kind.BLOCK, 0o660, gid=6, device="8:0"),
        "/etc": a_directory(),
        "/etc/hostname": a_file("vanilla\n"),
        "/etc/init.d": a_directory(),
        "/etc/init.d/avahi-daemon": a_file("#!/bin/sh\n", 0o755),
        "/etc/shadow": a_file("root:x\n", 0o640, gid=42),
        "/etc/ssh": a_directory(),
        "/etc/ssh/sshd_config": a_file("Port 22\n"),
        "/opt": a_directory(),
        "/opt/eurotech": a_directory(),
        "/opt/eurotech/esf": Node(Kind.LINK, 0o777, target="esf_5.0.0"),
        ESF: a_directory(),
        f"{ESF}/kura": a_directory(),
        CERTIFICATES: a_file("vanilla keystore"),
        "/srv": a_directory(0o1777),
        "/usr": a_directory(),
        "/usr/bin": a_directory(),
        "/usr/bin/ping": Node(
            Kind.FILE, 0o755, size=9, sha256=digest("ping"), xattrs=(("security.capability", "0100000200200000"),)
        ),
        "/usr/bin/b\udce9b\\e c": a_file("odd name"),
        "/usr/lib": a_directory(),
        "/usr/lib/old": a_directory(),
        "/usr/lib/old/a": a_file("a"),
        "/usr/lib/old/b": a_file("b"),
    }
    return Tree({GuestPath(path): node for path, node in nodes.items()})


def a_layer() -> Layer:
    """Every kind of entry, on resolved paths."""
    why = (Origin("identity.hostname", "devices.toml gw-1", "A:205"),)
    ssh = (Origin("ssh.port", "gateway.toml [ssh]", "A:76"),)
    return Layer.of(
        FileEntry(GuestPath("/etc/hostname"), b"gw-1\n", why),
        FileEntry(GuestPath("/etc/ssh/sshd_config"), b"Port 49153\n", ssh, mode=0o600),
        FileEntry(GuestPath("/etc/ssh/ssh_host_ed25519_key"), b"private", ssh, mode=0o600, secret=True),
        FileEntry(GuestPath("/etc/shadow"), b"root:$6$hash\n", why, mode=0o640, gid=42, secret=True),
        FileEntry(GuestPath(CERTIFICATES), b"keystore", why, mode=0o600, secret=True),
        FileEntry(GuestPath("/etc/caps"), b"caps", why, xattrs=(("user.note", b"hi"),)),
        DirEntry(GuestPath("/etc/ssh"), ssh, mode=0o700),
        DirEntry(GuestPath("/home"), why),
        LinkEntry(GuestPath("/home/link"), "../etc/a -> b", why),
        Removal(GuestPath("/usr/lib/old"), why),
        Removal(
            GuestPath("/etc/init.d/avahi-daemon"), (Origin("services.disabled", "gateway.toml [services]", "A:88"),)
        ),
    )


def an_image() -> tuple[Disk, ImageFacts]:
    """A disk with a boot and a root partition and its digests."""
    disk = Disk(
        8 * UNIT,
        "mbr",
        (
            Partition(1, UNIT, UNIT, "vfat", "BOOT", "1234-5678", GuestPath("/boot")),
            Partition(2, 2 * UNIT, 6 * UNIT, "ext4", "", "0b0e4c8f-7a5d-4d41-9f0f-2f1d3c6a9a10", GuestPath("/")),
        ),
    )
    partitions = {1: digest("boot"), 2: digest("root")}
    return disk, ImageFacts("image.img", disk.size, digest("image"), partitions, digest("outside"))


def manifest_inputs(gateway: str = "gw-1") -> ManifestInputs:
    """Everything a manifest is made of."""
    disk, image = an_image()
    vanilla, layer = a_vanilla_tree(), a_layer()
    signer = CertificateFacts("signer", "CN=Bundles,O=Example", digest("signer"), 2_000_000_000, development=True)
    bundle = SignedBundle(
        "x.jar", "com.example.x", "1.0.0", digest("x"), digest("xs"), ("CN=Bundles", "CN=Root"), True,
        (digest("signer"), digest("root")),
    )  # fmt: skip
    return ManifestInputs(
        release="demo-1",
        epoch=1_700_000_000,
        production=False,
        gateway=gateway,
        serial="SN-1",
        sources=Sources(
            vanilla_file="vanilla.img",
            vanilla_sha256=digest("vanilla"),
            golden_sha256=digest("golden"),
            golden_lock_sha256=digest("golden.lock"),
            golden_esf_version="5.0.0",
            configuration_sha256=digest("configuration"),
            inventory={"name": gateway, "serial": "SN-1", "interfaces": {}, "users": [], "variables": ["site"]},
            overlays={"motd": digest("motd")},
            certificates=(signer,),
            pipeline_version="0.1.0",
            pipeline_sha256=digest("pipeline"),
            tools={"e2fsprogs": "1.47.0"},
        ),
        disk=disk,
        image=image,
        vanilla=vanilla,
        layer=layer,
        tree=vanilla.apply(layer),
        packages=(SignedPackage("x.dp", "com.example.dp", "1.0.0", b"package", digest("dp"), (bundle,)),),
        keystores=(
            Keystore(
                GuestPath("/opt/eurotech/esf/kura/certificates.ks"), "JKS", (replace(signer, alias="k", key=True),)
            ),
        ),
        facts={"ssh": {"port": 49153}, "users": ["support"]},
        steps=(Step("Boot once and let the keystores be encrypted", "B:543"),),
        rules=(
            RuleFact("ssh.port", "SSH server on a high port", ("A:76", "A:84"), "pass", "port 49153"),
            RuleFact(
                "bootloader.delay",
                "U-Boot takes no key press",
                ("A:90",),
                "fail",
                "1 found",
                ("/boot/uboot.env: bootdelay is 2",),
                WaiverFact("laboratory", "release engineer", "2030-01-01"),
            ),
        ),
    )


def a_manifest(gateway: str = "gw-1") -> Manifest:
    """The manifest of the small image."""
    return build_manifest(manifest_inputs(gateway))


def an_observation() -> Observation:
    """What a fresh look finds in the unchanged image."""
    inputs = manifest_inputs()
    return Observation(inputs.disk, inputs.tree, {}, clean=True)
