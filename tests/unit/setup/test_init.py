"""``doit init`` without an appliance: what the image says comes from memory, everything else is the command's own."""

from __future__ import annotations

import csv
import stat
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from pipeline.build.golden_sample import lock as golden_lock
from pipeline.build.reading import forget_inputs
from pipeline.commands import init
from pipeline.errors import PipelineError
from pipeline.host.workspace import Workspace
from pipeline.inputs.inventory_file import read_gateways
from pipeline.inputs.key_config import allowed_signers, read_keys
from pipeline.inputs.release_file import read_release
from pipeline.inputs.schemas import schemas
from pipeline.model.trust import PlatformBundle
from pipeline.setup import making
from pipeline.setup.answers import Answers, gateways_of, problems
from pipeline.setup.making import Looked, decisions
from pipeline.setup.proposal import propose
from pipeline.setup.texts import gateway_toml
from pipeline.signing.keys.signers import open_bundle_signer
from tests.support.esf.every_layout import RELEASES, a_vanilla_of
from tests.support.keys.ssh_keys import ed25519
from tests.support.vanilla import a_vanilla
from tests.support.workspaces import doit

CHECKOUT = Path(__file__).resolve().parents[3]
EXPORT = CHECKOUT / "golden"
CHAIN = ("CN=Vendor,O=V,C=IT", "CN=Vendor CA,O=V,C=IT")


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Inputs beside the workspace, an image that is looked into in memory, and no plan."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    (tmp_path / "vanilla.img").write_bytes(b"\0" * 4096)
    (tmp_path / "me.pub").write_text(f"{ed25519()}\n# a remark\n{ed25519(2)}\n")

    def look(answers: Answers, say: object) -> Looked:
        workspace = Workspace(answers.directory)
        workspace.make_state()
        workspace.raw.write_bytes(b"raw")
        workspace.facts.write_bytes(b"facts")
        export, items = golden_lock.judged(workspace, str(answers.export.resolve()))
        return Looked(a_vanilla(), export, items, "a" * 64, "b" * 64)

    monkeypatch.setattr(init, "look", look)
    monkeypatch.setattr(init.tools, "run_shown", lambda command, *, where: 0)
    monkeypatch.setattr(making, "inspect_key", lambda workspace: "key")
    monkeypatch.setattr(making, "platform_bundles", lambda vanilla: (PlatformBundle("/p/a.jar", CHAIN, ("x", "y")),))
    forget_inputs()
    return tmp_path


def run(*words: str, **options: str | bool) -> int:
    given: dict[str, Any] = {str(one["name"]): one["default"] for one in init.Init.cmd_options}
    given.update({"vanilla": "vanilla.img", "golden": str(EXPORT), "name": "plant-1.0", "user_key": "me.pub"})
    return init.Init().execute({**given, "gateways": "gw-a=SN-1,gw-b", **options}, list(words))


def answers(**changes: Any) -> Answers:
    values: dict[str, Any] = {
        "directory": Path("w"), "vanilla": Path("vanilla.img"), "export": EXPORT, "name": "a-1",
        "gateways": (("a", ""),),
        "user": "technician", "user_keys": (ed25519(),), "vpn": ("10.0.0.0/8",), "principal": "a@b", "subject": "CN=a",
    }  # fmt: skip
    return Answers(**{**values, **changes})


def test_the_commented_file_is_the_one_that_ships() -> None:
    assert (CHECKOUT / "pipeline/setup/commented.toml").read_bytes() == (CHECKOUT / "gateway.toml").read_bytes()


def test_a_workspace_that_its_readers_and_editors_accept(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("ws") == 0, capsys.readouterr().err
    workspace = place / "ws"
    release = read_release(workspace / "gateway.toml", None)
    assert (release.name, release.demo, release.overlays) == ("plant-1.0", "", ())
    assert (workspace / release.vanilla).resolve() == place / "vanilla.img"
    assert (workspace / release.golden).resolve() == EXPORT
    assert release.vanilla_sha256 == "a" * 64
    assert release.golden_esf_version == "5.0.0"
    assert release.epoch % 86_400 == 0
    assert release.policy.vendor_signers == (";".join(CHAIN),)
    assert release.rules.approved_os == ("debian 12",)
    (user,) = release.accounts.users
    assert (user.name, user.uid, user.keys) == ("technician", 1500, (ed25519(), ed25519(2)))
    assert [(one.name, one.serial) for one in read_gateways(workspace / "devices.toml")] == [
        ("gw-a", "SN-1"),
        ("gw-b", ""),
    ]
    for kind in ("gateway", "devices"):
        jsonschema.validate(tomllib.loads((workspace / f"{kind}.toml").read_text()), schemas()[f"{kind}.schema.json"])
    text = (workspace / "gateway.toml").read_text()
    assert text.count("#") > 80, "every key is explained"
    assert "2026-01-01T00:00:00Z" not in text


@pytest.mark.tools
def test_keys_are_made_private_and_outside_git(place: Path) -> None:
    assert run("ws") == 0
    workspace = place / "ws"
    for name in ("keys/private/bundle-signer.pem", "keys/private/manifest-signer", "secrets/fleet.key"):
        assert stat.S_IMODE((workspace / name).stat().st_mode) == 0o600, name
        assert stat.S_IMODE((workspace / name).parent.stat().st_mode) == 0o700, name
    ring = read_keys(workspace / "keys/keys.toml")
    assert open_bundle_signer(ring, "bundle-signer").certificates
    assert not ring.entries["bundle-signer"].development
    (workspace / "signers").write_bytes(allowed_signers(ring, "manifest-signer"))
    signed = subprocess.run(
        ["ssh-keygen", "-Y", "sign", "-f", "keys/private/manifest-signer", "-n", "gateway-image-manifest"],
        cwd=workspace, input=b"text", capture_output=True, check=True,
    )  # fmt: skip
    (workspace / "sig").write_bytes(signed.stdout)
    principal = ring.entries["manifest-signer"].principal
    subprocess.run(
        ["ssh-keygen", "-Y", "verify", "-f", "signers", "-I", principal, "-n", "gateway-image-manifest", "-s", "sig"],
        cwd=workspace, input=b"text", capture_output=True, check=True,
    )  # fmt: skip
    subprocess.run(["git", "init", "-q"], cwd=workspace, check=True)
    seen = subprocess.run(
        ["git", "status", "--porcelain", "-uall"], cwd=workspace, check=True, capture_output=True, text=True
    ).stdout
    assert "gateway.toml" in seen
    (workspace / "gw-a.secrets").write_text("x")
    (workspace / "gw-a.age").write_text("x")
    for secret in ("private", "secrets", "fleet.key", ".build", ".age"):
        assert secret not in seen


def test_what_nobody_has_decided_stays_behind_and_is_named(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    export = place / "export"
    subprocess.run(["cp", "-r", EXPORT, export], check=True)
    (export / "etc/app.conf").write_text("password=fgh7Hk9-secret\n")
    (export / "etc/ssh").mkdir(exist_ok=True)
    (export / "etc/ssh/ssh_host_rsa_key").write_text("x")
    assert run("ws", golden=str(export)) == 0
    shown = capsys.readouterr().out
    assert "stays behind until somebody decides: etc/app.conf" in shown
    assert "fgh7Hk9" not in shown
    workspace = Workspace(place / "ws")
    release = read_release(workspace.release_file, None)
    assert golden_lock.decided_golden(workspace, release).snapshot


def test_a_spreadsheet_instead(place: Path) -> None:
    assert run("ws", csv=True, gateways="gw-[08-11]") == 0
    with (place / "ws/devices.csv").open(newline="") as stream:
        assert list(csv.reader(stream)) == [["name", "serial"], *([f"gw-{n:02}", ""] for n in range(8, 12))]
    assert [one.name for one in read_gateways(place / "ws/devices.csv")] == ["gw-08", "gw-09", "gw-10", "gw-11"]


def test_nothing_is_replaced(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("ws") == 0
    before = {path: path.read_bytes() for path in (place / "ws").rglob("*") if path.is_file()}
    capsys.readouterr()
    assert run("ws") == 2
    assert "is there already" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in (place / "ws").rglob("*") if path.is_file()} == before


def test_everything_that_nobody_said_is_asked_for_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("ws", vanilla="", golden="", name="", gateways="", user_key="") == 2
    told = capsys.readouterr().err
    for option in ("--vanilla", "--golden", "--name", "--gateways", "--user-key"):
        assert f"{option} is missing" in told


def test_a_person_is_asked_on_a_terminal(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = iter(["vanilla.img\n", f"{EXPORT}\n", "\n", "gw-1\n", "anna\n", "me.pub\n", "192.168.9.0/24\n"])
    monkeypatch.setattr(init.sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(init.sys.stdin, "readline", lambda: next(lines), raising=False)
    assert run("ws", vanilla="", golden="", name="", gateways="", user_key="") == 0
    release = read_release(place / "ws/gateway.toml", None)
    assert (release.name, release.accounts.users[0].name) == ("gateways-1.0", "anna")
    assert release.firewall.vpn == ("192.168.9.0/24",)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"vanilla": Path("nowhere")}, "--vanilla: nowhere is not there"),
        ({"export": Path("nowhere")}, "--golden: nowhere is not there"),
        ({"name": "a b"}, "cannot be a directory"),
        ({"root": "LABEL="}, "is not a partition"),
        ({"gateways": ()}, "--gateways: none"),
        ({"gateways": (("9", ""),)}, "'9' is not a host name"),
        ({"gateways": (("a_b", ""),)}, "'a_b' is not a host name"),
        ({"gateways": (("a", "x y"),)}, "'x y' is not a serial number"),
        ({"gateways": (("a", ""), ("A", ""))}, "is there twice"),
        ({"gateways": (("a", "S"), ("b", "s"))}, "is there twice"),
        ({"gateways": tuple((f"g{n}", "") for n in range(10_001))}, "more than 9999"),
        ({"user": "root"}, "without root privileges"),
        ({"user": "Anna"}, "is not a user name"),
        ({"user_keys": ("ssh-ed25519 x",)}, "--user keys"),
        ({"user_keys": ()}, "no key"),
        ({"vpn": ()}, "is not a network"),
        ({"vpn": ("0.0.0.0/0",)}, "is not a network of a VPN"),
        ({"vpn": ("10.0.0.1/8",)}, "is not a network of a VPN"),
        ({"principal": "a b"}, "is not an address"),
    ],
)
def test_answers_that_are_wrong(changes: dict[str, Any], reason: str) -> None:
    assert any(reason in problem.what for problem in problems(answers(**changes)))
    assert not list(problems(answers()))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a,b", [("a", ""), ("b", "")]),
        ("a=1, b=2 c", [("a", "1"), ("b", "2"), ("c", "")]),
        ("g[1-3]x", [("g1x", ""), ("g2x", ""), ("g3x", "")]),
        ("g-[009-010]", [("g-009", ""), ("g-010", "")]),
        ("", []),
    ],
)
def test_gateways_as_somebody_types_them(text: str, found: list[tuple[str, str]]) -> None:
    assert list(gateways_of(text)) == found


@pytest.mark.parametrize("name", RELEASES)
def test_every_layout_is_proposed_for(name: str, tmp_path: Path) -> None:
    vanilla = a_vanilla_of(name)
    _, items = golden_lock.judged(Workspace(tmp_path), str(EXPORT))
    export = golden_lock.judged(Workspace(tmp_path), str(EXPORT))[0]
    fitting = type(export)(vanilla.esf_version, export.files, export.links, "x", (), vanilla.layout.product)
    proposal = propose(vanilla, fitting, (PlatformBundle("/a.jar", CHAIN), PlatformBundle("/b.jar")), "technician")
    text = gateway_toml(answers(), proposal, vanilla="v", export="e", sha256="c" * 64, epoch=1_767_225_600)
    (tmp_path / "gateway.toml").write_text(text)
    release = read_release(tmp_path / "gateway.toml", None)
    assert release.golden_esf_version == vanilla.esf_version
    assert f"{proposal.version_key} = " in text
    environment = release.bootloader.environment
    assert environment == "" or vanilla.exists(environment)
    assert decisions(Looked(vanilla, fitting, items, "", ""))[0].entries


def test_inputs_that_do_not_belong_together() -> None:
    export, _ = golden_lock.judged(Workspace(Path()), str(EXPORT))
    for version, product in (("5.0.1", "ESF"), ("5.0.0", "Kura")):
        with pytest.raises(PipelineError, match="the export is of"):
            propose(a_vanilla(), type(export)(version, {}, {}, "x", (), product), (), "technician")
    with pytest.raises(PipelineError, match="has an account daemon already"):
        propose(a_vanilla(), export, (), "daemon")


def test_an_input_that_is_not_fit_leaves_nothing(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(init, "look", making.look)
    assert run("ws") == 2
    assert not (place / "ws").exists()


def test_the_real_program_takes_serials_and_names_with_equals_signs(place: Path) -> None:
    """doit itself takes words with an equals sign for variables."""
    ran = doit(
        place, "init", "ws", "--vanilla", "nowhere", "--golden", str(EXPORT), "--name", "plant-1.0",
        "--gateways", "gw-a=SN17,gw-b", "--user-key", "me.pub", "--subject", "CN=a,O=b",
    )  # fmt: skip
    assert ran.status == 2
    assert ran.stderr.splitlines()[0] == "--vanilla: nowhere is not there"
    assert len(ran.stderr.splitlines()) == 2
