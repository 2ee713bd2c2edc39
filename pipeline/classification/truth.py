"""Which layout a golden sample has, and so what of the documents' list can be expected of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pipeline.classification.documents import DOCUMENTS, KURANET, Listed, Part
from pipeline.model.layout import Layout

FROM_SNAPSHOT = "the network is the snapshot's alone: the gateway makes this file from it at every start (formats 2)"


def layout_of(product: str, version: str, layouts: Iterable[Layout]) -> Layout | None:
    """The layout of a release; None where the release is of none, or, without a product, of several.

    Of one that some boards keep elsewhere (Kura 3 on Intel Edison), the first: a sample's meaning is the same.
    """
    fitting = [
        layout
        for layout in layouts
        if product in ("", layout.product)
        and any(version == known or version.startswith(f"{known}.") for known in layout.versions)
    ]
    return fitting[0] if len({(layout.product, layout.generation) for layout in fitting}) == 1 else None


def in_snapshot(layout: Layout | None) -> bool:
    """Whether Linux files of the network count for nothing."""
    return layout is not None and layout.network_truth == "snapshot"


def missing(paths: Iterable[str], layout: Layout | None) -> Iterator[str]:
    """What of the documents' list is not there and should be.

    Args:
        layout: None where it is not known; then everything is expected.
    """
    known = tuple(paths)
    for listed in DOCUMENTS:
        if _expected(listed, layout) and not any(listed.pattern.fullmatch(path) for path in known):
            yield listed.label


def _expected(listed: Listed, layout: Layout | None) -> bool:
    if listed.extra:
        return False
    if layout is None:
        return True
    if listed.item is Part.NETWORK:
        return not in_snapshot(layout) and (listed is not KURANET or layout.kuranet is not None)
    return listed.item is not Part.POLICY or layout.policy is not None
