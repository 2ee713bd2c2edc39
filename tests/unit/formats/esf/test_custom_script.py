"""What a line of firewall_cust adds to the firewall, in the ways a shell can say it."""

from __future__ import annotations

import pytest

from pipeline.formats.esf.custom_script import Addition, additions, commands


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("iptables -A INPUT -p tcp --dport 80 -j ACCEPT", [Addition("filter", "INPUT")]),
        ("iptables -t mangle -I PREROUTING 1 -j DROP", [Addition("mangle", "PREROUTING")]),
        ("/sbin/iptables -tnat --append POSTROUTING -j MASQUERADE", [Addition("nat", "POSTROUTING")]),
        ("iptables-legacy --table=raw --insert OUTPUT -j DROP", [Addition("raw", "OUTPUT")]),
        (
            "iptables -C INPUT -j X || iptables -A INPUT -j X && iptables -A FORWARD -j X",
            [Addition("filter", "INPUT"), Addition("filter", "FORWARD")],
        ),
        ("$IPT -A INPUT -j ACCEPT", [Addition("filter", "INPUT")]),
        ("if true; then iptables -A INPUT -j DROP; fi", [Addition("filter", "INPUT")]),
        ("iptables -P INPUT DROP", []),
        ("echo iptables 'unclosed", []),
        ("ip6tables -A INPUT -j ACCEPT", []),
    ],
)
def test_additions(line: str, found: list[Addition]) -> None:
    assert list(additions(line)) == found


def test_commands_are_joined_and_comments_are_none() -> None:
    text = "#!/bin/sh\niptables \\\n  -A INPUT \\\n  -j DROP # why\n\n# iptables -F\niptables -L\nlast \\"
    assert list(commands(text)) == [(2, "iptables -A INPUT -j DROP"), (7, "iptables -L"), (8, "last")]
