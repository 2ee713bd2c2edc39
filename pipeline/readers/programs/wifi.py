"""hostapd and wpa_supplicant: they have no test mode, but read their file before they miss the wireless device.

The sandbox has no interface but lo, so that neither ever gets further than that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from pipeline.model.image_view import ImageView
from pipeline.model.reader import Ask, Command, Meaning, Reader, Reply
from pipeline.model.reader_answer import ReaderVerdict
from pipeline.readers.files_of import regular_files
from pipeline.readers.meaning import not_asked, refusal, said

_HOSTAPD = ("/etc/hostapd-*.conf", "/etc/hostapd/hostapd.conf", "/etc/hostapd.conf", "/opt/*/*/.data/hostapd-*.conf")
_SUPPLICANT = (
    "/etc/wpa_supplicant-*.conf", "/etc/wpa_supplicant.conf", "/etc/wpa_supplicant/*.conf",
    "/opt/*/*/.data/wpa_supplicant-*.conf",
)  # fmt: skip
_ERRORS = re.compile(
    r"errors? found in configuration file|[Ff]ailed to (?:read or )?parse|Could not open configuration"
)
_AT_LINE = re.compile(r"^[Ll]ine (\d+)\b")
_MISSED = re.compile(r"(?i)nl80211|driver|interface|rfkill|could not (?:read|find)|reader0|AP-DISABLED|setup|ioctl")
_NAMES_KEY = re.compile(r"unknown (?:configuration item|(?:network|global|cred|blob) field) '[a-z0-9_]+'?\.?(?:;|$)")
_SECRET = re.compile(r"'[^']*'|\"[^\"]*\"|=.*")


def hostapd_asks(view: ImageView, program: str) -> Iterator[Ask]:
    """Each file alone."""
    for file in regular_files(view, *_HOSTAPD):
        yield Ask(file, (Command((program, file)),), (file,), seconds=60)


def supplicant_asks(view: ImageView, program: str) -> Iterator[Ask]:
    """Each file alone, for an interface that is not there."""
    for file in regular_files(view, *_SUPPLICANT):
        yield Ask(file, (Command((program, "-i", "reader0", "-D", "wired", "-c", file)),), (file,), seconds=60)


def meaning(_ask: Ask, replies: Sequence[Reply]) -> Meaning:
    """A complaint about a line is a no; anything about the device is a yes, because the file was read by then."""
    failure = not_asked(replies)
    if failure is not None:
        return failure
    words = said(replies)
    at_line = [line for line in words if _AT_LINE.search(line)]
    errors = [line for line in words if _ERRORS.search(line)]
    if errors:
        refused = refusal(at_line or errors, _AT_LINE)
        # They quote the value they refuse, which may be a passphrase; which key it was stays.
        message = refused.message if _NAMES_KEY.search(refused.message) else _SECRET.sub("...", refused.message)
        return Meaning(ReaderVerdict.NO, message, refused.line)
    if any(_MISSED.search(line) for line in words):
        return Meaning(ReaderVerdict.YES)
    return Meaning(ReaderVerdict.NOT_ASKED, "it says neither that it read the file nor that it did not")


READER_HOSTAPD = Reader(
    "hostapd",
    "the image's own hostapd takes the configuration of each access point",
    ("/usr/sbin/hostapd", "/sbin/hostapd"),
    hostapd_asks,
    meaning,
    version=("-v",),
    on_host=True,
)
READER_SUPPLICANT = Reader(
    "wpa_supplicant",
    "the image's own wpa_supplicant takes the networks it is to join",
    ("/usr/sbin/wpa_supplicant", "/sbin/wpa_supplicant"),
    supplicant_asks,
    meaning,
    version=("-v",),
    on_host=True,
)
