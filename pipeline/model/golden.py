"""A golden sample's export: the configuration of the one gateway that was set up by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline.model.claim import Place
from pipeline.model.guest_path import GuestPath


@dataclass(frozen=True)
class Export:
    """An export as it was read, before anything of it is judged.

    Attributes:
        esf_version: release the golden gateway runs, as stated with the export.
        files: content by path relative to the root of the export, which is that gateway's ``/``.
        links: literal target by path.
        source: how messages call the export.
        warnings: what the user should know, each one line with its remedy.
        product: ``ESF`` or ``Kura``.
    """

    esf_version: str
    files: Mapping[str, bytes] = field(repr=False)
    links: Mapping[str, str]
    source: str
    warnings: tuple[str, ...] = ()
    product: str = "ESF"


@dataclass(frozen=True)
class Golden:
    """What an export holds of the documents' list (A:131 to A:199).

    Attributes:
        esf_version: release the golden gateway runs, as stated with the export.
        snapshot: the downloaded ``snapshot_<id>.xml`` with what travels of it, as bytes.
        dpa: ``dpa.properties``.
        packages: deployment packages by file name.
        policy: ``security.policy``, None when the export has none.
        network: the network files by their absolute path on the golden gateway.
        links: symbolic links among the network items, path to literal target (``/etc/ppp/peers/ppp0``).
        refused: paths in the export that must never travel, with the reason; they are left behind.
        missing: items of the documents' list that the export does not have.
        sha256: over what travels, secrets by their names only, so that it may be published.
        warnings: what the user should know, each one line with its remedy; none of it stops a build.
        snapshot_name: the file's name in the export, which messages use.
        snapshot_lines: where settings stood in that file, by pid and name.
        snapshot_left: SHA-256 of the values that stayed behind, by pid and name, so that other places can be compared
            with them; never written down or shown, since whoever guesses could test it.
        product: ``ESF`` or ``Kura``: 5.0.0 of one is not 5.0.0 of the other.
    """

    esf_version: str
    snapshot: bytes = field(repr=False)
    dpa: bytes = field(repr=False)
    packages: Mapping[str, bytes] = field(repr=False)
    policy: bytes | None = field(repr=False)
    network: Mapping[GuestPath, bytes] = field(repr=False)
    links: Mapping[GuestPath, str]
    refused: tuple[tuple[str, str], ...]
    missing: tuple[str, ...]
    sha256: str
    warnings: tuple[str, ...] = ()
    snapshot_name: str = ""
    snapshot_lines: Mapping[tuple[str, str], int] = field(default_factory=dict, repr=False, compare=False)
    snapshot_left: Mapping[tuple[str, str], str] = field(default_factory=dict, repr=False, compare=False)
    product: str = "ESF"

    def setting_place(self, pid: str, name: str, line: int = 0) -> Place:
        """Where a setting stands in the export.

        Args:
            line: in `snapshot`, for when nothing else is known.
        """
        file = f"golden: {self.snapshot_name or 'snapshot'}"
        return Place(file, self.snapshot_lines.get((pid, name), line))
