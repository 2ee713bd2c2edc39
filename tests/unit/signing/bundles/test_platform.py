"""The vanilla image's own bundles as the framework will see them."""

from __future__ import annotations

from dataclasses import replace

from pipeline.signing.bundles.bundle import sign_bundle
from pipeline.signing.bundles.platform import platform_bundles
from tests.support.trust import VENDOR, VENDOR_CA, a_bundle, a_vendor
from tests.support.vanilla import ESF, LAYOUT, a_vanilla

REAL = f"{ESF}_5.0.0"  # where the link leads

SIGNED = sign_bundle(a_bundle(), a_vendor())
FILES = {
    f"{ESF}/plugins/a_1.jar": SIGNED,
    f"{ESF}/plugins/b_1.jar": a_bundle(),
    f"{ESF}/kura/plugins/c_1.jar": SIGNED.replace(b"Signature-Version", b"Signature-Versiom", 1),
    f"{ESF}/plugins/d_1.jar": b"not an archive",
    f"{ESF}/plugins/org.eclipse.osgi_3.12.50.jar": b"the framework itself",
    f"{ESF}/plugins/org.eclipse.equinox.launcher_1.4.0.jar": b"what starts it",
    f"{ESF}/plugins/readme.txt": b"",
}


def test_each_bundle_with_its_signer_or_with_what_is_wrong() -> None:
    found = {bundle.path.removeprefix(f"{REAL}/"): bundle for bundle in platform_bundles(a_vanilla(FILES))}
    assert list(found) == ["kura/plugins/c_1.jar", "plugins/a_1.jar", "plugins/b_1.jar", "plugins/d_1.jar"]
    good = found["plugins/a_1.jar"]
    assert (good.signer_chain, good.problem) == ((VENDOR, VENDOR_CA), "")
    assert good.signer_fingerprints == tuple(certificate.sha256 for certificate in a_vendor().certificates)
    assert found["plugins/b_1.jar"].problem == "it is not signed"
    assert not found["plugins/d_1.jar"].signer_chain
    assert found["plugins/d_1.jar"].problem
    assert found["kura/plugins/c_1.jar"].problem


def test_a_link_is_the_bundle_it_leads_to() -> None:
    image = a_vanilla({f"{ESF}/plugins/a_1.jar": SIGNED}, links={f"{ESF}/plugins/b_1.jar": "a_1.jar"})
    assert [bundle.path for bundle in platform_bundles(image)] == [f"{REAL}/plugins/a_1.jar"]


def test_a_product_without_policy_is_not_asked() -> None:
    assert platform_bundles(a_vanilla(FILES, layout=replace(LAYOUT, policy=None))) == ()
