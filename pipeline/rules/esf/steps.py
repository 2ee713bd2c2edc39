"""Advice that no image can satisfy: steps for people, each with what to do (A:141, A:227, A:248; B:350, B:543)."""

from __future__ import annotations

from pipeline.model.image_view import ImageView
from pipeline.model.layout import Layout
from pipeline.model.rule import Check, Expected, Judgement, Rule, Severity
from pipeline.rules.esf.installation import no_keystore, on_esf

# What the first start does about the initial passwords, by generation of the framework (docs/kura-facts.md).
_AFTERWARDS = {
    "A": "ESF 5 changes the keystores' passwords at its first start in secure mode and leaves kura.properties as it "
    "is: the initial passwords stay there in clear, and a rollback to snapshot 0 or a factory reset makes them valid "
    "again until the next start",
    "B": "the first start makes up a new password for cacerts.ks; kura.properties keeps the old one, which no longer "
    "opens it",
    "C": "the first start makes up new passwords for the keystores and encrypts the snapshot",
}
_KURA_3 = (
    "open-source Kura 3 never changes the keystores: the initial passwords stay valid, and in clear in kura.properties"
)


def _first_boot(view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """What stands in clear before and after the first start, which people have to know."""
    del view, expected
    after = _KURA_3 if layout.generation == "A" and layout.product == "Kura" else _AFTERWARDS[layout.generation]
    return Judgement.unverifiable(
        "in the image the gateway's initial keystore passwords stand in clear: start every gateway once before "
        f"shipping, and keep the image files as safe as the passwords in them; {after}"
    )


def _step(text: str, *, needs_policy: bool = False, needs_certificates: bool = False) -> Check:
    """A check that can only say what people have to do."""

    def check(view: ImageView, layout: Layout, expected: Expected) -> Judgement:
        del view, expected
        if needs_policy and layout.policy is None:
            return Judgement.not_applicable("this product has no security policy")
        if needs_certificates and layout.certificates is None and not layout.lacks_certificates:
            return no_keystore(layout)
        return Judgement.unverifiable(text)

    return on_esf(check)


RULES: tuple[Rule, ...] = (
    Rule(
        id="steps.first_boot",
        title="the gateway is started once before it is shipped",
        why=(
            "Keystore passwords are replaced at the first start. A gateway that is shipped before still has the "
            "initial ones."
        ),
        severity=Severity.MEDIUM,
        documents=("A:227", "A:231", "B:543", "B:545"),
        references=("ETSI 5.4-1",),
        profile="documents",
        check=on_esf(_first_boot),
        remedy="boot, wait until ESF has written its snapshot encrypted, power off",
    ),
    Rule(
        id="steps.production_mode",
        title="ESF runs in production mode",
        why=(
            "Only the running framework knows whether it accepted everything; if not, it runs with less protection "
            "than planned."
        ),
        severity=Severity.MEDIUM,
        documents=("A:248", "B:26"),
        references=("62443 EDR 2.13",),
        profile="documents",
        check=_step(
            "look at the console after the first boot: in production mode its lower part shows no warning",
            needs_policy=True,
        ),
        remedy="policy.production and framework.* say what keeps it from starting",
    ),
    Rule(
        id="steps.services_active",
        title="all services and applications are active",
        why="A bundle that was refused is missing silently, and the application fails at the customer's.",
        severity=Severity.MEDIUM,
        documents=("A:249",),
        references=("62443 CR 7.6",),
        profile="documents",
        check=_step("look at services and packages in the console after the first boot"),
        remedy="packages.* and bundles.* say what keeps an application from running",
    ),
    Rule(
        id="steps.fingerprints",
        title="policy and command line are not changed after the first boot",
        why=(
            "The framework shuts down when policy or command line differ from the fingerprint: a late change on the "
            "gateway stops it at the next start."
        ),
        severity=Severity.MEDIUM,
        documents=("B:350", "B:356", "B:358", "B:362", "B:366", "B:378"),
        references=("62443 CR 3.4",),
        profile="documents",
        check=_step(
            "ESF takes fingerprints of the policy and of its command line at the first start in production mode and "
            "shuts down when they change: change neither on the gateway, or reload the fingerprint in its console",
            needs_policy=True,
        ),
        remedy="System, Settings, Security Options: Reload fingerprint",
    ),
    Rule(
        id="steps.control_certificate",
        title="the certificate of control messages arrives with provisioning",
        why="Without the certificate the gateway cannot tell genuine control messages from forged ones.",
        severity=Severity.MEDIUM,
        documents=("A:208",),
        references=("62443 EDR 3.12",),
        profile="documents",
        check=_step(
            "the certificate that verifies control messages is obtained by the gateway itself during provisioning: "
            "see in the cloud's console that the gateway was provisioned",
            needs_certificates=True,
        ),
        remedy="Everyware Cloud, Devices: provisioning status",
    ),
    Rule(
        id="steps.keep_safe",
        title="snapshots and images are kept in a safe place",
        why=(
            "Whoever gets an image or export has the provisioning password in clear and can enrol gateways of their "
            "own."
        ),
        severity=Severity.HIGH,
        documents=("A:141", "B:466"),
        references=("ETSI 5.4-1", "62443 CR 4.1"),
        profile="documents",
        check=_step(
            "the image holds a snapshot with the provisioning password in clear: keep images, exports and keys where "
            "only those who need them can read them, and encrypt them on their way to the factory"
        ),
        remedy="mode 0600, an encrypted disk, an encrypted transfer",
    ),
    Rule(
        id="steps.keep_up_to_date",
        title="ESF is kept up to date",
        why="Holes in old releases of the framework are published, and exploits for them follow.",
        severity=Severity.MEDIUM,
        documents=("A:124",),
        references=("ETSI 5.3-2", "CRA I.1(2)(c)"),
        profile="documents",
        check=_step("ask the vendor whether this release of ESF is still the latest and supported"),
        remedy="a vanilla image of the latest release, and a golden sample made with it",
    ),
)
