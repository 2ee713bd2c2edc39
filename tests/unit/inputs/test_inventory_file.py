"""The inventory: TOML and CSV say the same, and everything wrong is named with its row and column or key."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import pytest

from pipeline.errors import PipelineError
from pipeline.inputs.inventory_file import read_gateways
from pipeline.model.gateway import Gateway
from tests.support.keys.ssh_keys import ed25519

CHECKOUT = Path(__file__).resolve().parents[3]

TOML = f"""
[[gateway]]
name = "gw-1"
serial = "S1"
[gateway.interfaces.eth0]
state = "lan"
method = "static"
address = "192.168.11.1/24"
dhcp_range = ["192.168.11.100", "192.168.11.110"]
[gateway.interfaces.eth1]
state = "wan"
dns = ["192.0.2.1", "192.0.2.2"]
[gateway.variables]
site = "North"
[[gateway.users]]
name = "lab"
uid = 1600
keys = ["{ed25519(1)}", "{ed25519(2)}"]
[[gateway]]
name = "gw-2"
[gateway.interfaces.ppp0]
state = "wan"
apn = "web.example"
"""
CSV = (
    "name,serial,eth0.state,eth0.method,eth0.address,eth0.dhcp_range,eth1.state,eth1.dns,variable.site,"
    "user.lab.uid,user.lab.keys,ppp0.state,ppp0.apn\n"
    "gw-1,S1,lan,static,192.168.11.1/24,192.168.11.100 192.168.11.110,wan,192.0.2.1 192.0.2.2,North,"
    f"1600,{ed25519(1)} | {ed25519(2)},,\n"
    "gw-2,,,,,,,,,,,wan,web.example\n"
)


def read(tmp_path: Path, text: str | bytes, name: str = "devices.toml") -> tuple[Gateway, ...]:
    path = tmp_path / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_gateways(path)


def problems(tmp_path: Path, text: str | bytes, name: str = "devices.toml") -> list[str]:
    with pytest.raises(PipelineError) as caught:
        read(tmp_path, text, name)
    assert all(problem.remedy for problem in caught.value.problems)
    return [problem.what.removeprefix(f"{tmp_path}/") for problem in caught.value.problems]


@pytest.mark.parametrize(
    "text",
    [
        CSV.encode(),
        b"\xef\xbb\xbf" + CSV.encode(),
        CSV.replace("\n", "\r\n").encode(),
        CSV.replace(",", ";").encode(),
        CSV.replace("\n", "\n\n").encode(),
        (CSV + ",,,,,,,,,,,,\n").encode(),
        CSV.replace("gw-1", '"gw-1"').replace("North", '" North "').encode(),
    ],
)
def test_csv_in_every_dress_says_the_same_as_toml(tmp_path: Path, text: bytes) -> None:
    assert read(tmp_path, text, "devices.csv") == read(tmp_path, TOML)


def test_the_shipped_inventory_is_read(tmp_path: Path) -> None:
    (tmp_path / ".demo/keys").mkdir(parents=True)
    (tmp_path / ".demo/keys/demo-user.pub").write_text(ed25519())
    gateways = read(tmp_path, (CHECKOUT / "devices.toml").read_bytes())
    assert [gateway.name for gateway in gateways] == ["gw-north-01", "gw-south-02", "gw-lab-03"]


def test_the_example_of_kura_is_read(tmp_path: Path) -> None:
    gateways = read(tmp_path, (CHECKOUT / "examples/kura-5/devices.toml").read_bytes())
    assert [gateway.name for gateway in gateways] == ["gw-mill-01", "gw-quarry-02"]
    # From Kura 5.3 on a modem is called by the USB port it is in.
    assert gateways[1].interfaces["1-2"].method == "ppp"
    assert gateways[1].interfaces["1-2"].apn == "quarry.example"


@pytest.mark.parametrize("name", ["1-2", "3-1.4", "1-1.4.2"])
def test_a_modem_by_its_usb_port(tmp_path: Path, name: str) -> None:
    text = f'[[gateway]]\nname = "gw-1"\n[gateway.interfaces."{name}"]\nstate = "wan"\n'
    assert read(tmp_path, text)[0].interfaces[name].method == "ppp"


@pytest.mark.parametrize("name", ["1-", "-2", "1.2", "1-2.", "1-2/3", "12", "1-2..3"])
def test_no_usb_port(tmp_path: Path, name: str) -> None:
    text = f'[[gateway]]\nname = "gw-1"\n[gateway.interfaces."{name}"]\nstate = "disabled"\n'
    assert "is not the name of an interface" in problems(tmp_path, text)[0]


BASE = '[[gateway]]\nname = "gw-1"\n'
ETH = BASE + '[gateway.interfaces.eth0]\nstate = "lan"\nmethod = "static"\naddress = "192.168.1.1/24"\n'
WLAN = BASE + '[gateway.interfaces.wlan0]\nstate = "lan"\n'


@pytest.mark.parametrize("name", [
    "", ".", "..", "a/b", "-a", "a-", "a b", "a_b", "gw.1", "ä", "a" * 64, "1234", "a\\n", "*", "gw\\u0000", "ｇｗ",
    "localhost", "SHA256SUMS", "{{x}}",
])  # fmt: skip
def test_a_name_is_a_host_name(tmp_path: Path, name: str) -> None:
    assert " name: " in problems(tmp_path, f'[[gateway]]\nname = "{name}"\n')[0]


@pytest.mark.parametrize("name", ["a", "gw-north-01", "GW1", "4g-gateway", "a" * 63])
def test_every_host_name_of_one_label_is_accepted(tmp_path: Path, name: str) -> None:
    assert read(tmp_path, f'[[gateway]]\nname = "{name}"\n')[0].name == name


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "no gateway in it"),
        ("gateways = []", "gateways: unknown key"),
        ("gateway = 1", "gateway: must be an array"),
        ("gateway = [1]", "gateway[1]: must be a table"),
        (BASE + "serial = 5", "(gw-1) serial: must be"),
        (BASE + 'serial = "a b"', "(gw-1) serial: is not a serial number"),
        (BASE + "place = 5", "(gw-1) place: unknown key"),
        (BASE + '[gateway.interfaces.eth0]\nmethod = "dhcp"', "state: is not one of"),
        (BASE + '[gateway.interfaces."eth0.1"]\nstate = "lan"', "is not the name of an interface"),
        (BASE + '[gateway.interfaces.a234567890123456]\nstate = "lan"', "is not the name of an interface"),
        (ETH.replace("192.168.1.1/24", "192.168.1.256/24"), "eth0 address: "),
        (ETH.replace("192.168.1.1/24", "192.168.1.1"), "eth0 address: is not address and prefix"),
        (ETH.replace("192.168.1.1/24", "192.168.1.0/24"), "eth0 address: is the network's own"),
        (ETH.replace("192.168.1.1/24", "192.168.1.255/24"), "eth0 address: is the network's own"),
        (ETH.replace("192.168.1.1/24", "127.0.0.1/8"), "eth0 address: cannot be"),
        (ETH.replace("192.168.1.1/24", "fe80::1/64"), "eth0 address: is not address"),
        (ETH.replace('address = "192.168.1.1/24"\n', ""), "eth0 address: is missing"),
        (ETH.replace("static", "dhcp"), "eth0 address: has no effect with method dhcp"),
        (ETH + 'gateway = "192.168.2.1"', "eth0 gateway: does not lie in"),
        (ETH + 'gateway = "x"', "eth0 gateway: is not an IPv4 address"),
        (ETH + 'dns = ["192.0.2.1", "1.2.3"]', "eth0 dns[2]: "),
        (ETH + 'dns = "192.0.2.1"', "eth0 dns: must be an array"),
        (ETH + 'dhcp_range = ["192.168.1.100"]', "eth0 dhcp_range: needs a first and a last"),
        (ETH + 'dhcp_range = ["192.168.1.110", "192.168.1.100"]', "eth0 dhcp_range: ends before"),
        (ETH + 'dhcp_range = ["192.168.2.100", "192.168.2.110"]', "eth0 dhcp_range: does not lie in"),
        (ETH + 'dhcp_range = ["192.168.1.1", "192.168.1.9"]', "eth0 dhcp_range: contains the gateway's own"),
        (ETH + 'ssid = "x"', "eth0 ssid: and channel belong to a wireless"),
        (ETH + 'apn = "x"', "eth0 apn: belongs to a cellular"),
        (ETH.replace("eth0", "ppp0"), "ppp0 method: method ppp is for ppp"),
        (ETH + ETH.replace(BASE, "").replace("eth0", "eth1").replace("1/24", "9/16"), "lies in the network of eth0"),
        (WLAN + 'channel = "6"', "wlan0 channel: must be"),
        (WLAN + "channel = 197", "wlan0 channel: must be"),
        (BASE + "[gateway.variables]\nsite = 5", "[variables] site: must be a plain value"),
        (BASE + '[gateway.variables]\n"a-b" = "x"', "[variables] 'a-b': is not the name"),
        (BASE + '[[gateway.users]]\nname = "lab"\nuid = 1600\nkeys = []', "users[1] keys: no key"),
        (BASE + BASE, "name: gw-1 is also that of"),
        (BASE + BASE.replace("gw-1", "GW-1"), "name: GW-1 is also that of"),
        (BASE + 'serial = "s1"\n[[gateway]]\nname = "b"\nserial = "S1"', "serial: S1 is also that of"),
    ],
)  # fmt: skip
def test_every_wrong_value_is_named_with_its_key(tmp_path: Path, text: str, complaint: str) -> None:
    assert complaint in "\n".join(problems(tmp_path, text))


@pytest.mark.parametrize("bad", [
    "{{ 7*7 }}", "${HOME}", "%(x)s", "a&b", "a<b", "]]>", "a\nb", 'a"b', "a'b", "a`b`", "a\\b", "a#b", "=cmd|x!A1",
    "a$b",
])  # fmt: skip
@pytest.mark.parametrize("field", ["ssid", "site", "apn", "serial"])
def test_nothing_that_a_file_format_gives_a_meaning_gets_in(tmp_path: Path, field: str, bad: str) -> None:
    where = {
        "ssid": ("[gateway.interfaces.wlan0]\nstate='lan'\nssid", "wlan0 ssid"),
        "apn": ("[gateway.interfaces.ppp0]\nstate='wan'\napn", "ppp0 apn"),
        "site": ("[gateway.variables]\nsite", "site"),
        "serial": ("serial", "serial"),
    }
    head, place = where[field]
    quoted = bad.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    assert place in problems(tmp_path, f'{BASE}{head} = "{quoted}"\n')[0]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (b"", "empty"),
        (b"\n\n", "empty"),
        (b"name\n", "no gateway in it"),
        (b"serial\nS1\n", "devices.csv: row 1: no column `name`"),
        (b"name,name\na,b\n", "row 1 column 2: 'name' is there twice"),
        (b"name,owner\na,b\n", "row 1 column 2: unknown column 'owner'"),
        (b"name,Serial\na,b\n", "row 1 column 2: unknown column 'Serial'"),
        (b"name,eth0.adress\na,b\n", "row 1 column 2: unknown column 'eth0.adress'"),
        (b"name,\na,\n", "row 1 column 2: unknown column ''"),
        (b"name,serial\na\n", "row 2: 1 cells, the header has 2"),
        (b"name,serial\na,b,c\n", "row 2: 3 cells"),
        (b'name,serial\na,"b\n', "row 2: not CSV"),
        (b'name,serial\na,"b"c\n', "row 2: not CSV"),
        (b'name,serial\na,"b\nc"\n', "row 3 (a) serial: is not"),
        (b"name,serial\n,S1\n", "row 2 name: is missing"),
        (b"name\na/b\n", "row 2 name: 'a/b' is not a host name"),
        (b"name,wlan0.state,wlan0.channel\na,lan,6.5\n", "row 2 (a) [interfaces] wlan0 channel: must be"),
        (b"name,user.lab.uid,user.lab.keys\na,no,x\n", "row 2 (a) users[1] uid: must be"),
        (b"\xff\xfen\0a\0m\0e\0", "not UTF-8"),
        (b"n\0ame\n", "NUL"),
    ],
)
def test_every_wrong_row_is_named(tmp_path: Path, text: bytes, complaint: str) -> None:
    assert complaint in "\n".join(problems(tmp_path, text, "devices.csv"))


def test_all_rows_are_checked_before_anything_is_said(tmp_path: Path) -> None:
    text = b"name,serial\na b,x\nok,y\nok,Y\nc,\xc3\xbc\n"
    assert len(problems(tmp_path, text, "devices.csv")) == 4


def test_ten_thousand_gateways_are_read(tmp_path: Path) -> None:
    rows = "".join(f"gw-{number},S{number}\n" for number in range(10_000))
    assert len(read(tmp_path, f"name,serial\n{rows}", "devices.csv")) == 10_000


@pytest.mark.parametrize(
    "written", ["Nördliche Pumpstation", "No\u0308rdliche Pumpstation", "Žďár nad Sázavou", "北站"]
)
def test_a_variable_may_have_letters_of_any_language(written: str, tmp_path: Path) -> None:
    """A site's name goes into motd; composed or with its marks beside the letters, it is one text."""
    inventory = tmp_path / "devices.csv"
    inventory.write_text(f"name,variable.site\ngw-1,{written}\n", "utf-8")
    (gateway,) = read_gateways(inventory)
    assert gateway.variables["site"] == unicodedata.normalize("NFC", written)


@pytest.mark.parametrize("written", ["a$b", "a`b", "a\\b", "a'b", "a<b", "a\u202eb", "a\u0085b", "a\u2028b"])
def test_a_variable_has_nothing_that_means_something_elsewhere(written: str, tmp_path: Path) -> None:
    inventory = tmp_path / "devices.toml"
    inventory.write_text(f'[[gateway]]\nname = "gw-1"\nvariables.site = {json.dumps(written)}\n', "utf-8")
    with pytest.raises(PipelineError, match=r"\[variables\] site: is not a plain value"):
        read_gateways(inventory)
