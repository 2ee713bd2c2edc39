"""The signed statement beside an image: it must be what this manifest leads to, and every file it covers unaltered."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.errors import PipelineError
from pipeline.formats.canonical_json import Json, loads
from pipeline.model.manifest import Manifest
from pipeline.model.verdict import Finding
from pipeline.standards.dsse import open_envelope
from pipeline.standards.provenance import statement, subjects_of
from pipeline.verification.beside import digest_beside, read_beside
from pipeline.verification.delivery import BILLS, BMAP, MANIFEST, PROVENANCE, SIGNATURE, Delivery

_LARGEST = 64 << 20  # bytes; a manifest of a hundred thousand paths, or the bill of as many packages, has less
_LARGEST_ENVELOPE = 4 << 20  # one with an inventory row and a hundred inputs has ten thousand

# What the build covers beside the image: no more, so that nobody believes a file to be vouched for, and no less.
_COVERED = frozenset({BMAP, MANIFEST, *BILLS})
_MOST_NAMED = 5


def check_statement(delivery: Delivery, manifest: Manifest, public_key: bytes) -> Iterator[Finding]:
    """Every deviation of the statement and of the files it covers.

    A delivery without a statement is judged by its manifest alone, unless it has a file that only a statement vouches
    for. Where a whole directory was given, all files of the statement have to be there; beside a single image some may
    have been left out.

    Args:
        public_key: the one that signed the manifest; both are signed in one go.
    """
    content = read_beside(delivery.directory / PROVENANCE, _LARGEST_ENVELOPE)
    if content is None:
        for name in BILLS:
            if (delivery.directory / name).exists():
                yield Finding(PROVENANCE, "missing", f"a signed statement that covers {name}", "not there")
        return
    if isinstance(content, Finding):
        yield content
        return
    try:
        payload = open_envelope(content, public_key, name=PROVENANCE)
    except PipelineError as error:
        yield Finding(PROVENANCE, "signature", "signed together with the manifest", error.problems[0].what)
        return
    try:
        subjects = dict(subjects_of(payload))
    except ValueError as error:
        yield Finding(PROVENANCE, "statement", "an in-toto statement", str(error))
        return
    subjects.pop(manifest.image.file, None)
    yield from (Finding(PROVENANCE, "subject", f"covers {name}", "does not") for name in sorted(_COVERED - {*subjects}))
    covered = {name: digest for name, digest in subjects.items() if name in _COVERED}
    yield from _compare(statement(manifest, covered), payload)
    for name, digest in sorted(covered.items()):
        yield from _check_file(delivery, name, digest)


def uncovered(delivery: Delivery, manifest: Manifest) -> Iterator[Finding]:
    """Files of a gateway's directory that no signature covers, whatever an unsigned list says of them."""
    if not delivery.whole or delivery.medium is not None:
        return  # files that lie beside a single image are nobody's claim
    covered = {MANIFEST, SIGNATURE, PROVENANCE, *_COVERED, *(sidecar.file for sidecar in manifest.sidecars)}
    if delivery.image is not None:
        covered.add(delivery.image.name)
    for path in sorted(delivery.directory.iterdir()):
        if path.name not in covered:
            yield Finding(f"{delivery.directory.name}/{path.name}", "extra", "covered by a signature", "not covered")


def has_statement(delivery: Delivery) -> bool:
    """Whether there is anything to check."""
    return (delivery.directory / PROVENANCE).exists()


def _check_file(delivery: Delivery, name: str, digest: str) -> Iterator[Finding]:
    found = digest_beside(delivery.directory / name, _LARGEST)
    if found is None:
        if delivery.whole:
            yield Finding(name, "missing", f"covered by {PROVENANCE}", "not there")
    elif isinstance(found, Finding):
        yield found
    elif found != digest:
        yield Finding(name, PROVENANCE, digest, found)


def _compare(expected: bytes, seen: bytes) -> Iterator[Finding]:
    """Where a statement is not the one that belongs to this manifest."""
    if expected == seen:
        return
    places = list(_differences(loads(expected), loads(seen), ""))
    for place, wanted, found in places[:_MOST_NAMED]:
        yield Finding(PROVENANCE, f"statement{place}", wanted, found)


def _differences(expected: Json, seen: Json, place: str) -> Iterator[tuple[str, str, str]]:
    if isinstance(expected, dict) and isinstance(seen, dict):
        for name in sorted({*expected, *seen}):
            if name not in expected or name not in seen:
                wanted, found = (_short(side.get(name, "not there")) for side in (expected, seen))
                yield f"{place}.{name}", wanted, found
            else:
                yield from _differences(expected[name], seen[name], f"{place}.{name}")
    elif isinstance(expected, list) and isinstance(seen, list) and len(expected) == len(seen):
        for index, (left, right) in enumerate(zip(expected, seen, strict=True)):
            named = left.get("name") if isinstance(left, dict) else None
            yield from _differences(left, right, f"{place}[{index if named is None else named}]")
    elif expected != seen or isinstance(expected, bool) != isinstance(seen, bool):
        yield place, _short(expected), _short(seen)


def _short(value: Json) -> str:
    text = ascii(value) if not isinstance(value, str) else value.encode("ascii", "backslashreplace").decode()
    return text if len(text) <= 100 else f"{text[:97]}..."
