"""Access points stay as strong as they were, with a passphrase of each gateway's own; clients are read as they read."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pipeline.classification import find_secrets
from pipeline.classification.files import classify_files
from pipeline.formats.network import hostapd_conf, wpa_supplicant_conf
from pipeline.model.image_view import ImageView
from pipeline.transforms.network.adapter import Adapter
from pipeline.transforms.network.wifi import hostapd_problems, hostapd_text, station_problems, station_text
from pipeline.verification.own_values import own_values
from tests.support.vanilla import a_vanilla

OWN, OLD, OTHER = "own-passphrase-of-this-gateway", "Hidden-Value-77", "Hidden-Other-88"
POINT = Adapter("wlan0", "wifi", "lan", "static", wifi_mode="MASTER", ssid="mill", channel=6)
HALL = Adapter("wlan0", "wifi", "wan", "dhcp", wifi_mode="INFRA", ssid="hall", changed=True)
COMMON = "interface=wlan0\nssid=golden\nhw_mode=g\nchannel=1\nwpa=2\n"

# Lines of the golden sample: those of the gateway, and the words that must be gone.
KEPT: dict[str, tuple[str, str]] = {
    "WPA2": (f"wpa_key_mgmt=WPA-PSK\nrsn_pairwise=CCMP\nwpa_passphrase={OLD}\n", "wpa_key_mgmt=WPA-PSK"),
    "WPA2 with SHA-256": (
        f"wpa_key_mgmt=WPA-PSK-SHA256\nieee80211w=2\nrsn_pairwise=CCMP\nwpa_passphrase={OLD}\n",
        "wpa_key_mgmt=WPA-PSK-SHA256 ieee80211w=2",
    ),
    "WPA3": (
        f"wpa_key_mgmt=SAE\nieee80211w=2\nrsn_pairwise=CCMP\nsae_require_mfp=1\nsae_password={OLD}\n",
        f"wpa_key_mgmt=SAE ieee80211w=2 sae_require_mfp=1 sae_password={OWN}",
    ),
    "WPA3 by the common passphrase": (
        f"wpa_key_mgmt=SAE\nieee80211w=2\nrsn_pairwise=CCMP\nwpa_passphrase={OLD}\n",
        f"wpa_key_mgmt=SAE ieee80211w=2 wpa_passphrase={OWN}",
    ),
    "WPA2 and WPA3": (
        f"wpa_key_mgmt=WPA-PSK SAE\nieee80211w=1\nrsn_pairwise=CCMP GCMP\nwpa_passphrase={OLD}\nsae_password={OTHER}\n",
        f"ieee80211w=1 wpa_passphrase={OWN} sae_password={OWN}",
    ),
    "two passwords for everybody": (
        f"wpa_key_mgmt=SAE\nieee80211w=2\nsae_password={OLD}\nsae_password={OTHER}|mac=ff:ff:ff:ff:ff:ff\n",
        f"wpa_key_mgmt=SAE sae_password={OWN}",
    ),
    "OWE": ("wpa_key_mgmt=OWE\nieee80211w=2\nrsn_pairwise=CCMP\n", "wpa_key_mgmt=OWE ieee80211w=2"),
    "EAP": (
        "ieee8021x=1\nwpa_key_mgmt=WPA-EAP\nrsn_pairwise=CCMP\nauth_server_addr=10.0.0.9\n"
        "auth_server_shared_secret=site-secret\n",
        "ieee8021x=1 wpa_key_mgmt=WPA-EAP auth_server_addr=10.0.0.9 auth_server_shared_secret=site-secret",
    ),
    "old passphrase in a comment": (
        f"wpa_key_mgmt=WPA-PSK\nrsn_pairwise=CCMP\n#wpa_passphrase={OLD}\nwpa_passphrase={OTHER}\n",
        f"wpa_passphrase={OWN}",
    ),
    "keys of stations": (
        "wpa_key_mgmt=WPA-PSK\nrsn_pairwise=CCMP\nwpa_psk_file=/etc/hostapd.wpa_psk\n",
        f"wpa_passphrase={OWN}",
    ),
}


def hostapd_says(file: Path) -> str:
    command = ["unshare", "--map-root-user", "--net", "/usr/sbin/hostapd", str(file)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=60)
    return (done.stdout + done.stderr).decode(errors="replace")


@pytest.mark.tools
@pytest.mark.parametrize("kind", KEPT)
def test_an_access_point_stays_as_strong_as_it_was(kind: str, tmp_path: Path) -> None:
    lines, wanted = KEPT[kind]
    text = hostapd_text(hostapd_conf.parse(COMMON + lines, "golden"), POINT, OWN)
    for word in wanted.split(" "):
        assert word in text
    assert OLD not in text
    assert OTHER not in text
    assert ("passphrase=" in text or "sae_password=" in text) is (kind not in ("OWE", "EAP"))
    file = tmp_path / "hostapd.conf"
    file.write_text(text)
    said = hostapd_says(file)
    assert "Failed to initialize driver" in said, said
    assert "errors found" not in said


def test_what_is_weak_goes() -> None:
    ready = "a" * 64
    weak = (
        f"wpa=3\nwpa_key_mgmt=WPA-NONE WPA-PSK\nwpa_pairwise=TKIP CCMP\nwps_state=2\nap_pin=12345670\nwpa_psk={ready}\n"
    )
    text = hostapd_text(hostapd_conf.parse(COMMON + weak, "golden"), POINT, OWN)
    assert {"wpa=2", "wpa_key_mgmt=WPA-PSK", "wpa_pairwise=CCMP", f"wpa_passphrase={OWN}"} <= set(text.splitlines())
    assert not any(word in text for word in ("TKIP", "wps_state", "ap_pin", "wpa_psk="))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (f"sae_password={OLD}|mac=00:11:22:33:44:55", "for one station"),
        (f"sae_password={OLD}|id=guest", "for one station"),
        (f"sae_password={OLD}|vlanid=3|mac=ff:ff:ff:ff:ff:ff", "for one station"),
        (f"r0kh=02:01:02:03:04:05 r0kh-1 {'0f' * 16}", "another access point"),
        (f"r1kh=02:01:02:03:04:05 02:01:02:03:04:05 {'0f' * 16}", "another access point"),
    ],
)
def test_what_no_passphrase_of_a_gateway_s_own_can_replace_is_refused(line: str, said: str) -> None:
    problems = hostapd_problems("golden: f", "wlan0", hostapd_conf.parse(f"{COMMON}{line}\n", "golden: f"))
    assert [said in problem.what and "line 6" in problem.what for problem in problems] == [True]
    assert OLD not in str(problems)


def test_own_values_and_classes_know_the_same_lines() -> None:
    for key in hostapd_conf.OWN_KEYS:
        text = f"{COMMON}{key}={'12345670' if key == 'ap_pin' else OLD}\n".encode()
        path = "etc/hostapd-wlan0.conf"
        assert [one.reason for one in find_secrets(path, text)] == [f"by the name {key}"]
        (item,) = classify_files({path: text}, (), "")
        assert item.sort == "per-gateway", key
        found = own_values(ImageView.of(a_vanilla({f"/{path}": text})))
        assert ("Wi-Fi passphrase", OLD.encode()) in {(one.kind, one.value) for one in found} or key == "ap_pin"


STATION = """\
ctrl_interface=/run/w
network={ # ours
\tssid="site" # the hall's
\t#psk="Hidden-Value-77"
\tpsk=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef # by wpa_passphrase
\tkey_mgmt=WPA-PSK # strong
}
# sae_password="Hidden-Value-77"
blob-base64-ca={
QUJD
}
network={
    ssid="a # b"
    psk="with # inside"   # and behind
}
"""


def test_a_client_is_read_as_the_program_reads_it() -> None:
    first, second = wpa_supplicant_conf.parse(STATION, "golden").networks
    assert first.get("ssid") == '"site"'
    assert first.get("key_mgmt") == "WPA-PSK"
    assert len(first.get("psk")) == 64
    assert second.get("psk") == '"with # inside"'
    assert second.get("ssid") == '"a # b"'


def test_a_ready_key_does_not_follow_another_name() -> None:
    (problem,) = station_problems("golden: f", wpa_supplicant_conf.parse(STATION, "golden"), HALL)
    assert "network 1 has a ready 64-digit key" in problem.what
    same = wpa_supplicant_conf.parse(STATION.replace('"site"', '"hall"'), "golden")
    assert station_problems("golden: f", same, HALL) == []


@pytest.mark.tools
def test_passphrases_in_comments_do_not_travel_and_the_program_reads_the_rest(tmp_path: Path) -> None:
    text = station_text(wpa_supplicant_conf.parse(STATION, "golden"), HALL)
    assert OLD not in text
    assert "blob-base64-ca={\n    QUJD\n}" in text
    file = tmp_path / "w.conf"
    for content in (STATION, text):
        file.write_text(content.replace("/run/w", str(tmp_path / "run")))
        command = ["unshare", "--map-root-user", "--net", "/usr/sbin/wpa_supplicant", "-i", "none0", "-c", str(file)]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=60)
        assert b"Failed to read or parse" not in done.stdout + done.stderr


@pytest.mark.tools
def test_what_wpa_passphrase_prints() -> None:
    printed = subprocess.run(["/usr/bin/wpa_passphrase", "site", OLD], capture_output=True, check=True).stdout.decode()
    assert OLD in printed
    text = station_text(wpa_supplicant_conf.parse(printed, "golden"), Adapter("wlan0", "wifi", "wan", "dhcp"))
    assert OLD not in text


@pytest.mark.parametrize(
    ("line", "proposal"),
    [
        ('psk="Hidden-Value-77"', "travels"),
        ('sae_password="Hidden-Value-77"', "travels"),
        ('password="Hidden-Value-77"', "undecided"),
        ('private_key_passwd="Hidden-Value-77"', "undecided"),
        ('pin="4711"', "undecided"),
    ],
)
def test_log_ins_of_a_person_or_a_device_are_decided(line: str, proposal: str) -> None:
    text = f'network={{\n\tssid="site"\n\t{line}\n}}\n'.encode()
    (item,) = classify_files({"etc/wpa_supplicant-wlan0.conf": text}, (), "")
    assert (item.sort, item.proposal) == ("secret", proposal)
