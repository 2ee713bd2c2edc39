"""Schemas for editors: made by the readers, judged by an editor's checker (taplo) and by jsonschema."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import jsonschema
import pytest

from pipeline.errors import PipelineError
from pipeline.inputs.inventory_file import read_gateways
from pipeline.inputs.key_config import read_keys
from pipeline.inputs.overlay_dir import read_overlay
from pipeline.inputs.release_file import read_release
from pipeline.inputs.schemas import DIRECTORY, rendered, schemas
from tests.support.keys.ssh_keys import ed25519

CHECKOUT = Path(__file__).resolve().parents[3]
TAPLO = Path(sys.executable).parent / "taplo"
KINDS = ("gateway", "devices", "overlay", "keys")


@dataclass(frozen=True)
class Mistake:
    """A slip of a person: in a file of this kind, this text becomes that one."""

    kind: str
    old: str
    new: str


GATEWAY = (CHECKOUT / "gateway.toml").read_text("utf-8").replace("file:.demo/keys/demo-user.pub", ed25519())
DEVICES = (CHECKOUT / "devices.toml").read_text("utf-8").replace("file:.demo/keys/demo-user.pub", ed25519())
KEYS = (CHECKOUT / "keys/keys.toml").read_text("utf-8")
OVERLAY = """[defaults]
file_mode = "0640"
directory_mode = "0755"
uid = 0
gid = 0
[paths."/etc/motd"]
mode = "0644"
secret = false
reason = "nothing in it"
[paths."/srv/data"]
directory = true
"""
TEXTS = {"gateway": GATEWAY, "devices": DEVICES, "keys": KEYS, "overlay": OVERLAY}

MISTAKES = [
    Mistake("gateway", "epoch = 1767225600 ", 'epoch = "2026-01-01" '),
    Mistake("gateway", "epoch = 1767225600 ", "epoch = 1767225600.5 "),
    Mistake("gateway", "epoch = 1767225600 ", "epoch = 12 "),
    Mistake("gateway", 'demo = "esf-5"', 'demo = "esf-9"'),
    Mistake("gateway", 'name = "demo-1.0"', 'name = "demo 1.0"'),
    Mistake("gateway", 'name = "demo-1.0"', 'nane = "demo-1.0"'),
    Mistake("gateway", "[vanilla]", "[vanila]"),
    Mistake("gateway", '# sha256 = ""  ', 'sha256 = "ABC"  '),
    Mistake("gateway", '# layout = "auto" ', 'layout = ["auto"] '),
    Mistake("gateway", '# root = "" ', 'root = "LABEL=a b" '),
    Mistake("gateway", 'esf_version = "5.0.0"', "esf_version = 5.0"),
    Mistake("gateway", 'file = "devices.toml"', ""),
    Mistake("gateway", 'directories = ["overlays/common"]', 'directories = "overlays/common"'),
    Mistake("gateway", 'directories = ["overlays/common"]', 'directories = ["a", "a"]'),
    Mistake("gateway", '# resign = "refuse" ', 'resign = "never" '),
    Mistake("gateway", 'source = "file:.demo/secrets/fleet.key"', 'source = ".demo/secrets/fleet.key"'),
    Mistake("gateway", "# generation = 1 ", "generation = 0 "),
    Mistake("gateway", "port = 49153", "port = 22"),
    Mistake("gateway", "port = 49153", 'port = "49153"'),
    Mistake("gateway", "# use_pam = false", 'use_pam = "no"'),
    Mistake("gateway", 'vpn = ["10.234.0.0/16"]', 'vpn = ["10.234.0.0"]'),
    Mistake("gateway", "uid = 1500", "uid = 0"),
    Mistake("gateway", 'sudo = "nopasswd"', 'sudo = "yes"'),
    Mistake("gateway", '# root = "password"', 'root = "secret"'),
    Mistake("gateway", "# sysrq = 0", "sysrq = 1024"),
    Mistake("gateway", "# bootdelay = 0 ", "bootdelay = 3 "),
    Mistake("gateway", '# username = "admin"', 'user = "admin"'),
    Mistake("gateway", '# compress = "none"', 'compress = "zip"'),
    Mistake("gateway", '# form = "auto"', 'form = "base"'),
    Mistake("gateway", '# profile = "documents"', 'profile = "stict"'),
    Mistake("gateway", 'approved_os = ["debian 12"]', "approved_os = [12]"),
    Mistake("gateway", "[command]", "[commands]"),
    Mistake("gateway", '# timestamp = ""', 'timestamp = "timestamp.example.com"'),
    Mistake("devices", 'name = "gw-north-01"', 'name = "gw north 01"'),
    Mistake("devices", 'name = "gw-north-01"', "name = 1"),
    Mistake("devices", 'name = "gw-north-01"', 'hostname = "gw-north-01"'),
    Mistake("devices", 'serial = "DEMO-0001"', 'serial = "DEMO 0001"'),
    Mistake("devices", 'state = "wan"\nmethod = "ppp"', 'state = "up"\nmethod = "ppp"'),
    Mistake("devices", 'method = "static"', 'method = "manual"'),
    Mistake("devices", 'address = "192.168.11.1/24"', 'address = "192.168.11.1"'),
    Mistake("devices", "channel = 6", "channel = 200"),
    Mistake("devices", "channel = 6", 'channel = "6"'),
    Mistake("devices", 'dns = ["192.0.2.53"]', 'dns = "192.0.2.53"'),
    Mistake("devices", "[gateway.interfaces.eth0]", "[gateway.interface.eth0]"),
    Mistake("devices", "[gateway.interfaces.eth0]", "[gateway.interfaces.ETH0]"),
    Mistake("devices", 'site = "Laboratory"', "site = 3"),
    Mistake("devices", 'site = "Laboratory"', 'site = "$(reboot)"'),
    Mistake("devices", 'apn = "south.example"', 'apn = "south example"'),
    Mistake("overlay", 'mode = "0644"', "mode = 644"),
    Mistake("overlay", 'mode = "0644"', 'mode = "u=rw"'),
    Mistake("overlay", "uid = 0", 'uid = "root"'),
    Mistake("overlay", "secret = false", 'secret = "no"'),
    Mistake("overlay", "[defaults]", "[default]"),
    Mistake("overlay", 'paths."/etc/motd"', 'paths."etc/motd"'),
    Mistake("keys", 'use = "manifest"', 'use = "manifests"'),
    Mistake("keys", 'key = "file:../.demo/keys/manifest-signer"', 'key = "../.demo/keys/manifest-signer"'),
    Mistake("keys", 'principal = "release@demo.invalid"', ""),
    Mistake("keys", 'principal = "release@demo.invalid"', 'certificates = ["a.crt"]\nprincipal = "a@b"'),
    Mistake("keys", 'certificates = ["../.demo/keys/bundle-signer.crt"]', 'certificates = "bundle-signer.crt"'),
    Mistake("keys", 'use = "bundle" ', 'use = "bundle"\npublic = "a.pub" '),
    Mistake("keys", "development = true", 'development = "yes"'),
]

MORE = {
    "gateway": (
        '[release]\nname = "a-1"\nepoch = 1767225600\ndemo = true\nproduct = "a"\n'
        '[vanilla]\nimage = "v ä.img"\nroot = "LABEL=r"\n'
        '[golden]\nexport = "g"\nkura_version = "5.6.0"\n[gateways]\nfile = "d.csv"\n[keys]\nfile = "k"\nbundle = "b"\n'
        'manifest = "m"\nresign = "keep"\n[secrets]\nsource = "command:pass show fleet"\n'
        'given = "age:s/{gateway}.age"\n'
        "[bootloader]\nbootdelay = -2\noffset = -4096\nsize = 4096\n[policy]\nkeep_golden = true\n[[policy.row]]\n"
        'name = "P"\nsigner = "CN=a"\npermissions = [["a.B", "*", "c"]]\n[keystores.trusted_tls]\nbroker = "b.pem"\n'
        '[[keystores.client_key]]\nalias = "c"\nkey = "derived:p256"\n[signing]\ntimestamp_command = ["tsa", "-x"]\n'
        '[[rules.waiver]]\nrule = "a.b"\nreason = "für später"\nby = "J"\nuntil = "2027-06-30"\n'
    ),
    "devices": (
        '[[gateway]]\nname = "a"\n[gateway.interfaces.1-2]\nstate = "wan"\nmethod = "ppp"\n'
        '[gateway.variables]\nsite = "Nördliche Pumpstation (2)"\nempty = ""\n'
    ),
    "overlay": "",
    "keys": '[k]\nkey = "env:KEY"\ncertificates = ["a"]\n'
    '[m]\nuse = "manifest"\nkey = "pkcs11:a"\npublic = "p"\nprincipal = "a@b"\n',
}


def examples() -> Iterator[tuple[str, Path]]:
    """Every file of the four kinds that ships."""
    tracked = subprocess.run(["git", "ls-files", "*.toml"], cwd=CHECKOUT, check=True, capture_output=True, text=True)
    for name in tracked.stdout.splitlines():
        kind = Path(name).stem
        if kind in KINDS and not name.startswith("tests/"):
            yield kind, CHECKOUT / name


@cache
def schema_of(kind: str) -> jsonschema.Draft7Validator:
    schema = schemas()[f"{kind}.schema.json"]
    jsonschema.Draft7Validator.check_schema(schema)
    return jsonschema.Draft7Validator(schema)


def reader_accepts(kind: str, place: Path, text: str) -> bool:
    place.mkdir(exist_ok=True)
    (place / "rootfs/etc").mkdir(parents=True, exist_ok=True)
    (place / "rootfs/etc/motd").write_text("hello")
    file = place / f"{kind}.toml"
    file.write_text(text, "utf-8")
    try:
        match kind:
            case "gateway":
                read_release(file, None)
            case "devices":
                read_gateways(file)
            case "overlay":
                read_overlay(place)
            case _:
                read_keys(file)
    except PipelineError:
        return False
    return True


def taplo(kind: str, *files: Path) -> subprocess.CompletedProcess[str]:
    schema = f"file://{DIRECTORY}/{kind}.schema.json"
    return subprocess.run(
        [TAPLO, "lint", "--no-auto-config", "--schema", schema, *files], check=False, capture_output=True, text=True
    )


def test_the_schemas_that_ship_are_those_the_readers_make() -> None:
    shipped = {path.name: path.read_text("utf-8") for path in DIRECTORY.iterdir()}
    assert shipped == {name: rendered(schema) for name, schema in schemas().items()}


def test_there_are_examples_of_all_but_one_kind_and_two_workspaces() -> None:
    found = [kind for kind, _ in examples()]
    assert found.count("gateway") == found.count("devices") == found.count("keys") == 2
    assert found.count("overlay") >= 1


@pytest.mark.tools
@pytest.mark.parametrize("kind", KINDS)
def test_examples_pass(kind: str, tmp_path: Path) -> None:
    files = [path for one, path in examples() if one == kind]
    for number, text in enumerate((TEXTS[kind], MORE[kind])):
        files.append(tmp_path / f"more-{number}.toml")
        files[-1].write_text(text, "utf-8")
        assert reader_accepts(kind, tmp_path / str(number), text)
    for file in files:
        assert not list(schema_of(kind).iter_errors(tomllib.loads(file.read_text("utf-8")))), file
    told = taplo(kind, *files)
    assert told.returncode == 0, told.stderr


@pytest.mark.tools
@pytest.mark.parametrize("kind", KINDS)
def test_planted_mistakes_are_caught(kind: str, tmp_path: Path) -> None:
    """Each alone: by the reader, by jsonschema, and by taplo, which shows where."""
    mistakes = [mistake for mistake in MISTAKES if mistake.kind == kind]
    files = []
    for number, mistake in enumerate(mistakes):
        assert mistake.old in TEXTS[kind], mistake
        text = TEXTS[kind].replace(mistake.old, mistake.new, 1)
        assert not reader_accepts(kind, tmp_path / str(number), text), mistake
        assert list(schema_of(kind).iter_errors(tomllib.loads(text))), mistake
        files.append(tmp_path / str(number) / f"{kind}.toml")
    told = taplo(kind, *files)
    assert told.returncode != 0
    named = set(re.findall(r"┌─ (\S+?):\d+:\d+", told.stderr))
    assert [str(file) for file in files if str(file) not in named] == []


def test_there_are_enough_mistakes() -> None:
    assert len(set(MISTAKES)) >= 60
