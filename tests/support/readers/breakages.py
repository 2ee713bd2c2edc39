"""Files that a rule may pass and the program that reads them does not: rows T3 and T4 of the November trials, and kin.

Each names the reader that must say no, and words of the real program that must be in its message.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.model.guest_path import GuestPath
from pipeline.model.image_view import ImageView
from pipeline.model.layer import FileEntry, Layer, Origin
from pipeline.model.reader_answer import ReaderAnswer, ReaderVerdict
from pipeline.readers.all_readers import READERS
from pipeline.readers.questions import Asked, questions_of

_IPTABLES, _SSHD, _DROPIN = "/etc/sysconfig/iptables", "/etc/ssh/sshd_config", "/etc/ssh/sshd_config.d/planted.conf"
_INTERFACES, _SUDOERS = "/etc/network/interfaces", "/etc/sudoers.d/planted"
_NAMED, _DHCPD, _MONIT = "/etc/bind/named.conf", "/etc/dhcpd-eth0.conf", "/etc/monitrc"
_HOSTAPD, _SUPPLICANT = "/etc/hostapd-wlan0.conf", "/etc/wpa_supplicant-wlan0.conf"
_PEER, _CHAT = "/etc/ppp/peers/planted", "/etc/ppp/scripts/chat_planted"
_SYSCTL, _SCRIPT = "/etc/sysctl.d/00-planted.conf", "/etc/init.d/firewall_cust"


@dataclass(frozen=True)
class Plant:
    """One broken file.

    Attributes:
        words: of the program's own message; empty where any will do.
    """

    name: str
    reader: str
    path: str
    content: str
    words: str = ""

    def question(self, view: ImageView) -> tuple[Layer, ImageView, Asked]:
        """It as a gateway's own layer, the image with it, and the question that is about it.

        Raises:
            LookupError: no reader asks about it, or the image has no such program.
        """
        layer = self._layer(view)
        after = view.after(layer)
        place = str(layer.entries[0].path)
        readers = [reader for reader in READERS if reader.id == self.reader]
        asked = [one for one in questions_of(after, readers) if one.program and place in one.ask.read]
        if not asked:
            raise LookupError(f"{self.name}: nobody asks about {place}")
        return layer, after, next((one for one in asked if one.ask.subject == place), asked[0])

    def is_told(self, answer: ReaderAnswer) -> bool:
        """Whether the reader refuses it with the program's own words."""
        return answer.verdict is ReaderVerdict.NO and self.words in answer.message

    def _layer(self, view: ImageView) -> Layer:
        """It as a gateway's own layer."""
        mode = 0o440 if self.path == _SUDOERS else 0o755 if self.content.startswith("#!") else 0o600
        place = view.tree.resolve(GuestPath(self.path))
        return Layer((FileEntry(place, self.content.encode(), (Origin("test", "planted"),), mode),))


def _each(reader: str, path: str, form: str, *lines: tuple[str, str]) -> Iterator[Plant]:
    for line, words in lines:
        yield Plant(f"{reader}: {line.strip()!r}", reader, path, form.replace("%", line), words)


_FILTER = "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n%\nCOMMIT\n"
_IFACE = "auto lo\niface lo inet loopback\n\nauto eth1\n%\n"
_NETWORK = "ctrl_interface=/run/w\n%\n"
_POINT = "interface=wlan0\ndriver=nl80211\nssid=a\nhw_mode=g\nchannel=6\n%\n"
_SUBNET = "subnet 10.9.9.0 netmask 255.255.255.0 { range 10.9.9.10 10.9.9.20; }\n%\n"

PLANTS: tuple[Plant, ...] = (
    *_each(
        "iptables", _IPTABLES, _FILTER,
        ("-A INPUT -m comment --comment 'dns for lan' -j ACCEPT", "Bad argument"),
        ("-A INPUT -p tcp --dport 53,67 -j ACCEPT", "invalid port/service"),
        ("-A INPUT -j MASQUERADE", ""),
        ("-A INPUT -p tcp --dport 22 -j ACEPT", "ACEPT"),
        ("-A INPUT -m conntrack --ctstate RELATEDX -j ACCEPT", "RELATEDX"),
        ("-A INPUT -m multiport --dports 1,2 -j ACCEPT", ""),
        ("-A INPUT -s 10.0.0.0/33 -j ACCEPT", "invalid mask"),
        ("-A INPUT -s 10.0.0.256 -j ACCEPT", ""),
        ("-A INPUT -p tcpp -j ACCEPT", "tcpp"),
        ("-A INPUT --dport 22 -j ACCEPT", "dport"),
        ("-A INPUT -m limit --limit 3/fortnight -j ACCEPT", "fortnight"),
        ("-A INPUT -j REJECT --reject-with icmp-maybe", "icmp-maybe"),
        ("-A INPUT -m state --state OLD -j ACCEPT", "OLD"),
        ("-A NOWHERE -j ACCEPT", ""),
        ("-A INPUT -i eth0 -j ACCEPT -X", ""),
        ("-A INPUT -p icmp --icmp-type perhaps -j ACCEPT", "perhaps"),
        ("-A INPUT -m mac --mac-source 00:11:22:33:44 -j ACCEPT", "MAC"),
        ("-A INPUT -p tcp --dport 22\r", ""),
        ("COMMIT ", ""),
    ),
    Plant("iptables: no COMMIT", "iptables", _IPTABLES, "*filter\n:INPUT DROP [0:0]\n-A INPUT -j DROP\n", "COMMIT"),
    *_each(
        "sshd", _DROPIN, "%\n",
        ("Subsystem sftp internal-sftp\nSubsystem sftp internal-sftp", "already defined"),
        ("KexAlgorithms mlkem768x25519-sha256", "KexAlgorithms"),
        ("Ciphers aes256-ctr,rot13", "rot13"),
        ("MACs hmac-none", "hmac-none"),
        ("HostKeyAlgorithms ssh-magic", "ssh-magic"),
        ("Match Address 10.234.0.1/16", ""),
        ("Match Uzer root", "Uzer"),
        ("RefuseConnection yes", "RefuseConnection"),
        ("PermitRootLogin perhaps", "unsupported option"),
        ("Port 99999", "port"),
        ("LoginGraceTime soon", "time"),
        ("MaxAuthTries", "MaxAuthTries"),
        ("ListenAddress 300.1.1.1", "300.1.1.1"),
        ("AllowTcpForwarding sometimes", ""),
        ("ClientAliveInterval -5", ""),
        ("Frobnicate yes", "Frobnicate"),
        ("HostKey", "HostKey"),
        ("AuthenticationMethods publickey,telepathy", ""),
        ("LogLevel LOUD", "LOUD"),
        ("Match User root\n  Frobnicate no", "Frobnicate"),
    ),
    *_each(
        "ifupdown", _INTERFACES, _IFACE,
        ("iface eth1 inet dchp", "no method"),
        ("iface eth1 inet static", "address"),
        ("iface eth1 inett dhcp", "address type"),
        ("iface eth1 inet", ""),
        ("iface eth1", ""),
        ("ifface eth1 inet dhcp", ""),
        ("iface eth1 inet static\n  address", ""),
        ("iface eth1 inet tunnel", ""),
        ("  address 10.0.0.1", ""),
        ("mapping eth1 eth2", ""),
    ),
    *_each(
        "sudo", _SUDOERS, "%\n",
        ("%sudo ALL=(ALL:ALL ALL", "syntax error"),
        ("technician ALL", "syntax error"),
        ("User_Alias ADMINS = technician,", "syntax error"),
        ("Defaults env_rest", ""),
        ("technician ALL=(root) NOPASWD: ALL", ""),
        ("Cmnd_Alias = /bin/true", "syntax error"),
        ("technician ALL=(ALL) sh", ""),
    ),
    *_each(
        "sudo_rights", _SUDOERS, "%\n",
        ("Defaults !authenticate\n%sudo ALL=(ALL) ALL", "without a password"),
        ("Defaults:%sudo !authenticate\n%sudo ALL=(ALL) ALL", "without a password"),
        ("%sudo ALL=(ALL) NOPASSWD: ALL", "without a password"),
        ("%sudo nohost=(ALL) /bin/true : ALL=(ALL) NOPASSWD: ALL", "without a password"),
        ("Runas_Alias R = root\n%sudo ALL=(R) NOPASSWD: ALL", "without a password"),
        ("ALL ALL=(ALL) NOPASSWD: ALL", "without a password"),
    ),
    *_each(
        "named", _NAMED, 'options { directory "/"; };\n%\n',
        ("options { recursion maybe; };", ""),
        ('zone "x" { type mastr; file "x"; };', "mastr"),
        ("acl a { 10.0.0.0/33; };", ""),
        ("key k { algorithm hmac-md5 };", ""),
        ("optins { };", "optins"),
        ("logging { channel c { file; }; };", ""),
    ),
    *_each(
        "dhcpd", _DHCPD, _SUBNET,
        ("option ntp-servrs 10.9.9.1;", "ntp-servrs"),
        ("subnet 10.8.8.1 netmask 255.255.255.0 { }", ""),
        ("default-lease-tim 600;", ""),
        ("subnet 10.7.7.0 netmask 255.255.255.0 { range 10.6.6.1 10.6.6.9; }", ""),
        ("host a { hardware ethernet zz:11; }", ""),
        ("}", ""),
    ),
    *_each(
        "hostapd", _HOSTAPD, _POINT,
        ("hw_mode=x", "hw_mode"),
        ("frobnicate=1", "frobnicate"),
        ("wpa=2\nwpa_passphrase=seven77", ""),
        ("wpa_key_mgmt=WPA-PKS", ""),
        ("no equals sign", ""),
        ("wpa_pairwise=CCMPX", ""),
        ("beacon_int=0", ""),
    ),
    *_each(
        "wpa_supplicant", _SUPPLICANT, _NETWORK,
        ('network={\n ssid="a"\n psk="seven77"\n}', "passphrase"),
        ('network={\n ssid="a"\n frobnicate=1\n}', "frobnicate"),
        ("network={\n ssid=unquoted\n}", "ssid"),
        ('network={\n ssid="a"\n key_mgmt=WPA-PKS\n}', "key_mgmt"),
        ('network={\n ssid="a"\n', ""),
        ("frobnicate=1", ""),
    ),
    *_each(
        "pppd", _PEER, "%\n",
        ("frobnicate", "frobnicate"),
        ("mtu twelve", ""),
        ("asyncmap xyz", ""),
        ("plugin nothing.so", "nothing.so"),
        ("idle", ""),
    ),
    *_each(
        "chat", _CHAT, "%\n",
        ("'' ATZ OK 'ATD*99#", "unterminated quote"),
        ("'' \"ATZ", "unterminated quote"),
    ),
    *_each(
        "monit", _MONIT, "set daemon 120\n%\n",
        ("check foo bar", "syntax error"),
        ("check process x with pidfile", "syntax error"),
        ("set htpd port 2812", "syntax error"),
        ("check process a matching b\n depends on nothere", ""),
    ),
    *_each(
        "sysctl", _SYSCTL, "%\n",
        ("net.ipv4.ip_forward", "invalid syntax"),
        ("= 1", "not under"),
    ),
    *_each(
        "sh", _SCRIPT, "#!/bin/sh\n%\n",
        ("if true; then", "end of file"),
        ("echo 'open", ""),
        ("case x in a) ;", ""),
        ("for i in a b; done", ""),
    ),
)  # fmt: skip
