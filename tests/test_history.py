"""Nothing that must never be published is tracked, and no private key or image ever was.

A key that was committed once is known for ever, so keys and images are looked for in every blob of the history.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# A header alone is what code that reads keys has to contain; with key material below it, it is a key.
PRIVATE_KEY = re.compile(rb"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----\s+(?:[\w-]+: .*\s+)*[A-Za-z0-9+/=]{40}")
KEYSTORE_MAGICS = {b"\xfe\xed\xfe\xed": "a JKS keystore", b"\xce\xce\xce\xce": "a JCEKS keystore"}
# Written so that this file does not match itself.
MACHINE_PATHS = re.compile(
    rb"/wor[k]/(?:main|shared)\b|/roo[t]/\.pyenv|/tm[p]/venv\b|/hom[e]/[a-z0-9_.-]+/\.(?:cache|pyenv|local)"
)
LARGEST = 1 << 20
SECRET_SUFFIXES = (".jks", ".ks", ".p12", ".pfx", ".bks", ".keystore")


def git(*arguments: str, stdin: bytes = b"") -> bytes:
    # safe.directory: the checkout may belong to another user than the one who tests it.
    command = ["git", "-c", f"safe.directory={ROOT}", *arguments]
    return subprocess.run(command, cwd=ROOT, input=stdin, capture_output=True, check=True).stdout


def sort_of_image(data: bytes) -> str | None:
    """What kind of disk or file system image bytes are, or None."""
    if data[:4] == b"QFI\xfb":
        return "a qcow2 image"
    if len(data) > 2048 and data[1080:1082] == b"\x53\xef":
        return "an ext file system"
    if len(data) >= 4096 and data[510:512] == b"\x55\xaa":
        return "a disk or FAT image"
    if len(data) > 520 and data[512:520] == b"EFI PART":
        return "a GPT disk"
    return None


def secrets_in(data: bytes) -> str | None:
    """What must never have been committed, or None."""
    if PRIVATE_KEY.search(data):
        return "a private key"
    return KEYSTORE_MAGICS.get(data[:4]) or sort_of_image(data)


def blobs() -> Iterator[tuple[str, bytes]]:
    """Every blob reachable from HEAD with a path it had."""
    listed = git("rev-list", "--objects", "HEAD").decode("utf-8", "replace").splitlines()
    paths = dict(line.split(" ", 1) for line in listed if " " in line)
    answer = git("cat-file", "--batch", stdin="\n".join(paths).encode() + b"\n")
    at = 0
    while at < len(answer):
        end = answer.index(b"\n", at)
        name, kind, size = answer[at:end].decode().split()
        data = answer[end + 1 : end + 1 + int(size)]
        at = end + 2 + int(size)
        if kind == "blob":
            yield paths[name], data


def test_no_private_key_keystore_or_image_is_or_was_tracked() -> None:
    seen = [f"{path}: {what}" for path, data in blobs() if (what := secrets_in(data))]
    assert not seen


def test_tracked_files_are_small_and_free_of_paths_of_the_machine_that_wrote_them() -> None:
    found = []
    for name in git("ls-files", "-z").decode().split("\0"):
        path = ROOT / name
        if not name or path.is_symlink() or not path.is_file():
            continue
        data = path.read_bytes()
        if len(data) > LARGEST:
            found.append(f"{name}: larger than {LARGEST} bytes")
        if path.suffix in SECRET_SUFFIXES:
            found.append(f"{name}: keystores are made, not committed")
        found += [f"{name}: {match[0].decode()}" for match in MACHINE_PATHS.finditer(data)]
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"-----BEGIN PRIVATE " + b"KEY-----\n" + b"M" * 64 + b"\n", "a private key"),
        (b"-----BEGIN OPENSSH PRIVATE " + b"KEY-----\r\n" + b"b" * 70, "a private key"),
        (b"-----BEGIN RSA PRIVATE " + b"KEY-----\nProc-Type: 4\nDEK-Info: x\n\n" + b"M" * 64, "a private key"),
        (b"\xfe\xed\xfe\xed\0\0\0\2", "a JKS keystore"),
        (b"QFI\xfb" + bytes(100), "a qcow2 image"),
        (bytes(510) + b"\x55\xaa" + bytes(4096), "a disk or FAT image"),
        (bytes(1080) + b"\x53\xef" + bytes(4096), "an ext file system"),
        (b'HEADER = "-----BEGIN PRIVATE ' + b'KEY-----"\nother = 1\n', None),
        (b"-----BEGIN CERTIFICATE-----\n" + b"M" * 64, None),
    ],
)
def test_guard_recognises_what_it_is_for(data: bytes, what: str | None) -> None:
    assert secrets_in(data) == what
