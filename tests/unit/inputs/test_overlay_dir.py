"""Reading overlays: modes and owners from beside the files, and everything that is wrong at once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from pipeline.errors import PipelineError
from pipeline.host.digests import digest_of_tree
from pipeline.inputs.overlay_dir import read_overlay

CHECKOUT = Path(__file__).resolve().parents[3]


def an_overlay(root: Path, description: str = "", files: Mapping[str, str] | None = None) -> Path:
    path = root / "mine"
    (path / "rootfs").mkdir(parents=True)
    (path / "overlay.toml").write_text(description)
    for name, content in (files or {}).items():
        place = path / "rootfs" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(content)
    return path


def test_files_links_directories_modes_and_owners(tmp_path: Path) -> None:
    description = """
    [defaults]
    file_mode = "0640"
    gid = 5
    [paths."/etc/a"]
    mode = "4755"
    uid = 7
    secret = true
    reason = "everybody runs it, nobody else has it"
    [paths."/srv/data"]
    directory = true
    """
    path = an_overlay(tmp_path, description, {"etc/a": "A", "etc/b.j2": "B"})
    (path / "rootfs/etc/link").symlink_to("a")
    overlay = read_overlay(path)
    assert [(file.path, file.content, file.mode, file.uid, file.gid) for file in overlay.files] == [
        ("/etc/a", b"A", 0o4755, 7, 5),
        ("/etc/b", b"B", 0o640, 0, 5),
    ]
    assert [(file.template, file.secret) for file in overlay.files] == [(False, True), (True, False)]
    assert [(link.path, link.target) for link in overlay.links] == [("/etc/link", "a")]
    assert overlay.directories == (("/srv/data", 0o755, 0, 5),)
    assert overlay.name == "mine"


def test_origins_do_not_depend_on_where_the_overlay_lies(tmp_path: Path) -> None:
    overlay = read_overlay(an_overlay(tmp_path, "", {"etc/a.j2": ""}))
    assert [file.source for file in overlay.files] == ["mine/rootfs/etc/a.j2"]


def test_the_result_does_not_depend_on_modes_of_the_checkout(tmp_path: Path) -> None:
    path = an_overlay(tmp_path, "", {"etc/a": "A"})
    before = read_overlay(path)
    (path / "rootfs/etc/a").chmod(0o600)
    os.utime(path / "rootfs/etc/a", (1, 1))
    assert read_overlay(path) == before


def test_the_shipped_overlay_is_read() -> None:
    overlay = read_overlay(CHECKOUT / "overlays/common")
    assert [(file.path, file.mode, file.template) for file in overlay.files] == [
        ("/etc/issue.net", 0o644, False),
        ("/etc/motd", 0o644, True),
    ]


@pytest.mark.parametrize(
    ("description", "complaint"),
    [
        ('[paths."/etc/none"]\n', r"\[paths\] /etc/none: no such file"),
        ('[paths."etc/a"]\n', "not an absolute path"),
        ('[paths."/etc/../a"]\n', "not an absolute path"),
        ('[paths."/etc/a"]\nmode = 644\n', "must be four octal digits"),
        ('[paths."/etc/a"]\nmode = "0888"\n', "not four octal digits"),
        ('[paths."/etc/a"]\nmode = "644"\n', "not four octal digits"),
        ('[paths."/etc/a"]\nuid = -1\n', "whole number"),
        ('[paths."/etc/a"]\nuid = true\n', "whole number"),
        ('[paths."/etc/a"]\nowner = "root"\n', "owner: unknown key"),
        ('[paths."/etc/a"]\ndirectory = true\n', "calls it a directory"),
        ('[default]\nfile_mode = "0644"\n', "default: unknown key"),
        ("[paths\n", "not TOML"),
    ],
)
def test_a_wrong_description_is_refused(tmp_path: Path, description: str, complaint: str) -> None:
    with pytest.raises(PipelineError, match=complaint):
        read_overlay(an_overlay(tmp_path, description, {"etc/a": ""}))


def test_two_sources_for_one_path_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match="another source for /etc/a"):
        read_overlay(an_overlay(tmp_path, "", {"etc/a": "", "etc/a.j2": ""}))


def test_unless_the_template_is_taken_as_it_is(tmp_path: Path) -> None:
    overlay = read_overlay(
        an_overlay(tmp_path, '[paths."/etc/a.j2"]\ntemplate = false\n', {"etc/a": "", "etc/a.j2": ""})
    )
    assert [file.path for file in overlay.files] == ["/etc/a", "/etc/a.j2"]


def test_pipes_and_strange_names_are_refused_all_at_once(tmp_path: Path) -> None:
    path = an_overlay(tmp_path, "", {'quo"te': "", "new\nline": "", "ümlaut": ""})
    os.mkfifo(path / "rootfs/pipe")
    with pytest.raises(PipelineError) as caught:
        read_overlay(path)
    assert len(caught.value.problems) == 4


@pytest.mark.parametrize("missing", ["overlay.toml", "rootfs"])
def test_an_incomplete_overlay_is_refused(tmp_path: Path, missing: str) -> None:
    path = an_overlay(tmp_path)
    (path / missing).rename(path / "gone")
    with pytest.raises(PipelineError, match=missing):
        read_overlay(path)


SECRETS = {
    "a private key": ("etc/vpn/tls.key", "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkK\n"),
    "a password": ("etc/app.conf", "user=a\npassword=Hidden-Value-77\n"),
    "a hash": ("etc/shadow", f"root:$6$Ab3dE6gH${'h' * 86}:1::::::\n"),
    "a quoted one": ("etc/systemd/system/x.service", '[Service]\nEnvironment="DB_PASSWORD=Hidden-Value-77"\n'),
    "one in a template": ("etc/app.conf.j2", "name={{ gateway.name }}\npassword=Hidden-Value-77\n"),
}


@pytest.mark.parametrize("kind", SECRETS)
def test_secrets_are_decided(kind: str, tmp_path: Path) -> None:
    name, content = SECRETS[kind]
    place = name.removesuffix(".j2")
    with pytest.raises(PipelineError, match="holds a secret, which every gateway would share") as caught:
        read_overlay(an_overlay(tmp_path, "", {name: content}))
    assert "Hidden-Value-77" not in str(caught.value)
    (tmp_path / "kept").mkdir()
    (file,) = read_overlay(an_overlay(tmp_path / "kept", f'[paths."/{place}"]\nsecret = true\n', {name: content})).files
    assert (file.secret, file.mode) == (True, 0o600)
    (tmp_path / "public").mkdir()
    public = f'[paths."/{place}"]\nsecret = false\nreason = "an example in a manual"\n'
    (file,) = read_overlay(an_overlay(tmp_path / "public", public, {name: content})).files
    assert (file.secret, file.mode) == (False, 0o644)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ('mode = "4755"', "set-id"),
        ('mode = "2755"', "set-id"),
        ('mode = "0666"', "anybody may write"),
        ('mode = "0644"\nsecret = true', "anybody may read"),
        ("secret = false", ""),
    ],
)
def test_modes_are_judged(lines: str, said: str, tmp_path: Path) -> None:
    overlay = an_overlay(tmp_path, f'[paths."/etc/a"]\n{lines}\n', {"etc/a": "A"})
    if said:
        with pytest.raises(PipelineError, match=said):
            read_overlay(overlay)
    (tmp_path / "reasoned").mkdir()
    assert read_overlay(
        an_overlay(tmp_path / "reasoned", f'[paths."/etc/a"]\n{lines}\nreason = "so"\n', {"etc/a": "A"})
    )


LEFT_OUT = [
    "etc/.DS_Store", "etc/._motd", ".DS_Store", "etc/Thumbs.db", "srv/desktop.ini", "etc/.gitignore",
    "etc/.gitattributes", "etc/.gitkeep", "etc/.keep", "etc/.directory", "__MACOSX/etc/._a", "etc/@eaDir/a",
    "etc/.localized",
]  # fmt: skip

LEFTOVERS = [
    "etc/motd~", "etc/#motd#", "etc/.#motd", "etc/.motd.swp", "etc/.motd.swo", "etc/motd.bak", "etc/motd.orig",
    "etc/motd.rej", "etc/ssh/sshd_config.dpkg-old", "etc/motd.ucf-dist", "etc/motd.rpmsave", "etc/a.save", "etc/.a.un~",
    "etc/.nfs000000000001", "etc/.~lock.a.ods#", "etc/fw.img.part", "opt/app/__pycache__/a.pyc", ".git/HEAD",
    "opt/.svn/entries", "opt/app/.idea/workspace.xml", "opt/app/.vscode/settings.json",
]  # fmt: skip


@pytest.mark.parametrize("name", LEFT_OUT)
def test_what_a_system_leaves_is_left_out_and_of_no_digest(name: str, tmp_path: Path) -> None:
    path = an_overlay(tmp_path, "", {"etc/a": "A"})
    before = digest_of_tree(path, without=read_overlay(path).left_out)
    (path / "rootfs" / name).parent.mkdir(parents=True, exist_ok=True)
    (path / "rootfs" / name).write_text("x")
    (path / ".DS_Store").write_text("x")
    overlay = read_overlay(path)
    assert [file.path for file in overlay.files] == ["/etc/a"]
    assert digest_of_tree(path, without=overlay.left_out) == before


@pytest.mark.parametrize("name", LEFTOVERS)
def test_what_an_editor_leaves_is_refused_once_in_words(name: str, tmp_path: Path) -> None:
    path = an_overlay(tmp_path, "", {"etc/a": "A", name: "x"})
    with pytest.raises(PipelineError) as caught:
        read_overlay(path)
    (problem,) = caught.value.problems
    assert "by its name" in problem.what
    assert "overlay.toml" in problem.remedy


@pytest.mark.parametrize("name", [*LEFT_OUT, *LEFTOVERS])
def test_what_overlay_toml_names_is_meant(name: str, tmp_path: Path) -> None:
    path = an_overlay(tmp_path, f'[paths."/{name}"]\nmode = "0600"\n', {name: "x"})
    overlay = read_overlay(path)
    assert [(file.path, file.mode) for file in overlay.files] == [(f"/{name}", 0o600)]
    assert not overlay.left_out


def test_a_directory_that_is_named_means_what_is_in_it(tmp_path: Path) -> None:
    description = '[paths."/opt/app/.vscode"]\ndirectory = true\n[paths."/etc"]\ndirectory = true\n'
    path = an_overlay(tmp_path, description, {"opt/app/.vscode/settings.json": "{}"})
    assert [file.path for file in read_overlay(path).files] == ["/opt/app/.vscode/settings.json"]
    (path / "rootfs/opt/app/.vscode/settings.json~").write_text("{}")
    (path / "rootfs/etc").mkdir()
    (path / "rootfs/etc/motd~").write_text("{}")
    with pytest.raises(PipelineError) as caught:
        read_overlay(path)
    assert len(caught.value.problems) == 2


def test_an_empty_directory_is_named_not_kept(tmp_path: Path) -> None:
    path = an_overlay(tmp_path, "", {"srv/data/.gitkeep": ""})
    with pytest.raises(PipelineError, match="otherwise empty"):
        read_overlay(path)
    (path / "overlay.toml").write_text('[paths."/srv/data"]\ndirectory = true\n')
    assert read_overlay(path).directories == (("/srv/data", 0o755, 0, 0),)
    assert not read_overlay(path).files


@pytest.mark.parametrize(
    "name", ["etc/backup.conf", "etc/orig", "etc/motd.d/10-bak", "etc/keep", "etc/save.sh", "etc/a~b"]
)
def test_names_that_only_look_like_it_stay(name: str, tmp_path: Path) -> None:
    assert [file.path for file in read_overlay(an_overlay(tmp_path, "", {name: "x"})).files] == [f"/{name}"]
