"""The packages of an image, whatever keeps them, each with a package URL that its own library reads back."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packageurl import PackageURL

from pipeline.errors import PipelineError
from pipeline.model.guest_path import GuestPath
from pipeline.standards import installed_packages
from pipeline.standards.purl import purl
from tests.support.jars.packages import DPKG, OPKG, OS_RELEASE, berkeley_db, header, rpm_database

RELEASE = GuestPath("/usr/lib/os-release")
STATUS = GuestPath("/var/lib/dpkg/status")


def purls(files: dict[str, bytes]) -> list[str]:
    packages = installed_packages({GuestPath(path): content for path, content in files.items()})
    for package in packages:
        assert PackageURL.from_string(package.purl).to_string() == package.purl
    return [package.purl for package in packages]


def test_packages_of_debian_name_their_source_where_it_is_another() -> None:
    assert purls({RELEASE: OS_RELEASE, STATUS: DPKG}) == [
        "pkg:deb/debian/dash@0.5.12-2?arch=armhf&distro=debian-12",
        "pkg:deb/debian/epochal@1:2.0~rc1-1?arch=all&distro=debian-12",
        "pkg:deb/debian/libc6@2.36-9%2Bdeb12u9?arch=armhf&distro=debian-12&upstream=glibc%402.36-9",
    ]


def test_packages_of_opkg_are_found_at_either_place_and_once() -> None:
    both = {"/var/lib/opkg/status": OPKG, "/usr/lib/opkg/status": OPKG, "/etc/os-release": b"ID=poky\n"}
    assert purls(both) == ["pkg:opkg/poky/base-files@3.0.14-r0?arch=cortexa9t2hf-neon&distro=poky"]


def test_an_image_that_does_not_say_what_it_is_still_has_packages() -> None:
    assert purls({STATUS: DPKG})[0] == "pkg:deb/dash@0.5.12-2?arch=armhf"


def test_an_image_without_a_database_has_none() -> None:
    assert installed_packages({RELEASE: OS_RELEASE}) == ()


@pytest.mark.tools
def test_packages_of_rpm_are_found_where_rpm_keeps_them(tmp_path: Path) -> None:
    content = (rpm_database(["One"], tmp_path) / "rpmdb.sqlite").read_bytes()
    files = {
        "/usr/lib/sysimage/rpm/rpmdb.sqlite": content,
        "/usr/lib/sysimage/rpm/rpmdb.sqlite-wal": b"",
        "/etc/os-release": b"ID='fedora'\nVERSION_ID=39\n",
    }
    assert purls(files) == [
        "pkg:rpm/fedora/One@1.2~rc1-3.el9?arch=noarch&distro=fedora-39&epoch=2&upstream=One-1.2~rc1-3.el9.src.rpm"
    ]


@pytest.mark.tools
def test_packages_of_an_old_rpm_are_found_and_its_keys_are_not_packages(tmp_path: Path) -> None:
    bash = header(name="bash", version="5.0", release="1", arch="armv7hl", sourcerpm="bash-5.0-1.src.rpm")
    key = header(name="gpg-pubkey", version="a", release="b")
    database = berkeley_db([b"\3\0\0\0", bash, key], tmp_path)
    assert purls({"/var/lib/rpm/Packages": database}) == ["pkg:rpm/bash@5.0-1?arch=armv7hl&upstream=bash-5.0-1.src.rpm"]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("rpmdb.sqlite", b"nonsense", "not an SQLite database"),
        ("Packages", b"nonsense", "not a Berkeley DB file"),
        ("rpmdb.sqlite-wal", b"frames", "not yet written"),
    ],
)
def test_a_list_with_holes_is_no_list(name: str, content: bytes, said: str) -> None:
    with pytest.raises(PipelineError, match=said) as caught:
        installed_packages({GuestPath(f"/var/lib/rpm/{name}"): content})
    assert "rpm --rebuilddb" in caught.value.problems[0].remedy


def test_text_of_no_encoding_does_no_harm() -> None:
    files = {RELEASE: b"ID=caf\xe9\n", STATUS: DPKG.replace(b"dash", b"d\xffsh")}
    assert len(purls({str(path): content for path, content in files.items()})) == 3


# Blanks and what cannot be printed are no part of any package's name, and the library strips them off; slashes, which
# no version can hold either, it leaves as they are where the specification wants them encoded.
WORDS = st.text(st.characters(exclude_categories=("C", "Z"), exclude_characters="/"), min_size=1)


@given(WORDS, WORDS, st.just("") | WORDS)
def test_package_urls_are_canonical(name: str, version: str, arch: str) -> None:
    text = purl("rpm", "x", name, version, arch=arch)
    read = PackageURL.from_string(text)
    assert (read.name, read.version, read.qualifiers.get("arch", "")) == (name, version, arch)
    assert read.to_string() == text
