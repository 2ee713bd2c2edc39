"""U-Boot's environment on another chip: files beside the image, as fw_printenv reads them where they are to be."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import PipelineError
from pipeline.formats.boot import uboot_env
from pipeline.inputs.outside_environment import read_outside
from pipeline.manifest import build_manifest, from_bytes, to_bytes
from pipeline.model.image_view import ImageView
from pipeline.model.outside.raw_region import RawChange, Region
from pipeline.model.outside.sidecar import Outside, Sidecar
from pipeline.model.release import Bootloader, OutsideEnvironment, Release
from pipeline.model.rule import RuleOutcome
from pipeline.report.text.difference import differences
from pipeline.report.text.explanation import region_explanation
from pipeline.report.text.plan_text import sidecar_text
from pipeline.rules.boot import bootloader as linux_boot
from pipeline.rules.expectations import decisions_of, expected_from
from pipeline.transforms.boot.outside import flashing, protect
from pipeline.verification.outside import compare_regions, compare_sidecars, with_outside
from tests.support.manifest import manifest_inputs
from tests.support.release import a_release
from tests.support.uboot import SIZE, an_environment
from tests.support.vanilla import a_vanilla

PAIRS = {"bootcmd": "run distro", "bootdelay": "2", "console": "ttyS0"}
ONE = b"/dev/mmcblk0boot0 0x1000 0x400\n"
PAIR = b"/dev/mtd2 0x0 0x400 0x1000\n/dev/mtd3 0x0 0x400 0x1000\n"
DELAY = next(rule for rule in linux_boot.RULES if rule.id == "bootloader.delay")


def decided(delay: int = -2, **named: object) -> Release:
    outside = OutsideEnvironment(**{"dumps": ("env.bin",), **named})  # type: ignore[arg-type]
    return a_release(bootloader=Bootloader(bootdelay=delay, environment="", outside=outside))


def given_dumps(*dumps: bytes, config: bytes | None = ONE, own: bool = False) -> Outside:
    return Outside("env.bin", config, dumps, own=own)


def a_pair(first: str = "2", second: str = "5") -> tuple[bytes, bytes]:
    return (
        an_environment({**PAIRS, "bootdelay": first}, flags=1),
        an_environment({**PAIRS, "bootdelay": second}, flags=2),
    )


def printed(place: Path, sidecars: tuple[Sidecar, ...]) -> dict[str, str]:
    """Each sidecar written to a device of its own at the offset it is for, and asked by fw_printenv."""
    lines = []
    for sidecar in sidecars:
        device = place / sidecar.device.rpartition("/")[2]
        start = sidecar.offset if sidecar.offset >= 0 else 0x10000 + sidecar.offset
        device.write_bytes((b"\xa5" * start + sidecar.content).ljust(0x10000, b"\xff"))
        lines.append(f"{device} {start:#x} {len(sidecar.content):#x}\n")
    config = place / "fw_env.config"
    config.write_text("".join(lines))
    done = subprocess.run(["fw_printenv", "-c", config], capture_output=True, text=True, check=True, timeout=30)
    return dict(line.split("=", 1) for line in done.stdout.splitlines())


@pytest.mark.tools
@pytest.mark.parametrize(
    ("config", "dumps"),
    [
        (ONE, (an_environment(PAIRS),)),
        (ONE, (b"\0" * 0x1000 + an_environment(PAIRS) + b"\xff" * 0x400,)),  # the device as a whole
        (b"/dev/mmcblk0boot0 -0x400 0x400\n", (b"\0" * 0x1000 + an_environment(PAIRS),)),
        (PAIR, a_pair()),
        (PAIR, (b"\xff" * SIZE, a_pair()[1])),  # an update that was cut off
        (b"/dev/mtd2 0x0 0x400\n/dev/mtd2 0x800 0x400\n", (a_pair()[0], b"\xff" * 0x800 + a_pair()[1])),
    ],
)
def test_fw_printenv_agrees(tmp_path: Path, config: bytes, dumps: tuple[bytes, ...]) -> None:
    sidecars = protect(a_vanilla(), decided(), given_dumps(*dumps, config=config))
    assert [sidecar.file for sidecar in sidecars] == ["uboot-env.bin", "uboot-env-redundant.bin"][: len(dumps)]
    assert {len(sidecar.content) for sidecar in sidecars} == {SIZE}
    if len({sidecar.device for sidecar in sidecars}) == len(sidecars):
        assert printed(tmp_path, sidecars) == {**PAIRS, "bootdelay": "-2"}
    for lost in range(len(sidecars)) if len(sidecars) == 2 else ():
        halves = tuple(
            replace(sidecar, device=f"/dev/chip{number}", content=b"\xff" * SIZE if number == lost else sidecar.content)
            for number, sidecar in enumerate(sidecars)
        )
        assert printed(tmp_path, halves)["bootdelay"] == "-2", "either copy alone has the delay"


@pytest.mark.tools
@pytest.mark.parametrize("redundant", [False, True])
def test_defaults_become_what_mkenvimage_makes_of_them(tmp_path: Path, redundant: bool) -> None:
    text = b"bootdelay=2\n# a comment\n\nbootcmd=run a; \\\nrun b\nempty=\nargs=x=y z\n"
    source, made = tmp_path / "initial-env", tmp_path / "made"
    source.write_bytes(text)
    subprocess.run(
        ["mkenvimage", *(["-r"] if redundant else []), "-s", str(SIZE), "-o", made, source], check=True, timeout=30
    )
    environment = uboot_env.from_text(text, SIZE, redundant=redundant)
    rendered = uboot_env.render(environment)
    assert rendered[:SIZE] == made.read_bytes()
    assert len(rendered) == SIZE * (2 if redundant else 1)
    config = PAIR if redundant else ONE
    sidecars = protect(a_vanilla(), decided(0), Outside("initial-env", config, defaults=text))
    assert uboot_env.parse(sidecars[0].content).get("bootcmd") == "run a; \nrun b"
    plain = Outside("initial-env", config, defaults=text.replace(b"\\\n", b""))
    shown = {"bootdelay": "0", "bootcmd": "run a; run b", "empty": "", "args": "x=y z"}
    assert printed(tmp_path, protect(a_vanilla(), decided(0), plain)) == shown


@given(
    st.dictionaries(
        st.text("abcdefgh_#1", min_size=1, max_size=8).filter(lambda name: not name.startswith("#")),
        st.text("abc =;$", max_size=12),
        max_size=6,
    )
)
def test_defaults_say_the_same_as_an_environment(pairs: dict[str, str]) -> None:
    text = "".join(f"{name}={value}\n" for name, value in pairs.items()).encode()
    made = uboot_env.parse(uboot_env.render(uboot_env.from_text(text, SIZE, redundant=False)))
    assert {name.decode(): value.decode() for name, value in made.current.pairs} == pairs


@pytest.mark.parametrize("text", [b"no assignment\n", b"=value\n", b"a=1\na=2\n", b"a=\0\n", b"a=" + b"x" * SIZE])
def test_malformed_defaults_are_refused(text: bytes) -> None:
    with pytest.raises(PipelineError, match=r"line \d of the defaults|no room"):
        protect(a_vanilla(), decided(), Outside("initial-env", ONE, defaults=text))


def test_the_place_comes_from_the_image_when_nothing_else_says_it() -> None:
    vanilla = a_vanilla({"/etc/fw_env.config": PAIR})
    sidecars = protect(vanilla, decided(), given_dumps(*a_pair(), config=None))
    assert [(sidecar.device, sidecar.offset, sidecar.erase) for sidecar in sidecars] == [
        ("/dev/mtd2", 0, 0x1000),
        ("/dev/mtd3", 0, 0x1000),
    ]
    with pytest.raises(PipelineError, match=r"/etc/fw_env\.config: is missing"):
        protect(a_vanilla(), decided(), given_dumps(*a_pair(), config=None))
    assert protect(a_vanilla(), a_release(), None) == ()


@pytest.mark.parametrize(
    ("config", "dumps", "complaint"),
    [
        (ONE, (b"\xff" * SIZE,), "no CRC fits"),
        (ONE, (an_environment(PAIRS)[:-1],), "neither one copy of 1024 nor a dump of /dev/mmcblk0boot0"),
        (ONE, (b"\0" * 0x1000 + an_environment(PAIRS)[:-1],), "neither one copy"),
        (b"/dev/mmcblk0boot0 -0x800 0x400", (b"\0" * 0x600,), "neither one copy"),
        (ONE, a_pair(), "2 dumps, fw_env.config says 1 copies"),
        (PAIR, a_pair()[:1], "1 dumps, fw_env.config says 2"),
        (ONE, a_pair()[:1], "of two copies, fw_env.config says 1"),
        (PAIR, (an_environment(PAIRS), an_environment(PAIRS)), "no CRC fits"),
        (b"/dev/mtd2 0 0x400\n/dev/mtd3 0 0x800\n", a_pair(), "differ in size"),
        (b"/dev/mtd2\n", a_pair(), "config: line 1"),
        (ONE, (an_environment({"a": "x" * 1013}),), "no room"),
    ],
)
def test_what_is_no_such_environment_is_refused(config: bytes, dumps: tuple[bytes, ...], complaint: str) -> None:
    with pytest.raises(PipelineError, match=complaint):
        protect(a_vanilla(), decided(), given_dumps(*dumps, config=config))


@pytest.mark.parametrize("name", ["ethaddr", "eth1addr", "serial#", "wlanaddr", "usbnet_devaddr"])
def test_what_belongs_to_one_gateway_is_not_written_to_all(name: str) -> None:
    dump = an_environment({**PAIRS, name: "00:11:22:33:44:55"})
    with pytest.raises(PipelineError, match=f"holds {name} of the gateway it was read from"):
        protect(a_vanilla(), decided(), given_dumps(dump))
    (sidecar,) = protect(a_vanilla(), decided(), given_dumps(dump, own=True))
    assert uboot_env.parse(sidecar.content).get(name) == "00:11:22:33:44:55"


def test_the_files_are_read_by_the_gateways_name(tmp_path: Path) -> None:
    (tmp_path / "gw-1.bin").write_bytes(an_environment(PAIRS))
    (tmp_path / "fw_env.config").write_bytes(ONE)
    named = decided(dumps=("{gateway}.bin",), config="fw_env.config")
    assert read_outside(named, "gw-1", tmp_path) == Outside("gw-1.bin", ONE, (an_environment(PAIRS),), own=True)
    with pytest.raises(PipelineError, match=r"gw-2\.bin: dump of U-Boot's environment is not there"):
        read_outside(named, "gw-2", tmp_path)
    (tmp_path / "initial").write_bytes(b"a=b\n")
    assert read_outside(decided(dumps=(), defaults="initial"), "gw-1", tmp_path) == Outside(
        "initial", defaults=b"a=b\n"
    )
    assert read_outside(a_release(), "gw-1", tmp_path) is None


@pytest.mark.parametrize(
    ("device", "offset", "erase", "command"),
    [
        ("/dev/mmcblk0boot0", 0x1000, 0, "echo 0 > /sys/class/block/mmcblk0boot0/force_ro && dd if=uboot-env.bin "
         "of=/dev/mmcblk0boot0 bs=512 seek=8 conv=notrunc,fsync"),
        ("/dev/mmcblk1", 0x1001, 0, "of=/dev/mmcblk1 bs=1 seek=4097 "),
        ("/dev/mmcblk1", -0x400, 0, "seek=$((($(blockdev --getsize64 /dev/mmcblk1) - 1024) / 512)) "),
        ("/dev/mtd1", 0x2000, 0x10000, "mtd_debug erase /dev/mtd1 0x2000 0x10000 && "
         "mtd_debug write /dev/mtd1 0x2000 0x400 uboot-env.bin"),
    ],
)  # fmt: skip
def test_people_are_told_how_to_write_it(device: str, offset: int, erase: int, command: str) -> None:
    (made,) = protect(a_vanilla(), decided(), given_dumps(an_environment(PAIRS)))
    step = flashing(replace(made, device=device, offset=offset, erase=erase), -2)
    assert command in step.text
    assert step.text.endswith("`fw_printenv -n bootdelay` on the gateway prints -2")
    assert device in sidecar_text([replace(made, device=device)])


@pytest.mark.tools
def test_the_command_people_are_told_writes_what_fw_printenv_reads(tmp_path: Path) -> None:
    device = tmp_path / "chip"
    device.write_bytes(b"\xa5" * 0x4000)
    (made,) = protect(a_vanilla(), decided(), given_dumps(an_environment(PAIRS), config=b"/dev/sdz 0x1200 0x400\n"))
    (tmp_path / made.file).write_bytes(made.content)
    told = flashing(replace(made, device=str(device)), -2).text
    subprocess.run(["sh", "-c", told.split("(", 1)[1].rsplit(");", 1)[0]], cwd=tmp_path, check=True, timeout=30)
    assert device.read_bytes() == b"\xa5" * 0x1200 + made.content + b"\xa5" * (0x4000 - 0x1600)


def judged(release: Release, beside: dict[str, bytes]) -> RuleOutcome:
    expected = expected_from(decisions_of(release))
    assert expected.environment_outside
    return DELAY.check(replace(ImageView.of(a_vanilla()), beside=beside), expected).outcome


def test_the_rule_judges_what_is_delivered() -> None:
    single = protect(a_vanilla(), decided(), given_dumps(an_environment(PAIRS)))
    pair = protect(a_vanilla(), decided(), given_dumps(*a_pair(), config=PAIR))
    first, second = pair
    assert judged(decided(), {}) is RuleOutcome.UNVERIFIABLE
    assert judged(decided(), {single[0].file: single[0].content}) is RuleOutcome.PASS
    assert judged(decided(), {sidecar.file: sidecar.content for sidecar in pair}) is RuleOutcome.PASS
    for broken in (
        {first.file: first.content},  # one of two
        {first.file: an_environment(PAIRS)},
        {first.file: b"\xff" * SIZE},
        {first.file: first.content, second.file: an_environment(PAIRS, flags=9)},
        {first.file: first.content, second.file: b"\xff" * SIZE},
    ):
        assert judged(decided(), broken) is RuleOutcome.FAIL


def test_without_a_dump_people_have_to_do_it() -> None:
    vanilla = a_vanilla({"/etc/fw_env.config": ONE})
    expected = expected_from(decisions_of(a_release(bootloader=Bootloader(environment=""))))
    judgement = DELAY.check(ImageView.of(vanilla), expected)
    assert judgement.outcome is RuleOutcome.UNVERIFIABLE
    assert "/dev/mmcblk0boot0 (/etc/fw_env.config), outside every file of the image" in judgement.why


REGION = Region(0x80000, SIZE)


def test_the_manifest_lists_both_and_the_verifier_looks_at_both(tmp_path: Path) -> None:
    sidecars = protect(a_vanilla(), decided(), given_dumps(*a_pair(), config=PAIR))
    raw = RawChange(REGION, an_environment({"bootdelay": "0"}), sidecars[0].origins)
    manifest = build_manifest(replace(manifest_inputs(), raw=(raw,), sidecars=sidecars))
    assert from_bytes(to_bytes(manifest), name="m") == manifest
    assert [fact.sha256 for fact in manifest.sidecars] == [
        hashlib.sha256(sidecar.content).hexdigest() for sidecar in sorted(sidecars, key=lambda one: one.file)
    ]
    image = tmp_path / "image.img"
    image.write_bytes(b"\0" * REGION.offset + raw.content + b"\0" * 512)
    for sidecar in sidecars:
        (tmp_path / sidecar.file).write_bytes(sidecar.content)
    assert not [*compare_regions(manifest, image), *compare_sidecars(manifest, tmp_path)]

    image.write_bytes(b"\0" * image.stat().st_size)
    (finding,) = compare_regions(manifest, image)
    assert finding.subject == "bytes 0x80000 to 0x80400 of the image"
    spoil: list[tuple[Callable[[Path], object], str]] = [
        (lambda path: path.write_bytes(path.read_bytes()[:-1] + b"x"), "content"),
        (lambda path: path.unlink(), "missing"),
        (lambda path: path.mkdir(), "type"),
    ]
    for change, check in spoil:
        change(tmp_path / "uboot-env.bin")
        (finding,) = compare_sidecars(manifest, tmp_path)
        assert (finding.subject, finding.check) == ("uboot-env.bin", check)


def test_the_view_has_what_lies_in_no_file(tmp_path: Path) -> None:
    disk = tmp_path / "disk.img"
    with disk.open("wb") as stream:
        stream.truncate(1 << 30)
        stream.seek(REGION.offset)
        stream.write(an_environment({"bootdelay": "0"}))
    foreign = ImageView.of(a_vanilla({"/etc/fw_env.config": f"/dev/mmcblk1 {REGION.offset:#x} {SIZE:#x}\n"}))
    anybody = expected_from({})
    assert DELAY.check(foreign, anybody).outcome is RuleOutcome.UNVERIFIABLE
    seen = with_outside(foreign, anybody, disk, tmp_path)
    assert DELAY.check(seen, anybody).outcome is RuleOutcome.PASS
    with disk.open("r+b") as stream:
        stream.seek(REGION.offset)
        stream.write(an_environment(PAIRS))
    judgement = DELAY.check(with_outside(foreign, anybody, disk, tmp_path), anybody)
    assert [(breach.path, breach.found) for breach in judgement.breaches] == [
        ("bytes 0x80000 to 0x80400 of the image", "bootdelay=2")
    ]
    (tmp_path / "uboot-env.bin").write_bytes(an_environment({"bootdelay": "-2"}))
    expected = expected_from(decisions_of(decided()))
    assert DELAY.check(with_outside(foreign, expected, disk, tmp_path), expected).outcome is RuleOutcome.PASS


def test_fw_env_config_may_name_a_file_of_the_image_or_a_raw_partition() -> None:
    named = {"/etc/fw_env.config": "/uboot/uboot.env 0x0 0x400\n", "/uboot/uboot.env": an_environment(PAIRS)}
    judgement = DELAY.check(ImageView.of(a_vanilla(named)), expected_from({}))
    assert [breach.path for breach in judgement.breaches] == ["/uboot/uboot.env"]
    vanilla = a_vanilla({"/etc/fw_env.config": "/dev/mmcblk0p2 0x400 0x400\n"})
    last = replace(vanilla.disk.partitions[1], filesystem="unknown", mountpoint=None)
    raw = replace(vanilla, disk=replace(vanilla.disk, partitions=(vanilla.disk.partitions[0], last)))
    assert linux_boot.raw_regions(ImageView.of(raw), expected_from({})) == (Region(last.start + 0x400, 0x400),)
    assert linux_boot.raw_regions(ImageView.of(vanilla), expected_from({})) == ()


def test_differences_and_explanations_name_both() -> None:
    one, two = (
        build_manifest(
            replace(
                manifest_inputs(),
                sources=replace(manifest_inputs().sources, configuration_sha256=f"{delay % 10}" * 64),
                raw=(RawChange(REGION, an_environment({"bootdelay": str(delay)}), sidecars[0].origins),),
                sidecars=sidecars,
            )
        )
        for delay in (0, -2)
        for sidecars in [protect(a_vanilla(), decided(delay), given_dumps(an_environment(PAIRS)))]
    )
    told = {found.subject: found.cause for found in differences(one, two) if found.area == "bytes"}
    cause = "bootloader.delay, from gateway.toml [bootloader.outside] (A:98)"
    assert told == {str(REGION): cause, "uboot-env.bin for /dev/mmcblk0boot0": cause}
    assert not differences(one, one)
    assert region_explanation(one, Region(REGION.offset + 8, 1)).splitlines()[0] == f"{REGION}, in no file"
    assert region_explanation(one, Region(REGION.end, 4096)) == ""
