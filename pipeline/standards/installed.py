"""What an image's own package databases say is installed: dpkg, opkg, rpm (SQLite, and Berkeley DB before it)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from pipeline.errors import PipelineError
from pipeline.formats.boot import shell_variables
from pipeline.formats.packages import bdb_hash, dpkg_status, rpm_header, sqlite_table
from pipeline.model.guest_path import GuestPath
from pipeline.model.tree import Kind, Tree
from pipeline.standards.purl import purl


@dataclass(frozen=True, order=True)
class InstalledPackage:
    """A package that a database of the image lists.

    Attributes:
        kind: ``deb``, ``opkg`` or ``rpm``.
        version: as its own tools print it, without rpm's epoch.
        architecture: may be empty.
        source: the source package's name, or rpm's file of it; empty where it is not known.
        source_version: of a ``deb``'s source.
        vendor, release: ``ID`` and ``VERSION_ID`` of os-release; may be empty.
        database: which file says so.
    """

    kind: str
    name: str
    version: str
    architecture: str
    source: str
    source_version: str
    epoch: str
    vendor: str
    release: str
    database: GuestPath

    @property
    def purl(self) -> str:
        """The package URL.

        ``upstream`` names the source where that is another, as scanners for known vulnerabilities expect it: Debian
        files them by source package. The type ``opkg`` is proposed, not registered (purl-spec 279).
        """
        folded = self.name.lower() if self.kind == "deb" else self.name
        upstream = self.source
        if self.kind != "rpm":
            same = self.source_version == self.version
            upstream = self.source if same else f"{self.source}@{self.source_version}"
            upstream = "" if upstream == self.name else upstream
        return purl(
            self.kind,
            self.vendor.lower(),
            folded,
            self.version,
            arch=self.architecture,
            distro="-".join(filter(None, (self.vendor, self.release))) if self.vendor else "",
            epoch=self.epoch,
            upstream=upstream,
        )


def installed_packages(files: Mapping[GuestPath, bytes]) -> tuple[InstalledPackage, ...]:
    """All packages of an image, sorted, each once; none where the image has no database.

    Args:
        files: what inspection read, by resolved path. A database is known by the end of its path, because the
            directories above are links in many images.

    Raises:
        PipelineError: a database is damaged or incomplete; a list with holes would be taken for the whole.
    """
    vendor, release = _os_release(files)
    found: dict[str, InstalledPackage] = {}
    for path, content in sorted(files.items()):
        for end, read in _DATABASES.items():
            if path.endswith(end):
                for package in sorted(_packages(read, path, content, vendor, release)):
                    found.setdefault(package.purl, package)
        if path.endswith("/rpm/rpmdb.sqlite-wal") and content:
            raise PipelineError(
                f"{path}: holds packages that rpm has not yet written into its database",
                "run rpm --rebuilddb in the image, so that they are",
            )
    return tuple(sorted(found.values()))


PLACES = (
    "/etc/os-release",
    "/usr/lib/os-release",
    "/var/lib/dpkg/status",
    "/var/lib/opkg/status",
    "/usr/lib/opkg/status",
    *(
        f"{place}/{name}"
        for place in ("/var/lib/rpm", "/usr/lib/sysimage/rpm")
        for name in ("rpmdb.sqlite", "rpmdb.sqlite-wal", "Packages")
    ),
)
"""Where package databases lie, and the file that says whose packages they are."""


def package_databases(tree: Tree) -> tuple[GuestPath, ...]:
    """The files of an image that `installed_packages` needs, links followed."""
    found: set[GuestPath] = set()
    for place in PLACES:
        try:
            path = tree.resolve(GuestPath(place))
        except PipelineError:  # a circle of links
            continue
        node = tree.get(path)
        if node is not None and node.kind is Kind.FILE:
            found.add(path)
    return tuple(sorted(found))


_Row = tuple[str, str, str, str, str, str]  # name, version, architecture, source, its version, epoch


def _packages(
    read: Callable[[bytes], Iterator[_Row]], path: GuestPath, content: bytes, vendor: str, release: str
) -> Iterator[InstalledPackage]:
    kind = "rpm" if "/rpm/" in path else "opkg" if "/opkg/" in path else "deb"
    try:
        for row in read(content):
            yield InstalledPackage(kind, *row, vendor=vendor, release=release, database=path)
    except (sqlite_table.SqliteError, bdb_hash.BdbError, rpm_header.RpmHeaderError) as error:
        raise PipelineError(
            f"{path}: cannot be read as rpm's database: {error}", "run rpm --verifydb and rpm --rebuilddb in the image"
        ) from None


def _status(content: bytes) -> Iterator[_Row]:
    for entry in dpkg_status.installed(content):
        yield entry.name, entry.version, entry.architecture, entry.source, entry.source_version, ""


def _sqlite(content: bytes) -> Iterator[_Row]:
    for row in sqlite_table.rows(content, "Packages"):
        if len(row) < 2 or not isinstance(row[1], bytes):
            raise sqlite_table.SqliteError("a row of Packages holds no header")
        yield from _header(row[1])


def _bdb(content: bytes) -> Iterator[_Row]:
    for value in bdb_hash.values(content):
        if len(value) != 4:  # key 0 holds the number the next package will get
            yield from _header(value)


def _header(blob: bytes) -> Iterator[_Row]:
    package = rpm_header.parse(blob)
    if package.architecture:  # else a public key that rpm keeps among the packages, no software
        epoch = "" if package.epoch is None else str(package.epoch)
        yield package.name, f"{package.version}-{package.release}", package.architecture, package.source, "", epoch


_DATABASES: Mapping[str, Callable[[bytes], Iterator[_Row]]] = {
    "/dpkg/status": _status,
    "/opkg/status": _status,
    "/rpm/rpmdb.sqlite": _sqlite,
    "/rpm/Packages": _bdb,
}


def _os_release(files: Mapping[GuestPath, bytes]) -> tuple[str, str]:
    for path in sorted(path for path in files if path.endswith("/os-release")):
        values = {entry.name: entry.value or "" for entry in shell_variables.assignments(files[path])}
        if values.get("ID"):
            return _clean(values["ID"]), _clean(values.get("VERSION_ID", ""))
    return "", ""


def _clean(text: str) -> str:
    """Text as JSON can hold it; the file is the image's and may hold any bytes."""
    return text.encode("utf-8", "replace").decode("utf-8", "replace")
