"""The verifier: signature, digests and lists first, then every image read afresh in one launch of the appliance."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from pipeline.errors import PipelineError
from pipeline.host.digests import identity_of
from pipeline.host.scratch import scratch_directory
from pipeline.image.containers.sniff import Container
from pipeline.image.read.view import needed_paths, view_of
from pipeline.inputs.layout_files import layouts_with
from pipeline.manifest import from_bytes
from pipeline.manifest.comparison import compare, compare_image, paths_to_digest
from pipeline.model.guest_path import GuestPath
from pipeline.model.layout import Layout
from pipeline.model.manifest import ImageFacts, Manifest
from pipeline.model.observation import Observation
from pipeline.model.rule import Rule
from pipeline.model.tree import Tree
from pipeline.model.verdict import Finding, Outcome, Verdict
from pipeline.rules.registry import RULES
from pipeline.standards import package_databases
from pipeline.verification import rules as rule_checks
from pipeline.verification.bills import compare_bills
from pipeline.verification.block_map import compare_block_map, read_block_map
from pipeline.verification.booted import booted_since
from pipeline.verification.delivery import MANIFEST, Delivery, find, on_medium
from pipeline.verification.host_keys import compare_host_keys
from pipeline.verification.medium import read_medium
from pipeline.verification.outside import compare_regions, compare_sidecars, with_outside
from pipeline.verification.own_values import own_values
from pipeline.verification.scan import Scan, scan
from pipeline.verification.statement import check_statement, has_statement, uncovered
from pipeline.verification.sums import check_gateway, check_release, read_sums
from pipeline.verification.trust import read_signed
from pipeline.verification.uniqueness import Uniqueness

Say = Callable[[str], None]

# Unpacked images wait for the appliance on disk; this many at most.
_MOST_UNPACKED = 8


class Observe(Protocol):
    """How images are read afresh: `pipeline.image.read.observe.observe`, or a stand-in of the tests."""

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
        """One result for each image, in order."""
        ...


@dataclass
class _Case:
    """What is known of one gateway so far; its manifest is read again when needed, a thousand would not fit."""

    delivery: Delivery
    gateway: str
    findings: list[Finding] = field(default_factory=list)
    checks: list[str] = field(default_factory=list)
    together: tuple[str, ...] = ()
    manifest_sha256: str = ""
    release: str = ""
    identified: str = ""
    facts: ImageFacts | None = None
    raw: Path | None = None
    identity: str = ""

    def verdict(self) -> Verdict:
        return Verdict(self.gateway, tuple(self.findings), tuple(self.checks), self.together)


def verify_paths(
    paths: Sequence[Path],
    *,
    allowed_signers: Path,
    identity: str | None,
    deep: bool,
    state_dir: Path,
    say: Say,
    observe: Observe | None = None,
    rules: Sequence[Rule] = RULES,
    medium: Path | None = None,
    uniqueness: Uniqueness | None = None,
    at: int | None = None,
) -> tuple[Verdict, ...]:
    """Verify images, gateway directories and release directories.

    Args:
        allowed_signers: public keys the user trusts, never those delivered with the release.
        identity: who must have signed, or None.
        deep: read the content of every file, not only of the changed ones.
        observe: who reads the images; None for libguestfs.
        state_dir: for the appliance and for unpacked images; need not be a workspace's.
        rules: all there are; those of the manifest's profile are judged on what is read.
        medium: a flashed medium, or a dump longer than the image, looked at in place of the one gateway's image.
        uniqueness: is told what each gateway has for itself; the caller may compare it with others later.
        at: the time at which limited validity of keys is judged, seconds since 1970; None for this machine's clock.

    Returns:
        One verdict for each gateway, then one for each release directory.

    Raises:
        PipelineError: a path holds nothing to verify.
    """
    observe = observe if observe is not None else _libguestfs()
    request = find(paths) if medium is None else on_medium(find(paths), medium)
    cases: list[_Case] = []
    known = uniqueness if uniqueness is not None else Uniqueness()
    state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with scratch_directory("verify-", state_dir) as scratch:
        waiting: list[_Case] = []
        for number, delivery in enumerate(request.deliveries):
            say(f"{delivery.name}: signature and digests")
            case = _check_files(delivery, allowed_signers, identity, at, scratch / f"{number}.img")
            cases.append(case)
            if case.raw is not None:
                waiting.append(case)
            if sum(one.raw is not None and one.raw.parent == scratch for one in waiting) >= _MOST_UNPACKED:
                _look_inside(waiting, deep, state_dir, say, observe, rules, known)
                waiting = []
        _look_inside(waiting, deep, state_dir, say, observe, rules, known)
    told = known.told()
    for case in cases:
        case.findings += known.clones(case.identified)
        case.together = told if not request.releases else ()
    releases = [
        check_release(
            release,
            {
                case.delivery.directory.name: case.release
                for case in cases
                if case.release and case.delivery.release == release
            },
            allowed_signers,
            identity,
            at,
        )
        for release in request.releases
    ]
    releases = [replace(verdict, checks=(*verdict.checks, *told)) for verdict in releases]
    return (*(case.verdict() for case in cases), *releases)


def _libguestfs() -> Observe:
    """Imported when needed: a stand-in does without the appliance's binding."""
    from pipeline.image.read.observe import observe  # noqa: PLC0415

    return observe


def _check_files(
    delivery: Delivery, allowed_signers: Path, identity: str | None, at: int | None, unpacked: Path
) -> _Case:
    """Everything that can be said without opening the image."""
    case = _Case(delivery, delivery.name)
    signed = read_signed(delivery, allowed_signers, identity, at)
    case.findings += signed.findings
    scanned = None
    if signed.content is not None:
        case.checks.append(signed.check)
        try:
            manifest = _parsed(signed.content)
        except PipelineError as error:
            case.findings += [Finding(MANIFEST, "schema", "", problem.what) for problem in error.problems]
        else:
            case.checks.append("manifest")
            case.manifest_sha256 = hashlib.sha256(signed.content).hexdigest()
            case.findings += check_statement(delivery, manifest, signed.public)
            case.findings += uncovered(delivery, manifest)
            if has_statement(delivery):
                case.checks.append("provenance and the files it covers")
            scanned = _check_image(case, manifest, unpacked)
    if delivery.release is not None:
        sums, wrong = read_sums(delivery.release)
        case.findings += [*wrong, *check_gateway(delivery, sums, scanned.delivered if scanned is not None else None)]
        case.checks.append("SHA256SUMS")
    return case


def _check_image(case: _Case, manifest: Manifest, unpacked: Path) -> Scan | None:
    delivery = case.delivery
    case.release, case.identified = manifest.release, manifest.gateway
    if delivery.claimed is None:
        case.gateway = manifest.gateway
    elif delivery.claimed != manifest.gateway:
        case.findings.append(Finding(MANIFEST, "gateway", delivery.claimed, manifest.gateway))
    if delivery.image is None:
        case.findings.append(Finding(manifest.image.file, "missing", "an image", "not there", Outcome.NOT_LOOKED))
        return None
    if manifest.sidecars:
        case.findings += compare_sidecars(manifest, delivery.directory)
        case.checks.append(f"beside the image: {', '.join(sidecar.file for sidecar in manifest.sidecars)}")
    blocks = read_block_map(delivery.directory)
    if isinstance(blocks, Finding):
        case.findings.append(blocks)
        blocks = None
    try:
        if delivery.medium is not None:
            case.checks.append(read_medium(delivery.medium, manifest.disk, unpacked))
        image = delivery.image if delivery.medium is None else unpacked
        case.identity = identity_of(image)
        scanned = scan(image, manifest.disk, blocks.ranges if blocks is not None else None, unpacked)
    except (PipelineError, OSError) as error:
        why = error.problems[0].what if isinstance(error, PipelineError) else f"{error.strerror}"
        case.findings.append(Finding(delivery.image.name, "readable", "", why, Outcome.NOT_LOOKED))
        return None
    if blocks is not None:
        raw = unpacked if unpacked.exists() else image
        case.findings += compare_block_map(blocks, scanned, manifest, raw)
        case.checks.append("block map")
    case.checks.append("image, partitions and what lies outside them")
    case.facts = scanned.facts
    if scanned.damage:
        case.findings.append(Finding(delivery.image.name, "compression", "intact", scanned.damage))
    whole = scanned.facts.size >= manifest.image.size
    if whole and scanned.container in (Container.DISK, Container.UNKNOWN):
        case.raw = unpacked if unpacked.exists() else delivery.image
    else:
        case.findings += compare_image(manifest, scanned.facts)
        if scanned.container not in (Container.DISK, Container.UNKNOWN):
            case.findings.append(Finding(delivery.image.name, "type", "disk image", scanned.container.value))
    return scanned


def _look_inside(
    cases: Sequence[_Case],
    deep: bool,  # noqa: FBT001 - private
    state_dir: Path,
    say: Say,
    observe: Observe,
    rules: Sequence[Rule],
    known: Uniqueness,
) -> None:
    """Read all these images through one appliance and compare each with its manifest."""
    if not cases:
        return
    say(f"reading {len(cases)} image{'s' if len(cases) > 1 else ''} afresh, read-only")
    images = [case.raw for case in cases if case.raw is not None]
    layouts = [_layouts_of(case) for case in cases]
    results = observe(
        images,
        digest=lambda index: paths_to_digest(_manifest_again(cases[index]), deep=deep),
        read=lambda index, tree: {*needed_paths(tree, layouts[index]), *package_databases(tree)},
        state_dir=state_dir,
        say=say,
        root=lambda index: _manifest_again(cases[index]).disk.root.number,
    )
    for case, result, known_layouts in zip(cases, _all_of(results, len(cases)), layouts, strict=True):
        _judge(case, result, known_layouts, rules, known, deep=deep)


def _layouts_of(case: _Case) -> tuple[Layout, ...]:
    """The layouts, with what the release decided where no document names a path."""
    try:
        return layouts_with(rule_checks.decisions_in(_manifest_again(case)).certificates)
    except (PipelineError, ValueError):  # told where the image is judged; or not a path, so nobody could look there
        return layouts_with("")


def _all_of(results: Iterator[Observation | PipelineError], wanted: int) -> Iterator[Observation | PipelineError]:
    """As many results as images, whatever happens on the way: an image nobody looked at has not passed."""
    given = 0
    try:
        for result in results:
            given += 1
            yield result
        failure = PipelineError("the appliance ended before it came to this image", "verify again; run doit doctor")
    except PipelineError as error:
        failure = error
    for _ in range(wanted - given):
        yield failure


def _judge(
    case: _Case,
    result: Observation | PipelineError,
    layouts: Sequence[Layout],
    rules: Sequence[Rule],
    known: Uniqueness,
    *,
    deep: bool,
) -> None:
    image = case.delivery.image
    if case.facts is None or image is None:
        raise AssertionError("only images that were scanned are looked into")
    try:
        manifest = _manifest_again(case)
    except PipelineError as error:
        case.findings.append(Finding(MANIFEST, "unchanged", "", error.problems[0].what, Outcome.NOT_LOOKED))
        return
    if isinstance(result, Observation):
        case.findings += compare(manifest, result, case.facts, deep=deep)
        if case.raw is not None and case.findings:
            case.findings += booted_since(manifest, result.tree, case.raw)
        files = "every file" if deep else "every changed file"
        case.checks.append(f"{len(result.tree)} paths: names and metadata; content of {files} that is not secret")
        view = view_of(result.disk, result.tree, result.files, layouts)
        if case.raw is not None:
            case.findings += compare_regions(manifest, case.raw)
            view = with_outside(view, rule_checks.decisions_in(manifest), case.raw, case.delivery.directory)
        case.findings += compare_host_keys(manifest, view)
        judged = rule_checks.judge_again(manifest, view, rules)
        case.findings += rule_checks.findings_of(manifest, judged)
        case.checks.append(rule_checks.covered(judged))
        if case.delivery.medium is None:
            case.findings += compare_bills(case.delivery.directory, manifest, result.files)
        known.add(manifest.gateway, own_values(view))
    else:
        bytes_differ = list(compare_image(manifest, case.facts))
        case.findings += bytes_differ
        # Bytes that differ explain why nobody can read it; unchanged ones mean that the fault is on our side.
        outcome = Outcome.DEVIATION if bytes_differ else Outcome.NOT_LOOKED
        case.findings.append(Finding(image.name, "readable", "", result.problems[0].what, outcome))
    if identity_of(image if case.delivery.medium is None or case.raw is None else case.raw) != case.identity:
        case.findings.append(Finding(image.name, "unchanged", "", "changed while being verified", Outcome.NOT_LOOKED))


def _manifest_again(case: _Case) -> Manifest:
    content = (case.delivery.directory / MANIFEST).read_bytes()
    if hashlib.sha256(content).hexdigest() != case.manifest_sha256:
        raise PipelineError(f"{case.gateway}: {MANIFEST} changed while being verified", "verify again, undisturbed")
    return _parsed(content)


@lru_cache(maxsize=4)
def _parsed(content: bytes) -> Manifest:
    """Each manifest is needed three times, and reading one of twenty thousand paths takes half a second."""
    return from_bytes(content, name=MANIFEST)
