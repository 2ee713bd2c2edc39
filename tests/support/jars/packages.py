"""Package databases of small images, made by hand or by the programs that keep them."""

from __future__ import annotations

import os
import struct
import subprocess
from collections.abc import Sequence
from pathlib import Path

OS_RELEASE = b'PRETTY_NAME="Debian"\nID=debian\nVERSION_ID="12"\n'
DPKG = b"""Package: dash
Status: install ok installed
Architecture: armhf
Version: 0.5.12-2
Description: a shell
 Package: not-a-field
 .

Package: libc6
Status: install ok installed
Architecture: armhf
Source: glibc (2.36-9)
Version: 2.36-9+deb12u9

Package: gone
Status: deinstall ok config-files
Architecture: armhf
Version: 1

Package: half
Status: install reinstreq half-installed
Version: 1

Package: epochal
Status: hold ok installed
Architecture: all
Version: 1:2.0~rc1-1
"""
OPKG = b"""Package: base-files
Version: 3.0.14-r0
Depends: libc6 (>= 2.35)
Status: install user installed
Architecture: cortexa9t2hf-neon
Installed-Time: 1700000000

Package: removed
Version: 1
Status: deinstall ok not-installed
"""


def header(**tags: str | int) -> bytes:
    """An rpm header as the database holds it, with these tags and one of a kind that is passed over."""
    numbers = {"name": 1000, "version": 1001, "release": 1002, "epoch": 1003, "arch": 1022, "sourcerpm": 1044}
    index, store = struct.pack(">IIiI", 63, 7, 0, 16), b"\0" * 16
    for name, value in tags.items():
        index += struct.pack(">IIiI", numbers[name], 4 if isinstance(value, int) else 6, len(store), 1)
        store += struct.pack(">I", value) if isinstance(value, int) else value.encode() + b"\0"
    return struct.pack(">II", len(index) // 16, len(store)) + index + store


def berkeley_db(values: Sequence[bytes], place: Path, *, big_endian: bool = False) -> bytes:
    """A hash file as rpm kept it until 2020, made by Berkeley DB's own loader."""
    lines = ["VERSION=3", "format=bytevalue", "type=hash", "db_pagesize=4096"]
    lines += [f"db_lorder={4321 if big_endian else 1234}", "HEADER=END"]
    for number, value in enumerate(values):
        lines += [f" {number.to_bytes(4, 'little').hex()}", f" {value.hex()}"]
    file = place / "Packages"
    text = "\n".join([*lines, "DATA=END", ""])
    subprocess.run(["db5.3_load", str(file)], input=text, text=True, check=True, capture_output=True)
    return file.read_bytes()


SPEC = """Name: {name}
Version: 1.2~rc1
Release: 3.el9
Epoch: 2
Summary: nothing
License: MIT
BuildArch: noarch
%description
nothing
%files
"""


def rpm_database(names: Sequence[str], place: Path) -> Path:
    """The directory of a database in which rpm itself has entered packages that rpmbuild made."""
    environment = {**os.environ, "HOME": str(place), "SOURCE_DATE_EPOCH": "1700000000"}
    for name in names:
        spec = place / f"{name}.spec"
        spec.write_text(SPEC.format(name=name))
        build = ["rpmbuild", "-bb", "--quiet", "--define", f"_topdir {place / 'build'}", str(spec)]
        subprocess.run(build, env=environment, check=True, capture_output=True)
    database = place / "rpm"
    database.mkdir()
    packages = [str(path) for path in sorted((place / "build/RPMS/noarch").glob("*.rpm"))]
    command = ["rpm", "--dbpath", str(database), "--define", "_db_backend sqlite", "-i", "--justdb", "--nodeps"]
    subprocess.run([*command, *packages], env=environment, check=True, capture_output=True)
    return database
