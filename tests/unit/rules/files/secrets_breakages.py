"""What breaks the rules about files that hold secrets."""

from __future__ import annotations

from tests.support.breakages import (
    Breakage,
    own,
    put,
)
from tests.support.linux_places import (
    GSHADOW,
    HOST_KEY,
    SHADOW,
    SUDOERS,
)

BREAKAGES = (
    Breakage("hashes for everybody to read", "files.secrets", SHADOW, own(SHADOW, mode=0o644)),
    Breakage("hashes for a group of people", "files.secrets", SHADOW, own(SHADOW, gid=1500, mode=0o640)),
    Breakage("group hashes of somebody else", "files.secrets", GSHADOW, own(GSHADOW, uid=1500)),
    Breakage("a host key for its group", "files.secrets", HOST_KEY, own(HOST_KEY, mode=0o640)),
    Breakage(
        "dial-in passwords", "files.secrets", "/etc/ppp/chap-secrets", put("/etc/ppp/chap-secrets", "a * b\n", 0o644)
    ),
    Breakage(
        "a Wi-Fi passphrase",
        "files.secrets",
        "/etc/hostapd-wlan0.conf",
        put("/etc/hostapd-wlan0.conf", "wpa=2\n", 0o644),
    ),
    Breakage(
        "a Wi-Fi client's passphrase",
        "files.secrets",
        "/etc/wpa_supplicant-wlan0.conf",
        put("/etc/wpa_supplicant-wlan0.conf", "x\n", 0o640),
    ),
    Breakage("a rule of sudo for everybody to write", "files.secrets", SUDOERS, own(SUDOERS, mode=0o666)),
    Breakage("monit's password", "files.secrets", "/etc/monitrc", own("/etc/monitrc", mode=0o644)),
)
