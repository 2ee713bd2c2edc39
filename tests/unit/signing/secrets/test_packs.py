"""Images encrypted to a role in one command: real age and tar open them, for nobody else; nothing is in the clear."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pipeline.errors import PipelineError
from pipeline.model.recipient import Recipient
from pipeline.signing.secrets.packs import pack

pytestmark = pytest.mark.tools
PLANTED = b"planted-secret-of-the-image-7731"
EPOCH = 1_767_225_600


@pytest.fixture
def factory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recipient:
    monkeypatch.chdir(tmp_path)
    keys = []
    for name in ("factory", "stranger"):
        subprocess.run(["age-keygen", "-o", name], check=True, capture_output=True)
        found = subprocess.run(["age-keygen", "-y", name], check=True, capture_output=True, text=True)
        keys.append(found.stdout.strip())
    for name in ("gw-1", "fleet.base"):
        (tmp_path / "out" / name).mkdir(parents=True)
        (tmp_path / "out" / name / "image.img").write_bytes(PLANTED * 100_000 + bytes(5 << 20))
        (tmp_path / "out" / name / "manifest.json").write_text("{}")
    return Recipient("factory", (keys[0],), ("root",))


def test_tar_and_age_open_them_for_the_role_only(factory: Recipient, tmp_path: Path) -> None:
    written = pack([tmp_path / "out/gw-1", tmp_path / "out/fleet.base"], tmp_path / "packs", factory, epoch=EPOCH)
    assert [path.name for path in written] == ["gw-1.tar.age", "fleet.base.tar.age"]
    assert sorted(path.name for path in (tmp_path / "packs").iterdir()) == ["fleet.base.tar.age", "gw-1.tar.age"]
    (tmp_path / "opened").mkdir()
    for path in written:
        assert path.stat().st_mode & 0o777 == 0o600
        assert PLANTED not in path.read_bytes()
        subprocess.run(["bash", "-euo", "pipefail", "-c", f"age -d -i factory {path} | tar -x -C opened"], check=True)
        stranger = subprocess.run(["age", "-d", "-i", "stranger", path], check=False, capture_output=True)
        assert stranger.returncode != 0
        assert not stranger.stdout
    for name in ("gw-1", "fleet.base"):
        subprocess.run(["diff", "-r", f"out/{name}", f"opened/{name}"], check=True)
        assert (tmp_path / f"opened/{name}/image.img").stat().st_mtime == EPOCH


def test_the_archive_repeats(factory: Recipient, tmp_path: Path) -> None:
    """What is encrypted is the same each time, whoever built and whenever."""
    seen = set()
    for number in range(2):
        (written,) = pack([tmp_path / "out/gw-1"], tmp_path / f"packs-{number}", factory, epoch=EPOCH)
        seen.add(subprocess.run(["age", "-d", "-i", "factory", written], check=True, capture_output=True).stdout)
        (tmp_path / "out/gw-1/manifest.json").touch()
    assert len(seen) == 1


def test_what_is_wrong_leaves_nothing(factory: Recipient, tmp_path: Path) -> None:
    source, packs = tmp_path / "out/gw-1", tmp_path / "packs"
    nobody = Recipient("factory", (f"age1{'q' * 58}",), ("root",))
    with pytest.raises(PipelineError, match=r"age: failed to encrypt the images for gw-1\.tar\.age"):
        pack([source], packs, nobody, epoch=EPOCH)
    assert not list(packs.iterdir())
    with pytest.raises(PipelineError, match="gw-2: is not there"):
        pack([source, tmp_path / "out/gw-2"], packs, factory, epoch=EPOCH)
    assert not list(packs.iterdir())
    (source / "notes").mkdir()
    with pytest.raises(PipelineError, match="notes: is not a file"):
        pack([source], packs, factory, epoch=EPOCH)
    assert not list(packs.iterdir())
    (source / "notes").rmdir()
    (packs / "gw-1.tar.age").write_text("theirs")
    with pytest.raises(PipelineError, match="is there already"):
        pack([source], packs, factory, epoch=EPOCH)
    assert (packs / "gw-1.tar.age").read_text() == "theirs"
