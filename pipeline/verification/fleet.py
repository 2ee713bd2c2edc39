"""The verifier on a release of a base and deltas: the base once, then every gateway read over it by two readers."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from multiprocessing.util import Finalize
from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.formats.archive import bmap
from pipeline.formats.archive.hash_tree import HashTree
from pipeline.host.progress import Say
from pipeline.host.scratch import scratch_directory
from pipeline.image.containers import delta
from pipeline.image.ext4.tools import EXT
from pipeline.image.read.hash_tree import hash_tree_of
from pipeline.image.read.view import needed_paths, view_of
from pipeline.image.witness.client import NAMES
from pipeline.image.witness.looking import Readers
from pipeline.inputs.layout_files import layouts_with
from pipeline.manifest.comparison import compare_image, paths_to_digest
from pipeline.manifest.format2 import BaseManifest, GatewayManifest, read_base, read_gateway
from pipeline.model.guest_path import GuestPath
from pipeline.model.layout import Layout
from pipeline.model.manifest import Manifest
from pipeline.model.rule import Rule
from pipeline.model.tree import Kind
from pipeline.model.verdict import Finding, Outcome, Verdict
from pipeline.rules.registry import RULES
from pipeline.standards import package_databases
from pipeline.verification import rules as rule_checks
from pipeline.verification.beside import read_beside
from pipeline.verification.bills import compare_bills
from pipeline.verification.block_map import compare_block_map
from pipeline.verification.delivery import BASE, MANIFEST, Delivery
from pipeline.verification.fleet_fat import read_fat
from pipeline.verification.fleet_files import against_list, against_manifest, by_directory
from pipeline.verification.fleet_rules import Judges
from pipeline.verification.host_keys import compare_host_keys
from pipeline.verification.outside import compare_regions, compare_sidecars, with_outside
from pipeline.verification.own_values import OwnValue, own_values
from pipeline.verification.scan import scan
from pipeline.verification.sums import check_release, promised_by_signer, read_sums
from pipeline.verification.trust import read_signed
from pipeline.verification.uniqueness import Uniqueness

_FEW = 16  # gateways that one process looks at: another one's readers would walk the base once more
_CHUNK = 10
BASE_IMAGE, BASE_MAP = "base.img.zst", "base.bmap"


@dataclass(frozen=True)
class Trusted:
    """Whose word counts: see `pipeline.verification.run.verify_paths`."""

    allowed_signers: Path
    identity: str | None
    at: int | None


@dataclass(frozen=True)
class _Base:
    """The base once it was looked at."""

    known: BaseManifest
    tree: HashTree = field(repr=False)
    image: Path
    readers: Readers
    files: Mapping[GuestPath, bytes] = field(repr=False)
    judges: Judges
    layouts: Sequence[Layout]


@dataclass(frozen=True)
class _Shared:
    """What every gateway is compared with."""

    release: Path
    sums: Mapping[str, Mapping[str, str]] = field(repr=False)
    trusted: Trusted
    base: _Base | None


@dataclass(frozen=True)
class _Looked:
    """One gateway, small enough to be sent from one process to another.

    Attributes:
        gateway: as its manifest names it.
        release: that its manifest names; None where there is none that can be read.
        values: what it has for itself, as digests.
    """

    verdict: Verdict
    gateway: str
    release: str | None = None
    values: tuple[OwnValue, ...] = field(default=(), repr=False)


_SHARED: _Shared | None = None
"""Of a process that was forked from the one that has looked at the base; its readers are made when they are asked."""


def is_fleet(directory: Path) -> bool:
    """Whether a directory is a release of a base and deltas."""
    return (directory / BASE).is_dir()


def verify_fleet(
    release: Path, names: Sequence[str] | None, trusted: Trusted, *, deep: bool, state_dir: Path, say: Say,
    rules: Sequence[Rule] = RULES, workers: int | None = None,
) -> tuple[Verdict, ...]:  # fmt: skip
    """Verify a release, or some gateways of it.

    Files are what the signed statement of the release says; the list that nobody signed counts where there is none.

    Args:
        names: directories of gateways; None for all, and then the release as a whole too.
        deep: read every file of the base, not only those that the build changed.
        workers: processes; None for one a processor.

    Returns:
        One verdict for the base, one for each gateway, and one for the release.
    """
    known = Uniqueness()
    signed, wrong = promised_by_signer(release, trusted.allowed_signers, trusted.identity, trusted.at)
    sums = by_directory(read_sums(release)[0] if signed is None else signed)
    every = sorted(path.name for path in release.iterdir() if path.is_dir() and path.name != BASE)
    wanted = every if names is None else sorted(names)
    state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    verdicts: list[Verdict] = []
    releases: dict[str, str] = {}
    with scratch_directory("verify-", state_dir) as scratch:
        say(f"{BASE}: signature, digests, and two readers over all of it")
        verdict, base = _check_base(release / BASE, sums, trusted, scratch, rules, deep=deep)
        # Of the whole release its own verdict tells what is wrong with the statement.
        verdicts.append(verdict if names is None else replace(verdict, findings=(*verdict.findings, *wrong)))
        shared = _Shared(release, sums, trusted, base)
        for number, looked in enumerate(_looks(shared, wanted, workers or os.cpu_count() or 1), 1):
            verdicts.append(looked.verdict)
            if looked.values:
                known.add(looked.gateway, looked.values)
            if looked.release is not None:
                releases[looked.verdict.gateway] = looked.release
            if number % 50 == 0 or number == len(wanted):
                say(f"{number}/{len(wanted)} gateways looked at")
        if base is not None:
            base.readers.close()
    clones = known.clones_by_gateway()
    verdicts = [replace(one, findings=(*one.findings, *clones.get(one.gateway, ()))) for one in verdicts]
    if names is None:
        whole = check_release(release, releases, trusted.allowed_signers, trusted.identity, trusted.at)
        verdicts.append(replace(whole, checks=(*whole.checks, *known.told())))
    return tuple(verdicts)


def _check_base(
    directory: Path, sums: Mapping[str, Mapping[str, str]], trusted: Trusted, scratch: Path, rules: Sequence[Rule],
    *, deep: bool,
) -> tuple[Verdict, _Base | None]:  # fmt: skip
    """Everything about the base; None where nothing can be read over it."""
    findings = list(against_list(directory, sums))
    delivery = Delivery(BASE, directory, directory / BASE_IMAGE, BASE, None)
    signed = read_signed(delivery, trusted.allowed_signers, trusted.identity, trusted.at)
    findings += signed.findings
    if signed.content is None:
        return Verdict(BASE, tuple(findings), ()), None
    raw = scratch / "base.img"
    try:
        known = read_base(signed.content, name=f"{BASE}/{MANIFEST}")
        content = read_beside(directory / BASE_MAP, bmap.LARGEST)
        blocks = bmap.read(content) if isinstance(content, bytes) else None
        scanned = scan(directory / BASE_IMAGE, known.manifest.disk, blocks.ranges if blocks else None, raw)
        if blocks is None:
            findings.append(Finding(BASE_MAP, "readable", "a block map", "none"))
        else:
            findings += compare_block_map(blocks, scanned, known.manifest, raw)
        findings += compare_image(known.manifest, scanned.facts)
        if scanned.damage:
            findings.append(Finding(BASE_IMAGE, "compression", "intact", scanned.damage))
            return Verdict(BASE, tuple(findings), ()), None
        tree = hash_tree_of(raw)
    except (PipelineError, bmap.BmapError, OSError, ValueError) as error:
        what = error.problems[0].what if isinstance(error, PipelineError) else str(error)
        return Verdict(BASE, (*findings, Finding(BASE, "readable", "", what)), ()), None
    if tree.root != known.root:
        findings.append(Finding(BASE_IMAGE, "hash tree", known.root, tree.root))
    manifest = known.manifest
    findings += compare_regions(manifest, raw)
    layouts = _layouts(manifest)
    read = {*needed_paths(manifest.tree, layouts), *package_databases(manifest.tree)}
    read = {path for path in read if (node := manifest.tree.get(path)) is not None and node.kind is Kind.FILE}
    partitions = [part for part in manifest.disk.partitions if part.mountpoint is not None and part.filesystem in EXT]
    readers = Readers(raw, manifest.disk, partitions, manifest.tree)
    look = readers.base(digest=["*"] if deep else sorted(paths_to_digest(manifest, deep=False) or ()), read=read)
    fat, unread = read_fat(raw, manifest, read)
    contents = {**look.contents, **fat}
    findings += [*look.findings, *unread, *compare_bills(directory, manifest, contents)]
    checks = (
        signed.check,
        "base image: SHA-256, partitions, block map, hash tree",
        f"{len(manifest.tree)} paths by {' and '.join(NAMES.values())}; content of {look.read} files",
    )
    base = _Base(known, tree, raw, readers, contents, Judges(rules), layouts)
    return Verdict(BASE, tuple(findings), checks), base


def _looks(shared: _Shared, names: Sequence[str], workers: int) -> Iterator[_Looked]:
    """Gateways in their order, looked at by as many processes as there are."""
    if workers <= 1 or shared.base is None or len(names) < _FEW:
        yield from (_look_at(shared, name) for name in names)
        return
    global _SHARED  # noqa: PLW0603 - handed on by fork: readers and trees are no messages
    _SHARED = shared
    with ProcessPoolExecutor(workers, mp_context=get_context("fork"), initializer=_readers_of_my_own) as executor:
        yield from executor.map(_look_here, names, chunksize=_CHUNK)


def _readers_of_my_own() -> None:
    global _SHARED  # noqa: PLW0603 - of this process alone
    if _SHARED is None or _SHARED.base is None:
        raise AssertionError("a process that looks at gateways is forked from one that has looked at the base")
    mine = _SHARED.base.readers.afresh()
    Finalize(None, mine.close, exitpriority=1)
    _SHARED = replace(_SHARED, base=replace(_SHARED.base, readers=mine))


def _look_here(name: str) -> _Looked:
    if _SHARED is None:
        raise AssertionError("forked from a process that has nothing to look at")
    return _look_at(_SHARED, name)


def _look_at(shared: _Shared, name: str) -> _Looked:
    mine = Uniqueness()
    verdict, found = _check_gateway(shared.release / name, shared.sums, shared.trusted, shared.base, mine)
    if found is None:
        return _Looked(verdict, name)
    gateway = found.manifest.gateway
    return _Looked(verdict, gateway, found.manifest.release, mine.values_of(gateway))


def _check_gateway(
    directory: Path, sums: Mapping[str, Mapping[str, str]], trusted: Trusted, base: _Base | None, known: Uniqueness
) -> tuple[Verdict, GatewayManifest | None]:
    name = directory.name
    findings = list(against_list(directory, sums))
    signed = read_signed(
        Delivery(name, directory, None, name, None), trusted.allowed_signers, trusted.identity, trusted.at
    )
    findings += signed.findings
    if signed.content is None:
        return Verdict(name, tuple(findings), ()), None
    if base is None:
        why = "its base could not be read"
        return Verdict(name, (*findings, Finding(name, "readable", "", why, Outcome.NOT_LOOKED)), ()), None
    try:
        found = read_gateway(signed.content, base.known, name=f"{name}/{MANIFEST}")
        files = {file: read_beside(directory / file, delta.LARGEST) for file in found.files}
        findings += against_manifest(directory, found, files)
        if found.manifest.gateway != name:
            findings.append(Finding(MANIFEST, "gateway", name, found.manifest.gateway))
        packed = delta.Delta(_bytes(files, delta.IMAGE), _bytes(files, delta.MAP))
        blocks = delta.unpack(packed, size=found.manifest.image.size, name=name)
    except PipelineError as error:
        findings += [Finding(name, "delta", "", problem.what) for problem in error.problems]
        return Verdict(name, tuple(findings), ()), None
    root = base.tree.root_with(blocks)
    if root != found.root:
        findings.append(Finding("image.img", "hash tree", found.root, root))
    checks = [signed.check, "delta: every range; hash tree over the whole image"]
    findings += _look(directory, found, blocks, base, known, checks)
    return Verdict(name, tuple(findings), tuple(checks)), found


def _look(
    directory: Path, found: GatewayManifest, blocks: Mapping[int, bytes], base: _Base, known: Uniqueness,
    checks: list[str],
) -> Iterator[Finding]:  # fmt: skip
    """The delta over the base, by two readers, and every rule on what they see."""
    manifest = found.manifest
    tree = manifest.tree
    files = {path for path in found.touched if (node := tree.get(path)) is not None and node.kind is Kind.FILE}
    look = base.readers.gateway(blocks, tree, found.touched, read=files)
    yield from look.findings
    checks.append(f"{len(tree)} paths by {' and '.join(NAMES.values())}; content of {look.read} files")
    contents = {path: data for path, data in base.files.items() if tree.get(path) is not None}
    view = view_of(manifest.disk, tree, {**contents, **look.contents}, base.layouts)
    yield from compare_sidecars(manifest, directory)
    view = with_outside(view, rule_checks.decisions_in(manifest), base.image, directory)
    results, opened = base.judges.judge(manifest, view)
    yield from compare_host_keys(manifest, opened)
    yield from rule_checks.findings_of(manifest, results)
    checks.append(rule_checks.covered(results))
    known.add(manifest.gateway, own_values(opened))


def _bytes(files: Mapping[str, bytes | Finding | None], name: str) -> bytes:
    content = files.get(name)
    if not isinstance(content, bytes):
        raise PipelineError(f"{name}: cannot be read", "get the gateway's directory again")
    return content


def _layouts(manifest: Manifest) -> tuple[Layout, ...]:
    try:
        return layouts_with(rule_checks.decisions_in(manifest).certificates)
    except (PipelineError, ValueError):
        return layouts_with("")
