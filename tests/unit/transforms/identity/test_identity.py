"""Nothing of another machine is left, and a gateway has its own name, identity and keys."""
# ruff: noqa: S108 - directories of the image, not of this machine

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.errors import PipelineError
from pipeline.formats.ssh.dropbear_key import from_openssh
from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import FileEntry, Layer, LinkEntry, Removal
from pipeline.model.tree import Kind, Node, Tree
from pipeline.model.trust import HostKey
from pipeline.signing.secrets.host_keys import ecdsa_host_key_of, ed25519_host_key
from pipeline.transforms.identity import identity
from tests.support.release import a_gateway, a_release, some_secrets
from tests.support.vanilla import a_vanilla

PASSWD = a_vanilla().read("/etc/passwd").decode() + "vendor:x:1000:1000::/srv/vendor:/bin/sh\n"

LEFT_BEHIND = [
    "/etc/machine-id",
    "/var/lib/dbus/machine-id",
    "/etc/ssh/ssh_host_rsa_key",
    "/etc/ssh/ssh_host_rsa_key.pub",
    "/etc/dropbear/dropbear_rsa_host_key",
    "/var/lib/systemd/random-seed",
    "/var/lib/urandom/random-seed",
    "/var/lib/dhcp/dhclient.eth0.leases",
    "/var/lib/NetworkManager/secret_key",
    "/etc/udev/rules.d/70-persistent-net.rules",
    "/etc/bind/rndc.key",
    "/etc/passwd-",
    "/etc/shadow-",
    "/var/backups/shadow.bak",
    "/var/.monit.id",
    "/root/.bash_history",
    "/root/.ssh/authorized_keys",
    "/home/somebody/.ssh/id_ed25519",
    "/srv/vendor/.ssh/authorized_keys",
    "/var/log/kura.log",
    "/var/log/journal/0123/system.journal",
    "/var/log/apt/history.log",
    "/run/sshd.pid",
    "/tmp/.hidden",
    "/tmp/left",
    "/var/tmp/left",
]
KEPT = ["/etc/ssh/sshd_config", "/root/.bashrc", "/etc/bind/named.conf", "/etc/ssh/moduli", "/etc/passwd"]


@pytest.mark.parametrize("path", LEFT_BEHIND)
def test_what_belongs_to_one_machine_is_removed(path: str) -> None:
    vanilla = a_vanilla({path: "x", "/etc/passwd": PASSWD, "/root/.bashrc": "x"})
    layer = identity.forget(vanilla)
    assert GuestPath(path) not in vanilla.tree.apply(layer).nodes
    assert {type(entry) for entry in layer.entries} == {Removal}
    assert all(entry.origins[0].source.startswith("vanilla image: ") for entry in layer.entries)


def test_all_of_it_at_once_and_nothing_more() -> None:
    vanilla = a_vanilla({path: "x" for path in (*LEFT_BEHIND, *KEPT) if path != "/etc/passwd"})
    after = vanilla.tree.apply(identity.forget(vanilla))
    assert {GuestPath(path) for path in KEPT} <= after.nodes.keys()
    for directory in ("/var/log", "/var/log/apt", "/tmp", "/var/tmp", "/root", "/var/lib/dhcp", "/run"):
        assert after.nodes[GuestPath(directory)].kind is Kind.DIRECTORY


def test_an_image_without_traces_is_left_alone() -> None:
    assert identity.forget(a_vanilla()) == Layer()


@pytest.mark.parametrize(
    "path", ["/var/log/wtmp", "/var/log/lastlog", "/var/lib/dhcp/dhcpd.leases", "/etc/security/opasswd"]
)
def test_what_its_program_wants_to_exist_is_emptied(path: str) -> None:
    (entry,) = identity.forget(a_vanilla({path: "x"})).entries
    assert isinstance(entry, FileEntry)
    assert (entry.path, entry.content) == (path, b"")
    assert identity.forget(a_vanilla({path: ""})) == Layer()


def test_a_name_that_cannot_be_written_is_named() -> None:
    vanilla = a_vanilla()
    nodes = {**vanilla.tree.nodes, GuestPath("/tmp/new\nline"): Node(Kind.FILE, 0o644)}
    with pytest.raises(PipelineError, match=r"/tmp/new\\nline"):
        identity.forget(replace(vanilla, tree=Tree(nodes)))


def test_an_image_this_pipeline_built_is_refused() -> None:
    with pytest.raises(PipelineError, match="built by this pipeline"):
        identity.forget(a_vanilla({identity.MARKER: "{}"}))


def text(layer: Layer, path: str) -> str:
    entry = layer.by_path[GuestPath(path)]
    assert isinstance(entry, FileEntry)
    return entry.content.decode()


def test_a_gateway_has_its_own_name_and_identity() -> None:
    layer = identity.give(a_vanilla(), a_release(), a_gateway(), some_secrets())
    assert text(layer, "/etc/hostname") == "gw-north-01\n"
    assert text(layer, "/etc/hosts").startswith("127.0.0.1\tlocalhost\n127.0.1.1\tgw-north-01\n\n::1")
    assert "vanilla" not in text(layer, "/etc/hosts")
    assert text(layer, "/etc/machine-id") == f"{some_secrets().machine_id}\n"
    link = layer.by_path[identity.BUS_ID]
    assert isinstance(link, LinkEntry)
    assert link.target == "/etc/machine-id"


def test_host_keys_and_identity_are_secret_and_keys_private() -> None:
    layer = identity.give(a_vanilla(), a_release(), a_gateway(), some_secrets())
    key = layer.by_path[GuestPath("/etc/ssh/ssh_host_ed25519_key")]
    public = layer.by_path[GuestPath("/etc/ssh/ssh_host_ed25519_key.pub")]
    assert isinstance(key, FileEntry)
    assert isinstance(public, FileEntry)
    assert (key.mode, key.secret) == (0o600, True)
    assert (public.mode, public.secret) == (0o644, False)
    machine = layer.by_path[identity.MACHINE_ID]
    assert isinstance(machine, FileEntry)
    assert machine.secret


def test_the_marker_says_who_it_is_and_no_secret() -> None:
    marker = text(identity.give(a_vanilla(), a_release(), a_gateway(), some_secrets()), identity.MARKER)
    assert json.loads(marker) == {
        "gateway": "gw-north-01", "product": "ESF", "release": "demo-1.0", "version": "5.0.0",
    }  # fmt: skip


def test_two_gateways_share_nothing_but_the_release() -> None:
    other = some_secrets(machine_id="f" * 32)
    one = identity.give(a_vanilla(), a_release(), a_gateway(), some_secrets())
    two = identity.give(a_vanilla(), a_release(), a_gateway(name="gw-2"), other)
    for path in ("/etc/hostname", "/etc/hosts", "/etc/machine-id", identity.MARKER):
        assert text(one, path) != text(two, path)


def test_what_the_image_does_not_use_is_not_made() -> None:
    vanilla = a_vanilla({"/etc/hosts": None})
    nodes = {path: node for path, node in vanilla.tree.nodes.items() if path != "/var/lib/dbus"}
    layer = identity.give(replace(vanilla, tree=Tree(nodes)), a_release(), a_gateway(), some_secrets())
    assert not {identity.BUS_ID, GuestPath("/etc/mailname")} & layer.by_path.keys()
    assert "127.0.0.1\tlocalhost" in text(layer, "/etc/hosts")


@pytest.mark.parametrize("broken", [{"machine_id": ""}, {"machine_id": "X" * 32}, {"host_keys": ()}])
def test_a_gateway_without_identity_is_a_mistake_of_ours(broken: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="gw-north-01"):
        identity.give(a_vanilla(), a_release(), a_gateway(), some_secrets(**broken))


@pytest.mark.tools
@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_ssh_keygen_finds_the_pair_matching(tmp_path: Path, kind: str) -> None:
    made = tmp_path / "made"
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", made], check=True, timeout=60)
    public = made.with_suffix(".pub").read_text()
    secrets = some_secrets(host_keys=(HostKey(public.split()[0], made.read_bytes(), public),))
    layer = identity.give(a_vanilla(), a_release(), a_gateway(), secrets)
    place = tmp_path / "key"
    place.touch(mode=0o600)
    place.write_text(text(layer, f"/etc/ssh/ssh_host_{kind}_key"))
    done = subprocess.run(["ssh-keygen", "-y", "-f", place], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split()[:2] == text(layer, f"/etc/ssh/ssh_host_{kind}_key.pub").split()[:2]


def test_an_image_with_dropbear_alone_gets_keys_in_its_form_only() -> None:
    """Yocto's and Buildroot's small images have no /etc/ssh; keys of OpenSSH would have no place there."""
    both = a_vanilla({"/usr/sbin/dropbear": "ELF\n"})
    alone = replace(both, tree=Tree({p: n for p, n in both.tree.nodes.items() if not f"{p}/".startswith("/etc/ssh/")}))
    keys = (ed25519_host_key(bytes(32), "gw"), ecdsa_host_key_of(7, "gw"))
    for image, openssh in ((both, True), (alone, False)):
        layer = identity.give(image, a_release(), a_gateway(), some_secrets(host_keys=keys))
        written = {str(entry.path) for entry in layer.entries}
        assert any(path.startswith("/etc/ssh/") for path in written) is openssh
        assert "/etc/dropbear/dropbear_ed25519_host_key" in written


def test_dropbear_gets_the_same_keys_in_its_own_form() -> None:
    keys = (ed25519_host_key(bytes(32), "gw"), ecdsa_host_key_of(7, "gw"))
    vanilla = a_vanilla({"/usr/sbin/dropbear": "ELF\n"})
    layer = identity.give(vanilla, a_release(), a_gateway(), some_secrets(host_keys=keys))
    found = {str(file.path): file for file in layer.files() if "dropbear" in file.path}
    assert {path: file.content for path, file in found.items()} == {
        "/etc/dropbear/dropbear_ed25519_host_key": from_openssh(keys[0].private),
        "/etc/dropbear/dropbear_ecdsa_host_key": from_openssh(keys[1].private),
    }
    assert all((file.mode, file.secret) == (0o600, True) for file in found.values())


def test_host_keys_in_memory_are_refused() -> None:
    vanilla = a_vanilla({"/usr/sbin/dropbear": "ELF\n"}, {"/etc/dropbear": "/var/run/dropbear"})
    with pytest.raises(PipelineError, match="a link to memory"):
        identity.give(vanilla, a_release(), a_gateway(), some_secrets())
