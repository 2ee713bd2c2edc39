"""More than 150 single changes to the finished demonstration: each is caught and named, and nothing untouched is."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path

import pytest

from pipeline.errors import PipelineError
from pipeline.image.containers import sparse
from pipeline.image.read import observe as real
from pipeline.manifest import from_bytes
from pipeline.model.guest_path import GuestPath
from pipeline.model.manifest import Manifest
from pipeline.model.observation import Observation
from pipeline.model.tree import Tree
from pipeline.model.verdict import Verdict
from pipeline.verification import run, sums, verify_paths
from tests.acceptance.conftest import GATEWAYS, Built
from tests.support.delivered import Key
from tests.support.disks import run as program
from tests.support.spoilt_images import tamperings
from tests.support.spoilt_images.tamperings import Remembered, Tampering, linked

pytestmark = [pytest.mark.appliance]

GATEWAY, OTHER = "gw-north-01", "gw-south-02"
ESF = "/opt/eurotech/esf_5.0.0"
TAMPERINGS = (
    *tamperings.of_sidecars(GATEWAY, OTHER),
    *tamperings.of_the_manifest(GATEWAY),
    *tamperings.of_the_statements(GATEWAY),
    *tamperings.of_signers(GATEWAY, Key.new()),
    *tamperings.of_the_release(GATEWAY, OTHER),
)
Read = Collection[GuestPath] | Callable[[int, Tree], Collection[GuestPath]]


class Known:
    """Looks with libguestfs once, and shows what it saw for images whose bytes tell by themselves what was done."""

    def __init__(self) -> None:
        self.seen: Observation | None = None

    def __call__(
        self,
        images: Sequence[Path],
        *,
        digest: Callable[[int], Collection[GuestPath] | None],
        read: Read,
        state_dir: Path,
        say: Callable[[str], None],
        root: Callable[[int], int],
    ) -> Iterator[Observation | PipelineError]:
        if self.seen is not None:
            yield from (self.seen for _ in images)
            return
        for result in real.observe(images, digest=digest, read=read, state_dir=state_dir, say=say, root=root):
            if isinstance(result, Observation) and self.seen is None:
                self.seen = result
            yield result


@pytest.fixture(scope="module")
def place(built: Built) -> Iterator[Path]:
    """A copy of the release that shares its bytes, on the same file system."""
    top = built.workspace / "tampering"
    top.mkdir()
    linked(built.release, top / "good")
    shutil.copyfile(built.release / "allowed_signers", top / "trusted")
    yield top
    shutil.rmtree(top)


def verify(place: Path, paths: Sequence[Path], observe: Known | None, *, rules: bool) -> tuple[Verdict, ...]:
    return verify_paths(
        paths,
        allowed_signers=place / "trusted",
        identity=None,
        deep=False,
        state_dir=place / "state",
        say=lambda text: None,
        observe=observe,
        **({} if rules else {"rules": ()}),  # type: ignore[arg-type]
    )


@pytest.fixture(scope="module")
def known(place: Path) -> Known:
    """What is in the untouched image of one gateway; looked at only once, and found without fault."""
    looker = Known()
    verdicts = verify(place, [place / "good" / GATEWAY], looker, rules=True)
    assert [verdict.findings for verdict in verdicts] == [()]
    return looker


@pytest.fixture(scope="module")
def quick() -> Iterator[None]:
    """Unchanged images are hashed once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "scan", Remembered(run.scan))
        patch.setattr(sums, "sha256_of", Remembered(sums.sha256_of))
        yield


def manifest_of(place: Path) -> Manifest:
    return from_bytes((place / "good" / GATEWAY / "manifest.json").read_bytes(), name="manifest.json")


def test_there_are_more_than_150_and_each_is_another(place: Path) -> None:
    flips = list(tamperings.of_bytes(manifest_of(place).disk))
    names = [*(one.name for one in TAMPERINGS), *(name for name, _, _ in flips), *LENGTHS, *INSIDE]
    assert len(set(names)) == len(names) >= 150


@pytest.mark.parametrize("tampering", TAMPERINGS, ids=lambda tampering: tampering.name)
def test_the_release_around_an_image(tampering: Tampering, place: Path, known: Known, quick: None) -> None:
    release = linked(place / "good", place / "bad")
    try:
        tampering.edit(release)
        if tampering.remade:
            tamperings.remake_sums(release, sums.sha256_of)
        paths = [release] if tampering.whole else [release / GATEWAY]
        verdicts = verify(place, paths, known, rules=False)
        # The observation is one gateway's; what it makes others deviate in says nothing here.
        mine = [one for one in verdicts if tampering.whole or one.gateway == GATEWAY]
        found = [finding for verdict in mine for finding in verdict.findings]
        assert found
        assert any(tampering.named in finding.subject for finding in found if not finding.subject.startswith("/")), (
            tampering.named,
            found[:5],
        )
    finally:
        shutil.rmtree(release)


def test_the_untouched_copy_passes_after_all_that(place: Path, known: Known, quick: None) -> None:
    (verdict,) = verify(place, [place / "good" / GATEWAY], known, rules=True)
    assert verdict.findings == ()


@pytest.fixture(scope="module")
def own_image(place: Path) -> Path:
    """A gateway whose image is its own copy, to be changed and changed back; no list of digests around it."""
    directory = linked(place / "good" / GATEWAY, place / GATEWAY)
    image = directory / "image.img"
    image.unlink()
    copy_image(place / "good" / GATEWAY / "image.img", image)
    return image


def copy_image(source: Path, target: Path) -> None:
    with source.open("rb") as left, sparse.open_private(target) as right:
        sparse.copy_file(left.fileno(), right.fileno())


def test_single_bits_of_an_image(place: Path, own_image: Path, known: Known) -> None:
    missed = []
    for name, offset, named in tamperings.of_bytes(manifest_of(place).disk):
        with own_image.open("r+b") as stream:
            before = os.pread(stream.fileno(), 1, offset)
            os.pwrite(stream.fileno(), bytes([before[0] ^ 0x10]), offset)
            (verdict,) = verify(place, [own_image.parent], known, rules=False)
            os.pwrite(stream.fileno(), before, offset)
        found = {(finding.subject, finding.check) for finding in verdict.findings}
        if not any(subject.startswith(named) and check == "sha256" for subject, check in found):
            missed.append((name, found))
    assert missed == []


LENGTHS = {"a byte short": -1, "a sector short": -512, "half": -(256 << 20), "a byte long": 1, "a sector long": 512}


def test_images_that_are_too_short_or_too_long(place: Path, own_image: Path, known: Known) -> None:
    size = own_image.stat().st_size
    for name, more in sorted(LENGTHS.items(), key=lambda item: -item[1]):
        os.truncate(own_image, size + more)
        (verdict,) = verify(place, [own_image.parent], known, rules=False)
        found = {(finding.subject, finding.check) for finding in verdict.findings}
        assert ("image.img", "size") in found, (name, found)


def debugfs(*commands: str) -> Callable[[Path, int], None]:
    def tamper(image: Path, start: int) -> None:
        program("debugfs", "-w", "-f", "-", f"{image}?offset={start}", stdin="\n".join(commands).encode())

    return tamper


def overwritten(path: str, change: Callable[[bytes], bytes]) -> Callable[[Path, int], None]:
    """Change a file's bytes in its own blocks: nothing about it changes but its content."""

    def tamper(image: Path, start: int) -> None:
        done = program("debugfs", "-R", f"bmap {path} 0", f"{image}?offset={start}")
        place = start + int(done.split()[-1]) * 4096
        with image.open("r+b") as stream:
            stream.seek(place)
            before = stream.read(4096)
            after = change(before)
            assert after != before
            assert len(after) == 4096
            stream.seek(place)
            stream.write(after)

    return tamper


def swapped(path: str) -> Callable[[Path, int], None]:
    """The same file of the other gateway, in the same blocks: as long, of the same owner and mode."""

    def tamper(image: Path, start: int) -> None:
        other, taken = image.parents[1] / "good" / OTHER / "image.img", image.with_name("taken").resolve()
        program("debugfs", "-R", f"dump {path} {taken}", f"{other}?offset={start}")
        theirs = taken.read_bytes()
        taken.unlink()
        assert 0 < len(theirs) <= 4096
        overwritten(path, lambda data: theirs + data[len(theirs) :])(image, start)

    return tamper


def free_space(image: Path, start: int) -> None:
    """A byte in a block that no file has."""
    found = program("debugfs", "-R", "ffb 1 20000", f"{image}?offset={start}")
    with image.open("r+b") as stream:
        stream.seek(start + int(found.split()[-1]) * 4096 + 17)
        stream.write(b"x")


SNAPSHOT = f"{ESF}/data/snapshots/snapshot_0.xml"
INSIDE: dict[str, tuple[Callable[[Path, int], None], str, str]] = {
    "a file's mode": (debugfs("sif /etc/hostname mode 0100666"), "/etc/hostname", "mode"),
    "a file's owner": (debugfs("sif /etc/shadow uid 1500"), "/etc/shadow", "owner"),
    "a file's group": (debugfs("sif /etc/ssh/sshd_config gid 7"), "/etc/ssh/sshd_config", "owner"),
    "a set-uid program": (debugfs("sif /usr/bin/find mode 0104755"), "/usr/bin/find", "mode"),
    "an attribute": (debugfs("ea_set /usr/bin/find user.x y"), "/usr/bin/find", "xattrs"),
    "a file too much": (debugfs("mkdir /usr/extra"), "/usr/extra", "extra"),
    "a device too much": (debugfs("cd /var", "mknod sda b 8 0"), "/var/sda", "extra"),
    "a link too much": (debugfs("symlink /etc/rc2.d/S99x /bin/sh"), "/etc/rc2.d/S99x", "extra"),
    "a file gone": (debugfs(f"rm {ESF}/kura/security.policy"), f"{ESF}/kura/security.policy", "missing"),
    "a host key gone": (debugfs("rm /etc/ssh/ssh_host_ed25519_key"), "/etc/ssh/ssh_host_ed25519_key", "missing"),
    "a link's target": (
        debugfs("rm /opt/eurotech/esf", "symlink /opt/eurotech/esf esf_4.0.0"), "/opt/eurotech/esf", "target",
    ),
    "a keystore cut": (debugfs(f"sif {ESF}/kura/certificates.ks size 64"), f"{ESF}/kura/certificates.ks", "size"),
    "another gateway's keystore": (
        swapped(f"{ESF}/kura/certificates.ks"), f"{ESF}/kura/certificates.ks", "rule ",
    ),
    "a byte in free space": (free_space, "partition 2 (/)", "sha256"),
    "the SSH port": (
        overwritten("/etc/ssh/sshd_config", lambda data: data.replace(b"49153", b"49154")),
        "/etc/ssh/sshd_config", "content",
    ),
    "the host name": (
        overwritten("/etc/hostname", lambda data: data.replace(b"north", b"notrh")), "/etc/hostname", "content",
    ),
    "the firewall": (
        overwritten("/etc/sysconfig/iptables", lambda data: data.replace(b"10.234.0.0/16", b"00.000.0.0/00", 1)),
        "/etc/sysconfig/iptables", "rule ",
    ),
    "a password hash, which has no digest": (
        overwritten("/etc/shadow", lambda data: data.replace(b"$6$", b"$1$", 1)), "/etc/shadow", "rule ",
    ),
    "a secret with nothing to tell it by": (
        overwritten(f"{ESF}/kura/certificates.ks", lambda data: data[:100] + bytes([data[100] ^ 1]) + data[101:]),
        "partition 2 (/)", "sha256",
    ),
    "the label": (debugfs("ssv volume_name EVIL"), "partition 2 (/)", "label"),
    # Its own fstab no longer finds it: nobody can read the image as the gateway would, and its bytes say why.
    "the uuid": (debugfs("ssv uuid 00000000-0000-4000-8000-000000000001"), "image.img", "readable"),
    "a journal that waits": (debugfs("feature needs_recovery"), "file systems", "clean"),
    "a mount": (debugfs("ssv mnt_count 1"), "image", "booted"),
    "a run": (debugfs("ssv mtime 1800000000", "ssv mnt_count 2"), "image", "booted"),
}  # fmt: skip


def test_changes_inside_of_an_image_are_named_by_path(place: Path, own_image: Path) -> None:
    part = next(part for part in manifest_of(place).disk.partitions if part.mountpoint == "/")
    missed = []
    names = list(INSIDE)
    for batch in (names[:12], names[12:]):
        directories = []
        for number, name in enumerate(batch):
            directory = linked(place / "good" / GATEWAY, place / f"inside-{number}")
            (directory / "image.img").unlink()
            copy_image(place / "good" / GATEWAY / "image.img", directory / "image.img")
            INSIDE[name][0](directory / "image.img", part.start)
            directories.append(directory / "image.img")
        # Of one gateway, so that none is a clone of another.
        verdicts = verify(place, directories, None, rules=True)
        for name, verdict in zip(batch, verdicts, strict=True):
            _, subject, check = INSIDE[name]
            found = [(finding.subject, finding.check) for finding in verdict.findings]
            if not any(place_.startswith(subject) and kind.startswith(check) for place_, kind in found):
                missed.append((name, found))
        for image in directories:
            shutil.rmtree(image.parent)
    assert missed == []


def test_a_planted_clone_is_named_with_both_gateways(place: Path, built: Built) -> None:
    directory = linked(place / "good" / OTHER, place / OTHER)
    (directory / "image.img").unlink()
    copy_image(built.image(OTHER), directory / "image.img")
    mine = (place / "machine-id").resolve()
    part = next(part for part in manifest_of(place).disk.partitions if part.mountpoint == "/")
    program("debugfs", "-R", f"dump /etc/machine-id {mine}", f"{built.image(GATEWAY)}?offset={part.start}")
    debugfs("rm /etc/machine-id", f"write {mine} /etc/machine-id")(directory / "image.img", part.start)
    verdicts = verify(place, [place / "good" / GATEWAY, directory], None, rules=True)
    assert {verdict.gateway for verdict in verdicts} == {GATEWAY, OTHER} <= set(GATEWAYS)
    for verdict, other in zip(verdicts, (OTHER, GATEWAY), strict=True):
        (clone,) = [finding for finding in verdict.findings if finding.check == "unique"]
        assert (clone.subject, other in clone.seen) == ("/etc/machine-id", True)
