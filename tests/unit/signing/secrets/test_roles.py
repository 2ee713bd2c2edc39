"""Secrets of all gateways to roles: real age opens each file for its own people only, and no role is told more."""

from __future__ import annotations

import shutil
import stat
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from pipeline.build import reading
from pipeline.commands.secrets import Secrets
from pipeline.errors import PipelineError
from pipeline.host.workspace import Workspace
from pipeline.inputs.release_file import read_release
from pipeline.signing.secrets import roles
from tests.support.keys.ssh_keys import ed25519
from tests.support.workspaces import CHECKOUT

GATEWAYS = ["gw-lab-03", "gw-north-01", "gw-south-02"]
PEOPLE = ("factory", "second-shift", "operations", "stranger")
KNOWS = {"factory": ["root"], "operations": ["console", "wifi"]}


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The shipped workspace with two roles; three people with age identities and one with an SSH key."""
    for name in ("gateway.toml", "devices.toml"):
        shutil.copy(CHECKOUT / name, tmp_path)
    (tmp_path / ".demo/keys").mkdir(parents=True)
    (tmp_path / ".demo/keys/demo-user.pub").write_text(ed25519() + "\n")
    (tmp_path / ".demo/secrets").mkdir()
    (tmp_path / ".demo/secrets/fleet.key").touch(0o600)
    (tmp_path / ".demo/secrets/fleet.key").write_text("5a" * 32)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    public = {}
    for name in ("factory", "operations", "stranger"):
        subprocess.run(["age-keygen", "-o", name], check=True, capture_output=True)
        found = subprocess.run(["age-keygen", "-y", name], check=True, capture_output=True, text=True)
        public[name] = found.stdout.strip()
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "second-shift"], check=True)
    public["second-shift"] = Path("second-shift.pub").read_text().strip()
    decide(
        tmp_path,
        f'role = "factory"\nage = ["{public["factory"]}", "{public["second-shift"]}"]\nknows = ["root"]',
        f'role = "operations"\nage = ["{public["operations"]}"]\nknows = ["console", "wifi"]',
    )
    return tmp_path


def decide(workspace: Path, *recipients: str) -> None:
    text = (CHECKOUT / "gateway.toml").read_text()
    text += "".join(f"\n[[secrets.recipient]]\n{recipient}\n" for recipient in recipients)
    (workspace / "gateway.toml").write_text(text)
    reading.forget_inputs()


def run(*arguments: str) -> int:
    return Secrets().parse_execute(arguments)


def opened(file: Path, who: str) -> dict[str, Any]:
    done = subprocess.run(["age", "-d", "-i", who, file], check=True, capture_output=True)
    return tomllib.loads(done.stdout.decode())


@pytest.mark.tools
def test_each_role_opens_its_own_and_is_told_no_more(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--all", "--to", "handover") == 0
    place = Workspace(workspace)
    passwords = {name: dict(reading.passwords_of(place, one)) for name, one in reading.gateways_of(place).items()}
    secret = {value.encode() for one in passwords.values() for value in one.values()}
    for role, people in (("factory", ("factory", "second-shift")), ("operations", ("operations",))):
        file = workspace / "handover" / f"{role}.age"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        for who in PEOPLE:
            if who not in people:
                done = subprocess.run(["age", "-d", "-i", who, file], check=False, capture_output=True)
                assert done.returncode != 0
                assert not done.stdout
                continue
            told = opened(file, who)
            assert sorted(told) == GATEWAYS
            for name, entry in told.items():
                assert {key: entry[key] for key in entry if key not in ("serial", "ssh_host_keys")} == {
                    key: passwords[name][key] for key in KNOWS[role]
                }
                assert entry["serial"].startswith("DEMO-")
                assert all(key.startswith(("ssh-ed25519 ", "ecdsa-")) for key in entry["ssh_host_keys"])
    shown = capsys.readouterr().out
    assert "handover/factory.age: 3 gateways: root" in shown
    # nothing in the clear anywhere, neither on the screen nor in a file of the workspace
    for text in (shown.encode(), *(file.read_bytes() for file in workspace.rglob("*") if file.is_file())):
        assert not [value for value in secret if value in text]


@pytest.mark.tools
def test_client_keys_are_told_as_they_are_given(workspace: Path) -> None:
    recipient = subprocess.run(
        ["age-keygen", "-y", "factory"], check=True, capture_output=True, text=True
    ).stdout.strip()
    decide(workspace, f'role = "installer"\nage = ["{recipient}"]\nknows = ["client_keys"]')
    with (workspace / "gateway.toml").open("a") as stream:
        stream.write('\n[[keystores.client_key]]\nalias = "client"\nkey = "derived:p256"\n')
    reading.forget_inputs()
    assert run("--all", "--to", "handover") == 0
    for entry in opened(workspace / "handover/installer.age", "factory").values():
        assert set(entry) == {"serial", "ssh_host_keys", "client_keys"}
        key = entry["client_keys"]["client"]
        public = subprocess.run(
            ["openssl", "pkey", "-pubout"], input=key["key"].encode(), check=True, capture_output=True
        ).stdout
        certified = subprocess.run(
            ["openssl", "x509", "-pubkey", "-noout"],
            input=key["certificates"].encode(),
            check=True,
            capture_output=True,
        ).stdout
        assert public == certified


@pytest.mark.tools
def test_all_or_nothing(workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (workspace / "handover").mkdir()
    (workspace / "handover/operations.age").write_text("theirs")
    assert run("--all", "--to", "handover") == 2
    assert "operations.age: it is there already" in capsys.readouterr().err
    assert [file.name for file in (workspace / "handover").iterdir()] == ["operations.age"]

    real = roles.write_private

    def full(path: Path, content: bytes) -> None:
        if path.name == "operations.age":
            raise PipelineError("the disk is full", "make room")
        real(path, content)

    monkeypatch.setattr(roles, "write_private", full)
    assert run("--all", "--to", "other") == 2
    assert not list((workspace / "other").iterdir())


@pytest.mark.tools
def test_a_recipient_that_is_none_leaves_nothing(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    decide(workspace, f'role = "factory"\nage = ["age1{"q" * 58}"]\nknows = ["root"]')
    assert run("--all", "--to", "handover") == 2
    assert "encrypt the secrets for factory" in capsys.readouterr().err
    assert not (workspace / "handover").exists()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--all",), "goes with --to DIRECTORY"),
        (("--all", "--to", "-"), "goes with --to DIRECTORY"),
        (("--all", "--to", "x", "gw-north-01"), "goes with --to DIRECTORY"),
        (("--all", "--to", "x", "--age", "age1"), "goes with --to DIRECTORY"),
        (("--pack", "factory"), "--pack goes with --to DIRECTORY"),
        (("--pack", "nobody", "--to", "x"), "no [[secrets.recipient]] of role nobody"),
        (("--pack", "factory", "--to", "x", "gw-9"), "gw-9: no such gateway"),
        (("--pack", "factory", "--to", "x"), "out/demo-1.0/gw-north-01: is not there"),
    ],
)
def test_what_does_not_go_together(
    workspace: Path, arguments: tuple[str, ...], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*arguments) == 2
    assert reason in capsys.readouterr().err


def test_nobody_to_be_told(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    decide(workspace)
    assert run("--all", "--to", "x") == 2
    assert "nobody would receive the secrets" in capsys.readouterr().err


AGE = f"age1{'q' * 58}"


@pytest.mark.parametrize(
    ("recipient", "reason"),
    [
        (f'role = "Factory"\nage = ["{AGE}"]\nknows = ["root"]', "'Factory' is not a role"),
        (f'role = "../x"\nage = ["{AGE}"]\nknows = ["root"]', "is not a role"),
        ('role = "factory"\nage = []\nknows = ["root"]', "nobody, so nobody could open"),
        ('role = "factory"\nage = ["age1x"]\nknows = ["root"]', "age[1]: is not an age recipient"),
        ('role = "factory"\nage = ["ssh-ed25519"]\nknows = ["root"]', "age[1]: is not an age recipient"),
        ('role = "factory"\nage = ["-i x"]\nknows = ["root"]', "age[1]: is not an age recipient"),
        (f'role = "factory"\nage = ["{AGE}", "{AGE}"]\nknows = ["root"]', "is there twice"),
        (f'role = "factory"\nage = ["{AGE}"]', "knows: nothing"),
        (f'role = "factory"\nage = ["{AGE}"]\nknows = ["everything"]', "knows[1]: is not one of root"),
        (f'role = "factory"\nage = ["{AGE}"]\nknows = ["root"]\nkey = 1', "unknown key"),
    ],
)
def test_roles_that_are_wrong(workspace: Path, recipient: str, reason: str) -> None:
    decide(workspace, recipient)
    with pytest.raises(PipelineError) as caught:
        read_release(workspace / "gateway.toml", None)
    assert reason in str(caught.value)


def test_a_role_twice(workspace: Path) -> None:
    decide(workspace, *[f'role = "factory"\nage = ["{AGE}"]\nknows = ["root"]'] * 2)
    with pytest.raises(PipelineError, match="factory is there twice"):
        read_release(workspace / "gateway.toml", None)
