"""The doctor names what is missing and its remedy, and its tables agree with what the bootstrap installs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pipeline.host import doctor, tools
from pipeline.host.doctor import Finding, Level

CI = Path(__file__).resolve().parents[3] / "ci"


def listed(name: str) -> dict[str, str]:
    """Program to package, as a list of the bootstrap has it; probes that are file names are left out."""
    rows = [line.split("#")[0].split() for line in (CI / name).read_text().splitlines()]
    return {probe: row[0] for row in rows if row for probe in row[1].split(",") if "/" not in probe}


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("e2fsck 1.47.0 (5-Feb-2023)\n\tUsing EXT2FS Library version 1.47.0\n", "1.47.0"),
        ("qemu-img version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18+b3)", "7.2.22"),
        ("OpenSSH_9.2p1 Debian-2+deb12u10, OpenSSL 3.0.19 27 Jan 2026", "9.2p1"),
        ("OpenSSH_9.2, OpenSSL 3.0.19 27 Jan 2026", "9.2"),
        ("*** Zstandard CLI (64-bit) v1.5.4, by Yann Collet ***", "1.5.4"),
        ("iptables-restore v1.8.9 (nf_tables)", "1.8.9"),
        ("xmllint: using libxml version 20914", "20914"),
        ("0.3.2\n", "0.3.2"),
        ("mkenvimage version 2023.01", "2023.01"),
        ("usage: newuidmap <pid>", ""),
        ("", ""),
    ],
)
def test_version_is_found_in_what_programs_print(text: str, version: str) -> None:
    assert doctor.version_in(text) == version


def test_every_program_of_the_build_is_installed_by_the_bootstrap() -> None:
    assert {need.program for need in doctor.BUILD} <= set(listed("packages-build.txt"))


def test_everything_that_has_a_package_is_looked_at() -> None:
    assert {need.program for need in (*doctor.BUILD, *doctor.OTHERS)} == set(tools.PACKAGES)


def test_remedies_name_the_packages_that_the_bootstrap_installs() -> None:
    both = listed("packages-build.txt") | listed("packages-test.txt")
    assert {program: both.get(program) for program in tools.PACKAGES} == dict(tools.PACKAGES)


def test_missing_program_fails_a_build_and_names_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "find", lambda _: None)
    findings = {finding.name: finding for finding in doctor.inspect_host(tmp_path)}
    assert findings["debugfs"] == Finding(
        "debugfs", Level.FAIL, "not installed; needed to stamp ext4", "apt-get install e2fsprogs"
    )
    assert findings["javac"].level is Level.WARN
    assert findings["javac"].remedy == "apt-get install openjdk-17-jdk-headless"


def test_missing_library_fails_with_its_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "find", lambda _: None)
    monkeypatch.setitem(sys.modules, "guestfs", None)
    findings = {finding.name: finding for finding in doctor.inspect_host(tmp_path)}
    assert findings["python: guestfs"].level is Level.FAIL
    assert "python3-guestfs" in findings["python: guestfs"].remedy


def test_program_that_does_not_run_is_a_warning_not_a_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "broken"
    broken.write_bytes(b"not a program")
    broken.chmod(0o755)
    monkeypatch.setattr(tools, "find", lambda _: broken)
    findings = {finding.name: finding for finding in doctor.inspect_host(tmp_path)}
    assert findings["e2fsck"].level is Level.WARN
    assert "does not run" in findings["e2fsck"].found


def test_space_is_judged_at_the_nearest_directory_that_exists(tmp_path: Path) -> None:
    assert doctor.space("space", tmp_path / "not" / "yet", 1).level is Level.OK
    short = doctor.space("space", tmp_path / "not" / "yet", 1 << 62)
    assert short.level is Level.FAIL
    assert str(tmp_path) in short.found
    assert not (tmp_path / "not").exists()


def test_outcome_of_a_real_kvm_probe_replaces_the_look_at_the_device(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tools, "find", lambda _: None)
    probed = Finding("KVM", Level.WARN, "hangs at launch; TCG is used", "build on another machine")
    findings = doctor.inspect_host(tmp_path, probed)
    assert [finding for finding in findings if finding.name == "KVM"] == [probed]


def test_text_lists_every_finding_with_its_remedy_and_sums_up() -> None:
    gone = Finding("zstd", Level.FAIL, "gone", "apt-get install zstd")
    text = doctor.render([Finding("xz", Level.OK, "5.4.1"), gone])
    assert text == "ok    xz    5.4.1\nFAIL  zstd  gone\n            fix: apt-get install zstd\n1 missing or broken\n"
    warned = doctor.render([Finding("xz", Level.WARN, "old", "newer")])
    assert warned.endswith("\nthis machine can build; 1 to note\n")
