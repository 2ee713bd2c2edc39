"""Wi-Fi: protected where the gateway offers it, off where nobody needs it (A:119, A:120)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipeline.formats.network import hostapd_conf, wpa_supplicant_conf
from pipeline.formats.network.hostapd_conf import HostapdConf
from pipeline.model.image_view import ImageView
from pipeline.model.layout import Layout
from pipeline.model.rule import Breach, Expected, Judgement, Rule, Severity
from pipeline.rules.esf.installation import Document, document, is_file, on_esf
from pipeline.rules.esf.snapshot_file import SnapshotFile, on_snapshot
from pipeline.rules.esf.strength import SHORTEST_WIFI, weakness
from pipeline.rules.looking import harmless, paths
from pipeline.rules.network.files import per_interface
from pipeline.rules.network.interfaces import PID, Network, network

_SECURE = re.compile(r"SECURITY_WPA2(_WPA3)?(_ENTERPRISE)?|SECURITY_WPA3(_ENTERPRISE)?")
_KEY_MANAGEMENT = frozenset(
    """WPA-PSK WPA-PSK-SHA256 FT-PSK SAE FT-SAE SAE-EXT-KEY FT-SAE-EXT-KEY WPA-EAP WPA-EAP-SHA256 FT-EAP
    FT-EAP-SHA384 WPA-EAP-SUITE-B WPA-EAP-SUITE-B-192""".split()
)
_CIPHERS = frozenset({"CCMP", "GCMP", "CCMP-256", "GCMP-256"})
_FILE_KEY = re.compile(r"(?:private_key|client_cert|ca_cert|dh_file|pac_file)\d?")
_DAEMON_FILES = ("/etc/hostapd/hostapd.conf", "/etc/hostapd.conf", "/etc/default/hostapd")
_NO_ACCESS_POINT = "the gateway offers no Wi-Fi network"
_MASTER = "config.wifi.master"
_MODE = ".config.wifi.mode"


def _access_points(view: ImageView) -> Iterator[tuple[Document, HostapdConf]]:
    """Every configuration of an access point, Kura's and the distribution's."""
    for _, _, file in per_interface(view, "hostapd"):
        yield file, hostapd_conf.parse(file.text, file.path)
    for path in _DAEMON_FILES[:2]:
        found = document(view, path) if is_file(view, path) else None
        if found is not None:
            yield found, hostapd_conf.parse(found.text, found.path)


def _line(file: HostapdConf, *keys: str) -> int:
    return next((line.number for line in reversed(file.lines) if line.key in keys), 0)


def _encryption(view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """WPA2 or better with AES, nothing weaker beside it (A:119)."""
    del layout, expected
    found = [*_access_points(view)]
    if not found:
        return Judgement.not_applicable(_NO_ACCESS_POINT)
    breaches = [
        Breach(document.path, _line(file, *keys), what, wanted)
        for document, file in found
        for keys, what, wanted in _weak(file)
    ]
    return Judgement.of(breaches, f"{len(found)} access points with WPA2 or better")


def _weak(file: HostapdConf) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """Keys, what is wrong with them, and what is wanted."""
    wpa = file.get("wpa")
    if wpa != "2":
        shown = {"": "no WPA: an open network", "0": "no WPA: an open network", "1": "WPA 1", "3": "WPA 1 beside WPA 2"}
        yield ("wpa",), shown.get(wpa, "wpa has an unknown value"), "wpa=2"
    management = set(file.get("wpa_key_mgmt").split()) or {"WPA-PSK"}
    if not management <= _KEY_MANAGEMENT:
        yield (
            ("wpa_key_mgmt",),
            f"key management {harmless(' '.join(sorted(management - _KEY_MANAGEMENT)))}",
            "WPA-PSK or SAE",
        )
    # WPA 2 uses rsn_pairwise, and where that is not set wpa_pairwise; hostapd's default of the latter is TKIP.
    keys = ("rsn_pairwise",) if file.get("rsn_pairwise") else ("wpa_pairwise",)
    ciphers = set(file.get(keys[0]).split()) or {"TKIP"}
    if not ciphers <= _CIPHERS:
        yield (*keys, "wpa"), f"pairwise cipher {harmless(' '.join(sorted(ciphers - _CIPHERS)))}", "CCMP"
    for key in sorted({line.key for line in file.lines if re.fullmatch(r"wep_(key\d|default_key)", line.key)}):
        yield (key,), f"{key} is set: WEP", "not there"
    if file.get("auth_algs") not in ("", "1"):
        yield ("auth_algs",), "shared keys of WEP are allowed", "auth_algs=1"
    if file.get("wps_state") not in ("", "0"):
        yield ("wps_state",), "WPS is on", "wps_state=0"


def _passphrase(view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """Long, not the vendor's, not the network's name: it can be tried off-line (A:119)."""
    del layout, expected
    found = [*_access_points(view)]
    if not found:
        return Judgement.not_applicable(_NO_ACCESS_POINT)
    breaches = []
    for file, conf in found:
        if conf.get("wpa_key_mgmt") and not re.search("PSK|SAE", conf.get("wpa_key_mgmt")):
            continue  # whoever joins logs in with something else
        line = _line(conf, "wpa_passphrase", "wpa_psk", "wpa_psk_file", "sae_password") or _line(conf, "wpa")
        if weak := _weak_key(conf):
            breaches.append(
                Breach(file.path, line, f"passphrase {weak}", f"{SHORTEST_WIFI} characters, the gateway's own")
            )
    return Judgement.of(breaches, f"{len(found)} access points with strong passphrases")


def _weak_key(conf: HostapdConf) -> str:
    if conf.get("wpa_psk_file"):
        return "stands in another file"
    ready = conf.get("wpa_psk")
    phrases = [line.value.partition("|")[0] for line in conf.every("sae_password")]
    phrases += [conf.get("wpa_passphrase")] if conf.get("wpa_passphrase") or not (ready or phrases) else []
    if ready and not re.fullmatch(r"[0-9A-Fa-f]{64}", ready):
        return "is a ready key of another length than 64 digits"
    names = [conf.get("ssid"), conf.get("ssid2")]
    return next((weak for one in phrases if (weak := weakness(one, names, shortest=SHORTEST_WIFI, kinds=1))), "")


@on_snapshot()
def _snapshot(found: SnapshotFile, view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """The snapshot has its own copy of what protects the network, disabled interfaces included (A:119)."""
    del view, layout, expected
    component = found.snapshot.get(PID)
    keys = [p.name for p in component.properties if p.name.endswith(_MODE)] if component else []
    names = [key[len("net.interface.") : -len(_MODE)] for key in keys if component and component.text(key) == "MASTER"]
    if component is None or not names:
        return Judgement.not_applicable(f"{found.path}: no interface is an access point")
    breaches = []
    for name in names:
        prefix = f"net.interface.{name}.{_MASTER}"
        if not _SECURE.fullmatch(component.text(f"{prefix}.securityType")):
            shown = harmless(component.text(f"{prefix}.securityType")) or "not set"
            breaches.append(found.breach(component, f"{prefix}.securityType", shown, "SECURITY_WPA2"))
        if component.text(f"{prefix}.pairwiseCiphers") not in ("", "CCMP"):
            shown = harmless(component.text(f"{prefix}.pairwiseCiphers"))
            breaches.append(found.breach(component, f"{prefix}.pairwiseCiphers", shown, "CCMP"))
        phrase, ssid = component.text(f"{prefix}.passphrase"), component.text(f"{prefix}.ssid")
        if weak := weakness(phrase, [ssid], shortest=SHORTEST_WIFI, kinds=1):
            breaches.append(found.breach(component, f"{prefix}.passphrase", weak, "the gateway's own, strong"))
    return Judgement.of(breaches, f"access points with WPA2 and strong passphrases: {', '.join(names)}")


@on_snapshot()
def _agreement(found: SnapshotFile, view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """Name and passphrase are the same in the snapshot and in hostapd's file (A:192)."""
    del expected
    around = network(view, layout)
    component = found.snapshot.get(PID)
    if layout.network_truth == "snapshot" or component is None:
        return Judgement.not_applicable("the snapshot alone decides, or has no network component")
    points = [name for name in around.used if around.is_access_point(name)]
    if not points:
        return Judgement.not_applicable(_NO_ACCESS_POINT)
    files = {interface: file for _, interface, file in per_interface(view, "hostapd")}
    breaches = []
    for name in points:
        file = files.get(name)
        if file is None:
            shown = f"missing: {name} is an access point in {found.path}"
            breaches.append(Breach(f"/etc/hostapd-{name}.conf", 0, shown, "its configuration"))
            continue
        conf = hostapd_conf.parse(file.text, file.path)
        for key, stated in (("ssid", "ssid"), *((key, "passphrase") for key in _phrase_keys(conf))):
            prop = f"net.interface.{name}.{_MASTER}.{stated}"
            if conf.get(key).partition("|" if key == "sae_password" else "\n")[0] != component.text(prop):
                breaches.append(Breach(file.path, _line(conf, key), f"{key} is not that of {found.path}", "the same"))
                breaches.append(found.breach(component, prop, f"not the {key} of {file.path}", "the same"))
        if conf.get("interface") != name:
            breaches.append(
                Breach(file.path, _line(conf, "interface"), "is for another interface", f"interface={name}")
            )
    return Judgement.of(breaches, f"hostapd and snapshot agree on {', '.join(points)}")


def _phrase_keys(conf: HostapdConf) -> tuple[str, ...]:
    """Where the passphrase stands that the snapshot has too: WPA2's, WPA3's or both; nowhere with EAP."""
    if conf.get("wpa_key_mgmt") and not re.search("PSK|SAE", conf.get("wpa_key_mgmt")):
        return ()
    return tuple(key for key in ("wpa_passphrase", "sae_password") if conf.get(key)) or ("wpa_passphrase",)


def _missing_files(view: ImageView, file: Document, block: wpa_supplicant_conf.Block) -> Iterator[Breach]:
    """Keys and certificates a network names by path, and which stayed with the golden sample."""
    for line in block.lines:
        path = line.value.strip('"').removeprefix("file:").removeprefix("//")
        if _FILE_KEY.fullmatch(line.key) and path.startswith("/") and not view.exists(path):
            yield Breach(
                file.path, line.number, f"{line.key} names a file that is not in the image", "a file of this gateway"
            )


# What wpa_supplicant 2.10 takes where nothing is said (config_ssid.h), unless only these are allowed.
_DEFAULT_PROTO, _DEFAULT_PAIRWISE = "WPA RSN", "CCMP TKIP"
_NEVER_WPA_1 = frozenset({"SAE", "FT-SAE", "OWE", "DPP"})


def _weaker(file: Document, block: wpa_supplicant_conf.Block, first: int) -> Iterator[Breach]:
    """WPA 1 and TKIP, said or left to the defaults."""
    management = set(block.get("key_mgmt").split()) or {"WPA-PSK", "WPA-EAP"}
    if management <= _NEVER_WPA_1 or not management & _KEY_MANAGEMENT or not block.get("ssid"):
        return  # without a name nothing is joined
    proto, pairwise = block.get("proto"), block.get("pairwise")
    if "WPA" in (proto or _DEFAULT_PROTO).split():
        said = "WPA 1 is allowed" if proto else "without proto WPA 1 is allowed too"
        yield Breach(file.path, block.line_of("proto") or first, said, "proto=RSN")
    if "TKIP" in (pairwise or _DEFAULT_PAIRWISE).split():
        said = "TKIP is allowed" if pairwise else "without pairwise TKIP is allowed too"
        yield Breach(file.path, block.line_of("pairwise") or first, said, "pairwise=CCMP")


def _stations(view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """Networks the gateway joins are protected too (A:119)."""
    del layout, expected
    files = [file for _, _, file in per_interface(view, "wpa_supplicant")]
    blocks = [(file, block) for file in files for block in wpa_supplicant_conf.parse(file.text, file.path).networks]
    if not blocks:
        return Judgement.not_applicable("the gateway joins no Wi-Fi network")
    breaches = []
    for file, block in blocks:
        breaches += [*_missing_files(view, file, block)]
        first = block.lines[0].number if block.lines else 0  # nothing in it is a network too, a useless one
        line = next((item.number for item in block.lines if item.key == "key_mgmt"), first)
        if not set(block.get("key_mgmt").split() or ["WPA-PSK", "WPA-EAP"]) <= _KEY_MANAGEMENT:
            breaches.append(
                Breach(file.path, line, f"key_mgmt {harmless(block.get('key_mgmt'))}", "WPA-PSK, SAE or EAP")
            )
        breaches += [*_weaker(file, block, first)]
    return Judgement.of(breaches, f"{len(blocks)} networks, each protected")


def _off(view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """Where ESF uses no Wi-Fi, nothing starts any (A:120)."""
    del expected
    around = network(view, layout)
    names = [name for name in around.names if around.is_wifi(name)]
    used = [name for name in names if name in around.used]
    if used:
        return Judgement.not_applicable(f"Wi-Fi is used: {', '.join(used)}")
    breaches = [
        Breach(file.path, 0, f"would start {harmless(interface)}", "not there: Wi-Fi is not used")
        for _, interface, file in per_interface(view, "hostapd", "wpa_supplicant")
    ]
    breaches += [*_daemons(view, around)]
    if not names and not breaches:
        return Judgement.not_applicable("nothing in the image speaks of Wi-Fi")
    return Judgement.of(breaches, f"not used, and not started: {', '.join(names)}")


def _daemons(view: ImageView, around: Network) -> Iterator[Breach]:
    """Services of the distribution that would start Wi-Fi by themselves."""
    for path in _DAEMON_FILES:
        found = document(view, path) if is_file(view, path) else None
        line = found.line_of(r"(?m)^(?:DAEMON_CONF=\s*[\"']?/|interface=)") if found else 0
        if found and line:
            yield Breach(found.path, line, "hostapd would be started", "not there: Wi-Fi is not used")
    patterns = (
        "/etc/systemd/system/*.wants/hostapd*.service", "/etc/systemd/system/*.wants/wpa_supplicant@*.service",
        "/etc/rc[2-5].d/S[0-9][0-9]hostapd", "/etc/init.d/S[0-9][0-9]hostapd",
    )  # fmt: skip
    for link in paths(view, *patterns):
        if str(view.place(str(link))) != "/dev/null" and view.exists(str(link)):
            yield Breach(str(link), 0, "would start Wi-Fi", "not there: Wi-Fi is not used")
    for name in around.names:
        if around.file and around.is_wifi(name) and around.is_started(name):
            yield Breach(around.file[0].path, around.started_at(name), f"starts {name}", "not: Wi-Fi is not used")


RULES: tuple[Rule, ...] = (
    Rule(
        id="network.wifi",
        title="access points use WPA2 or better",
        why="Open and WEP networks can be read and joined from the street within minutes.",
        severity=Severity.HIGH,
        documents=("A:119", "A:192"),
        references=("ETSI 5.5-1", "62443 NDR 1.6", "CIS 3.1.2"),
        profile="documents",
        check=on_esf(_encryption),
        remedy="wpa=2, wpa_key_mgmt=WPA-PSK, wpa_pairwise=CCMP in hostapd's file",
        enforced_by="network",
    ),
    Rule(
        id="network.wifi_passphrase",
        title="access points have strong passphrases of their own",
        why=(
            "Recorded handshakes are tried offline at millions of guesses a second; a short or shared passphrase opens "
            "every gateway's network."
        ),
        severity=Severity.HIGH,
        documents=("A:119",),
        references=("ETSI 5.1-2", "62443 CR 1.7"),
        profile="documents",
        check=on_esf(_passphrase),
        remedy="let the pipeline derive it",
        enforced_by="network",
    ),
    Rule(
        id="network.wifi_snapshot",
        title="access points are as well protected in the snapshot",
        why="The snapshot's copy takes over whenever it is applied, and with it the weaker protection.",
        severity=Severity.HIGH,
        documents=("A:119",),
        references=("ETSI 5.1-2", "ETSI 5.5-1"),
        profile="documents",
        check=_snapshot,
        remedy="let the pipeline set security type and passphrase",
        enforced_by="network",
    ),
    Rule(
        id="network.wifi_agreement",
        title="hostapd and the snapshot agree on each access point",
        why="Where the two differ, clients lose the access point as soon as the snapshot is applied.",
        severity=Severity.MEDIUM,
        documents=("A:119", "A:192"),
        references=("62443 CR 7.6",),
        profile="documents",
        check=_agreement,
        remedy="write both from one source",
        enforced_by="network",
    ),
    Rule(
        id="network.wifi_client",
        title="Wi-Fi networks the gateway joins are protected",
        why="A gateway that joins unprotected networks talks through whoever opens one with that name.",
        severity=Severity.MEDIUM,
        documents=("A:119", "A:191"),
        references=("ETSI 5.5-1", "62443 NDR 1.6"),
        profile="documents",
        check=on_esf(_stations),
        remedy="protect the site's network, and set the client up on the golden sample again",
    ),
    Rule(
        id="network.wifi_off",
        title="Wi-Fi that is not used is off",
        why="A radio that nobody needs can be attacked from outside the building.",
        severity=Severity.MEDIUM,
        documents=("A:120",),
        references=("CIS 3.1.2", "CaC wireless_disable_interfaces", "ETSI 5.6-1"),
        profile="documents",
        check=on_esf(_off),
        remedy='state = "disabled" for the interface in devices.toml; disable hostapd',
        enforced_by="network",
    ),
)
