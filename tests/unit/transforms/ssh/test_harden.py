"""Whatever the image's sshd is configured to do, the result is what the documents ask; judged by the real sshd."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import PipelineError
from pipeline.formats.ssh import sshd_config
from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import FileEntry, Layer
from pipeline.model.release import Ssh
from pipeline.model.vanilla import Vanilla
from pipeline.transforms.ssh import openssh as ssh
from tests.support.programs.sshd import sshd_says
from tests.support.programs.sshd_configurations import CONFIGURATIONS, CONNECTIONS
from tests.support.release import a_release
from tests.support.vanilla import a_vanilla

MAIN = "/etc/ssh/sshd_config"
DROP_IN = "/etc/ssh/sshd_config.d/50-vendor.conf"
ASKED = {
    "port": ["49153"],
    "permitrootlogin": ["no"],
    "pubkeyauthentication": ["yes"],
    "authenticationmethods": ["publickey"],
    "passwordauthentication": ["no"],
    "kbdinteractiveauthentication": ["no"],
    "permitemptypasswords": ["no"],
    "usepam": ["no"],
    "authorizedkeysfile": [".ssh/authorized_keys"],
}
INCLUDE = "Include /etc/ssh/sshd_config.d/*.conf\n"

# Each of these would leave a door open, or lock us out, if lines were only appended or only the main file edited.
VENDORS: dict[str, dict[str, str]] = {
    "Debian's own": {},
    "two ports": {MAIN: "Port 22\nPort 2222\n"},
    "root allowed first": {MAIN: "PermitRootLogin yes # legacy\n"},
    "drop-in before everything": {MAIN: INCLUDE, DROP_IN: "PermitRootLogin yes\nPasswordAuthentication yes\nPort 22\n"},
    "Match at the end": {
        MAIN: "UsePAM yes\nMatch Address 10.0.0.0/8\n  PermitRootLogin yes\n  PasswordAuthentication yes\n"
    },
    "Match in a drop-in": {MAIN: INCLUDE, DROP_IN: "Match User nobody\nAuthenticationMethods password\n"},
    "quotes, equals, case": {MAIN: '"PermitRootLogin"=yes\nPASSWORDAUTHENTICATION = "yes"\n'},
    "CRLF": {MAIN: "Port 22\r\nPermitRootLogin yes\r\nUsePAM yes\r\n"},
    "no newline at the end": {MAIN: "PermitRootLogin yes"},
    "aliases": {MAIN: "ChallengeResponseAuthentication yes\nskeyauthentication yes\nDSAAuthentication no\n"},
    "nested include": {MAIN: "Include a\n", "/etc/ssh/a": "Include b\n", "/etc/ssh/b": "UsePAM yes\nPort 22\n"},
    "include inside Match": {MAIN: "Match all\nInclude a\n", "/etc/ssh/a": "PermitRootLogin yes\n"},
    "ListenAddress with a port": {MAIN: "ListenAddress 127.0.0.1:22\nListenAddress [::1]:2222\n"},
    "keys elsewhere": {
        MAIN: "AuthorizedKeysFile /etc/keys/%u .ssh/authorized_keys2\nAuthorizedKeysCommand /bin/true\n"
    },
    "only root may enter": {MAIN: "AllowUsers root\nAllowGroups wheel\nDenyGroups users\n"},
    "our key types refused": {MAIN: "PubkeyAcceptedKeyTypes ssh-rsa\nHostKeyAlgorithms ssh-rsa\n"},
    "commented defaults": {MAIN: "#Port 22\n#PermitRootLogin prohibit-password\n"},
    "empty file": {MAIN: ""},
    **{f"odd: {name}": files for name, files in CONFIGURATIONS.items()},
}


def hardened(vanilla: Vanilla, layer: Layer) -> dict[str, bytes]:
    """The files below /etc/ssh after the layer."""
    files = {str(path): data for path, data in vanilla.files.items() if path.startswith("/etc/ssh/")}
    files.update({str(entry.path): entry.content for entry in layer.files() if entry.path.startswith("/etc/ssh/")})
    return files


@pytest.mark.tools
@pytest.mark.parametrize("vendor", VENDORS)
def test_sshd_does_what_the_documents_ask(vendor: str, tmp_path: Path) -> None:
    vanilla = a_vanilla(VENDORS[vendor])
    files = hardened(vanilla, ssh.harden(vanilla, a_release()))
    for connection in CONNECTIONS:
        said = sshd_says(files, tmp_path, connection)
        assert {keyword: said[keyword] for keyword in ASKED} == ASKED
        assert said["listenaddress"] == ["[::]:49153", "0.0.0.0:49153"]
        # The first is the option of this test; of the image's own, those every gateway is given and no other kind.
        assert said["hostkey"][1:] == ["/etc/ssh/ssh_host_ed25519_key", "/etc/ssh/ssh_host_ecdsa_key"]
        assert not {"allowusers", "allowgroups", "denygroups"} & said.keys()


@pytest.mark.parametrize("vendor", VENDORS)
def test_what_the_block_says_is_said_nowhere_else(vendor: str) -> None:
    """A second line would be harmless today and in force as soon as somebody moves the block."""
    vanilla = a_vanilla(VENDORS[vendor])
    files = hardened(vanilla, ssh.harden(vanilla, a_release()))
    meanings = [line.meaning for data in files.values() for line in sshd_config.parse(data)]
    for keyword in ASKED:
        assert meanings.count(keyword) == 1, keyword


@pytest.mark.parametrize("vendor", VENDORS)
def test_hardening_twice_changes_nothing(vendor: str) -> None:
    vanilla = a_vanilla(VENDORS[vendor])
    once = hardened(vanilla, ssh.harden(vanilla, a_release()))
    again = a_vanilla({**VENDORS[vendor], **once})
    assert ssh.harden(again, a_release()) == Layer()


def test_everything_else_stays_as_it_was() -> None:
    text = "# mine\nX11Forwarding yes\nPort 22\nAcceptEnv LANG LC_*\n"
    content = _main(a_vanilla({MAIN: text}))
    assert content.endswith(
        "# mine\nX11Forwarding yes\n# replaced by the managed block: Port 22\nAcceptEnv LANG LC_*\n"
    )


@pytest.mark.tools
def test_pam_and_port_are_the_release_s_choice(tmp_path: Path) -> None:
    vanilla = a_vanilla()
    layer = ssh.harden(vanilla, a_release(ssh=Ssh(port=65535, use_pam=True)))
    said = sshd_says(hardened(vanilla, layer), tmp_path)
    assert (said["port"], said["usepam"]) == (["65535"], ["yes"])


@pytest.mark.parametrize(
    ("version", "there", "absent"),
    [
        (
            "1:9.2p1-2+deb12u7",
            {"KbdInteractiveAuthentication"},
            {"ChallengeResponseAuthentication", "RSAAuthentication"},
        ),
        ("7.9p1-r0", {"KbdInteractiveAuthentication", "ChallengeResponseAuthentication"}, {"RSAAuthentication"}),
        ("1:7.3p1-1", {"RSAAuthentication", "AuthenticationMethods"}, set()),
        ("1:6.1p1-1", {"RSAAuthentication"}, {"AuthenticationMethods"}),
        ("unheard-of", {"KbdInteractiveAuthentication", "ChallengeResponseAuthentication"}, {"RSAAuthentication"}),
    ],
)
def test_keywords_are_those_of_the_image_s_openssh(version: str, there: set[str], absent: set[str]) -> None:
    status = f"Package: openssh-server\nStatus: install ok installed\nVersion: {version}\n"
    keywords = {line.split()[0] for line in _main(a_vanilla({"/var/lib/dpkg/status": status})).splitlines() if line}
    assert there <= keywords
    assert not absent & keywords


def test_a_package_that_was_removed_does_not_count() -> None:
    status = "Package: openssh-server\nStatus: deinstall ok config-files\nVersion: 1:6.0p1\n"
    assert ssh.openssh_version(a_vanilla({"/var/lib/dpkg/status": status})) is None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("SSHD_OPTS=-p22\n", "SSHD_OPTS=''\n"),
        ('SSHD_OPTS="-4 -p 22 -o PermitRootLogin=yes"\n', "SSHD_OPTS=-4\n"),
        ("# note\nSSHD_OPTS='-4p22 -oX11Forwarding=no'\n", "# note\nSSHD_OPTS='-4 -o X11Forwarding=no'\n"),
        ('export SSHD_OPTS="-f /etc/other"\n', "export SSHD_OPTS=''\n"),
    ],
)
def test_options_that_go_before_the_file_are_taken_away(before: str, after: str) -> None:
    layer = ssh.harden(a_vanilla({"/etc/default/ssh": before}), a_release())
    entry = layer.by_path[GuestPath("/etc/default/ssh")]
    assert isinstance(entry, FileEntry)
    assert entry.content.decode() == after


@pytest.mark.parametrize("text", ["SSHD_OPTS=\n", 'SSHD_OPTS="-4"\n', "OTHER=-p22\n", "#SSHD_OPTS=-p22\n"])
def test_harmless_options_are_left_alone(text: str) -> None:
    layer = ssh.harden(a_vanilla({"/etc/default/ssh": text}), a_release())
    assert GuestPath("/etc/default/ssh") not in layer.by_path


@pytest.mark.parametrize("text", ['SSHD_OPTS="$EXTRA"\n', "SSHD_OPTS=`x`\n", 'SSHD_OPTS="-p\n', "SSHD_OPTS=-Z\n"])
def test_options_nobody_can_read_are_refused(text: str) -> None:
    with pytest.raises(PipelineError, match="/etc/default/ssh"):
        ssh.harden(a_vanilla({"/etc/default/ssh": text}), a_release())


def test_a_listening_socket_of_systemd_moves_too() -> None:
    links = {"/etc/systemd/system/sockets.target.wants/ssh.socket": "/lib/systemd/system/ssh.socket"}
    path = GuestPath("/etc/systemd/system/ssh.socket.d/zz-gateway-port.conf")
    layer = ssh.harden(a_vanilla(links=links, init="systemd"), a_release())
    entry = layer.by_path[path]
    assert isinstance(entry, FileEntry)
    assert entry.content == b"[Socket]\nListenStream=\nListenStream=49153\n"
    assert path.parent in layer.by_path
    assert path not in ssh.harden(a_vanilla(init="systemd"), a_release()).by_path


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        ({"/usr/sbin/sshd": None}, "no OpenSSH server"),
        ({MAIN: None}, "no OpenSSH server"),
        ({MAIN: "Port\n"}, "no argument"),
        ({MAIN: "Include sshd_config\n"}, "levels deep"),
        ({MAIN: "Include /usr/sbin\n"}, "not a file below /etc/ssh"),
    ],
)
def test_what_cannot_be_hardened_is_refused(files: dict[str, str | None], complaint: str) -> None:
    with pytest.raises(PipelineError, match=complaint):
        ssh.harden(a_vanilla(files), a_release())


def _main(vanilla: Vanilla) -> str:
    entry = ssh.harden(vanilla, a_release()).by_path[GuestPath(MAIN)]
    assert isinstance(entry, FileEntry)
    return entry.content.decode()
