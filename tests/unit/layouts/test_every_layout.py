"""Every layout, from the image's own files to the rules: found, planned as a whole, and judged as delivered."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest

from pipeline.errors import PipelineError
from pipeline.formats.crypto import jks
from pipeline.formats.esf import esf_snapshot
from pipeline.image.read import never_booted
from pipeline.image.read.layout_detection import detect
from pipeline.inputs.layout_files import layouts_with, load_layouts, require_known
from pipeline.model.image_view import ImageView
from pipeline.model.release import Keystores, Release
from pipeline.model.rule import Judgement, RuleOutcome
from pipeline.model.trust import Certificate, GatewaySecrets
from pipeline.model.vanilla import Vanilla
from pipeline.plan.image_plan import Inputs, plan_device, plan_product
from pipeline.rules.expectations import expected_of
from pipeline.rules.registry import FRAMEWORK, judge
from pipeline.signing.secrets.secrets import FleetSecret, gateway_secrets
from pipeline.transforms.esf.keystores.services import BUNDLES
from tests.support import esf_view
from tests.support.esf.every_layout import LAYOUTS, NAMED, RELEASES, a_golden_of, a_vanilla_of
from tests.support.esf.installations import VERSIONS
from tests.support.network import NORTH
from tests.support.trust import a_signer, a_trust


def the_release(name: str) -> Release:
    release = replace(esf_view.the_release(), golden_esf_version=RELEASES[name])
    return replace(release, keystores=Keystores(certificates=NAMED)) if name == "esf-6" else release


def own_secrets(name: str) -> GatewaySecrets:
    """As a release derives them, its HTTPS key too; passwords that rules judge are strong."""
    derived = gateway_secrets(FleetSecret(bytes(32)), esf_view.the_release(), replace(NORTH, name=name))
    return replace(esf_view.own_secrets(name), https=derived.https)


@cache
def planned(name: str, tls: tuple[Certificate, ...] = ()) -> ImageView:
    golden, vanilla, release = a_golden_of(name), a_vanilla_of(name), the_release(name)
    inputs = Inputs(vanilla, golden, release, replace(a_trust(golden, a_signer()), tls=tls), ())
    gateway = replace(NORTH, interfaces={}) if vanilla.layout.generation == "C" else NORTH
    product = plan_product(inputs)
    device = plan_device(inputs, product, gateway, own_secrets(gateway.name))
    return ImageView.of(vanilla).after(product.layer).after(device.layer)


def test_all_layouts_that_ship_are_here() -> None:
    assert sorted(RELEASES) == sorted(layout.name for layout in load_layouts())


@pytest.mark.parametrize("name", RELEASES)
def test_it_is_found_in_the_image(name: str) -> None:
    vanilla = a_vanilla_of(name)
    found = detect(vanilla.tree, load_layouts(), vanilla.files.__getitem__)
    assert found is not None
    assert (found.layout.name, found.version) == (name, RELEASES[name])


@pytest.mark.parametrize("name", RELEASES)
def test_a_whole_gateway_is_planned_and_obeys_every_rule_of_the_product(name: str) -> None:
    view = planned(name)
    results = judge(
        view,
        expected_of(the_release(name)),
        profile="documents",
        waivers=(),
        epoch=1_767_225_600,
        rules=FRAMEWORK,
    )
    failed = {
        result.rule.id: [str(breach) for breach in result.judgement.breaches]
        for result in results
        if result.judgement.outcome is RuleOutcome.FAIL
    }
    assert failed == {}
    passed = [result for result in results if result.judgement.outcome is RuleOutcome.PASS]
    assert len(passed) >= 20, f"{len(passed)} of {len(results)}"


@pytest.mark.parametrize("name", RELEASES)
def test_things_lie_where_the_layout_says(name: str) -> None:
    view, layout = planned(name), LAYOUTS[name]
    snapshots = view.tree.children(view.tree.resolve(layout.snapshots))
    assert [path.name for path in snapshots] == ["snapshot_0.xml"]
    content = view.find(f"{layout.snapshots}/snapshot_0.xml")
    assert content is not None
    loaded = esf_snapshot.load(content, layout.generation)
    assert loaded.snapshot is not None
    assert (view.find(str(layout.dpa)) or b"").decode().strip().endswith(f"{layout.packages}/heater_1.0.0.dp")
    assert view.find(f"{layout.packages}/heater_1.0.0.dp")
    assert bool(layout.policy and view.find(str(layout.policy))) == (layout.product == "ESF")
    if layout.keystore_model == "service":
        passwords = {
            service.text("keystore.path"): service.text("keystore.password")
            for service in loaded.snapshot.configurations
            if service.text("keystore.path")
        }
        assert str(layout.cacerts) in passwords
        assert (BUNDLES in loaded.snapshot.by_pid) == (layout.product == "ESF")
        for path, password in passwords.items():
            store = view.find(path)
            assert store is not None
            assert jks.read_keystore(store, password, path)
        users = loaded.snapshot.by_pid["org.eclipse.kura.internal.useradmin.store.RoleRepositoryStoreImpl"]
        assert "kura.password" in users.text("users.config")
    elif name.startswith("kura-3"):
        assert view.find(str(layout.cacerts)) is None
    else:
        assert jks.read_keystore(view.find(str(layout.cacerts)) or b"", esf_view.own_secrets("x").cacerts_password, "x")
    if layout.console_auth == "plain":
        assert loaded.snapshot.by_pid["org.eclipse.kura.web.Console"].text("console.password.value")


@pytest.mark.parametrize("name", ["kura-3", "kura-3-edison"])
def test_kura_3_gets_its_first_keystore_where_there_is_a_certificate_for_it(name: str) -> None:
    """Its installers make none; then Java's own certificates count, and an empty keystore would trust nobody."""
    assert judged(planned(name), "keystores.jks").outcome is RuleOutcome.NOT_APPLICABLE
    (certificate,) = a_signer().certificates[-1:]
    view, layout = planned(name, (certificate,)), LAYOUTS[name]
    (entry,) = jks.read_keystore(view.find(str(layout.cacerts)) or b"", esf_view.own_secrets("x").cacerts_password, "x")
    assert isinstance(entry, jks.TrustedCertificate)
    assert entry.der == certificate.der
    node = view.tree.nodes[view.tree.resolve(layout.cacerts)]
    assert (node.mode, node.uid) == (0o600, 0)
    for rule in ("keystores.jks", "keystores.opens", "keystores.not_default"):
        assert judged(view, rule).outcome is RuleOutcome.PASS


def judged(view: ImageView, rule: str) -> Judgement:
    (found,) = (item for item in FRAMEWORK if item.id == rule)
    return found.check(view, expected_of(the_release("esf-5")))


@pytest.mark.parametrize("name", VERSIONS)
def test_installers_leave_nothing_that_a_running_framework_makes(name: str) -> None:
    vanilla, layout = a_vanilla_of(name), LAYOUTS[name]
    assert vanilla.find(str(layout.dpa)) is None
    assert vanilla.tree.get(vanilla.tree.resolve(layout.packages)) is None
    assert [path.name for path in vanilla.tree.children(vanilla.tree.resolve(layout.snapshots))] == ["snapshot_0.xml"]
    assert signs_besides_identity(vanilla) == []


def signs_besides_identity(vanilla: Vanilla) -> list[str]:
    return [sign.what for sign in never_booted.signs(vanilla)]


@pytest.mark.parametrize("name", ["kura-3", "kura-4", "kura-5-0"])
def test_start_scripts_that_everybody_may_write_are_no_longer(name: str) -> None:
    """As the installers of these generations leave them: run at boot by root or the process's user."""
    before, after = a_vanilla_of(name).tree, planned(name).tree
    scripts = [before.resolve(path) for path in LAYOUTS[name].start_scripts]
    assert {before.nodes[path].mode for path in scripts} == {0o777}
    assert {after.nodes[path].mode for path in scripts if path in after.nodes} == {0o755}


def test_the_named_keystore_of_esf_6_gets_our_signer() -> None:
    store = planned("esf-6").find(NAMED)
    assert store is not None
    entries = jks.read_keystore(store, esf_view.own_secrets("x").certificates_password, "x")
    assert a_signer().certificates[0].der in {
        entry.der for entry in entries if isinstance(entry, jks.TrustedCertificate)
    }


def test_without_its_path_packages_of_ours_are_refused_and_the_key_is_named() -> None:
    vanilla, golden = a_vanilla_of("esf-6"), a_golden_of("esf-6")
    (unknown,) = (layout for layout in load_layouts() if layout.name == "esf-6")
    assert unknown.lacks_certificates
    inputs = Inputs(replace(vanilla, layout=unknown), golden, the_release("esf-5"), a_trust(golden, a_signer()), ())
    inputs = replace(inputs, release=replace(inputs.release, golden_esf_version=""))
    product = plan_product(inputs)
    with pytest.raises(PipelineError) as caught:
        plan_device(inputs, product, NORTH, esf_view.own_secrets("x"))
    (problem,) = caught.value.problems
    assert problem.what.startswith("gateway.toml [keystores] certificates: is missing")
    assert "heater_1.0.0.dp" in problem.what


@pytest.mark.parametrize("name", ["esf-5", "esf-7", "kura-3", "kura-5"])
def test_a_path_where_the_layout_has_its_own_is_refused(name: str) -> None:
    (layout,) = (layout for layout in layouts_with(NAMED) if layout.name == name)
    with pytest.raises(PipelineError, match=r"\[keystores\] certificates: (ESF|Kura) .* keeps its bundle signers in"):
        require_known(layout, NAMED)
    require_known(layout, "")
    require_known(LAYOUTS["esf-6"], NAMED)
