"""Production mode, and a security policy that lets only the vendor's and our own bundles run (B:223 to B:229)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pipeline.errors import PipelineError, Problem, raise_if_any
from pipeline.formats import distinguished_name, esf_policy
from pipeline.formats.distinguished_name import DnError
from pipeline.formats.esf_policy import ALL_PERMISSION, SIGNER, Condition, Permission, Row, SecurityPolicy
from pipeline.model.golden import Golden
from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import FileEntry, Layer, Origin
from pipeline.model.release import Release
from pipeline.model.tree import Kind, Node
from pipeline.model.trust import Trust
from pipeline.model.vanilla import Vanilla

_RULE = "policy.production"
_SOURCE = "gateway.toml [policy], keys.toml"
_EVERYTHING = (Permission(ALL_PERMISSION, ("*", "*")),)


def harden(golden: Golden, vanilla: Vanilla, release: Release, trust: Trust) -> Layer:
    """``security.policy`` in production mode, and its backup copy in step, so that no reset brings back the old one.

    The golden sample's own policy is checked; its rows for further signers are kept only where the release asks.

    Raises:
        PipelineError: no vendor signer (the framework's own bundles would be denied), a pattern that is none or names
            nobody, a golden policy the gateway would refuse, a bundle that no row lets run.
    """
    layout = vanilla.layout
    if layout.policy is None:
        return Layer()
    rows = [*_vendor_rows(release), _own_row(trust)]
    if golden.policy is not None:
        known = esf_policy.read_policy(golden.policy, "golden: security.policy")
        if release.policy.keep_golden:
            rows += _kept(known.rows, rows)
    policy = SecurityPolicy(permit_debug=False, rows=tuple(rows))
    raise_if_any(_unable_to_run(policy, trust))
    content = esf_policy.render_policy(policy)
    if esf_policy.production_problems(policy) or esf_policy.read_policy(content, "generated policy") != policy:
        raise AssertionError("the generated policy is not what was meant")
    return Layer.of(
        _file(vanilla, layout.policy, content, Origin(_RULE, _SOURCE, "B:340")),
        *(
            _file(vanilla, path, content, Origin("policy.backup", _SOURCE, "B:243"))
            for path in _backups(vanilla, layout.policy)
        ),
    )


def _vendor_rows(release: Release) -> list[Row]:
    where = "gateway.toml [policy] vendor_signers"
    problems: list[Problem] = []
    if not release.policy.vendor_signers:
        problems.append(
            Problem(
                f"{where}: no vendor signer; the framework's own bundles would not be allowed to run",
                "name the vendor's signer; keytool -printcert -jarfile PLUGIN.jar shows its chain",
            )
        )
    for pattern in release.policy.vendor_signers:
        try:
            if distinguished_name.admits_anybody(pattern):
                problems.append(Problem(f"{where}: {pattern!r} admits everybody", "name the signer or its issuer"))
        except DnError as error:
            problems.append(
                Problem(f"{where}: {pattern!r}: {error}", "write CN=…,O=…,C=… of each certificate, leaf first")
            )
    raise_if_any(problems)
    return [_row(pattern) for pattern in release.policy.vendor_signers]


def _own_row(trust: Trust) -> Row:
    """Our chain in full: an exact match, since a leaf's name alone never matches the chain of a company's CA."""
    return _row(";".join(certificate.subject for certificate in trust.signer_chain))


def _row(pattern: str) -> Row:
    return Row(f"All permissions to bundles signed by {pattern}", "ALLOW", Condition(SIGNER, pattern), _EVERYTHING)


def _kept(rows: Iterable[Row], ours: Sequence[Row]) -> list[Row]:
    """Rows of the golden policy that admit somebody by signature, and are not among ours."""
    admitted = {row.condition for row in ours}
    kept = []
    for row in rows:
        condition = row.condition
        if row.access != "ALLOW" or condition is None or condition.type != SIGNER or condition.negated:
            continue
        try:
            nobody = distinguished_name.admits_anybody(condition.argument)
        except DnError as error:
            raise PipelineError(
                f"golden: security.policy: policy {row.name!r}: {error}", "correct its distinguished name"
            ) from None
        if not nobody and condition not in admitted:
            kept.append(row)
    return kept


def _unable_to_run(policy: SecurityPolicy, trust: Trust) -> list[Problem]:
    patterns = [row.condition.argument for row in policy.rows if row.condition is not None]
    return [
        Problem(
            f"{package.file_name}: bundle {bundle.symbolic_name} is signed by {'; '.join(bundle.signer_chain)}, "
            "whom the security policy does not admit",
            "let the release's own key sign it, or add its signer to gateway.toml [policy] vendor_signers",
        )
        for package in trust.packages
        for bundle in package.bundles
        if not any(distinguished_name.matches(pattern, bundle.signer_chain) for pattern in patterns)
    ]


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


def _file(vanilla: Vanilla, path: GuestPath, content: bytes, origin: Origin) -> FileEntry:
    """The file with its present owner; nobody else may write it."""
    node = vanilla.tree.get(vanilla.tree.resolve(path)) or Node(Kind.FILE, 0o644)
    return FileEntry(path, content, (origin,), node.mode & 0o755, node.uid, node.gid)
