"""Release notes as plain text: what the release is made of, what people still have to do, and what they live with."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime

from pipeline.model.manifest import Manifest
from pipeline.model.verdict import Verdict
from pipeline.report.text.plain import plain

_WIDTH = 100


def release_notes(manifests: Iterable[Manifest], verdicts: Iterable[Verdict]) -> bytes:
    """The notes of a release, UTF-8; the same step of several gateways is told once, with all of them.

    Args:
        verdicts: as for the other reports; what they say stands in those.
    """
    del verdicts
    known = sorted(manifests, key=lambda manifest: manifest.gateway)
    lines = [*_head(known), "", *_steps(known), "", *_waivers(known)]
    return "".join(f"{line}\n" for line in lines).encode("utf-8")


def _head(manifests: list[Manifest]) -> Iterator[str]:
    first = manifests[0]
    title = f"Release {plain(first.release)}"
    yield title
    yield "=" * len(title)
    yield ""
    day = datetime.fromtimestamp(first.epoch, UTC).date().isoformat()
    count = f"{len(manifests)} gateway{'' if len(manifests) == 1 else 's'}"
    yield f"{count}, as of {day}" + ("" if first.production else ", not for production")
    for text, names in _grouped((_system(one), one.gateway) for one in manifests).items():
        yield from _wrapped(f"{text}{_of(names, manifests)}", "")
    for text, names in _grouped((_sources(one), one.gateway) for one in manifests).items():
        yield from _wrapped(f"{text}{_of(names, manifests)}", "")


def _system(manifest: Manifest) -> str:
    told = manifest.facts.get("os_release")
    release = told if isinstance(told, Mapping) else {}
    name = release.get("PRETTY_NAME") or " ".join(str(release.get(key, "")) for key in ("ID", "VERSION_ID")).strip()
    return f"System: {plain(str(name)) or 'unknown'}; framework {plain(manifest.sources.golden_esf_version)}"


def _sources(manifest: Manifest) -> str:
    sources = manifest.sources
    return (
        f"Vanilla image {plain(sources.vanilla_file)}, sha256 {sources.vanilla_sha256}; golden {sources.golden_sha256}"
    )


def _steps(manifests: list[Manifest]) -> Iterator[str]:
    yield "Left for people"
    yield "---------------"
    found = _grouped(
        (f"{step.text}{f' [{step.document}]' if step.document else ''}", manifest.gateway)
        for manifest in manifests
        for step in manifest.steps
    )
    if not found:
        yield "Nothing."
    for number, (text, names) in enumerate(found.items(), 1):
        yield from _wrapped(f"{plain(text)}{_of(names, manifests)}", f"{number}. ")


def _waivers(manifests: list[Manifest]) -> Iterator[str]:
    yield "Rules that are broken and waived"
    yield "--------------------------------"
    found = _grouped(
        (f"{rule.id}: {rule.waiver.reason} ({rule.waiver.by}, until {rule.waiver.until})", manifest.gateway)
        for manifest in manifests
        for rule in manifest.rules
        if rule.waiver is not None
    )
    if not found:
        yield "None."
    for text, names in found.items():
        yield from _wrapped(f"{plain(text)}{_of(names, manifests)}", "- ")


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Texts in the order they first come, each with the gateways it is of."""
    found: dict[str, list[str]] = {}
    for text, name in pairs:
        if name not in found.setdefault(text, []):
            found[text].append(name)
    return found


def _of(names: list[str], manifests: list[Manifest]) -> str:
    return "" if len(names) == len(manifests) else f" ({', '.join(names)} only)"


def _wrapped(text: str, mark: str) -> list[str]:
    """Never broken inside a word: commands and paths stay whole."""
    return textwrap.wrap(
        text, _WIDTH, initial_indent=mark, subsequent_indent=" " * len(mark),
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
