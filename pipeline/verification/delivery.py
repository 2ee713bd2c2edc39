"""What a person means by the paths given to the verifier."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.errors import PipelineError, Problem
from pipeline.model.outside.sidecar import ENVIRONMENTS

MANIFEST, SIGNATURE, BMAP = "manifest.json", "manifest.json.sig", "image.bmap"
PROVENANCE, BILLS = "provenance.json", ("sbom.cdx.json", "sbom.spdx.json")
SUMS, SIGNERS = "SHA256SUMS", "allowed_signers"
RELEASE, RELEASE_SIGNATURE = "release.json", "release.json.sig"
BASE = "fleet.base"
"""Directory of the base in a release of deltas; no gateway's name has a dot."""
COMPRESSED = (".gz", ".xz", ".zst")

_OTHERS = (MANIFEST, SIGNATURE, BMAP, PROVENANCE, *BILLS, *ENVIRONMENTS)
_IMAGES = ("image.img", *(f"image.img{suffix}" for suffix in COMPRESSED))
OF_GATEWAY = (*_IMAGES, *_OTHERS)
"""Every name a file of a gateway's directory may have."""


@dataclass(frozen=True)
class Delivery:
    """One gateway's files.

    Attributes:
        name: what to call it before its manifest can be trusted.
        image: the image file, None when the directory has none.
        claimed: the gateway a directory's name says it is; None where a file was given instead, or a directory that is
            in no release: people copy those, and call them what they like.
        release: the release directory around it, where there is one.
        medium: a flashed medium or a dump of one that is looked at in place of the image.
        whole: a directory was given, so everything its statement covers must be in it.
    """

    name: str
    directory: Path
    image: Path | None
    claimed: str | None
    release: Path | None
    medium: Path | None = None
    whole: bool = False


@dataclass(frozen=True)
class Request:
    """All gateways to look at, once each, and the release directories that were named as a whole."""

    deliveries: tuple[Delivery, ...]
    releases: tuple[Path, ...]


def find(paths: Iterable[Path]) -> Request:
    """Tell images, gateway directories and release directories apart.

    Raises:
        PipelineError: a path is not there or holds nothing to verify; every such path is named.
    """
    deliveries: dict[Path, Delivery] = {}
    releases: dict[Path, None] = {}
    problems: list[Problem] = []
    for path in paths:
        place = path.resolve()
        if place.is_file():
            found = [_beside(place)]
        elif _is_gateway(place):
            found = [_directory(place)]
        else:
            found = [_directory(child) for child in _gateways(place)]
            if found or any((place / name).is_file() for name in (SUMS, RELEASE)):
                releases[place] = None
            else:
                problems.append(_nothing(path))
        for delivery in found:
            deliveries.setdefault(delivery.directory, delivery)
    if problems:
        raise PipelineError.of(problems)
    return Request(tuple(deliveries.values()), tuple(releases))


def on_medium(request: Request, medium: Path) -> Request:
    """The same gateway, with a medium in place of its image; the files beside the image are not looked at.

    Raises:
        PipelineError: not exactly one gateway was named, or a release as a whole.
    """
    if len(request.deliveries) != 1 or request.releases:
        raise PipelineError(
            f"{medium}: {len(request.deliveries)} gateways were named, but a medium holds one",
            "name the gateway to compare it with: out/<release>/<gateway>",
        )
    (delivery,) = request.deliveries
    return Request((replace(delivery, image=medium, medium=medium, release=None),), ())


def image_in(directory: Path) -> Path | None:
    """The image of a gateway directory, plain or compressed; the plain one where there are both."""
    return next((directory / name for name in _IMAGES if (directory / name).is_file()), None)


def _beside(file: Path) -> Delivery:
    """An image, or one of the files that belong to it, with the others in its directory."""
    image = image_in(file.parent) if file.name in _OTHERS else file
    return Delivery(file.parent.name, file.parent, image, None, _release_of(file.parent))


def _directory(place: Path) -> Delivery:
    release = _release_of(place)
    claimed = place.name if release is not None else None
    return Delivery(place.name, place, image_in(place), claimed, release, whole=True)


def _is_gateway(place: Path) -> bool:
    return place.is_dir() and (
        (place / MANIFEST).exists() or (place / SIGNATURE).exists() or image_in(place) is not None
    )


def _gateways(place: Path) -> list[Path]:
    try:
        return sorted(child for child in place.iterdir() if _is_gateway(child)) if place.is_dir() else []
    except OSError as error:
        raise PipelineError(f"{place}: cannot be read: {error.strerror}", "check its permissions") from None


def _release_of(directory: Path) -> Path | None:
    return directory.parent if (directory.parent / SUMS).is_file() else None


def _nothing(path: Path) -> Problem:
    if not path.exists():
        return Problem(f"{path}: not there", "give an image, a gateway's directory or a release directory")
    return Problem(
        f"{path}: no {MANIFEST} and no image in it or in its directories",
        "give an image, a gateway's directory or a release directory, such as out/<release>",
    )
