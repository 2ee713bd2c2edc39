"""Small and middling files that cost a careless reader gigabytes or minutes, laid where the verifier reads first."""

from __future__ import annotations

import base64
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path


def _keys(count: int, twice: str = "") -> bytes:
    members = [f'"k{number:07}":0' for number in range(count)] + ([f'"{twice}":0'] if twice else [])
    return ("{" + ",".join(members) + "}").encode()


def _ranges(count: int) -> bytes:
    lines = b"".join(b'<Range chksum="%064x"> %d </Range>\n' % (number, 2 * number) for number in range(count))
    return (
        b'<?xml version="1.0" ?><bmap version="2.0"><ImageSize> 99999999999 </ImageSize><BlockSize> 4096 </BlockSize>'
        b"<ChecksumType> sha256 </ChecksumType><BmapFileChecksum> " + b"0" * 64 + b" </BmapFileChecksum><BlockMap>"
    ) + lines + b"</BlockMap></bmap>"  # fmt: skip


_DEEP = 10_000_000
_LAUGHS = (
    b'<?xml version="1.0"?><!DOCTYPE bmap [<!ENTITY a "ha">'
    + b"".join(b'<!ENTITY %c "&%c;&%c;&%c;&%c;&%c;&%c;&%c;&%c;">' % (98 + n, *[97 + n] * 8) for n in range(12))
    + b']><bmap version="2.0">&m;</bmap>'
)
BOMBS: dict[str, tuple[str, Callable[[], bytes]]] = {
    "60,000 keys, one twice": ("provenance.json", lambda: _keys(60_000, "k0000007")),
    "a million keys": ("provenance.json", lambda: _keys(1_000_000)),
    "nested arrays": ("provenance.json", lambda: b"[" * _DEEP + b"]" * _DEEP),
    "nested objects": ("provenance.json", lambda: b'{"a":' * 2_000_000 + b"0" + b"}" * 2_000_000),
    "many empty arrays": ("provenance.json", lambda: b"[" + b"[]," * 7_000_000 + b"[]]"),
    "a long key over many values": (
        "provenance.json", lambda: b'{"' + b"k" * 2_000_000 + b'":[' + b"0," * 900_000 + b"0]}",
    ),
    "a long number": ("provenance.json", lambda: b"9" * 3_000_000),
    "a large payload": (
        "provenance.json", lambda: b'{"payload": "' + base64.b64encode(bytes(150 << 20)) + b'"}',
    ),
    "many ranges": ("image.bmap", lambda: _ranges(1_000_000)),
    "as many ranges as are read": ("image.bmap", lambda: _ranges(160_000)),
    "nested elements": ("image.bmap", lambda: b"<bmap version='2.0'>" + b"<a>" * 5_000_000),
    "billion laughs": ("image.bmap", lambda: _LAUGHS),
    "a long attribute": ("image.bmap", lambda: b"<bmap version='2.0' a='" + b"x" * (15 << 20) + b"'/>"),
    "many attributes": (
        "image.bmap", lambda: b"<bmap version='2.0' " + b" ".join(b"a%d='1'" % n for n in range(900_000)) + b"/>",
    ),
    "many elements that are none": ("image.bmap", lambda: b"<bmap version='2.0'>" + b"<a/>" * 4_000_000 + b"</bmap>"),
    "a large bill": ("sbom.spdx.json", lambda: b'"purl": "pkg:a"\n' * 20_000_000),
    "a large signature": ("manifest.json.sig", lambda: b"A" * (300 << 20)),
    "a large manifest": ("manifest.json", lambda: b"[" * (300 << 20)),
    "a signature of many strings": (
        "manifest.json.sig",
        lambda: b"-----BEGIN SSH SIGNATURE-----\n" + base64.b64encode(b"SSHSIG\0\0\0\1" + b"\0" * 45_000)
        + b"\n-----END SSH SIGNATURE-----\n",
    ),
    "a large list of sums": ("../SHA256SUMS", lambda: b"0" * 64 + b"  x\n" + b"\n" * (200 << 20)),
    "a list of empty lines": ("../SHA256SUMS", lambda: b"\n" * (15 << 20)),
    "a list of many files": ("../SHA256SUMS", lambda: b"".join(b"%064x  gw-9/%d\n" % (n, n) for n in range(180_000))),
    "a line without an end": ("../SHA256SUMS", lambda: b"0" * (15 << 20)),
    "a large statement of the release": ("../release.json", lambda: _keys(1_000_000)),
    "a statement of many keys": ("../release.json", lambda: b"[" + b"[]," * 7_000_000 + b"[]]"),
}  # fmt: skip


def _peak() -> int:
    """KiB this program ever had in memory; getrusage would count what its parent had."""
    (line,) = [text for text in Path("/proc/self/status").read_text().splitlines() if text.startswith("VmHWM:")]
    return int(line.split()[1])


def main(release: Path, allowed: Path) -> None:
    """Verify a release and print what it cost beyond looking at an untouched one: seconds of CPU, KiB, findings."""
    from pipeline.verification import verify_paths  # noqa: PLC0415 - what it costs to import is nobody's bomb
    from tests.support.delivered import Looker  # noqa: PLC0415

    before, started = _peak(), time.process_time()
    verdicts = verify_paths(
        [release], allowed_signers=allowed, identity=None, deep=False, state_dir=release.parent / "state",
        say=lambda _: None, rules=(), observe=Looker(),
    )  # fmt: skip
    spent, grown = time.process_time() - started, _peak() - before
    found = sorted({finding.subject for verdict in verdicts for finding in verdict.findings})
    sys.stdout.write(json.dumps({"seconds": spent, "kib": grown, "found": found[:40]}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
