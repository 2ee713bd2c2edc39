"""The rows of a gateway's policy: the release's own, the vendor's, ours, and what is kept of the golden sample's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pipeline.errors import PipelineError, Problem, raise_if_any
from pipeline.formats.crypto import distinguished_name
from pipeline.formats.crypto.distinguished_name import DnError
from pipeline.formats.esf.esf_policy import ALL_PERMISSION, SIGNER, Condition, Permission, Row
from pipeline.formats.java import java_permissions
from pipeline.model.release import PolicyRow, Release
from pipeline.model.trust import Trust

_EVERYTHING = (Permission(ALL_PERMISSION, ("*", "*")),)


def declared_rows(release: Release) -> list[Row]:
    """The further policies of ``gateway.toml``; `PipelineError` for all that is wrong with them."""
    problems: list[Problem] = []
    for number, wanted in enumerate(release.policy.rows, 1):
        where = f"gateway.toml [policy] row[{number}] {wanted.name!r}"
        problems += _signer_problems(wanted.signer, where, deny=wanted.access == "DENY")
        problems += [
            Problem(f"{where}: {reason}", "the documents list permissions at B:180 to B:219")
            for kind, *values in wanted.permissions
            for reason in java_permissions.problems(kind, values)
        ]
        problems += _twice(wanted, release, where)
    raise_if_any(problems)
    return [
        Row(
            wanted.name,
            wanted.access,
            Condition(SIGNER, wanted.signer),
            tuple(Permission(kind, tuple(values)) for kind, *values in wanted.permissions),
        )
        for wanted in release.policy.rows
    ]


def _twice(wanted: PolicyRow, release: Release, where: str) -> list[Problem]:
    if sum(other.name == wanted.name for other in release.policy.rows) > 1:
        return [Problem(f"{where}: its name is there twice", "give each row a name of its own")]
    return []


def vendor_rows(release: Release) -> list[Row]:
    """The vendor's signers, who need all permissions for the framework to start."""
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
        problems += _signer_problems(pattern, where, deny=False)
    raise_if_any(problems)
    return [_row(pattern) for pattern in release.policy.vendor_signers]


def own_row(trust: Trust) -> Row:
    """Our chain in full: an exact match, since a leaf's name alone never matches the chain of a company's CA."""
    return _row(";".join(certificate.subject for certificate in trust.signer_chain))


def kept_signers(rows: Iterable[Row], ours: Sequence[Row]) -> list[Row]:
    """Rows of the golden policy that admit somebody by signature, and are not among ours."""
    admitted = {row.condition for row in ours}
    return [row for row in rows if row.access == "ALLOW" and row.condition not in admitted and not _admits_anybody(row)]


def hardened_rows(rows: Iterable[Row]) -> tuple[list[Row], list[tuple[Row, str]]]:
    """The golden policy's rows in their order, and those that go because they would admit more than named signers."""
    kept: list[Row] = []
    gone: list[tuple[Row, str]] = []
    for row in rows:
        _require_known_permissions(row)
        why = _admits_anybody(row) if row.access == "ALLOW" else ""
        if why:
            gone.append((row, why))
        else:
            kept.append(row)
    return kept, gone


def _admits_anybody(row: Row) -> str:
    """Why a row that allows something is for more than named signers; empty when it is not (B:134, B:223 to B:229)."""
    condition = row.condition
    if condition is None:
        return "it is for every bundle, signed or not"
    if condition.type != SIGNER:
        return "any package can claim a location"
    if condition.negated:
        return "its reversed condition holds for unsigned bundles"
    try:
        return "it is for every signer" if distinguished_name.admits_anybody(condition.argument) else ""
    except DnError as error:
        raise PipelineError(
            f"golden: security.policy: policy {row.name!r}: {error}", "correct its distinguished name"
        ) from None


def _require_known_permissions(row: Row) -> None:
    raise_if_any(
        Problem(f"golden: security.policy: policy {row.name!r}: {reason}", "correct it on the golden sample")
        for item in row.permissions
        for reason in java_permissions.problems(item.type, item.values)
    )


def _signer_problems(pattern: str, where: str, *, deny: bool) -> list[Problem]:
    try:
        if distinguished_name.admits_anybody(pattern) and not deny:
            return [Problem(f"{where}: {pattern!r} admits everybody", "name the signer or its issuer")]
    except DnError as error:
        return [Problem(f"{where}: {pattern!r}: {error}", "write CN=…,O=…,C=… of each certificate, leaf first")]
    return []


def _row(pattern: str) -> Row:
    return Row(f"All permissions to bundles signed by {pattern}", "ALLOW", Condition(SIGNER, pattern), _EVERYTHING)
