"""Whether the first boot keeps what the manifest names: nothing makes other host keys."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipeline.formats.shell.run import Ran
from pipeline.model.image_view import ImageView
from pipeline.model.rule import Breach, Expected, Judgement, Rule, Severity
from pipeline.rules.kernel import parameters
from pipeline.rules.looking import files, harmless, is_own, lines, paths
from pipeline.rules.services import at_boot
from pipeline.rules.services.startup import enabled, masked
from pipeline.rules.ssh import dropbear, sshd

_CLOUD = ("/etc/cloud/cloud.cfg", "/etc/cloud/cloud.cfg.d/*.cfg")
_SEEDS = ("/boot/user-data", "/boot/firmware/user-data", "/var/lib/cloud/seed/nocloud*/user-data")
_FIRST_RUN = ("/boot/firstrun.sh", "/boot/firmware/firstrun.sh", "/boot/*.sh", "/boot/firmware/*.sh")
_HOOKS = ("/etc/rc.local", "/etc/network/if-*.d/*", "/etc/NetworkManager/dispatcher.d/*", "/etc/cron.d/*",
          "/etc/crontab", "/etc/profile.d/*", "/etc/udev/rules.d/*")  # fmt: skip
READS = (
    *at_boot.READS, *parameters.READS, *_CLOUD, *_SEEDS, *_FIRST_RUN, *_HOOKS, "/usr/lib/raspberrypi-sys-mods/*",
    "/usr/lib/raspi-config/*", "/usr/libexec/*", "/usr/libexec/openssh/*", "/usr/lib/systemd/system/*",
    "/lib/systemd/system/*",
)  # fmt: skip

# Of Debian's, Yocto's, Raspberry Pi OS's and vendors' images; a host key's file by name or pattern.
_KEYS = re.compile(r"ssh_host|/etc/ssh/?\*|dropbear_\w+_host_key|/etc/dropbear/?(?:\*|$)")
_TAKES_AWAY = frozenset({"rm", "shred", "unlink", "truncate", "mv", "find", "cp", "install", "tar"})
_MAKES = frozenset({"ssh-keygen", "dropbearkey"})
_WANTED = "the gateway's own host keys, which the manifest names, and nothing that changes them"


def _first_boot(view: ImageView, expected: Expected) -> Judgement:
    """A host key made or taken away at the first boot is another one than the manifest's."""
    del expected
    if sshd.daemon(view) is None and dropbear.dropbear(view) is None:
        return Judgement.not_applicable("the image has no SSH server")
    if not is_own(view):
        return Judgement.not_applicable("the image is no single gateway's own, and may make its keys when it starts")
    breaches = [*_commands(view), *_scripts(view), *_command_line(view), *_cloud(view)]
    return Judgement.of(_once(breaches), "nothing that runs at boot makes or removes host keys")


def _once(breaches: list[Breach]) -> list[Breach]:
    return list({(breach.path, breach.line): breach for breach in breaches}.values())


def _commands(view: ImageView) -> Iterator[Breach]:
    """What the system starts, followed through its scripts."""
    for item in at_boot.at_boot(view) or ():
        for command in item.commands:
            if _replaces(command):
                shown = harmless(" ".join(command.words))
                yield Breach(command.path, command.line, f"{item.name} runs at boot: {shown}", _WANTED)


def _replaces(command: Ran) -> bool:
    """Whether a command takes host keys away or writes one in their place; ``ssh-keygen -A`` makes what lacks only."""
    said = " ".join(command.words[1:])
    if command.program in _TAKES_AWAY:
        return bool(_KEYS.search(said))
    return command.program in _MAKES and "-A" not in command.words and bool(_KEYS.search(said)) and not _asks(command)


def _asks(command: Ran) -> bool:
    """``-l``, ``-y`` and the like only show a key."""
    return bool({"-l", "-y", "-B", "-E", "-e"} & {*command.words})


def _scripts(view: ImageView) -> Iterator[Breach]:
    """Scripts others than init run: line by line, because what calls them differs."""
    for path, data in files(view, *_HOOKS, *_FIRST_RUN):
        for number, line in lines(data):
            words = tuple(re.split(r"[\s;&|()`\"']+", line.partition("#")[0].strip()))
            for at, word in enumerate(words):
                if word.rpartition("/")[2] in _TAKES_AWAY | _MAKES and _replaces(
                    Ran(words[at:], "", certain=True, path=path, line=number)
                ):
                    yield Breach(path, number, f"would run: {harmless(line)}", _WANTED)
                    break


def _command_line(view: ImageView) -> Iterator[Breach]:
    """A script the kernel's command line names runs once, as root, before anybody looks (systemd-run-generator(8))."""
    for path, number, text in parameters.command_lines(view):
        for word in re.findall(r"(?:^|[\s\"'=])((?:systemd\.run|init)=[^\s\"']+)", text):
            name = word.partition("=")[2]
            if word.startswith("init=") and not re.search(r"first|resize|setup|provision|oobe", name):
                continue  # an init like another
            yield Breach(path, number, f"the kernel's command line runs {harmless(name)}", "no systemd.run=, no init=")


def _cloud(view: ImageView) -> Iterator[Breach]:
    """cloud-init deletes all host keys at the first boot of an instance unless it is told not to (ssh_deletekeys)."""
    units = ("cloud-init.service", "cloud-init-main.service", "cloud-config.service", "cloud-init-network.service")
    running = [unit for unit in units if enabled(view, unit) and not masked(view, unit)]
    wanted = running or paths(view, "/etc/systemd/system-generators/cloud-init-generator",
                              "/usr/lib/systemd/system-generators/cloud-init-generator",
                              "/lib/systemd/system-generators/cloud-init-generator")  # fmt: skip
    if not wanted or view.exists("/etc/cloud/cloud-init.disabled"):
        return
    if any(parameters.on_command_line(view, "cloud-init=disabled")):
        return
    place, line, value = "/etc/cloud/cloud.cfg", 0, "true"
    for path, data in files(view, *_CLOUD, *_SEEDS):
        for number, text in lines(data):
            found = re.match(r"ssh_deletekeys:\s*(\S+)", text)
            if found:
                place, line, value = path, number, found[1].strip("\"'").lower()
    if value not in ("false", "no", "off", "0"):
        yield Breach(place, line, "cloud-init deletes all host keys at the first boot", "ssh_deletekeys: false")


RULES = (
    Rule(
        id="identity.first_boot",
        title="nothing that runs at boot makes other host keys than the manifest's",
        why=(
            "Keys made at the first boot are not those in the manifest: people learn to ignore the warning that would "
            "show an attacker."
        ),
        severity=Severity.HIGH,
        documents=("A:129",),
        references=("ETSI 5.4-4", "62443 CR 1.9", "virt-sysprep ssh-hostkeys"),
        profile="documents",
        check=_first_boot,
        remedy="disable or remove what is named in the vanilla image: the gateway's keys are in the image",
    ),
)
