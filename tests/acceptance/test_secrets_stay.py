"""Twenty and more known secrets through every provider: none in command lines, logs, databases, manifests or failures.

Every gateway gets five passwords and two private keys; they come encrypted by age into a build of all images, and by
every other provider into plans. What is looked for is each of them in every usual form, digests included.
"""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from pipeline.formats.crypto import jks
from tests.acceptance.conftest import GATEWAYS
from tests.support.crash.traces import traces
from tests.support.crash.watching import CommandLines
from tests.support.keys.client_keys import a_client_chain, pem_of, private_pem
from tests.support.media.image_files import read_file
from tests.support.media.raw_search import search
from tests.support.workspaces import CHECKOUT, Ran, a_workspace, doit, edit

pytestmark = [pytest.mark.appliance, pytest.mark.tools]

ESF = "/opt/eurotech/esf_5.0.0"
FLEET = "7e" * 16 + "a4" * 16
SOURCE = 'source = "file:.demo/secrets/fleet.key"'
GIVEN = '# given = ""'
PASSWORDS = ("root", "console", "certificates_keystore", "cacerts_keystore", "wifi")


@dataclass(frozen=True)
class Canaries:
    """One gateway's secrets: the text a provider gives, and the values to look for."""

    text: str = field(repr=False)
    passwords: Mapping[str, str] = field(repr=False)
    keys: Mapping[str, bytes] = field(repr=False)

    @property
    def values(self) -> dict[str, bytes]:
        """All of them by name."""
        return {**{name: value.encode() for name, value in self.passwords.items()}, **self.keys}


@dataclass(frozen=True)
class Planted:
    """A workspace with canaries, built while every command line was watched."""

    workspace: Path
    canaries: Mapping[str, Canaries]
    run: Ran
    lines: CommandLines

    @property
    def all_values(self) -> dict[str, bytes]:
        """Of every gateway, and of the fleet."""
        return self.values_of(*self.canaries)

    def values_of(self, *gateways: str) -> dict[str, bytes]:
        """Of some gateways, and of the fleet."""
        found = {f"{name} {kind}": value for name in gateways for kind, value in self.canaries[name].values.items()}
        return {**found, "fleet secret": bytes.fromhex(FLEET), "fleet secret, as written": FLEET.encode()}


def canaries(gateway: str) -> Canaries:
    host_key = Ed25519PrivateKey.generate()
    client, chain = a_client_chain(gateway)
    number = "".join(letter for letter in gateway if letter.isdigit())
    passwords = {name: f"Canary.{name.title().replace('_', '')}-{number}@{gateway[3:6]}_Zq7" for name in PASSWORDS}
    text = "".join(f'{name} = "{value}"\n' for name, value in passwords.items())
    openssh = host_key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    text += f'ssh_host_ed25519 = """{openssh}"""\n'
    text += f'[client_keys.client]\nkey = """{private_pem(client)}"""\ncertificates = """{pem_of(*chain)}"""\n'
    keys = {
        "host key": host_key.private_bytes_raw(),
        "client key": client.private_numbers().private_value.to_bytes(32, "big"),
    }
    return Canaries(text, passwords, keys)


def private(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.touch(0o600)
    path.write_text(text)


@pytest.fixture(scope="module")
def planted(demo_inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Planted:
    workspace = a_workspace(tmp_path_factory.mktemp("secrets") / "workspace", demo_inputs)
    private(workspace / "fleet.key", FLEET)
    subprocess.run(["age-keygen", "-o", "identity"], cwd=workspace, check=True, capture_output=True)
    (workspace / "identity").chmod(0o600)
    shown = subprocess.run(["age-keygen", "-y", "identity"], cwd=workspace, check=True, capture_output=True, text=True)
    made = {gateway: canaries(gateway) for gateway in GATEWAYS}
    for gateway, own in made.items():
        command = ["age", "-r", shown.stdout.strip(), "-o", f"{gateway}.age"]
        subprocess.run(command, cwd=workspace, input=own.text.encode(), check=True)
    edit(workspace / "gateway.toml", SOURCE, 'source = "file:fleet.key"')
    edit(workspace / "gateway.toml", GIVEN, 'given = "age:{gateway}.age"')
    edit(workspace / "gateway.toml", '# identity = ""', 'identity = "identity"')
    with CommandLines() as lines:
        ran = doit(workspace, "-n", "2", "build")
    assert ran.status == 0, ran.text
    return Planted(workspace, made, ran, lines)


def clean(planted: Planted, places: Mapping[str, bytes]) -> None:
    assert len(planted.all_values) >= 20
    assert traces(places, planted.all_values) == []


def test_what_was_given_is_in_the_images(planted: Planted) -> None:
    """Else there would be nothing to look for."""
    for gateway in GATEWAYS:
        image = planted.workspace / "out/demo-1.0" / gateway / "image.img"
        assert stat.S_IMODE(image.stat().st_mode) == 0o600
        own = planted.canaries[gateway].passwords
        text = read_file(image, f"{ESF}/kura/kura.properties").decode()
        assert own["certificates_keystore"] in text
        assert own["cacerts_keystore"] in text
        store = read_file(image, f"{ESF}/security/cacerts.ks")
        entries = {entry.alias: entry for entry in jks.read_keystore(store, own["cacerts_keystore"], "cacerts.ks")}
        client = entries["client"]
        assert isinstance(client, jks.PrivateKey)
        assert planted.canaries[gateway].keys["client key"] in client.pkcs8
        store = read_file(image, f"{ESF}/kura/certificates.ks")
        assert jks.read_keystore(store, own["certificates_keystore"], "certificates.ks")
        snapshot = read_file(image, f"{ESF}/data/snapshots/snapshot_0.xml").decode()
        assert own["cacerts_keystore"] in snapshot


def test_command_lines(planted: Planted) -> None:
    programs = {line.split(b"\0")[0].rpartition(b"/")[2] for line in planted.lines.seen}
    assert planted.lines.rounds > 500
    assert {b"age", b"debugfs"} & programs
    assert any(b"qemu-system" in program for program in programs)
    clean(planted, {f"command line {number}": line for number, line in enumerate(sorted(planted.lines.seen))})


def test_logs_databases_and_private_state(planted: Planted) -> None:
    places = {"output of the build": planted.run.text.encode()}
    images = {".img", ".growing"}
    for path in [*planted.workspace.glob(".doit*"), *sorted((planted.workspace / ".build").rglob("*"))]:
        if path.is_file() and path.suffix not in images:
            places[str(path.relative_to(planted.workspace))] = path.read_bytes()
    assert len(places) > 5
    clean(planted, places)


def test_manifests_and_everything_else_that_is_delivered(planted: Planted) -> None:
    places = {
        str(path.relative_to(planted.workspace)): path.read_bytes()
        for path in sorted((planted.workspace / "out").rglob("*"))
        if path.is_file() and path.suffix != ".img"
    }
    assert sum(name.endswith("manifest.json") for name in places) == len(GATEWAYS)
    clean(planted, places)


def test_reports(planted: Planted) -> None:
    results = f"out/demo-1.0/{GATEWAYS[0]}"
    places = {}
    for arguments in (
        ("plan", *GATEWAYS),
        ("explain", results, f"{ESF}/kura/kura.properties", f"{ESF}/security/cacerts.ks", "/etc/shadow"),
        ("secrets", GATEWAYS[0], "--to", "handed-over"),
    ):
        ran = doit(planted.workspace, *arguments)
        assert ran.status == 0, ran.text
        places[" ".join(arguments)] = ran.text.encode()
    clean(planted, places)
    handed_over = planted.workspace / "handed-over"
    assert stat.S_IMODE(handed_over.stat().st_mode) == 0o600
    assert all(value in handed_over.read_text() for value in planted.canaries[GATEWAYS[0]].passwords.values())
    handed_over.unlink()


def test_another_gateways_image(planted: Planted) -> None:
    """The raw bytes, free space and packed data included; the search finds the gateway's own."""
    first, *others = GATEWAYS
    image = planted.workspace / "out/demo-1.0" / first / "image.img"
    own = {"own": planted.canaries[first].passwords["cacerts_keystore"].encode()}
    found = search(image, {**planted.values_of(*others), **own})
    assert any(": own as plain" in line for line in found)
    assert [line for line in found if ": own as" not in line] == []


@pytest.mark.parametrize("provider", ["file", "env", "command", "sops"])
def test_the_other_providers(planted: Planted, provider: str, tmp_path: Path) -> None:
    workspace, gateway = planted.workspace, GATEWAYS[0]
    own = planted.canaries[gateway]
    environment: dict[str, str] = {}
    given = {
        "file": "file:given/{gateway}.toml",
        "env": "env:GIVEN_{gateway}",
        "command": "command:cat given/{gateway}.toml",
        "sops": "sops:given/{gateway}.toml",
    }[provider]
    if provider == "env":
        environment["GIVEN_GW_NORTH_01"] = own.text
    else:
        private(workspace / f"given/{gateway}.toml", own.text)
    if provider == "sops":
        # Debian has no sops: a stand-in that is called as it is and hands over what it was given, as TOML.
        (tmp_path / "sops").write_text('#!/bin/sh\nexec cat "$4"\n')
        (tmp_path / "sops").chmod(0o755)
        environment["PATH"] = f"{tmp_path}:{os.environ['PATH']}"
    edit(workspace / "gateway.toml", 'given = "age:{gateway}.age"', f'given = "{given}"')
    try:
        with CommandLines() as lines:
            plan = doit(workspace, "plan", gateway, env=environment)
            handed = doit(workspace, "secrets", gateway, "--to", str(tmp_path / "out"), env=environment)
        assert (plan.status, handed.status) == (0, 0), plan.text + handed.text
        text = (tmp_path / "out").read_text()
        assert all(f'{name} = "{value}"' in text for name, value in own.passwords.items())
        places = {f"command line {number}": line for number, line in enumerate(sorted(lines.seen))}
        clean(planted, {**places, "plan": plan.text.encode(), "secrets": handed.text.encode()})
    finally:
        edit(workspace / "gateway.toml", f'given = "{given}"', 'given = "age:{gateway}.age"')


FAILURES = {
    "a misspelt name": lambda text: text.replace("console =", "consol ="),
    "a value twice": lambda text: text.replace(text.split('"')[3], text.split('"')[1]),
    "a value that is weak": lambda text: text.replace("Canary.Wifi", "w")[:-1] + "\n",
    "a text cut off": lambda text: text[: len(text) // 3],
    "a key cut off": lambda text: text.replace("-----END OPENSSH PRIVATE KEY-----", ""),
    "a key of another certificate": lambda text: (
        text.partition("certificates = ")[0]
        + "certificates = "
        + canaries("gw-other-99").text.partition("certificates = ")[2]
    ),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_provoked_failures(planted: Planted, failure: str) -> None:
    workspace, gateway = planted.workspace, GATEWAYS[0]
    private(workspace / f"broken/{gateway}.toml", FAILURES[failure](planted.canaries[gateway].text))
    edit(workspace / "gateway.toml", 'given = "age:{gateway}.age"', 'given = "file:broken/{gateway}.toml"')
    try:
        ran = doit(workspace, "plan", gateway)
    finally:
        edit(workspace / "gateway.toml", 'given = "file:broken/{gateway}.toml"', 'given = "age:{gateway}.age"')
    assert "Traceback" not in ran.text
    assert ran.status == 2, ran.text
    clean(planted, {failure: ran.text.encode()})


def test_tracebacks_of_bugs(planted: Planted) -> None:
    """A bug in the plan, with everything it had at hand in its message."""
    script = (
        "import sys, pipeline.build.planned as planned, pipeline.build.stamping as stamping\n"
        "def bug(*arguments):\n"
        "    raise RuntimeError(repr(arguments) + ''.join(str(item) for item in arguments))\n"
        "planned.plan_device = bug\n"
        "stamping.device_plan_of(stamping.Workspace.here(), sys.argv[1])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, GATEWAYS[0]],
        cwd=planted.workspace,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        check=False,
    )
    assert b"RuntimeError: (Inputs(" in done.stderr
    assert b"GatewaySecrets(" in done.stderr
    clean(planted, {"traceback": done.stderr + done.stdout})


def test_the_search_would_find_them(planted: Planted) -> None:
    values = planted.all_values
    shown = {"log": json.dumps({name: value.hex() for name, value in values.items()}).encode()}
    assert len(traces(shown, values)) >= len(values)
