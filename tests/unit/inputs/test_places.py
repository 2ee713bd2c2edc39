"""Where a setting stands is where it stands in the download, whatever of the download travels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.classification.assemble import assemble, judge
from pipeline.classification.lock import Lock
from pipeline.errors import PipelineError
from pipeline.inputs.golden_export import read_export
from pipeline.transforms import firewall, network
from tests.support.network import AS_GOLDEN, an_image
from tests.support.release import a_release, some_secrets

EXPORT = Path(__file__).resolve().parents[3] / "golden"
NETWORK = "org.eclipse.kura.net.admin.NetworkConfigurationService"
FIREWALL = "org.eclipse.kura.net.admin.FirewallConfigurationService"
ADDRESS = "net.interface.eth0.config.ip4.address"


WLAN = "net.interface.wlan0.config.wifi.master.passphrase"


def line(text: str, mark: str) -> int:
    return text.count("\n", 0, text.index(mark)) + 1


def test_lines_are_those_of_the_file_a_person_can_open() -> None:
    export = read_export(EXPORT)
    (name,) = (path for path in export.files if path.startswith("snapshot_"))
    text = export.files[name].decode()
    # Both places change, so that what travels is written anew and has other lines.
    changed = text.replace("<esf:value>192.168.10.1<", "<esf:value>192.168.10.9<").replace("22,tcp,,,,,,#;", "")
    assert changed != text
    export = replace(export, files={**export.files, name: changed.encode()})
    golden = assemble(export, judge(export), Lock())
    assert golden.snapshot != changed.encode()
    assert golden.snapshot_name == name
    place = golden.setting_place(NETWORK, ADDRESS)
    mark = f'name="{ADDRESS}"'
    assert str(place) == f"golden: {name}: line {line(changed, mark)}"
    with pytest.raises(PipelineError) as caught:
        network.restore(golden, an_image(), a_release(), AS_GOLDEN, some_secrets())
    assert any(str(place) in problem.what for problem in caught.value.problems)
    with pytest.raises(PipelineError) as caught:
        firewall.restrict(golden, an_image(), a_release(), AS_GOLDEN)
    at = f"golden: {name}: line {line(changed, 'firewall.open.ports')}"
    rule = line(export.files["etc/sysconfig/iptables"].decode(), "--dport 22 ")
    assert [problem.what for problem in caught.value.problems] == [
        f"golden: /etc/sysconfig/iptables: line {rule}: opens 22/tcp, but firewall.open.ports in {at} does not"
    ]


def test_a_secret_that_stays_behind_is_compared_and_not_shown() -> None:
    export = read_export(EXPORT)
    (name,) = (path for path in export.files if path.startswith("snapshot_"))
    other = "QW5vdGhlci1QYXNzcGhyYXNl"
    text = export.files[name].decode()
    changed = text.replace("R29sZGVuLVNhbXBsZS1BaXItMQ==", other)
    assert changed != text
    export = replace(export, files={**export.files, name: changed.encode()})
    golden = assemble(export, judge(export), Lock())
    assert other.encode() not in golden.snapshot
    with pytest.raises(PipelineError) as caught:
        network.restore(golden, an_image(), a_release(), AS_GOLDEN, some_secrets())
    mark = f'name="{WLAN}"'
    assert [problem.what for problem in caught.value.problems] == [
        "golden: /etc/hostapd-wlan0.conf: line "
        f"{line(export.files['etc/hostapd-wlan0.conf'].decode(), 'wpa_passphrase')}: wlan0: passphrase is another than "
        f"in golden: {name}: line {line(changed, mark)}"
    ]
    assert "Another-Pass" not in repr(golden)
    assert "snapshot_left" not in repr(golden)
