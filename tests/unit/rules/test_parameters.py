"""Which assignment of a kernel parameter counts: the last; one by name before patterns where the reader says so."""

from __future__ import annotations

import pytest

from pipeline.rules.kernel import parameters
from tests.support.breakages import put
from tests.support.hardened import a_hardened_view

KEY = "net.ipv4.conf.eth0.rp_filter"
NAMED, PATTERN = f"{KEY} = 1\n", "net.ipv4.conf.*.rp_filter = 0\n"


@pytest.mark.parametrize(
    ("init", "procps", "texts", "value"),
    [
        ("systemd", "", (NAMED, PATTERN), "1"),
        ("systemd", "", (PATTERN, NAMED), "1"),
        ("systemd", "", (PATTERN, PATTERN.replace("0", "2")), "2"),
        ("sysv", "2:4.0.2-3", (NAMED, PATTERN), "1"),
        ("sysv", "2:3.3.17-5", (NAMED, PATTERN), "0"),
        ("sysv", "2:3.3.17-5", (PATTERN, NAMED), "1"),
        ("sysv", "", (NAMED, PATTERN), "0"),
    ],
)
def test_a_name_before_a_pattern(init: str, procps: str, texts: tuple[str, str], value: str) -> None:
    view = a_hardened_view(init)
    for number, text in enumerate(texts):
        view = put(f"/etc/sysctl.d/{50 + number}-x.conf", text)(view)
    if procps:
        stanza = f"\nPackage: procps\nStatus: install ok installed\nVersion: {procps}\nArchitecture: armhf\n\n"
        view = put("/var/lib/dpkg/status", (view.find("/var/lib/dpkg/status") or b"") + stanza.encode())(view)
    setting = parameters.in_effect(view, KEY)
    assert setting is not None
    assert setting.value == value
