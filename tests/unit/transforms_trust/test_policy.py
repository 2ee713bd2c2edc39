"""The policy of a hardened gateway: production mode, the vendor and us, nobody else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.errors import PipelineError
from pipeline.formats.distinguished_name import matches
from pipeline.formats.esf_policy import (
    SIGNER,
    Condition,
    Row,
    SecurityPolicy,
    production_problems,
    read_policy,
    render_policy,
)
from pipeline.model.golden import Golden
from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import FileEntry, Layer
from pipeline.model.release import Policy, Release
from pipeline.model.trust import Trust
from pipeline.signing.bundle import sign_bundle
from pipeline.transforms.policy import harden
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
