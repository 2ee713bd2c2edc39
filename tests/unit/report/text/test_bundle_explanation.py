"""Whether a bundle will run, in words a release engineer can act on."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.build.explain.bundles import explain_bundles
from pipeline.errors import PipelineError
from pipeline.formats.crypto import jks
from pipeline.formats.esf.esf_policy import SIGNER, Condition, Permission, Row, SecurityPolicy, render_policy
from pipeline.host.workspace import Workspace
from pipeline.report.text.bundle_explanation import Ground, bundle_explanation, will_run
from pipeline.signing.bundles.bundle import sign_bundle
from pipeline.signing.bundles.platform import describe_bundle
from tests.support.trust import LEAF, VENDOR, VENDOR_CA, a_bundle, a_jar, a_package, a_signer, a_vendor

ALL = (Permission("java.security.AllPermission", ("*", "*")),)
CONNECT = (Permission("java.net.SocketPermission", ("*", "connect")),)
POLICY = SecurityPolicy(
    permit_debug=False,
    rows=(
        Row("the vendor", "ALLOW", Condition(SIGNER, f"{VENDOR};{VENDOR_CA}"), ALL),
        Row("no network", "DENY", Condition(SIGNER, LEAF), CONNECT),
        Row("ours", "ALLOW", Condition(SIGNER, LEAF), ALL),
    ),
)
OURS = frozenset({a_signer().certificates[0].sha256})


def test_a_bundle_that_runs() -> None:
    ground = Ground("security.policy", POLICY, OURS)
    bundle = describe_bundle("heater.jar", sign_bundle(a_bundle(), a_signer()))
    assert will_run(bundle, ground)
    assert bundle_explanation(bundle, ground).splitlines() == [
        "heater.jar",
        f"  signed by {LEAF}",
        "  certificates.ks has a certificate of this chain",
        "  will run under security.policy and may do some things",
        "    row 2 'no network' denies java.net.SocketPermission * connect",
        "    row 3 'ours' allows everything",
        f"    row 1 'the vendor': no, {VENDOR};{VENDOR_CA} is somebody else",
    ]


def test_bundles_that_do_not_run() -> None:
    ground = Ground("security.policy", POLICY, OURS)
    unsigned = describe_bundle("x.jar", a_bundle())
    assert not will_run(unsigned, ground)
    text = bundle_explanation(unsigned, ground)
    assert "takes it for unsigned: it is not signed" in text
    assert "WILL NOT RUN under security.policy" in text
    assert "row 1 'the vendor': no, it is for signed bundles" in text
    stranger = describe_bundle("x.jar", sign_bundle(a_bundle(), a_vendor()))
    assert "has no certificate of this chain" in bundle_explanation(stranger, ground)
    assert not will_run(stranger, ground)
    assert will_run(stranger, Ground("security.policy", POLICY))
    assert "no keystore to look into" in bundle_explanation(stranger, Ground("security.policy", POLICY))


def test_foreign_text_does_not_steer_the_terminal() -> None:
    bundle = describe_bundle("\x1b[2Jx.jar", a_bundle())
    assert "\x1b" not in bundle_explanation(bundle, Ground("p", POLICY))


def test_files_of_the_host(tmp_path: Path) -> None:
    (tmp_path / "a.jar").write_bytes(sign_bundle(a_bundle(), a_signer()))
    (tmp_path / "b.dp").write_bytes(a_package({"bundles/x.jar": a_bundle(), "bundles/y.jar": a_bundle()}))
    golden = tmp_path / "golden/opt"
    golden.mkdir(parents=True)
    (golden / "security.policy").write_bytes(render_policy(POLICY))

    def explain(policy: str, *names: str) -> tuple[str, bool]:
        paths = [str(tmp_path / name) for name in names]
        return explain_bundles(Workspace(tmp_path), paths, policy, lambda _: None)

    text, good = explain(str(golden / "security.policy"), "a.jar")
    assert good
    assert "no keystore" in text
    text, good = explain(str(tmp_path / "golden"), "a.jar", "b.dp")
    assert not good
    assert f"{tmp_path / 'b.dp'}: bundles/y.jar\n" in text
    trusted = jks.TrustedCertificate("vendor", a_vendor().certificates[1].der)
    (golden / "certificates.ks").write_bytes(jks.write_keystore([trusted], "secret", b"x", "x"))
    text, good = explain(str(golden / "security.policy"), "a.jar")
    assert not good
    assert "has no certificate of this chain" in text


def test_what_cannot_be_explained(tmp_path: Path) -> None:
    (tmp_path / "a.jar").write_bytes(a_bundle())
    (tmp_path / "empty.dp").write_bytes(a_jar({"x": "y"}, "Manifest-Version: 1.0\r\n\r\n"))
    for policy, name, reason in (
        ("", "none.jar", "cannot be read"),
        (str(tmp_path), "a.jar", "neither an image nor a security.policy"),
        (str(tmp_path / "none"), "a.jar", "cannot be read"),
        (str(tmp_path / "a.jar"), "a.jar", "not XML"),
        (str(tmp_path), "empty.dp", "no bundle in it"),
    ):
        with pytest.raises(PipelineError, match=reason):
            explain_bundles(Workspace(tmp_path), [str(tmp_path / name)], policy, lambda _: None)
