"""U-Boot does not wait for somebody at the serial line, and the system is of an approved release (A:90 to A:105)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipeline.formats.boot import fw_env_config, uboot_env
from pipeline.formats.boot.fw_env_config import FwEnvConfigError, Place
from pipeline.model.image_view import ImageView
from pipeline.model.outside.raw_region import Region
from pipeline.model.outside.sidecar import ENVIRONMENTS
from pipeline.model.rule import Breach, Expected, Judgement, Rule, Severity
from pipeline.rules.kernel import parameters
from pipeline.rules.looking import files, harmless, words_of

READS = (
    "/boot/uboot.env",
    "/boot/uboot-redund.env",
    "/boot/*/uboot*.env",
    "/uboot/uboot*.env",
    *parameters.READS,
    "/etc/fw_env.config",
    "/boot/uEnv.txt",
    "/boot/extlinux/extlinux.conf",
    "/etc/os-release",
    "/usr/lib/os-release",
    "/etc/u-boot-initial-env",
)


def raw_regions(view: ImageView, expected: Expected) -> tuple[Region, ...]:
    """Where an environment should lie outside all files: as decided, or as the image's own fw_env.config says."""
    size = view.disk.size if view.disk else 0
    if expected.environment_offsets:
        given = [(offset, expected.environment_size) for offset in expected.environment_offsets]
        regions = [Region(offset + size if offset < 0 else offset, length) for offset, length in given]
    else:
        regions = [region for place in _configured(view, expected) for region in _region(view, place)]
    return tuple(region for region in regions if region.offset >= 0 and region.size > 0 and region.end <= size)


def _configured(view: ImageView, expected: Expected) -> tuple[Place, ...]:
    """What fw_env.config says, where it was decided that it counts, or nothing else says anything."""
    config = expected.environment
    if not config:
        return ()
    if not config.endswith("/fw_env.config"):
        if view.exists(config):
            return ()
        config = "/etc/fw_env.config"
    try:
        return fw_env_config.parse(view.find(config) or b"")
    except FwEnvConfigError:
        return ()


def _region(view: ImageView, place: Place) -> Iterator[Region]:
    """The place in the image; nothing when it is on a device that is not known to be the image's disk."""
    if place.whole_disk and view.disk is not None:
        yield Region(place.offset + view.disk.size if place.offset < 0 else place.offset, place.size)
    elif place.partition is not None and view.disk is not None:
        for part in view.disk.partitions:
            if part.number == place.partition and part.mountpoint is None:
                offset = place.offset + part.size if place.offset < 0 else place.offset
                if 0 <= offset <= part.size - place.size:
                    yield Region(part.start + offset, place.size)


def _raw_delay(view: ImageView, expected: Expected, regions: tuple[Region, ...]) -> Judgement:
    where = " and ".join(map(str, regions))
    if any(region not in view.raw for region in regions):
        return Judgement.unverifiable(f"{where}: U-Boot's environment was not read")
    allowed = " or ".join(str(delay) for delay in expected.bootdelays)
    try:
        environment = uboot_env.parse(b"".join(view.raw[region] for region in regions))
    except uboot_env.UbootEnvError as error:
        return Judgement.failed(
            Breach(where, 0, f"{error}: U-Boot takes the delay compiled in", "an environment with a CRC")
        )
    return Judgement.of([*_copies(where, environment, expected, allowed)], f"bootdelay {allowed} in {where}")


def _delivered_delay(view: ImageView, expected: Expected) -> Judgement:
    """Of an environment outside the image: in the files that are delivered with it."""
    names = [name for name in ENVIRONMENTS if name in view.beside]
    if not names:
        return Judgement.unverifiable(f"U-Boot's environment lies outside the image, and no {ENVIRONMENTS[0]} was read")
    where = " and ".join(names)
    try:
        environment = uboot_env.parse(b"".join(view.beside[name] for name in names))
    except uboot_env.UbootEnvError as error:
        return Judgement.failed(Breach(names[0], 0, f"{error}: U-Boot takes the delay compiled in", "a valid copy"))
    allowed = " or ".join(str(delay) for delay in expected.bootdelays)
    breaches = [*_copies(where, environment, expected, allowed)]
    if (environment.current.flags is not None) != (len(names) == 2):
        breaches.append(Breach(where, 0, "one copy of two: the other may bring anything back", "both copies"))
    return Judgement.of(breaches, f"bootdelay {allowed} in {where}, to be written outside the image")


def _delay(view: ImageView, expected: Expected) -> Judgement:
    if expected.environment_outside:
        return _delivered_delay(view, expected)
    regions = raw_regions(view, expected)
    if regions:
        return _raw_delay(view, expected, regions)
    places = _environments(view, expected)
    if not places:
        return _elsewhere(view)
    breaches: list[Breach] = []
    allowed = " or ".join(str(delay) for delay in expected.bootdelays)
    for path in places:
        try:
            environment = uboot_env.parse(view.find(path) or b"")
        except uboot_env.UbootEnvError as error:
            breaches.append(
                Breach(path, 0, f"{error}: U-Boot takes the delay compiled in", "an environment with a CRC")
            )
            continue
        breaches += _copies(path, environment, expected, allowed)
    return Judgement.of(breaches, f"bootdelay {allowed} in {', '.join(places)}, in every copy")


def _environments(view: ImageView, expected: Expected) -> list[str]:
    """The environment's file and its second copy, as far as they are files of the image."""
    named = [expected.environment] if expected.environment.rpartition("/")[2] not in ("", "fw_env.config") else []
    # A file system that is mounted on the gateway: fw_env.config names the file itself.
    named += [place.device for place in _configured(view, expected) if not place.device.startswith("/dev/")]
    second = [f"{path.rpartition('/')[0]}/uboot-redund.env" for path in named]
    return list(dict.fromkeys(path for path in (*named, *second) if view.exists(path)))


def _elsewhere(view: ImageView) -> Judgement:
    """fw_env.config says where an environment lies that is no file of the image."""
    for path, data in files(view, "/etc/fw_env.config"):
        devices = [words[0] for _, words in words_of(data) if words[0].startswith("/dev/")]
        if devices:
            why = f"U-Boot's environment lies on {', '.join(devices)} ({path}), outside every file of the image"
            return Judgement.unverifiable(f"{why}: set bootdelay when flashing")
    return Judgement.not_applicable("the image has no environment of U-Boot")


def _copies(path: str, environment: uboot_env.Environment, expected: Expected, allowed: str) -> Iterator[Breach]:
    for number, copy in enumerate(environment.copies, 1):
        which = f"copy {number}: " if len(environment.copies) > 1 else ""
        if not copy.valid:
            yield Breach(path, 0, f"{which}its CRC is wrong, the next update may bring anything back", "a valid copy")
            continue
        value = dict(copy.pairs).get(b"bootdelay")
        if value is None:
            yield Breach(path, 0, f"{which}no bootdelay: the one compiled in is in force", f"bootdelay={allowed}")
        elif value.decode("utf-8", "replace") not in {str(delay) for delay in expected.bootdelays}:
            shown = harmless(value.decode("utf-8", "replace"))
            yield Breach(path, 0, f"{which}bootdelay={shown}", f"bootdelay={allowed}")


def _overrides(view: ImageView, expected: Expected) -> Judgement:
    """Files U-Boot's own scripts read after the environment."""
    breaches = []
    looked = []
    allowed = {str(delay) for delay in expected.bootdelays}
    for path, data in files(view, "/boot/uEnv.txt"):
        looked.append(path)
        for number, words in words_of(data):
            found = re.match(r"bootdelay\s*=\s*(\S*)", " ".join(words))
            if found and found[1] not in allowed:
                breaches.append(Breach(path, number, f"bootdelay={harmless(found[1])}", " or ".join(sorted(allowed))))
    for path, data in files(view, "/boot/extlinux/extlinux.conf"):
        looked.append(path)
        for number, words in words_of(data):
            if words[0].upper() == "PROMPT" and words[1:2] != ["0"]:
                breaches.append(Breach(path, number, "a prompt before booting", "PROMPT 0"))
            if words[0].upper() == "TIMEOUT" and words[1:2] != ["0"] and len(words) > 1:
                breaches.append(Breach(path, number, f"waits {harmless(words[1])} tenths of a second", "TIMEOUT 0"))
    if not looked:
        return Judgement.not_applicable("neither uEnv.txt nor extlinux.conf in the image")
    return Judgement.of(breaches, ", ".join(looked))


def _of_one_machine(view: ImageView, expected: Expected) -> Judgement:
    """U-Boot hands its addresses to Linux, so that two gateways with one environment have one on the network."""
    del expected
    breaches: list[Breach] = []
    looked = []
    for path, data in parameters.environments(view):
        try:
            environment = uboot_env.parse(data)
        except uboot_env.UbootEnvError:
            continue  # bootloader.delay says so
        looked.append(path)
        names = {name.decode("ascii", "replace") for copy in environment.copies for name, _ in copy.pairs}
        breaches += [
            Breach(path, 0, f"{name} of one machine, the same in every copy", "not set")
            for name in sorted(names)
            if re.fullmatch(r"eth\d*addr|usbnet_(dev|host)addr|wlan\d*addr|bt_?addr|serial#|serial_?no", name)
        ]
    if not looked:
        return Judgement.not_applicable("the image has no environment of U-Boot")
    return Judgement.of(breaches, ", ".join(looked))


def _release(view: ImageView, expected: Expected) -> Judgement:
    name = " ".join(filter(None, (view.os_release.get("ID"), view.os_release.get("VERSION_ID"))))
    built = view.os_release.get("IMAGE_VERSION") or view.os_release.get("BUILD_ID") or ""
    if not name:
        return Judgement.failed(Breach("/etc/os-release", 0, "does not say which release this is", "ID and VERSION_ID"))
    about = f"{name}, image {built}" if built else name
    if not expected.approved_os:
        return Judgement.unverifiable(
            f"{about}: whether it is the latest release, people must say ([rules] approved_os)"
        )
    if {name, view.os_release.get("VERSION_ID", ""), built} & {*expected.approved_os}:
        return Judgement.passed(f"{about} is approved")
    return Judgement.failed(Breach("/etc/os-release", 0, about, " or ".join(expected.approved_os)))


RULES = (
    Rule(
        id="bootloader.delay",
        title="U-Boot boots without delay, whichever copy of its environment it takes",
        why=(
            "During the delay any key on the serial line stops the boot, and U-Boot starts whatever it is told: a root "
            "shell, or another system."
        ),
        severity=Severity.HIGH,
        documents=("A:90", "A:98"),
        references=(
            "ANSSI R5",
            "ANSSI R6",
            "CIS 1.4.1",
            "ETSI 5.6-4",
            "ETSI 5.7-1",
            "62443 EDR 2.13",
            "NIST SP 800-193 4.2",
        ),
        profile="documents",
        check=_delay,
        remedy="[bootloader] bootdelay and environment in gateway.toml",
        conflict="0 as the documents ask still looks for a key, so a held key stops U-Boot; -2 does not look, but "
        "with a broken boot command nobody gets in any more: [bootloader] bootdelay. Without verified boot either is a "
        "speed bump",
        enforced_by="boot.bootloader",
    ),
    Rule(
        id="bootloader.overrides",
        title="no file U-Boot reads later brings a delay or a prompt back",
        why=(
            "A file U-Boot reads after its environment can bring the delay or prompt back, although the environment "
            "looks right."
        ),
        severity=Severity.HIGH,
        documents=("A:90",),
        references=("ANSSI R5", "ETSI 5.6-4"),
        profile="documents",
        check=_overrides,
        remedy="change the file in the vanilla image, or by an overlay",
    ),
    Rule(
        id="identity.bootloader",
        title="U-Boot's environment holds no network address or serial number of one machine",
        why=(
            "U-Boot hands its address to Linux: two gateways with one hardware address on a network both lose their "
            "connections."
        ),
        severity=Severity.MEDIUM,
        documents=("A:129",),
        references=("U-Boot doc/README.enetaddr", "virt-sysprep net-hwaddr", "ETSI 5.4-2"),
        profile="documents",
        check=_of_one_machine,
        remedy="delete the variables in the vanilla image: fw_setenv ethaddr; or give each gateway its own environment "
        "by [bootloader.outside]",
    ),
    Rule(
        id="system.release",
        title="the system is of a release on the approved list",
        why="A system older than the approved list has known holes with published exploits.",
        severity=Severity.MEDIUM,
        documents=("A:105",),
        references=("ANSSI R61", "ETSI 5.3-1", "CRA I.1(2)(a)", "CRA I.1(2)(c)", "CRA II(1)", "62443 EDR 3.10"),
        profile="documents",
        check=_release,
        remedy="take the vendor's latest image and put its release on the list: [rules] approved_os",
    ),
)
