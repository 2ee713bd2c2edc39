"""Production mode, and a security policy that lets only named signers' bundles run (B:223 to B:229)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pipeline.errors import PipelineError, Problem, raise_if_any
from pipeline.formats.esf import esf_policy
from pipeline.formats.esf.esf_policy import Row, SecurityPolicy
from pipeline.model.golden import Golden
from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import FileEntry, Layer, Origin
from pipeline.model.release import Release
from pipeline.model.tree import Kind, Node
from pipeline.model.trust import PlatformBundle, Trust
from pipeline.model.vanilla import Vanilla
from pipeline.transforms.esf.policy.admission import Decision, admission, unreachable
from pipeline.transforms.esf.policy.rows import declared_rows, hardened_rows, kept_signers, own_row, vendor_rows

_RULE = "policy.production"
_SOURCE = "gateway.toml [policy], keys.toml"
_GOLDEN = "golden: security.policy"


def harden(
    golden: Golden, vanilla: Vanilla, release: Release, trust: Trust, platform: Sequence[PlatformBundle] = ()
) -> Layer:
    """``security.policy`` in production mode, and its backup copy in step, so that no reset brings back the old one.

    Generated from the release's decisions, or the golden sample's with everything taken away that is for others than
    named signers; the vendor and we are always admitted. The first row that decides wins: the release's own come first.

    Args:
        platform: the vanilla image's own bundles, which the policy has to let run.

    Raises:
        PipelineError: no vendor signer (the framework's own bundles would be denied), a pattern that is none or names
            nobody, a golden policy the gateway would refuse, a row that never decides, a bundle that no row lets run.
    """
    layout = vanilla.layout
    if layout.policy is None:
        return Layer()
    rows, gone = _rows(golden, release, trust)
    policy = SecurityPolicy(permit_debug=False, rows=tuple(rows))
    raise_if_any([*_never_asked(policy), *_unable_to_run(policy, trust), *_platform_unable_to_run(policy, platform)])
    content = esf_policy.render_policy(policy)
    if esf_policy.production_problems(policy) or esf_policy.read_policy(content, "generated policy") != policy:
        raise AssertionError("the generated policy is not what was meant")
    dropped = tuple(Origin("policy.row_dropped", f"{_GOLDEN}: {row.name!r}: {why}", "B:229") for row, why in gone)
    return Layer.of(
        _file(vanilla, layout.policy, content, Origin(_RULE, _source(release), "B:340"), *dropped),
        *(
            _file(vanilla, path, content, Origin("policy.backup", _source(release), "B:243"))
            for path in _backups(vanilla, layout.policy)
        ),
    )


def _source(release: Release) -> str:
    return _SOURCE if release.policy.source == "generated" else f"{_GOLDEN}, {_SOURCE}"


def _rows(golden: Golden, release: Release, trust: Trust) -> tuple[list[Row], list[tuple[Row, str]]]:
    """The rows in their order, and those of the golden policy that go, with the reason."""
    first = declared_rows(release)
    needed = [*vendor_rows(release), own_row(trust)]
    if golden.policy is None:
        if release.policy.source == "golden":
            raise PipelineError(
                'gateway.toml [policy] source is "golden", and the export has no security.policy',
                'export it from the golden sample (A:175), or choose source = "generated"',
            )
        return [*first, *needed], []
    known = esf_policy.read_policy(golden.policy, _GOLDEN)
    if release.policy.source == "golden":
        kept, gone = hardened_rows(known.rows)
        there = {row.condition for row in kept if row.allows_everything}
        return [*first, *kept, *(row for row in needed if row.condition not in there)], gone
    further = kept_signers(known.rows, needed) if release.policy.keep_golden else []
    return [*first, *needed, *further], []


def _never_asked(policy: SecurityPolicy) -> list[Problem]:
    return [
        Problem(
            f"security policy: row {number} {row.name!r} never decides: row {earlier} decides everything before it",
            "remove the row, or let it come first",
        )
        for number, row, earlier in unreachable(policy)
    ]


def _unable_to_run(policy: SecurityPolicy, trust: Trust) -> list[Problem]:
    return [
        Problem(
            f"{package.file_name}: bundle {bundle.symbolic_name} is signed by {'; '.join(bundle.signer_chain)}, "
            f"whom the security policy does not admit{_denied_by(policy, bundle.signer_chain)}",
            "let the release's own key sign it, or add its signer to gateway.toml [policy] vendor_signers",
        )
        for package in trust.packages
        for bundle in package.bundles
        if admission(policy, bundle.signer_chain).decision is Decision.NOTHING
    ]


def _platform_unable_to_run(policy: SecurityPolicy, platform: Sequence[PlatformBundle]) -> Iterator[Problem]:
    """The platform's bundles start the framework's services; one that may not do everything stops the gateway."""
    for bundle in platform:
        if bundle.problem:
            yield Problem(
                f"vanilla image: {bundle.path}: the framework would not let it run: {bundle.problem}",
                "use a vanilla image whose bundles the vendor has signed (B:441)",
            )
        elif admission(policy, bundle.signer_chain).decision is not Decision.EVERYTHING:
            yield Problem(
                f"vanilla image: {bundle.path} is signed by {'; '.join(bundle.signer_chain)}, whom the security policy "
                f"does not give all permissions{_denied_by(policy, bundle.signer_chain)}",
                "add its signer to gateway.toml [policy] vendor_signers",
            )


def _denied_by(policy: SecurityPolicy, chain: Sequence[str]) -> str:
    denials = [f"row {number} {row.name!r}" for number, row in admission(policy, chain).rows if row.access == "DENY"]
    return f" ({', '.join(denials)} denies it)" if denials else ""


def _backups(vanilla: Vanilla, policy: GuestPath) -> list[GuestPath]:
    """Where copies of the policy lie: a file in some releases, a directory of one or more files in others."""
    backup = vanilla.layout.policy_backup
    if backup is None:
        return []
    place = vanilla.tree.resolve(backup)
    node = vanilla.tree.get(place)
    if node is None:
        return []
    if node.kind is not Kind.DIRECTORY:
        return [backup]
    children = vanilla.tree.children(place)
    names = [path.name for path in children if vanilla.tree.nodes[path].kind is Kind.FILE]
    return [backup / name for name in names or [policy.name]]


def _file(vanilla: Vanilla, path: GuestPath, content: bytes, *origins: Origin) -> FileEntry:
    """The file with its present owner; nobody else may write it."""
    node = vanilla.tree.get(vanilla.tree.resolve(path)) or Node(Kind.FILE, 0o644)
    return FileEntry(path, content, origins, node.mode & 0o755, node.uid, node.gid)
