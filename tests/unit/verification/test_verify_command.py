"""Whose signatures `doit verify` believes, as a person calls it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.commands import verify
from pipeline.commands.verify import Verify
from pipeline.model.verdict import Verdict
from pipeline.verification.fleet import Trusted

OPTIONS = {"signers": "", "identity": "", "deep": False, "device": "", "as_json": False, "verify_time": ""}


@pytest.fixture
def believed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[bytes]:
    """The contents of the files of signers that the verifier was given."""
    seen: list[bytes] = []

    def verify_any(paths: object, trusted: Trusted, **others: object) -> tuple[Verdict, ...]:
        seen.append(trusted.allowed_signers.read_bytes())
        return ()

    monkeypatch.setattr(verify, "verify_any", verify_any)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return seen


def test_without_a_key_nothing_is_looked_at(
    believed: list[bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "allowed_signers").write_text("forger@example.com ssh-ed25519 AAAA\n")
    assert Verify().execute(OPTIONS, ["."]) == 2
    assert believed == []
    assert "nothing here says whose signature counts\n  fix: --allowed-signers" in capsys.readouterr().err


def test_the_users_own_file_is_believed(believed: list[bytes], tmp_path: Path) -> None:
    (tmp_path / "mine").write_bytes(b"mine")
    Verify().execute(OPTIONS | {"signers": "mine"}, ["."])
    assert believed == [b"mine"]


def test_in_a_workspace_its_own_key_is_believed(
    believed: list[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gateway.toml").touch()
    monkeypatch.setattr(verify.reading, "allowed_signers_of", lambda workspace: b"of the workspace")
    Verify().execute(OPTIONS, ["."])
    assert believed == [b"of the workspace"]


def test_two_at_once_believe_each_its_own_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In two workspaces of one user: while the first still works, the second begins with another key."""
    (tmp_path / "gateway.toml").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    keys = iter((b"of the first", b"of the second"))
    monkeypatch.setattr(verify.reading, "allowed_signers_of", lambda workspace: next(keys))
    seen: list[bytes] = []

    def verify_any(paths: object, trusted: Trusted, **others: object) -> tuple[Verdict, ...]:
        if not seen:
            seen.append(b"")
            Verify().execute(OPTIONS, ["."])
        seen.append(trusted.allowed_signers.read_bytes())
        return ()

    monkeypatch.setattr(verify, "verify_any", verify_any)
    Verify().execute(OPTIONS, ["."])
    assert seen == [b"", b"of the second", b"of the first"]
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.name.startswith("verify-")]
