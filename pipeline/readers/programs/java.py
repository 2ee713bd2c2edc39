"""Java's own reader of JAR manifests: its launcher reads the manifest of a JAR and finds that nothing there can start.

A JAR that names a Main-Class would be started and is not asked about.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator, Sequence

from pipeline.model.guest_path import GuestPath
from pipeline.model.image_view import ImageView
from pipeline.model.reader import Ask, Command, Meaning, Reader, Reply
from pipeline.model.reader_answer import ReaderVerdict
from pipeline.readers.files_of import regular_files
from pipeline.readers.meaning import not_asked, refusal, said

_PACKAGES = ("/opt/*/*/kura/packages/*.dp", "/opt/*/*/data/packages/*.dp")
_LARGEST = 32 << 20  # bytes of one package, unpacked
_MOST = 12  # JARs of one package
_STARTABLE = re.compile(rb"(?im)^(Main-Class|Launcher-Agent-Class|JavaFX-Application-Class):")
_NOTHING_TO_START = re.compile(r"no main manifest attribute")


def asks(view: ImageView, program: str) -> Iterator[Ask]:
    """Each deployment package and every bundle in it, in one question."""
    for package, file in enumerate(regular_files(view, *_PACKAGES)):
        content = view.files.get(GuestPath(file))
        jars = _jars(content) if content is not None else None
        if not jars:
            continue
        given = tuple((f"/tmp/{package}-{number}.jar", jar) for number, jar in enumerate(jars))  # noqa: S108 - of the sandbox
        flags = ("-Xshare:auto", "-Xmx64m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
        for path, _ in given:
            yield Ask(file, (Command((program, *flags, "-jar", path)),), (file,),
                      given=tuple(pair for pair in given if pair[0] == path), megabytes=0, seconds=240)  # fmt: skip


def _jars(package: bytes) -> list[bytes] | None:
    """The package and its bundles that cannot be started; None when it is no archive of a sane size."""
    found = []
    try:
        with zipfile.ZipFile(io.BytesIO(package)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > _LARGEST:
                return None
            inner = [archive.read(entry) for entry in archive.infolist() if entry.filename.endswith(".jar")]
        for jar in (package, *inner[:_MOST]):
            with zipfile.ZipFile(io.BytesIO(jar)) as archive:
                if not _STARTABLE.search(archive.read("META-INF/MANIFEST.MF")):
                    found.append(jar)
    except (zipfile.BadZipFile, KeyError, ValueError, OSError, NotImplementedError):
        return None
    return found


def meaning(_ask: Ask, replies: Sequence[Reply]) -> Meaning:
    """The launcher says that there is nothing to start once it has read the manifest."""
    failure = not_asked(replies)
    if failure is not None:
        return failure
    words = said(replies)
    if any(_NOTHING_TO_START.search(line) for line in words):
        return Meaning(ReaderVerdict.YES)
    reasons = [line for line in words if "line too long" in line or "IOException" in line or "invalid" in line]
    if reasons:
        return refusal(reasons)
    return Meaning(ReaderVerdict.NOT_ASKED, (words or ["it says nothing"])[0])


READER = Reader(
    "java",
    "the image's own Java can read the manifest of every deployment package and bundle",
    ("/usr/bin/java", "/usr/lib/jvm/default/bin/java", "/opt/jvm/bin/java"),
    asks,
    meaning,
    version=("-version",),
)
