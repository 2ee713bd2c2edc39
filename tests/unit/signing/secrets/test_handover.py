"""Secrets handed over on request: to a private or encrypted file, never unasked, and what a new generation changes."""

from __future__ import annotations

import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from pipeline.build import reading
from pipeline.commands.secrets import Secrets
from pipeline.signing.secrets import handover
from pipeline.signing.secrets.given import PASSWORDS, parse_given
from tests.support.keys.ssh_keys import ed25519
from tests.support.release import EPOCH
from tests.support.workspaces import CHECKOUT, edit

GATEWAY = "gw-north-01"


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The shipped workspace with a fleet secret; `doit secrets` needs nothing else."""
    for name in ("gateway.toml", "devices.toml"):
        shutil.copy(CHECKOUT / name, tmp_path)
    (tmp_path / ".demo/keys").mkdir(parents=True)
    (tmp_path / ".demo/keys/demo-user.pub").write_text(ed25519() + "\n")
    (tmp_path / ".demo/secrets").mkdir()
    (tmp_path / ".demo/secrets/fleet.key").touch(0o600)
    (tmp_path / ".demo/secrets/fleet.key").write_text("5a" * 32)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    reading.forget_inputs()
    return tmp_path


def run(*arguments: str) -> int:
    return Secrets().parse_execute(arguments)


def test_a_private_file_and_no_word_of_it_on_the_screen(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(GATEWAY, "--to", "north.secrets") == 0
    file = workspace / "north.secrets"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    given = parse_given(file.read_bytes(), "handed over", gateway=GATEWAY, epoch=EPOCH)
    assert sorted(given.passwords) == sorted(PASSWORDS)
    shown = capsys.readouterr()
    assert not [value for value in given.passwords.values() if value in shown.out + shown.err]
    assert shown.out == f"north.secrets: secrets of {GATEWAY}, mode 0600\n"


def test_it_replaces_nothing_and_prints_nothing_into_logs(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (workspace / "there").write_text("kept")
    (workspace / "link").symlink_to("elsewhere")
    for arguments, reason in (
        ((GATEWAY, "--to", "there"), "there: it is there already"),
        ((GATEWAY, "--to", "link"), "link: it is there already"),
        ((GATEWAY, "--to", "no/such/directory"), "cannot be written"),
        ((GATEWAY,), "secrets are printed only on request"),
        ((GATEWAY, "--to", "-"), "standard output is not a terminal"),
        ((GATEWAY, "--to", "-", "--age", "age1x"), "cannot be shown on a terminal"),
        (("gw-none", "--to", "x"), "no such gateway"),
        (("--to", "x"), "one gateway is needed"),
        ((GATEWAY, "gw-south-02", "--to", "x"), "one gateway is needed"),
    ):
        assert run(*arguments) == 2
        shown = capsys.readouterr()
        assert (reason in shown.err, shown.out) == (True, "")
    assert (workspace / "there").read_text() == "kept"
    present = sorted(path.name for path in workspace.iterdir())
    assert present == [".demo", "devices.toml", "gateway.toml", "link", "there"]


def test_on_a_terminal_it_may_be_asked_for(
    workspace: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert run(GATEWAY, "--to", "-") == 0
    assert 'console = "' in capsys.readouterr().out


@pytest.mark.tools
def test_an_encrypted_file_opens_for_its_recipient_only(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipients = []
    for name in ("factory", "stranger"):
        subprocess.run(["age-keygen", "-o", name], check=True, capture_output=True)
        found = subprocess.run(["age-keygen", "-y", name], check=True, capture_output=True, text=True)
        recipients.append(found.stdout.strip())
    assert run(GATEWAY, "--to", "north.age", "--age", recipients[0]) == 0
    assert b"console" not in (workspace / "north.age").read_bytes()
    opened = subprocess.run(["age", "-d", "-i", "factory", "north.age"], check=True, capture_output=True).stdout
    assert sorted(parse_given(opened, "x", gateway=GATEWAY, epoch=EPOCH).passwords) == sorted(PASSWORDS)
    stranger = subprocess.run(["age", "-d", "-i", "stranger", "north.age"], capture_output=True, check=False)
    assert stranger.returncode != 0
    assert run(GATEWAY, "--to", "bad.age", "--age", "nobody") == 2
    assert not (workspace / "bad.age").exists()
    assert "failed to encrypt the secrets" in capsys.readouterr().err


def test_a_new_generation_gives_new_secrets_and_going_back_the_old_ones(workspace: Path) -> None:
    def handed_over(name: str, generation: int) -> dict[str, str]:
        text = (CHECKOUT / "gateway.toml").read_text().replace("# generation = 1", f"generation = {generation}")
        (workspace / "gateway.toml").write_text(text)
        reading.forget_inputs()
        assert run(GATEWAY, "--to", name) == 0
        return dict(parse_given((workspace / name).read_bytes(), "x", gateway=GATEWAY, epoch=EPOCH).passwords)

    first, second, again = handed_over("1", 1), handed_over("2", 2), handed_over("3", 1)
    assert first == again
    assert not set(first.values()) & set(second.values())


def test_given_secrets_are_what_is_handed_over(workspace: Path) -> None:
    edit(workspace / "gateway.toml", '# given = ""', 'given = "file:{gateway}.toml"')
    (workspace / f"{GATEWAY}.toml").touch(0o600)
    (workspace / f"{GATEWAY}.toml").write_text('console = "Console-given-7-Badger"\n')
    assert run(GATEWAY, "--to", "out") == 0
    assert 'console = "Console-given-7-Badger"\n' in (workspace / "out").read_text()


def test_where_no_file_can_be_without_a_name_it_is_on_the_disk_before_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[bytes] = []
    monkeypatch.setattr(handover, "write_unnamed", lambda *_: False)
    monkeypatch.setattr(handover.os, "fsync", lambda _: synced.append((tmp_path / "secrets").read_bytes()))
    handover.write_private(tmp_path / "secrets", b"all of it")
    assert synced == [b"all of it"] * 2, "the file, then its directory"
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o600
