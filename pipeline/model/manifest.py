"""What a manifest says of one finished image; the only thing about a build that leaves it together with the image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from pipeline.model.disk import Disk
from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import Layer, LineOrigin, Origin
from pipeline.model.outside.raw_region import RawChange, Region
from pipeline.model.outside.sidecar import Sidecar
from pipeline.model.reader_answer import ReaderAnswer
from pipeline.model.tree import Node, Tree
from pipeline.model.trust import SignedBundle, SignedPackage


@dataclass(frozen=True)
class ImageFacts:
    """An image file as bytes, before anything in it is understood.

    Attributes:
        file: name of the raw image, without directory and without the suffix of a compression.
        sha256: of the raw image.
        partitions: digest of each partition's bytes by its number.
        outside: digest of all bytes outside every partition, in their order: boot sector, tables, gaps.
    """

    file: str
    size: int
    sha256: str
    partitions: Mapping[int, str]
    outside: str


@dataclass(frozen=True)
class CertificateFacts:
    """A certificate by fingerprint.

    Attributes:
        sha256: fingerprint of the DER bytes, hex digits.
        not_after: seconds since 1970.
        development: made for the demo; a production release has none.
        key: the entry also holds the private key.
    """

    alias: str
    subject: str
    sha256: str
    not_after: int
    development: bool = False
    key: bool = False


@dataclass(frozen=True)
class Keystore:
    """A keystore in the image and what it holds; ``type`` is ``JKS`` or ``PKCS12``."""

    path: GuestPath
    type: str
    entries: tuple[CertificateFacts, ...]


@dataclass(frozen=True)
class Package:
    """A deployment package in the image, with the digest of the export's file and of the installed one."""

    file_name: str
    symbolic_name: str
    version: str
    sha256_before: str
    sha256_after: str
    bundles: tuple[SignedBundle, ...]


@dataclass(frozen=True)
class Sources:
    """The inputs by digest.

    Attributes:
        vanilla_file: name of the vanilla image, without directory.
        vanilla_sha256: of the raw disk, after decompression or conversion.
        golden_lock_sha256: of the decisions about the golden sample; of nothing when there is no such file.
        configuration_sha256: of ``gateway.toml``.
        inventory: what may be published of the gateway's own row of the inventory; JSON values.
        overlays: digest of each overlay by its name; content of its secret files is not in it.
        certificates: those the release brings along, signers first.
        pipeline_sha256: of the pipeline's own source.
        tools: version of everything that can change bytes, by name.
    """

    vanilla_file: str
    vanilla_sha256: str
    golden_sha256: str
    golden_lock_sha256: str
    golden_esf_version: str
    configuration_sha256: str
    inventory: Mapping[str, object]
    overlays: Mapping[str, str]
    certificates: tuple[CertificateFacts, ...]
    pipeline_version: str
    pipeline_sha256: str
    tools: Mapping[str, str]


class Action(StrEnum):
    """How a path differs from the vanilla image."""

    ADDED = "added"
    REPLACED = "replaced"
    METADATA = "metadata"
    REMOVED = "removed"


@dataclass(frozen=True)
class Change:
    """A path that differs from the vanilla image.

    Attributes:
        node: what lies there now, without digest where the content is secret; of a removed path only its kind.
        secret: the content holds a secret.
        lines: who is responsible for which lines of a file that several made; empty where the origins say all.
    """

    path: GuestPath
    action: Action
    node: Node
    origins: tuple[Origin, ...]
    secret: bool = False
    lines: tuple[LineOrigin, ...] = ()


@dataclass(frozen=True)
class RegionFact:
    """Bytes of the image outside all file systems that differ from the vanilla image's."""

    region: Region
    sha256: str
    origins: tuple[Origin, ...]


@dataclass(frozen=True)
class SidecarFact:
    """A file beside the image, for a place of the gateway outside of it (see `pipeline.model.outside.sidecar`)."""

    file: str
    size: int
    sha256: str
    device: str
    offset: int
    origins: tuple[Origin, ...]


@dataclass(frozen=True)
class Step:
    """Something people still have to do with this gateway, and the line of the documents that asks for it."""

    text: str
    document: str = ""


@dataclass(frozen=True)
class WaiverFact:
    """Why somebody lives with a failed rule, who decided it, and until which day (``YYYY-MM-DD``)."""

    reason: str
    by: str
    until: str


@dataclass(frozen=True)
class RuleFact:
    """A hardening rule and how its check ended on this image.

    Attributes:
        documents: lines of the documents that ask for it.
        outcome: ``pass``, ``fail`` (then there is a waiver), ``not applicable`` or ``cannot be verified offline``.
        why: what was looked at, or why nothing could be.
        breaches: where a waived rule is broken: path, line and what is there, in words.
    """

    id: str
    title: str
    documents: tuple[str, ...]
    outcome: str
    why: str
    breaches: tuple[str, ...] = ()
    waiver: WaiverFact | None = None


@dataclass(frozen=True)
class ReaderFact:
    """What a program that reads files of the image said of one, and the digest of all it read.

    Attributes:
        sha256: see `pipeline.model.reader_answer.digest_of_read`; of the finished image.
    """

    answer: ReaderAnswer
    sha256: str


@dataclass(frozen=True)
class ManifestInputs:
    """Everything a manifest is made of.

    Attributes:
        vanilla: the vanilla image's tree; digests where they are known.
        layer: all changes, product and device, landed (see `pipeline.plan.image_plan.land`).
        tree: the finished image's tree with the digest of every regular file.
        facts: what reports and people want to find quickly (users, ports, services); JSON values, no secrets.
    """

    release: str
    epoch: int
    production: bool
    gateway: str
    serial: str
    sources: Sources
    disk: Disk
    image: ImageFacts
    vanilla: Tree = field(repr=False)
    layer: Layer = field(repr=False)
    tree: Tree = field(repr=False)
    packages: tuple[SignedPackage, ...]
    keystores: tuple[Keystore, ...]
    facts: Mapping[str, object]
    steps: tuple[Step, ...]
    profile: str = "documents"
    rules: tuple[RuleFact, ...] = ()
    raw: tuple[RawChange, ...] = ()
    sidecars: tuple[Sidecar, ...] = ()
    readers: tuple[ReaderAnswer, ...] = ()


@dataclass(frozen=True)
class Manifest:
    """Version 1 of the manifest; ``docs/reference/manifest.md`` explains every field.

    Attributes:
        changes: every path that differs from the vanilla image, by path.
        tree: every path of the image; a regular file without digest has secret content.
    """

    release: str
    epoch: int
    production: bool
    gateway: str
    serial: str
    sources: Sources
    disk: Disk
    image: ImageFacts
    changes: Mapping[GuestPath, Change] = field(repr=False)
    tree: Tree = field(repr=False)
    packages: tuple[Package, ...]
    keystores: tuple[Keystore, ...]
    facts: Mapping[str, object]
    steps: tuple[Step, ...]
    profile: str = "documents"
    rules: tuple[RuleFact, ...] = ()
    raw: tuple[RegionFact, ...] = ()
    sidecars: tuple[SidecarFact, ...] = ()
    readers: tuple[ReaderFact, ...] = ()
