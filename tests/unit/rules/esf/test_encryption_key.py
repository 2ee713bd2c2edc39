"""The framework's encryption key: each gateway's own where the release asks for it, and how the rule finds out."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.model.guest_path import GuestPath
from pipeline.model.image_view import ImageView
from pipeline.model.layer import FileEntry
from pipeline.model.release import Rules
from pipeline.model.rule import RuleOutcome
from pipeline.plan.image_plan import Inputs, plan_device, plan_product
from pipeline.transforms.esf.framework.encryption_key import FILE, PROPERTY, with_key
from tests.support.esf import kura6
from tests.support.esf.edits import both, put
from tests.support.esf.every_layout import a_golden_of, a_vanilla_of
from tests.support.network import NORTH
from tests.support.release import a_release
from tests.support.trust import a_signer, a_trust
from tests.unit.layouts.test_every_layout import own_secrets
from tests.unit.rules.esf.test_every_rule import look

RULE = "framework.encryption_key"
KEY = "0123456789abcdefghijklmnopqrstuv"
ASKING = a_release(rules=Rules(also=(RULE,)), golden_esf_version="")


def of_kura_6(unit: str, script: str = kura6.SCRIPT) -> ImageView:
    view = ImageView.of(a_vanilla_of("kura-6"))
    start = "/opt/eclipse/kura/bin/start_kura.sh"
    return both(put("/usr/lib/systemd/system/kura.service", unit), put(start, script, 0o755))(view)


@pytest.mark.parametrize("text", [kura6.SCRIPT, "#!/bin/sh\nexec java -Xmx1m -jar x.jar\n"])
def test_the_script_takes_the_key_from_the_gateway_s_file(text: str, tmp_path: Path) -> None:
    changed = with_key(text)
    assert with_key(changed) == changed
    key = tmp_path / "key"
    key.write_text(f"{KEY}\n")
    java, script = tmp_path / "java", tmp_path / "start.sh"
    java.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    for name in ("gen_config_ini.sh", "pgrep"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    java.chmod(0o755)
    script.write_text(changed.replace(str(FILE), str(key)).replace("export PATH=/bin:/usr/bin:$PATH\n", ""))
    done = subprocess.run(
        ["/bin/bash", str(script)],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
    )
    assert f"{PROPERTY}{KEY}" in done.stdout.splitlines()


@pytest.mark.parametrize(
    ("unit", "outcome", "shown"),
    [
        ("", RuleOutcome.FAIL, "which nothing sets"),
        ("LoadCredential=kura_encryption_key:/etc/kura-key", RuleOutcome.PASS, "credential"),
        ("SetCredentialEncrypted=kura_encryption_key: aGVsbG8=", RuleOutcome.PASS, "credential"),
        ("LoadCredential=other:/etc/kura-key", RuleOutcome.FAIL, "which nothing sets"),
        ("#LoadCredential=kura_encryption_key:/etc/kura-key", RuleOutcome.FAIL, "which nothing sets"),
        ("Environment=KURA_CRYPTO_SECRET_KEY=0123456789abcdef", RuleOutcome.FAIL, "in every copy"),
        ("EnvironmentFile=/etc/kura-key.conf", RuleOutcome.FAIL, "which nothing sets"),
    ],
)
def test_kura_6_takes_it_from_the_unit(unit: str, outcome: RuleOutcome, shown: str) -> None:
    found = look(of_kura_6(kura6.UNIT.replace("[Install]", f"{unit}\n\n[Install]")), RULE)
    assert found.outcome is outcome
    assert shown in found.why or any(shown in breach.found for breach in found.breaches)


def test_a_credential_or_the_debug_mode_in_a_drop_in_of_a_package() -> None:
    drop_in = "/usr/lib/systemd/system/kura.service.d/own.conf"
    view = put(drop_in, "[Service]\nLoadCredential=kura_encryption_key:/etc/key\n")(of_kura_6(kura6.UNIT))
    assert look(view, RULE).outcome is RuleOutcome.PASS
    for text in ("Environment=KURA_DEBUG_MODE=true", 'Environment="A=b" "KURA_DEBUG_MODE=true"'):
        found = look(put(drop_in, f"[Service]\n{text}\n")(view), "framework.jvm_options")
        assert [breach.line for breach in found.breaches if breach.path == drop_in] == [2], text
    spoilt = of_kura_6(kura6.UNIT.replace("--detached", "--detached --debug"))
    assert any("for a debugger" in breach.found for breach in look(spoilt, "framework.jvm_options").breaches)


def test_a_file_of_variables_with_the_key() -> None:
    view = of_kura_6(kura6.UNIT.replace("[Install]", "EnvironmentFile=/etc/kura-key.conf\n\n[Install]"))
    view = put("/etc/kura-key.conf", f"KURA_CRYPTO_SECRET_KEY={KEY}\n", 0o400)(view)
    assert look(view, RULE).outcome is RuleOutcome.PASS


def test_what_is_put_together_is_not_to_be_seen() -> None:
    script = kura6.SCRIPT.replace('"$KURA_CRYPTO_SECRET_KEY"', "$(tpm2_unseal -c 0x81000001)")
    assert look(of_kura_6(kura6.UNIT, script), RULE).outcome is RuleOutcome.UNVERIFIABLE
    hidden = kura6.SCRIPT.replace("exec java", "exec $JVM")
    assert look(of_kura_6(kura6.UNIT, hidden), RULE).outcome is RuleOutcome.UNVERIFIABLE


def test_which_key_esf_takes_is_in_no_document() -> None:
    found = look(ImageView.of(a_vanilla_of("esf-7")), RULE)
    assert found.outcome is RuleOutcome.UNVERIFIABLE
    assert "no document" in found.why


@pytest.mark.parametrize("layout", ["kura-3", "kura-4", "kura-5-0", "kura-5", "kura-6"])
def test_each_gateway_gets_its_own(layout: str) -> None:
    vanilla, golden = a_vanilla_of(layout), a_golden_of(layout)
    own = replace(own_secrets("north"), encryption_key=KEY)
    inputs = Inputs(vanilla, golden, ASKING, a_trust(golden, a_signer()), ())
    product = plan_product(inputs)
    gateway = replace(NORTH, interfaces={}) if vanilla.layout.network_truth == "snapshot" else NORTH
    device = plan_device(inputs, product, gateway, own)
    entry = device.layer.by_path[GuestPath(FILE)]
    assert isinstance(entry, FileEntry)
    assert (entry.content, entry.mode, entry.secret) == (f"{KEY}\n".encode(), 0o400, True)
    assert (entry.uid, entry.gid) == vanilla.process_owner
    assert GuestPath(FILE) not in product.layer.by_path
    view = ImageView.of(vanilla).after(product.layer).after(device.layer)
    assert look(view, RULE).outcome is RuleOutcome.PASS
    assert not [path for path, content in view.files.items() if KEY.encode() in content and path != FILE]
    # Not asked for, nothing is given.
    assert look(ImageView.of(vanilla), RULE).outcome is RuleOutcome.FAIL
