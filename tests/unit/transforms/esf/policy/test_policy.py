"""The policy of a hardened gateway: production mode, the vendor and us, nobody else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.errors import PipelineError
from pipeline.formats.crypto.distinguished_name import matches
from pipeline.formats.esf.esf_policy import (
    LOCATION,
    SIGNER,
    Condition,
    Permission,
    Row,
    SecurityPolicy,
    production_problems,
    read_policy,
    render_policy,
)
from pipeline.model.golden import Golden
from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import FileEntry, Layer
from pipeline.model.release import Policy, PolicyRow, Release
from pipeline.model.trust import PlatformBundle, Trust
from pipeline.signing.bundles.bundle import sign_bundle
from pipeline.transforms.esf.policy import harden
from tests.support.release import a_release
from tests.support.trust import (
    HEATER,
    LEAF,
    ROOT,
    VENDOR,
    VENDOR_CA,
    a_bundle,
    a_chain_signer,
    a_golden,
    a_package,
    a_trust,
    a_vendor,
)
from tests.support.vanilla import ESF, LAYOUT, a_vanilla

POLICY = f"{ESF}/kura/security.policy"
BACKUP = f"{ESF}/security/policy_backup"
VENDORS = f"*;{VENDOR_CA}"


def release(*vendors: str, keep_golden: bool = False) -> Release:
    return a_release(policy=Policy(vendor_signers=vendors or (VENDORS,), keep_golden=keep_golden))


def read(layer: Layer, path: str = POLICY) -> SecurityPolicy:
    entry = layer.by_path[GuestPath(path)]
    assert isinstance(entry, FileEntry)
    return read_policy(entry.content, path)


def hardened(golden: Golden | None = None, trust: Trust | None = None, made: Release | None = None) -> SecurityPolicy:
    golden = golden or a_golden()
    return read(harden(golden, a_vanilla(), made or release(), trust or a_trust(golden)))


def test_the_vendor_and_we_may_run_and_nobody_else() -> None:
    policy = hardened(trust=a_trust(signer=a_chain_signer()))
    assert production_problems(policy) == []
    patterns = [row.condition.argument for row in policy.rows if row.condition is not None]
    assert patterns == [VENDORS, f"{LEAF};{ROOT}"]
    assert len(patterns) == len(policy.rows)
    assert not any(matches(pattern, [LEAF]) for pattern in patterns)
    assert not any(matches(pattern, ["CN=Stranger,O=Example,C=US", ROOT]) for pattern in patterns)


def test_the_backup_is_in_step() -> None:
    files = {f"{BACKUP}/security.policy": "old", f"{BACKUP}/other.policy": "old"}
    layer = harden(a_golden(), a_vanilla(files), release(), a_trust())
    assert read(layer) == read(layer, f"{BACKUP}/security.policy") == read(layer, f"{BACKUP}/other.policy")
    empty = harden(a_golden(), a_vanilla(), release(), a_trust())
    assert read(empty, f"{BACKUP}/security.policy") == read(empty)
    single = replace(LAYOUT, policy_backup=GuestPath(f"{ESF}/backup.policy"))
    layer = harden(a_golden(), a_vanilla({f"{ESF}/backup.policy": "old"}, layout=single), release(), a_trust())
    assert read(layer, f"{ESF}/backup.policy") == read(layer)
    assert len(harden(a_golden(), a_vanilla(layout=single), release(), a_trust())) == 1


def test_a_product_without_policy() -> None:
    vanilla = a_vanilla(layout=replace(LAYOUT, policy=None, policy_backup=None))
    assert len(harden(a_golden(), vanilla, release(), a_trust())) == 0


@pytest.mark.parametrize(
    ("vendors", "reason"),
    [
        (("-",), "admits everybody"),
        (("*;CN=*",), "admits everybody"),
        (("CN=a;",), "empty name"),
        (("Vendor",), "not of the form"),
    ],
)
def test_vendor_patterns_that_are_none(vendors: tuple[str, ...], reason: str) -> None:
    with pytest.raises(PipelineError, match=reason):
        hardened(made=release(*vendors))


def test_without_a_vendor_the_framework_could_not_start() -> None:
    with pytest.raises(PipelineError, match="no vendor signer"):
        hardened(made=a_release(policy=Policy()))


def test_a_bundle_that_no_row_lets_run_is_an_error() -> None:
    golden = a_golden({"heater_1.0.0.dp": a_package({HEATER: sign_bundle(a_bundle(), a_vendor())})})
    assert hardened(golden)
    with pytest.raises(PipelineError, match=f"org.example.heater is signed by {VENDOR}; {VENDOR_CA}, whom"):
        hardened(golden, made=release("CN=Somebody,O=Else"))


def test_the_golden_policy_is_checked_and_its_signers_kept_only_on_request() -> None:
    partner = Row("partner", "ALLOW", Condition(SIGNER, "CN=Partner,O=P;-"), hardened().rows[0].permissions)
    everybody = Row("everybody", "ALLOW", None, partner.permissions)
    anybody = replace(partner, name="anybody", condition=Condition(SIGNER, "-"))
    reversed_ = replace(partner, name="reversed", condition=Condition(SIGNER, "CN=x", negated=True))
    known = SecurityPolicy(permit_debug=True, rows=(everybody, partner, anybody, reversed_))
    golden = a_golden(policy=render_policy(known))
    assert len(hardened(golden).rows) == 2
    kept = hardened(golden, made=release(keep_golden=True))
    assert kept.rows[2:] == (partner,)
    assert not kept.permit_debug
    with pytest.raises(PipelineError, match=r"golden: security\.policy: not XML"):
        hardened(a_golden(policy=b"<esf:"))
    broken = replace(partner, condition=Condition(SIGNER, "Partner"))
    with pytest.raises(PipelineError, match="policy 'partner': not of the form"):
        hardened(
            a_golden(policy=render_policy(SecurityPolicy(permit_debug=False, rows=(broken,)))),
            made=release(keep_golden=True),
        )


CONNECT = ("java.net.SocketPermission", "*", "connect")


def declared(*rows: PolicyRow, **decisions: str) -> Release:
    return a_release(policy=Policy(vendor_signers=(VENDORS,), rows=rows, **decisions))  # type: ignore[arg-type]


def test_further_rows_come_first_in_the_order_of_the_file() -> None:
    rows = (PolicyRow("partner", "CN=Partner,O=P;-", (CONNECT,)), PolicyRow("no", "CN=No", (CONNECT,), "DENY"))
    policy = hardened(made=declared(*rows))
    assert [row.name for row in policy.rows[:2]] == ["partner", "no"]
    assert policy.rows[0].permissions == (Permission("java.net.SocketPermission", ("*", "connect")),)
    assert (policy.rows[1].access, policy.rows[1].condition) == ("DENY", Condition(SIGNER, "CN=No"))


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ((PolicyRow("all", "-", (CONNECT,)),), "row\\[1\\] 'all': '-' admits everybody"),
        ((PolicyRow("x", "Partner", (CONNECT,)),), "not of the form"),
        ((PolicyRow("x", "CN=a", (("java.net.SockPermission", "*"),)),), "there is no permission"),
        ((PolicyRow("x", "CN=a", (CONNECT,)), PolicyRow("x", "CN=b", (CONNECT,))), "its name is there twice"),
        ((PolicyRow("x", VENDORS, (("java.security.AllPermission",),)),), "never decides: row 1 decides everything"),
        ((PolicyRow("x", LEAF, (("java.security.AllPermission",),), "DENY"),), "does not admit .*row 1 'x' denies it"),
    ],
    ids=range(6),
)
def test_further_rows_that_are_wrong(rows: tuple[PolicyRow, ...], reason: str) -> None:
    with pytest.raises(PipelineError, match=reason):
        hardened(made=declared(*rows))


def golden_policy(*rows: Row) -> Golden:
    return a_golden(policy=render_policy(SecurityPolicy(permit_debug=True, rows=rows)))


def test_the_golden_policy_hardened() -> None:
    everything = hardened().rows[0].permissions
    partner = Row("partner", "ALLOW", Condition(SIGNER, "CN=Partner"), (Permission(*CONNECT[:1], CONNECT[1:]),))
    denied = Row("denied", "DENY", None, (Permission(*CONNECT[:1], CONNECT[1:]),))
    vendor = Row("vendor", "ALLOW", Condition(SIGNER, VENDORS), everything)
    gone = (
        Row("everybody", "ALLOW", None, everything),
        Row("somewhere", "ALLOW", Condition(LOCATION, "file:/*"), partner.permissions),
        Row("not", "ALLOW", Condition(SIGNER, "CN=x", negated=True), everything),
        Row("any", "ALLOW", Condition(SIGNER, "-"), everything),
    )
    golden = golden_policy(gone[0], partner, *gone[1:], vendor)
    layer = harden(golden, a_vanilla(), declared(source="golden"), a_trust())
    policy = read(layer)
    assert not policy.permit_debug
    assert policy.rows[:2] == (partner, vendor)
    assert policy.rows[2:] == (hardened().rows[1],)
    origins = layer.by_path[GuestPath(POLICY)].origins
    dropped = [origin.source.split("'")[1] for origin in origins if origin.rule == "policy.row_dropped"]
    assert dropped == [row.name for row in gone]
    everything_denied = golden_policy(denied, vendor)
    assert read(harden(everything_denied, a_vanilla(), declared(source="golden"), a_trust())).rows[0] == denied


def test_a_golden_policy_that_cannot_be_taken() -> None:
    with pytest.raises(PipelineError, match=r"the export has no security\.policy"):
        hardened(made=declared(source="golden"))
    broken = Row("broken", "ALLOW", Condition(SIGNER, "CN=x"), (Permission("java.io.FilePermission", ("/", "raed")),))
    with pytest.raises(PipelineError, match=r"policy 'broken': .* no action 'raed'"):
        hardened(golden_policy(broken), made=declared(source="golden"))
    closed = Row("closed", "DENY", None, hardened().rows[0].permissions)
    with pytest.raises(PipelineError, match="never decides"):
        hardened(golden_policy(closed), made=declared(source="golden"))


def test_the_platforms_own_bundles_must_be_able_to_run() -> None:
    fit = PlatformBundle("/opt/a.jar", (VENDOR, VENDOR_CA), ("1", "2"))
    harden(a_golden(), a_vanilla(), release(), a_trust(), (fit,))
    for bundle, reason in (
        (PlatformBundle("/opt/b.jar", problem="it is not signed"), "/opt/b.jar: .* it is not signed"),
        (PlatformBundle("/opt/c.jar", ("CN=Other",), ("3",)), "/opt/c.jar is signed by CN=Other, whom"),
    ):
        with pytest.raises(PipelineError, match=reason):
            harden(a_golden(), a_vanilla(), release(), a_trust(), (fit, bundle))
    limited = PolicyRow("limited", VENDORS, (CONNECT,), "DENY")
    with pytest.raises(PipelineError, match=r"all permissions \(row 1 'limited' denies it\)"):
        harden(a_golden(), a_vanilla(), declared(limited), a_trust(), (fit,))
