"""Names and passphrases of Wi-Fi networks that Kura reads back as others, and writes at the next save (up to 5.0).

``HostapdConfigReader`` reads ``hostapd-*.conf`` as Java properties and takes quotes away (3.0.0 lines 104 to 118, 4.1.2
and 5.0.0 alike); ``WpaSupplicantConfigReader`` does the same with what stands before the first ``}`` of
``wpa_supplicant-*.conf``, wherever that is (3.0.0 line 305). What it reads it writes when the interface is next saved
in the console: clients would be locked out, or the gateway would not find its own network.
"""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.errors import Problem
from pipeline.formats.network.hostapd_conf import HostapdConf
from pipeline.formats.network.wpa_supplicant_conf import Line, WpaSupplicantConf

_ESCAPE = "a backslash"
_BLANK = "a blank at its beginning"
_QUOTES = "quotation marks around it"
_BRACE = "a '}'"
_OF_STATION = ("ssid", "psk")


def lost_in_properties(value: str) -> str:
    """What of a value ``java.util.Properties`` and Kura lose; empty when they keep it."""
    if "\\" in value:
        return _ESCAPE
    if value[:1].isspace():
        return _BLANK
    return _QUOTES if len(value) > 1 and value[0] == value[-1] == '"' else ""


def access_point_problems(where: str, file: HostapdConf) -> Iterator[Problem]:
    """An access point of the golden sample whose name Kura would change; its passphrase stays behind."""
    lost = lost_in_properties(file.get("ssid"))
    if lost:
        yield _problem(f"{where}: line {file.line_of('ssid')}: ssid", lost)


def own_problems(gateway: str, ssid: str, passphrase: str) -> Iterator[Problem]:
    """The name and passphrase of a gateway's own access point, neither of which is quoted."""
    for name, value in (("ssid", ssid), ("Wi-Fi passphrase", passphrase)):
        if lost := lost_in_properties(value):
            yield _problem(f"gateway {gateway}: its {name}", lost)


def station_problems(where: str, file: WpaSupplicantConf) -> Iterator[Problem]:
    """A network the golden sample joins; Kura reads the first only, and takes its values out of their quotes."""
    for line in _before_first_brace(file):
        if "}" in line.value:
            yield _problem(f"{where}: line {line.number}", _BRACE)
        elif line.key in _OF_STATION and "\\" in line.value:
            yield _problem(f"{where}: line {line.number}: {line.key}", _ESCAPE)


def _before_first_brace(file: WpaSupplicantConf) -> Iterator[Line]:
    for item in file.items:
        if isinstance(item, Line):
            yield item
        elif item.name == "network":
            yield from item.lines
            return


def _problem(subject: str, lost: str) -> Problem:
    return Problem(
        f"{subject} has {lost}, which Kura's own reader loses: the next save in the console would write another one",
        "choose one without backslashes, braces, quotation marks around it and blanks at its beginning",
    )
