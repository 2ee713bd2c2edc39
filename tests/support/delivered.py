"""A release directory as a build leaves it, small but whole: real bytes, real digests, real signatures."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pipeline import standards
from pipeline.errors import PipelineError
from pipeline.formats.ssh import sshsig
from pipeline.manifest import NAMESPACE, ReleaseStatement, build_manifest, release_to_bytes, to_bytes
from pipeline.model.guest_path import GuestPath
from pipeline.model.manifest import ImageFacts, Manifest
from pipeline.model.observation import Observation
from pipeline.model.tree import Kind, Tree
from tests.support.manifest import UNIT, an_image, an_observation, digest, manifest_inputs

Say = Callable[[str], None]
SIGNER = "release@example.com"


@dataclass(frozen=True)
class Key:
    """A signer that lives as long as the tests."""

    private: Ed25519PrivateKey
    public: bytes

    @classmethod
    def new(cls) -> Key:
        private = Ed25519PrivateKey.generate()
        return cls(private, private.public_key().public_bytes_raw())

    def sign(self, content: bytes, namespace: str = NAMESPACE) -> bytes:
        """The armored signature of a content."""
        raw = self.private.sign(sshsig.to_be_signed(content, namespace))
        return sshsig.armor(self.public, namespace, raw)

    def envelope(self, payload: bytes) -> bytes:
        """The signed envelope of a statement."""
        return standards.envelope(payload, self.private.sign, sshsig.fingerprint(self.public))

    def line(self, principal: str = SIGNER) -> str:
        """The line of allowed_signers that trusts it."""
        return sshsig.allowed_signer_line(principal, self.public, NAMESPACE)


def image_bytes(gateway: str) -> bytes:
    """Eight units: a boot sector, a boot partition, a root partition, holes between."""
    content = bytearray(8 * UNIT)
    content[510:512] = b"\x55\xaa"
    content[UNIT : UNIT + 8192] = b"boot" * 2048
    content[3 * UNIT : 3 * UNIT + 16384] = f"{gateway:8}".encode() * 2048
    return bytes(content)


def block_map(image: bytes, left_out: range | None = None) -> bytes:
    """A block map of format 2.0 over all blocks: the partitions hold nothing that says which of them are free."""
    blocks = [image[start : start + 4096] for start in range(0, len(image), 4096)]
    used = range(len(blocks)) if left_out is None else [index for index in range(len(blocks)) if index not in left_out]
    ranges = "".join(f'<Range chksum="{hashlib.sha256(blocks[index]).hexdigest()}"> {index} </Range>' for index in used)
    text = (
        f'<?xml version="1.0" ?><bmap version="2.0"><ImageSize> {len(image)} </ImageSize><BlockSize> 4096 </BlockSize>'
        f"<BlocksCount> {len(blocks)} </BlocksCount><MappedBlocksCount> {len(used)} </MappedBlocksCount>"
        f"<ChecksumType> sha256 </ChecksumType><BmapFileChecksum> {'0' * 64} </BmapFileChecksum>"
        f"<BlockMap>{ranges}</BlockMap></bmap>\n"
    )
    return text.replace("0" * 64, hashlib.sha256(text.encode()).hexdigest()).encode()


def a_manifest_of(gateway: str, image: bytes, release: str = "demo-1") -> Manifest:
    """The manifest of these very bytes."""
    disk, _ = an_image()
    parts = {
        part.number: hashlib.sha256(image[part.start : part.start + part.size]).hexdigest() for part in disk.partitions
    }
    facts = ImageFacts("image.img", len(image), hashlib.sha256(image).hexdigest(), parts, digest(image[:UNIT]))
    return build_manifest(replace(manifest_inputs(gateway), image=facts, release=release))


def deliver(release: Path, key: Key, *gateways: str) -> None:
    """Write a release directory."""
    for gateway in gateways:
        put_gateway(release / gateway, key, a_manifest_of(gateway, image_bytes(gateway)))
    (release / "allowed_signers").write_text(key.line())
    put_statement(release, key)
    put_sums(release)


def put_gateway(directory: Path, key: Key, manifest: Manifest) -> None:
    """Write the seven files of one gateway."""
    directory.mkdir(parents=True, exist_ok=True)
    image = image_bytes(manifest.gateway)
    content = to_bytes(manifest)
    covered = {
        "image.bmap": block_map(image),
        "manifest.json": content,
        "sbom.cdx.json": standards.cyclonedx(manifest, ()),
        "sbom.spdx.json": standards.spdx(manifest, ()),
    }
    statement = standards.statement(manifest, {name: digest(data) for name, data in covered.items()})
    (directory / "image.img").write_bytes(image)
    for name, data in covered.items():
        (directory / name).write_bytes(data)
    (directory / "manifest.json.sig").write_bytes(key.sign(content))
    (directory / "provenance.json").write_bytes(key.envelope(statement))


def put_statement(release: Path, key: Key) -> None:
    """Write and sign the statement of the release as it lies there."""
    gateways = {
        place.name: {path.name: digest(path.read_bytes()) for path in sorted(place.iterdir()) if path.is_file()}
        for place in sorted(release.iterdir())
        if place.is_dir()
    }
    beside = {"SHA256SUMS", "release.json", "release.json.sig"}
    loose = [path for path in sorted(release.iterdir()) if path.is_file() and path.name not in beside]
    files = {path.name: digest(path.read_bytes()) for path in loose}
    content = release_to_bytes(ReleaseStatement("demo-1", 1_767_225_600, gateways, files))
    (release / "release.json").write_bytes(content)
    (release / "release.json.sig").write_bytes(key.sign(content))


def put_sums(release: Path) -> None:
    """Write SHA256SUMS over everything in a release directory."""
    files = sorted(path for path in release.rglob("*") if path.is_file() and path.name != "SHA256SUMS")
    lines = [f"{digest(path.read_bytes())}  {path.relative_to(release).as_posix()}\n" for path in files]
    (release / "SHA256SUMS").write_text("".join(lines))


class Looker:
    """Stands in for libguestfs: shows the unchanged tree, or what a test made of it; remembers what it was asked."""

    def __init__(self, change: Callable[[Observation], Observation | PipelineError] | None = None) -> None:
        self.change = change if change is not None else lambda observation: observation
        self.launches: list[int] = []
        self.asked: list[Collection[GuestPath] | None] = []

    def __call__(
        self,
        images: Sequence[Path],
        *,
        digest: Callable[[int], Collection[GuestPath] | None],
        read: Collection[GuestPath] | Callable[[int, Tree], Collection[GuestPath]],
        state_dir: Path,
        say: Say,
        root: Callable[[int], int],
    ) -> Iterator[Observation | PipelineError]:
        self.launches.append(len(images))
        for index, image in enumerate(images):
            assert image.read_bytes()[510:512] == b"\x55\xaa" or image.stat().st_size == 8 * UNIT
            wanted = digest(index)
            self.asked.append(wanted)
            result = self.change(an_observation())
            yield result if isinstance(result, PipelineError) else replace(result, tree=_only(result.tree, wanted))


def _only(tree: Tree, wanted: Collection[GuestPath] | None) -> Tree:
    """Digests only where they were asked for, as the real one gives them."""
    return Tree(
        {
            path: node if node.kind is not Kind.FILE or wanted is None or path in wanted else replace(node, sha256=None)
            for path, node in tree.nodes.items()
        }
    )


def armored(blob: bytes) -> bytes:
    """Any bytes in the armor of a signature."""
    return b"-----BEGIN SSH SIGNATURE-----\n" + base64.b64encode(blob) + b"\n-----END SSH SIGNATURE-----\n"
