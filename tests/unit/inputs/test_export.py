"""Exports: what travels and what stays behind; hostile and broken ones refused by name."""

from __future__ import annotations

import base64
import contextlib
import io
import os
import re
import stat
import subprocess
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.classification import Class, Kind
from pipeline.classification.assemble import assemble, judge
from pipeline.classification.lock import Lock
from pipeline.demo.golden import forbidden_things, plant
from pipeline.errors import PipelineError
from pipeline.formats.esf import esf_snapshot
from pipeline.inputs.golden_export import read_export
from tests.support.golden import ABOUT, EXPORT, SNAPSHOT, a_snapshot, read_golden

EPOCH = 1_735_689_600
MINIMAL: Mapping[str, bytes] = {
    "export.toml": ABOUT,
    "snapshot_5.xml": b'<a><esf:configuration pid="x"/></a>',
}


def a_directory(root: Path, files: Mapping[str, bytes]) -> Path:
    root.mkdir(mode=0o700)
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(0o600)
    return root


def a_tar(path: Path, files: Mapping[str, bytes], *entries: tarfile.TarInfo, mode: str = "w") -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
        for entry in entries:
            archive.addfile(entry, io.BytesIO(b"\0" * entry.size))
    path.chmod(0o600)
    return path


def a_zip(path: Path, files: Mapping[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    path.chmod(0o600)
    return path


def entry(name: str, kind: bytes = tarfile.REGTYPE, target: str = "", size: int = 0) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname, made.size = kind, target, size
    return made


def committed() -> dict[str, bytes]:
    return {
        str(path.relative_to(EXPORT)): path.read_bytes()
        for path in sorted(EXPORT.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }


PPP0 = entry("etc/ppp/peers/ppp0", tarfile.SYMTYPE, "/etc/ppp/peers/LE910_2-1")


def _as_zip(path: Path) -> Path:
    a_zip(path, committed())
    with zipfile.ZipFile(path, "a") as archive:
        link = zipfile.ZipInfo("etc/ppp/peers/ppp0")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/ppp/peers/LE910_2-1")
    return path


def _as_zst(path: Path) -> Path:
    plain = a_tar(path.with_suffix(".plain"), committed(), PPP0)
    subprocess.run(["zstd", "-q", str(plain), "-o", str(path)], check=True)
    path.chmod(0o600)
    return path


def _inside_a_directory(path: Path) -> Path:
    link = entry("./golden-2024/etc/ppp/peers/ppp0", tarfile.SYMTYPE, "/etc/ppp/peers/LE910_2-1")
    files = {f"./golden-2024/{name}": content for name, content in committed().items()}
    return a_tar(path, files, entry("./golden-2024/", tarfile.DIRTYPE), link)


FORMS: dict[str, Callable[[Path], Path]] = {
    "tar": lambda path: a_tar(path, committed(), PPP0),
    "tar in any order": lambda path: a_tar(path, dict(reversed(committed().items())), PPP0),
    "tar.gz": lambda path: a_tar(path, committed(), PPP0, mode="w:gz"),
    "tar.xz": lambda path: a_tar(path, committed(), PPP0, mode="w:xz"),
    "zip": _as_zip,
    "tar with a directory around it": _inside_a_directory,
}


def test_the_committed_export_is_complete() -> None:
    golden = read_golden(EXPORT)
    assert golden.esf_version == "5.0.0"
    # Only the access point's passphrase is taken out: each gateway gets its own (A:119).
    left = esf_snapshot.read(golden.snapshot, "A", "golden").snapshot
    whole = esf_snapshot.read((EXPORT / SNAPSHOT).read_bytes(), "A", "file").snapshot
    assert left
    assert whole
    network = "org.eclipse.kura.net.admin.NetworkConfigurationService"
    passphrase = "net.interface.wlan0.config.wifi.master.passphrase"
    assert left == whole.with_configuration(whole.by_pid[network].without([passphrase]))
    assert sorted(golden.packages) == ["heater_1.0.0.dp", "org.example.meter_1.1.0.dp"]
    assert golden.policy is not None
    assert b"permit-debug" in golden.policy
    assert golden.links == {"/etc/ppp/peers/ppp0": "/etc/ppp/peers/LE910_2-1"}
    assert "/etc/ppp/peers/LE910_2-1" in golden.network
    assert (golden.refused, golden.missing) == ((), ())
    assert "Golden-" not in repr(golden)


def test_the_committed_snapshot_has_the_form_of_a_download() -> None:
    raw = (EXPORT / SNAPSHOT).read_bytes()
    assert raw.startswith(b'<?xml version="1.0" encoding="UTF-8"?><esf:configurations xmlns:esf=')
    assert raw.endswith(b"</esf:configurations>\n")
    assert b'type="Password">' in raw
    assert b'encrypted="false" name="password"' not in raw
    assert base64.b64encode(b"Golden-Mqtt-Pw-1") in raw


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same(form: str, tmp_path: Path) -> None:
    assert read_golden(FORMS[form](tmp_path / "export")) == _without_warnings()


@pytest.mark.tools
def test_zstd_gives_the_same(tmp_path: Path) -> None:
    assert read_golden(_as_zst(tmp_path / "export")) == _without_warnings()


def _without_warnings() -> object:
    return replace(read_golden(EXPORT), warnings=())


def test_planted_things_are_left_behind_and_do_not_change_the_digest(tmp_path: Path) -> None:
    target = tmp_path / "golden"
    plant(EXPORT, target, epoch=EPOCH)
    golden = read_golden(target)
    plain = read_golden(EXPORT)
    planted = forbidden_things(EXPORT, epoch=EPOCH)
    assert len(planted) >= 12
    assert [path for path, _ in golden.refused] == sorted(planted)
    assert all(reason for _, reason in golden.refused)
    assert not any("not in the documents' list" in reason for _, reason in golden.refused)
    assert golden.sha256 == plain.sha256
    assert (golden.network, golden.packages, golden.snapshot) == (plain.network, plain.packages, plain.snapshot)
    assert golden.warnings == ()
    kept = b"".join([golden.snapshot, golden.dpa, *golden.packages.values(), *golden.network.values()])
    for path in planted:
        # What is personal in each is its longest unbroken run of bytes; an earlier snapshot is told by its password.
        content = (target / path).read_bytes()
        telling = max(re.split(rb"[\s=\"]+", content), key=len)[-24:]
        if path == "snapshot_1700000000000.xml":
            telling = base64.b64encode(b"first-password")
            assert telling in content
        if (
            "persistent-net" in path
        ):  # the same address stands in network files, too, where its own transform removes it
            telling = content
        assert telling not in kept, path


def test_planting_again_replaces_and_nobody_else_can_read_it(tmp_path: Path) -> None:
    target = tmp_path / "golden"
    plant(EXPORT, target, epoch=EPOCH)
    (target / "left-over").write_text("x")
    plant(EXPORT, target, epoch=EPOCH)
    assert not (target / "left-over").exists()
    assert list(tmp_path.iterdir()) == [target]
    for path in [target, *target.rglob("*")]:
        if not path.is_symlink():
            assert not path.stat().st_mode & 0o077, path
            assert path.stat().st_mtime == EPOCH or path == target


@pytest.mark.tools
def test_the_planted_keystore_is_a_real_one(tmp_path: Path) -> None:
    (store,) = (name for name in forbidden_things(EXPORT, epoch=EPOCH) if name.endswith("cacerts.ks"))
    path = tmp_path / "store.ks"
    path.write_bytes(forbidden_things(EXPORT, epoch=EPOCH)[store])
    shown = subprocess.run(
        ["keytool", "-list", "-keystore", str(path), "-storetype", "JKS"],
        input=b"\n", capture_output=True, check=False, env={**os.environ, "LC_ALL": "C"},
    ).stdout  # fmt: skip
    assert b"golden" in shown
    assert b"PrivateKeyEntry" in shown


def test_what_the_documents_list_and_the_export_lacks_is_named(tmp_path: Path) -> None:
    golden = read_golden(a_directory(tmp_path / "export", MINIMAL))
    assert "dpa.properties (A:170)" in golden.missing
    assert "/etc/ppp/ (A:189)" in golden.missing
    assert "kuranet.conf (A:193)" in golden.missing
    assert "ifcfg-*" not in golden.missing
    assert len(golden.missing) == 12


def test_the_latest_snapshot_is_the_one_with_the_highest_number(tmp_path: Path) -> None:
    files = {**MINIMAL, "snapshot_12.xml": b'<a><esf:configuration pid="twelve"/></a>'}
    golden = read_golden(a_directory(tmp_path / "export", files))
    assert b"twelve" in golden.snapshot
    assert golden.refused == (("snapshot_5.xml", "not the latest snapshot, which is snapshot_12.xml (A:137)"),)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("etc/hostname", b"golden\n", "not in the documents' list"),
        ("etc/shadow", b"root:x:\n", "not in the documents' list"),
        ("etc/ppp/key.txt", b"x\n-----BEGIN RSA PRIVATE KEY-----\n", "holds a private key"),
        ("etc/ppp/putty", b"PuTTY-User-Key-File-3: ssh-ed25519\n", "holds a private key"),
        ("opt/eurotech/esf/kura/packages/a.dp", b"\xfe\xed\xfe\xed\0\0\0\2", "a JKS keystore"),
        ("etc/dhcpd-eth0.conf", b"\xce\xce\xce\xce\0\0\0\2", "a JCEKS keystore"),
        ("etc/ppp/p12", b"\x30\x82\x0a\x00\x02\x01\x03\x30", "a PKCS #12 keystore"),
        ("etc/ppp/peers/client.p12", b"?", "a keystore is personal"),
        ("opt/eurotech/esf/data/db/kuradb.script", b"x", "run-time state"),
        ("etc/ssh/ssh_host_rsa_key.pub", b"ssh-rsa x", "SSH host key"),
        ("etc/ppp/rndc.key", b"x", "name server"),
        ("opt/eurotech/esf/data/snapshots/snapshot_0.xml", b"<x/>", "from the gateway's disk"),
    ],
)
def test_forbidden_and_unknown_files(name: str, content: bytes, said: str, tmp_path: Path) -> None:
    golden = read_golden(a_directory(tmp_path / "export", {**MINIMAL, name: content}))
    ((path, reason),) = golden.refused
    assert path == name
    assert said in reason
    assert golden.network == {}


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"export.toml": None}, "has no export.toml"),
        ({"export.toml": b"esf_version = 5\n"}, "esf_version is not a version"),
        ({"export.toml": b"kura_version = '5'\n"}, "kura_version is not a version"),
        ({"export.toml": b"kura_version = '5.5.0'\nesf_version = '5.0.0'\n"}, "both esf_version and kura_version"),
        ({"export.toml": b"version = '5.0.0'\n"}, "neither esf_version nor kura_version"),
        ({"export.toml": b"esf_version = '5.0.0'\nother = 1\n"}, "unknown key 'other'"),
        ({"export.toml": b"="}, "export.toml: Invalid"),
        ({"export.toml": b"\xff"}, "export.toml: 'utf-8'"),
        ({"snapshot_5.xml": None}, r"has no snapshot_<id>.xml at its root \(A:137\)"),
        ({"snapshot_5.xml": b""}, "snapshot_5.xml: line 1: not-well-formed"),
        ({"snapshot_5.xml": base64.b64encode(bytes(64))}, "device-encrypted"),
        ({"snapshot_5.xml": b"<ns0:configurations/>"}, "no-configurations"),
        ({"opt/eurotech/esf/kura/packages/a.dp": b"PK"}, "but no dpa.properties"),
        ({"opt/eurotech/esf/kura/dpa.properties": b"", "opt/eurotech/esf/data/dpa.properties": b""}, "only one can be"),
        ({"opt/eurotech/esf/kura/dpa.properties": b"", "opt/eurotech/esf/kura/packages/a.dp": b"",
          "opt/eurotech/esf/packages/a.dp": b""}, "in two directories"),
        ({"etc/a": b"", "etc/A": b""}, "differs from etc/A in case"),
        ({"etc/x\x1b[0m": b""}, r"etc/x\\x1b.*unprintable"),
        ({"etc/x\ny": b""}, "unprintable"),
        ({"etc/a\\b": b""}, "backslash"),
        ({"/".join(["d"] * 33): b""}, "lies too deep"),
    ],
)  # fmt: skip
def test_broken_exports_are_named(files: Mapping[str, bytes | None], said: str, tmp_path: Path) -> None:
    wanted = {name: content for name, content in {**MINIMAL, **files}.items() if content is not None}
    with pytest.raises(PipelineError, match=said):
        read_golden(a_directory(tmp_path / "export", wanted))


@pytest.mark.parametrize(
    ("member", "said"),
    [
        (entry("../outside"), "has a name with"),
        (entry("etc/../../outside"), "has a name with"),
        (entry("/etc/passwd"), "absolute"),
        (entry("C:/x"), "absolute"),
        (entry("etc//x"), "doubled slashes"),
        (entry("etc/./x"), "or doubled slashes"),
        (entry("x" * 300), "too long"),
        (entry("/".join(["y" * 200] * 25)), "too long"),
        (entry("a\udcff"), "not UTF-8"),
        (entry("link", tarfile.SYMTYPE, "/etc/shadow"), "is a symbolic link"),
        (entry("etc/ppp/peers/ppp0", tarfile.SYMTYPE, "../../shadow"), "is a symbolic link"),
        (entry("etc/ppp/peers/ppp0", tarfile.SYMTYPE, "/etc/shadow"), "is a symbolic link"),
        (entry("etc/ppp/peers/other", tarfile.SYMTYPE, "/etc/ppp/peers/LE910_2-1"), "is a symbolic link"),
        (entry("etc/hard", tarfile.LNKTYPE, "snapshot_5.xml"), "device, pipe, socket or hard link"),
        (entry("dev", tarfile.CHRTYPE), "device, pipe"),
        (entry("dev", tarfile.BLKTYPE), "device, pipe"),
        (entry("pipe", tarfile.FIFOTYPE), "device, pipe"),
        (entry("snapshot_5.xml"), "twice"),
        (entry("Snapshot_5.xml"), "in case or accents"),
        (entry("snapshot_5.xml/inside"), "snapshot_5.xml is also a file"),
        (entry("", tarfile.REGTYPE), "not a name"),
        (entry("huge", size=0), None),
    ],
    ids=lambda value: value.name[:24] if isinstance(value, tarfile.TarInfo) else None,
)
def test_hostile_members_are_refused_by_name(member: tarfile.TarInfo, said: str | None, tmp_path: Path) -> None:
    path = a_tar(tmp_path / "export.tar", MINIMAL, member)
    if said is None:
        read_golden(path)
        return
    with pytest.raises(PipelineError, match=said):
        read_golden(path)


def test_all_hostile_members_are_named_at_once(tmp_path: Path) -> None:
    path = a_tar(tmp_path / "export.tar", MINIMAL, entry("../a"), entry("/b"), entry("c", tarfile.SYMTYPE, "d"))
    with pytest.raises(PipelineError) as caught:
        read_golden(path)
    assert len(caught.value.problems) == 3
    assert list(tmp_path.iterdir()) == [path]


def test_accents_that_look_the_same_are_twins(tmp_path: Path) -> None:
    path = a_tar(tmp_path / "export.tar", MINIMAL, entry("etc/\u00e9"), entry("etc/e\u0301"))
    with pytest.raises(PipelineError, match="case or accents"):
        read_golden(path)


def test_a_bomb_is_refused(tmp_path: Path) -> None:
    zeros = bytes(40 << 20)
    for path in (
        a_tar(tmp_path / "a", {**MINIMAL, "z": zeros}, mode="w:xz"),
        a_zip(tmp_path / "b", {**MINIMAL, "z": zeros}),
    ):
        assert path.stat().st_size < 200_000
        with pytest.raises(PipelineError, match="more than 200 times"):
            read_golden(path)


def test_too_many_members_are_refused(tmp_path: Path) -> None:
    path = a_tar(tmp_path / "export.tar", MINIMAL, *(entry(f"etc/{number}") for number in range(10_001)))
    with pytest.raises(PipelineError, match="more than 10000 members"):
        read_golden(path)


def test_a_size_that_lies_is_refused(tmp_path: Path) -> None:
    made = entry("etc/huge")
    made.size = 1 << 40
    path = tmp_path / "export.tar"
    path.write_bytes(made.tobuf(tarfile.GNU_FORMAT) + bytes(1024))
    with pytest.raises(PipelineError, match=r"says it has 1099511627776 bytes"):
        read_golden(path)


def test_zip_with_a_password_or_shared_bytes_is_refused(tmp_path: Path) -> None:
    path = a_zip(tmp_path / "export.zip", MINIMAL)
    raw = bytearray(path.read_bytes())
    central = raw.index(b"PK\x01\x02")
    encrypted = bytearray(raw)
    encrypted[central + 8] |= 1
    path.write_bytes(encrypted)
    with pytest.raises(PipelineError, match="is encrypted"):
        read_golden(path)
    # The second entry of the directory points at the first one's bytes.
    second = raw.index(b"PK\x01\x02", central + 4)
    raw[second + 42 : second + 46] = raw[central + 42 : central + 46]
    path.write_bytes(raw)
    with pytest.raises(PipelineError, match=r"overlaps another entry|cut off or damaged"):
        read_golden(path)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "is empty"),
        (b"BZh91AY", "not an archive of a known kind"),
        (b"QFI\xfb" + bytes(600), "is a disk image"),
        (bytes(510) + b"\x55\xaa" + bytes(100), "is a disk image"),
        (b"\x1f\x8b\x08\x00rubbish", "cut off or damaged"),
        (b"\xfd7zXZ\x00rubbish", "cut off or damaged"),
        (b"PK\x03\x04rubbish", "cut off or damaged"),
        (b"PK\x05\x06" + bytes(18), "has no export.toml"),
    ],
)
def test_what_is_no_export_is_named(raw: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "export"
    path.write_bytes(raw)
    with pytest.raises(PipelineError, match=said):
        read_golden(path)


def test_a_truncated_archive_is_named(tmp_path: Path) -> None:
    for mode in ("w", "w:gz", "w:xz"):
        path = a_tar(tmp_path / "export", committed(), mode=mode)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        with pytest.raises(PipelineError, match="cut off or damaged"):
            read_golden(path)


def test_no_such_export_and_a_pipe(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match="no such golden sample"):
        read_golden(tmp_path / "nothing")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(PipelineError, match="neither a directory nor an archive"):
        read_golden(tmp_path / "pipe")


def test_a_directory_with_a_link_or_a_pipe_is_refused_without_waiting(tmp_path: Path) -> None:
    root = a_directory(tmp_path / "export", MINIMAL)
    os.mkfifo(root / "pipe")
    (root / "zero").symlink_to("/dev/zero")
    (root / "etc").symlink_to("/etc")
    with pytest.raises(PipelineError) as caught:
        read_golden(root)
    assert [problem.what.split(": ")[1] for problem in caught.value.problems] == ["etc", "pipe", "zero"]


def test_others_can_read_it_is_a_warning_with_the_remedy(tmp_path: Path) -> None:
    root = a_directory(tmp_path / "export", MINIMAL)
    assert read_golden(root).warnings == ()
    (root / "snapshot_5.xml").chmod(0o644)
    assert read_golden(root).warnings == ()
    root.chmod(0o755)
    (warning,) = read_golden(root).warnings
    assert "chmod -R go-rwx" in warning
    assert "(A:141)" in warning
    archive = a_tar(tmp_path / "export.tar", MINIMAL)
    assert read_golden(archive).warnings == ()
    archive.chmod(0o640)
    assert len(read_golden(archive).warnings) == 1


def test_doubts_about_the_snapshot_are_warnings(tmp_path: Path) -> None:
    doubtful = (
        b'<a><esf:configuration pid="x"><a><b name="p" type="Boolean"><v> true</v></b></a></esf:configuration></a>'
    )
    golden = read_golden(a_directory(tmp_path / "export", {**MINIMAL, "snapshot_5.xml": doubtful}))
    (warning,) = golden.warnings
    assert "x p: boolean-is-false" in warning


def test_the_digest_covers_everything_that_travels(tmp_path: Path) -> None:
    base = {**MINIMAL, "etc/dhcpd-eth0.conf": b"ab", "etc/dhcpd-eth1.conf": b"c"}
    variants = [
        base,
        {**base, "etc/dhcpd-eth0.conf": b"a", "etc/dhcpd-eth1.conf": b"bc"},
        {**base, "export.toml": b'esf_version = "5.0.1"\n'},
        {**base, "snapshot_5.xml": base["snapshot_5.xml"].replace(b'"x"', b'"y"')},
        {**base, "snapshot_5.xml": _a_setting("portable", "1")},
        {**base, "snapshot_5.xml": _a_setting("portable", "2")},
        {**base, "snapshot_5.xml": _a_setting("password", "1")},
        {name: content for name, content in base.items() if "eth1" not in name},
    ]
    digests = {read_golden(a_directory(tmp_path / str(number), files)).sha256 for number, files in enumerate(variants)}
    assert len(digests) == len(variants)
    with_link = a_tar(tmp_path / "link.tar", base, PPP0)
    assert read_golden(with_link).sha256 not in digests


def _a_setting(name: str, value: str) -> bytes:
    return a_snapshot({"org.eclipse.kura.x": {name: value}})


def test_no_secret_can_be_guessed_from_the_digest(tmp_path: Path) -> None:
    """The manifest publishes it: whoever knows everything else of the export must not be able to try a secret."""
    plain = read_export(EXPORT)
    known = assemble(plain, judge(plain), Lock()).sha256
    secret = [item for item in judge(plain) if item.sort is Class.SECRET or "password" in item.key.name]
    assert len(secret) >= 8
    snapshot = esf_snapshot.read(plain.files[SNAPSHOT], "A", "x").snapshot
    assert snapshot
    for item in secret:
        assert item.digest == ""
        files = dict(plain.files)
        if item.key.kind is Kind.PROPERTY:
            component = snapshot.by_pid[item.key.pid]
            prop = component.by_name[item.key.name]
            changed = replace(prop, values=("SGlkZGVuLVZhbHVlLTc3",))
            files[SNAPSHOT] = esf_snapshot.render(snapshot.with_configuration(component.with_properties(changed)))
        else:
            files[item.key.name] = files[item.key.name].replace(b"-", b"+")
        assert files != plain.files
        other = replace(plain, files=files)
        assert assemble(other, judge(other), Lock()).sha256 == known, item.key
    access_point = "etc/hostapd-wlan0.conf"
    for old, new, is_same in ((b"Golden-Sample-Air-1", b"Another-77", True), (b"golden_ap", b"other_ap", False)):
        assert old in plain.files[access_point]
        other = replace(plain, files={**plain.files, access_point: plain.files[access_point].replace(old, new)})
        assert (assemble(other, judge(other), Lock()).sha256 == known) is is_same


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(st.binary(max_size=400), st.integers(0, 2), st.integers(0, 3000))
def test_no_crash_on_damaged_archives(tmp_path: Path, noise: bytes, form: int, place: int) -> None:
    path = tmp_path / "damaged"
    if form == 0:
        a_tar(path, MINIMAL, PPP0)
    elif form == 1:
        a_tar(path, MINIMAL, PPP0, mode="w:gz")
    else:
        a_zip(path, MINIMAL)
    raw = path.read_bytes()
    path.write_bytes(raw[:place] + noise + raw[place + len(noise) :])
    with contextlib.suppress(PipelineError):
        read_golden(path)


def test_what_a_mac_s_finder_makes_of_it(tmp_path: Path) -> None:
    """One directory around everything, and a second tree of resource forks beside it."""
    plain = {str(path.relative_to(EXPORT)): path.read_bytes() for path in EXPORT.rglob("*") if path.is_file()}
    packed = tmp_path / "golden.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in plain.items():
            archive.writestr(f"golden/{name}", content)
            directory, _, base = name.rpartition("/")
            fork = f"__MACOSX/golden/{directory}/._{base}" if directory else f"__MACOSX/golden/._{base}"
            archive.writestr(fork, b"\x00\x05\x16\x07" + bytes(20))
        archive.writestr("golden/.DS_Store", b"\0\0\0\1Bud1")
        archive.writestr("golden/etc/.DS_Store", b"\0\0\0\1Bud1")
    packed.chmod(0o600)
    assert set(read_export(packed).files) == set(plain)
