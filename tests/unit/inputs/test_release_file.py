"""gateway.toml: the shipped one is read, every wrong key and value is named, all of them at once."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from pipeline.errors import PipelineError
from pipeline.inputs.release_file import read_release
from pipeline.model.release import Firewall, OutsideEnvironment, Release, Ssh
from tests.support.keys.ssh_keys import dsa, ed25519, rsa

CHECKOUT = Path(__file__).resolve().parents[3]
LEAST = """
[release]
name = "r1"
epoch = 1767225600
[vanilla]
image = "vanilla.img"
[golden]
export = "golden"
[gateways]
file = "devices.toml"
[keys]
file = "keys.toml"
bundle = "b"
manifest = "m"
[secrets]
source = "file:fleet.key"
"""


def read(tmp_path: Path, text: str, epoch: str | None = None) -> Release:
    path = tmp_path / "gateway.toml"
    path.write_text(text)
    return read_release(path, epoch)


def problems(tmp_path: Path, text: str, epoch: str | None = None) -> list[str]:
    with pytest.raises(PipelineError) as caught:
        read(tmp_path, text, epoch)
    assert all(problem.remedy for problem in caught.value.problems)
    return [problem.what.removeprefix(f"{tmp_path}/") for problem in caught.value.problems]


def test_what_is_left_out_is_as_the_documents_ask(tmp_path: Path) -> None:
    release = read(tmp_path, LEAST)
    assert (release.ssh, release.firewall) == (Ssh(), Firewall())
    assert (release.epoch, release.layout, release.production, release.command_enabled) == (
        1767225600,
        "auto",
        False,
        False,
    )
    assert (release.accounts.root, release.bootloader.bootdelay, release.services.sysrq) == ("password", 0, 0)


def test_an_environment_outside_all_files(tmp_path: Path) -> None:
    text = f"{LEAST}\n[bootloader]\noffset = 0x80000\nredundant_offset = -16384\nsize = 0x4000\n"
    bootloader = read(tmp_path, text).bootloader
    assert (bootloader.environment, bootloader.offsets, bootloader.size) == ("", (0x80000, -0x4000), 0x4000)


def test_an_environment_outside_the_image(tmp_path: Path) -> None:
    text = f'{LEAST}\n[bootloader.outside]\nconfig = "fw"\ndumps = ["{{gateway}}-0", "{{gateway}}-1"]\n'
    bootloader = read(tmp_path, text).bootloader
    assert bootloader.environment == ""
    assert bootloader.outside == OutsideEnvironment("fw", ("{gateway}-0", "{gateway}-1"))
    assert read(tmp_path, f'{LEAST}\n[bootloader.outside]\ndefaults = "d"\n').bootloader.outside == OutsideEnvironment(
        defaults="d"
    )


def test_the_shipped_file_is_read_and_documents_every_key(tmp_path: Path) -> None:
    shutil.copy(CHECKOUT / "gateway.toml", tmp_path)
    (tmp_path / ".demo/keys").mkdir(parents=True)
    (tmp_path / ".demo/keys/demo-user.pub").write_text(ed25519() + "\n")
    release = read_release(tmp_path / "gateway.toml", None)
    assert (release.name, release.vanilla, release.golden) == ("demo-1.0", ".demo/vanilla.img", ".demo/golden")
    assert release.accounts.users[0].keys == (ed25519(),)
    # What is shown commented out is the default: written out, it makes the same release.
    text = (CHECKOUT / "gateway.toml").read_text()
    shown = re.sub(r"(?m)^# (\w+ = )", r"\1", text).replace('\nbroker = "', '\n# broker = "')
    assert shown.count("\n# ") < text.count("\n# ")
    (tmp_path / "gateway.toml").write_text(shown)
    assert read_release(tmp_path / "gateway.toml", None) == release


@pytest.mark.parametrize(
    ("written", "demo"), [("", ""), ("demo = false", ""), ("demo = true", "esf-5"), ('demo = "kura-5"', "kura-5")]
)
def test_a_demonstration_has_a_name(tmp_path: Path, written: str, demo: str) -> None:
    assert read(tmp_path, LEAST.replace("[release]\n", f"[release]\n{written}\n")).demo == demo


@pytest.mark.parametrize("written", ['"kura-6"', "1", '"true"', "[]"])
def test_no_other_demonstration_ships(tmp_path: Path, written: str) -> None:
    (problem,) = problems(tmp_path, LEAST.replace("[release]\n", f"[release]\ndemo = {written}\n"))
    assert problem.startswith("gateway.toml [release] demo: is not one of the values known")


def test_the_example_of_kura_is_read(tmp_path: Path) -> None:
    shutil.copy(CHECKOUT / "examples/kura-5/gateway.toml", tmp_path)
    (tmp_path / ".demo/keys").mkdir(parents=True)
    (tmp_path / ".demo/keys/demo-user.pub").write_text(ed25519() + "\n")
    release = read_release(tmp_path / "gateway.toml", None)
    assert (release.demo, release.golden_esf_version) == ("kura-5", "5.6.0")


def test_source_date_epoch_goes_before_the_file(tmp_path: Path) -> None:
    assert read(tmp_path, LEAST, "1700000000").epoch == 1700000000


@pytest.mark.parametrize(
    "text", ["", "now", "-1", "1e9", "0", "1700000000.5", " 1700000000", "٣٣٣٣٣٣٣٣٣٣", "9" * 13, "99999999999"]
)
def test_a_source_date_epoch_nobody_understands_is_refused(tmp_path: Path, text: str) -> None:
    (problem,) = problems(tmp_path, LEAST, text)
    assert problem.startswith("environment variable SOURCE_DATE_EPOCH")


@pytest.mark.parametrize(
    ("extra", "complaint"),
    [
        ("[ssh]\nport = 22", "gateway.toml [ssh] port: must be a whole number from 49152 to 65535"),
        ("[ssh]\nport = 49151", "[ssh] port: must be"),
        ("[ssh]\nport = 65536", "[ssh] port: must be"),
        ('[ssh]\nport = "50000"', "[ssh] port: must be"),
        ("[ssh]\nport = true", "[ssh] port: must be"),
        ("[ssh]\nport = 50000.0", "[ssh] port: must be"),
        ("[ssh]\nuse_pam = 1", "[ssh] use_pam: must be true or false"),
        ("[ssh]\nprot = 50000", "[ssh] prot: unknown key"),
        ("[shh]\nport = 50000", "shh: unknown key"),
        ("ssh = 1", "[ssh]: must be a table"),
        ('[firewall]\nvpn = ["10.234.0.1/16"]', "[firewall] vpn[1]: is not a network"),
        ('[firewall]\nvpn = ["0.0.0.0/0"]', "[firewall] vpn[1]: is the whole Internet"),
        ('[firewall]\nvpn = ["10.0.0.0/33"]', "[firewall] vpn[1]: is not a network"),
        ("[firewall]\nvpn = []", "[firewall] vpn: no network"),
        ('[firewall]\nvpn = ["10.0.0.0/8", "10.0.0.0/8"]', "[firewall] vpn[2]: is there twice"),
        ("[firewall]\nvpn = [1]", "[firewall] vpn[1]: is not a network"),
        ('[firewall]\nvpn = "10.0.0.0/8"', "[firewall] vpn: must be an array"),
        ("[firewall]\nclosed_ports = [8000]", "[firewall] closed_ports: 1450 must be among them"),
        ("[firewall]\nclosed_ports = [8000, 1450, 0]", "[firewall] closed_ports[3]: is not a port"),
        ('[services]\ndisabled = ["ssh"]', "[services] disabled: ssh is the only way to log in"),
        ('[services]\ndisabled = ["../x"]', "[services] disabled[1]: is not the name of a service"),
        ('[services]\ndisabled = ["a", "a"]', "[services] disabled[2]: is there twice"),
        ("[services]\nsysrq = 512", "[services] sysrq: must be"),
        ("[bootloader]\nbootdelay = -1", "[bootloader] bootdelay: -1 means never to boot"),
        ("[bootloader]\nbootdelay = 2", "[bootloader] bootdelay: must be"),
        ('[bootloader]\nenvironment = "boot/x"', "[bootloader] environment: is not an absolute path"),
        ('[bootloader]\nenvironment = "/boot/../x"', "[bootloader] environment: has . or .. in it"),
        ("[bootloader]\noffset = 4096", "[bootloader] offset: needs size"),
        ("[bootloader]\nsize = 4096", "[bootloader] offset: needs size"),
        ("[bootloader]\nsize = 8\noffset = 0", "[bootloader] size: must be"),
        ("[bootloader]\nsize = 4096\nredundant_offset = 0", "[bootloader] redundant_offset: is for the second copy"),
        ('[bootloader]\nsize = 4096\noffset = 0\nenvironment = "/a"', "[bootloader] environment: names a file"),
        ("[bootloader.outside]", "[bootloader] outside dumps: needs either dumps or defaults"),
        ('[bootloader.outside]\ndumps = ["a"]\ndefaults = "b"', "outside dumps: needs either dumps or defaults"),
        ('[bootloader.outside]\ndumps = ["a", "b", "c"]', "outside dumps: an environment has one copy or two"),
        ('[bootloader.outside]\ndumps = ["{gateway}", "b"]', "outside dumps: {gateway} is in one path"),
        ('[bootloader.outside]\ndefaults = "b"\ndump = "a"', "outside dump: unknown key"),
        ('[bootloader]\nenvironment = "/a"\n[bootloader.outside]\ndumps = ["a"]', "environment: means that"),
        ("[bootloader]\noffset = 0\nsize = 64\n[bootloader.outside]\ndefaults = 'a'", "offset: means that"),
        ('[console]\nusername = "a<b"', "[console] username: is not a user name"),
        ('[keystores.trusted_tls]\n"A B" = "x.pem"', "[keystores] trusted_tls 'A B': is not an alias"),
        ('[output]\ncompress = "rar"', "[output] compress: is not one of the values known"),
        ('[output]\nwriter = "dd"', "[output] writer: is not one"),
        ('[accounts]\nroot = "toor"', "[accounts] root: is not one"),
        ('[[accounts.users]]\nname = "a"\nuid = 1000\nkeys = []', "[accounts] users[1] keys: no key"),
        ('[[accounts.users]]\nname = "root"\nuid = 1000\nkeys = ["K"]', "users[1] name: root is not an account"),
        ('[[accounts.users]]\nname = "A"\nuid = 1000\nkeys = ["K"]', "users[1] name: is not a user name"),
        ('[[accounts.users]]\nname = "a"\nuid = 999\nkeys = ["K"]', "users[1] uid: must be"),
        ('[[accounts.users]]\nname = "a"\nuid = 65534\nkeys = ["K"]', "users[1] uid: must be"),
        ('[[accounts.users]]\nname = "a"\nkeys = ["K"]', "users[1] uid: is missing"),
        ('[[accounts.users]]\nname = "a"\nuid = 1000\nkeys = ["K"]\nshell = "sh"', "users[1] shell: is not an"),
        ('[[accounts.users]]\nname = "a"\nuid = 1000\nkeys = ["K"]\nsudo = true', "users[1] sudo: is not one"),
        ('[[accounts.users]]\nname = "a"\nuid = 1000\nkeys = ["K"]\nadmin = 1', "users[1] admin: unknown key"),
        ('[[accounts.users]]\nname = "a"\nuid = 1000\nkeys = ["file:no.pub"]', "users[1] keys[1]: "),
        ('[[accounts.users]]\nname = "a"\nuid = 1000\nkeys = ["K", "K"]', "users[1] keys[2]: is there twice"),
        ('[[accounts.users]]\nname = "a"\nuid = 1000\nkeys = [1]', "users[1] keys[1]: must be text"),
    ],
)  # fmt: skip
def test_every_wrong_value_is_named_with_its_key(tmp_path: Path, extra: str, complaint: str) -> None:
    # A key that is not in any table has to stand before the first of them.
    text = f"{extra}\n{LEAST}" if extra.startswith("ssh") else LEAST + extra.replace('"K"', f'"{ed25519()}"')
    assert complaint in problems(tmp_path, text)[0]


@pytest.mark.parametrize(
    ("key", "complaint"),
    [
        (rsa(2047), "RSA key of 2047 bits"),
        (dsa(), "is a DSA key"),
        (f'command="x" {ed25519()}', "carries options"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----", "is a private key"),
        ("nonsense", "not a public key"),
        (ed25519(comment="ümlaut"), "not ASCII"),
    ],
)
def test_a_key_that_is_too_weak_or_none_is_refused(tmp_path: Path, key: str, complaint: str) -> None:
    (tmp_path / "k.pub").write_text(key)
    user = '[[accounts.users]]\nname = "a"\nuid = 1000\nkeys = ["file:k.pub"]'
    (problem,) = problems(tmp_path, LEAST + user)
    assert complaint in problem
    assert "[accounts] users[1] keys[1]" in problem


def test_a_key_file_may_hold_several_keys_and_comments(tmp_path: Path) -> None:
    (tmp_path / "k.pub").write_text(f"# two\n{ed25519(1)}\r\n\n{rsa(2048)}")
    release = read(tmp_path, LEAST + '[[accounts.users]]\nname = "a"\nuid = 1000\nkeys = ["file:k.pub"]')
    assert release.accounts.users[0].keys == (ed25519(1), rsa(2048))


def test_names_and_numbers_of_users_are_used_once(tmp_path: Path) -> None:
    user = f'[[accounts.users]]\nname = "a"\nuid = 1000\nkeys = ["{ed25519()}"]\n'
    found = problems(tmp_path, LEAST + user + user)
    assert [problem.split("users[2] ")[1] for problem in found] == ["name: is there twice", "uid: is also that of a"]


def test_everything_wrong_is_reported_at_once(tmp_path: Path) -> None:
    text = LEAST.replace('name = "r1"', 'name = "../r1"').replace('file = "keys.toml"\n', "")
    found = problems(tmp_path, text + "[ssh]\nport = 1\nx = 2\n[surprise]\n", "soon")
    assert len(found) == 6


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "-a", "a b", "ä", "a" * 65, "a\\n"])
def test_a_release_name_is_a_directory_name(tmp_path: Path, name: str) -> None:
    assert "[release] name" in problems(tmp_path, LEAST.replace('"r1"', f'"{name}"'))[0]


@pytest.mark.parametrize("epoch", ["0", "-1", "1979-01-01", "4102444800", '"1767225600"', "1767225600.0"])
def test_an_epoch_no_file_system_can_hold_is_refused(tmp_path: Path, epoch: str) -> None:
    assert "[release] epoch" in problems(tmp_path, LEAST.replace("1767225600", epoch))[0]


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "[release] name: is missing"),
        (b"[release\n", "not TOML"),
        (b"a = 1\na = 2\n", "not TOML"),
        (b"\xff\xfe[\0r\0", "line 1 is not UTF-8"),
        (b"name = '\0'\n", "NUL characters"),
        (b"[" + b"b." * 5000 + b"c]\n", "b: unknown key"),
        (b"a = " + b"[" * 5000, "not TOML"),
    ],
)
def test_a_file_that_is_no_release_is_refused(tmp_path: Path, data: bytes, complaint: str) -> None:
    path = tmp_path / "gateway.toml"
    path.write_bytes(data)
    with pytest.raises(PipelineError, match=re.escape(complaint)):
        read_release(path, None)


def test_no_file_a_directory_and_a_disk_image_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match="is not there"):
        read_release(tmp_path / "none.toml", None)
    with pytest.raises(PipelineError, match="not a file"):
        read_release(tmp_path, None)
    with (tmp_path / "disk.img").open("wb") as file:
        file.truncate(17 << 20)
    with pytest.raises(PipelineError, match="larger than 16 MiB"):
        read_release(tmp_path / "disk.img", None)


def test_a_byte_order_mark_does_not_matter(tmp_path: Path) -> None:
    (tmp_path / "gateway.toml").write_bytes(b"\xef\xbb\xbf" + LEAST.encode())
    assert read_release(tmp_path / "gateway.toml", None).name == "r1"


def test_the_golden_samples_release_goes_by_the_products_name(tmp_path: Path) -> None:
    def written(lines: str) -> str:
        return LEAST.replace("[golden]\n", f"[golden]\n{lines}\n")

    assert read(tmp_path, written("")).golden_esf_version == ""
    assert read(tmp_path, written('esf_version = "5.0.0"')).golden_esf_version == "5.0.0"
    assert read(tmp_path, written('kura_version = "5.5.0"')).golden_esf_version == "5.5.0"
    (problem,) = problems(tmp_path, written('esf_version = "5.0.0"\nkura_version = "5.5.0"'))
    assert problem.startswith("gateway.toml [golden] kura_version: stands beside esf_version")


def test_a_name_that_does_not_tell_the_product_from_a_version_is_asked_for(tmp_path: Path) -> None:
    text = LEAST.replace('name = "r1"', 'name = "plant-7-1.0"', 1)
    with pytest.raises(PipelineError, match="product: is missing"):
        read(tmp_path, text)
    read(tmp_path, text.replace("[release]", '[release]\nproduct = "plant"', 1))
