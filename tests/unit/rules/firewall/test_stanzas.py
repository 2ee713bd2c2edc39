"""Commands of interfaces(5) that open the firewall, among comments and among commands about something else."""

from __future__ import annotations

from pipeline.rules.esf.installation import Document
from pipeline.rules.firewall.after_boot import _in_stanzas

TEXT = """\
# up iptables -P INPUT ACCEPT; up iptables -I INPUT -j ACCEPT
auto eth0
iface eth0 inet static
    # up iptables -I FORWARD -j ACCEPT
    address 192.0.2.1/24
    up something -j ACCEPT
    up iptables -I INPUT -p tcp --dport 22 -j DROP
    up iptables -I INPUT -j ACCEPT
    down iptables -P INPUT ACCEPT
"""


def test_only_commands_of_iptables_that_open_something_are_named() -> None:
    found = [(breach.line, breach.found) for breach in _in_stanzas(Document("/etc/network/interfaces", TEXT.encode()))]
    assert [line for line, _ in found] == [8, 9]
    assert found[0][1].startswith("lets packets in: ")
    assert found[1][1].startswith("changes a policy: ")
