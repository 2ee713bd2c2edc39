"""Every single change to an image is caught and named; an unchanged one passes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from pipeline.manifest.comparison import compare, expected_tree, paths_to_digest
from pipeline.model.disk import Disk, Partition
from pipeline.model.guest_path import GuestPath
from pipeline.model.manifest import ImageFacts
from pipeline.model.observation import Observation
from pipeline.model.tree import Kind, Node, Tree
from pipeline.model.verdict import Finding, Outcome
from tests.support.manifest import CERTIFICATES, a_directory, a_file, a_manifest, an_observation, digest

Tamper = Callable[[Observation], Observation]


def node(path: str, **changes: Any) -> Tamper:
    """Change attributes of one path."""

    def tamper(observation: Observation) -> Observation:
        known = observation.tree.nodes[GuestPath(path)]
        return put(path, replace(known, **changes))(observation)

    return tamper


def put(path: str, new: Node) -> Tamper:
    """Add or replace a path."""
    return lambda seen: replace(seen, tree=Tree({**seen.tree.nodes, GuestPath(path): new}))


def drop(path: str) -> Tamper:
    """Remove a path."""
    return lambda seen: replace(
        seen, tree=Tree({name: known for name, known in seen.tree.nodes.items() if name != path})
    )


def part(number: int, **changes: Any) -> Tamper:
    """Change what a partition says."""

    def tamper(seen: Observation) -> Observation:
        parts = tuple(replace(one, **changes) if one.number == number else one for one in seen.disk.partitions)
        return replace(seen, disk=replace(seen.disk, partitions=parts))

    return tamper


def disk(**changes: Any) -> Tamper:
    """Change the disk."""
    return lambda seen: replace(seen, disk=replace(seen.disk, **changes))


HOSTNAME, SHADOW, PING = "/etc/hostname", "/etc/shadow", "/usr/bin/ping"
# name: what is done, which subject and check name it
TREE: dict[str, tuple[Tamper, str, str]] = {
    "content of a changed file": (node(HOSTNAME, sha256=digest("gw-2\n")), HOSTNAME, "content"),
    "size of a changed file": (node(HOSTNAME, size=6), HOSTNAME, "size"),
    "mode": (node(HOSTNAME, mode=0o666), HOSTNAME, "mode"),
    "set-user-id": (node(PING, mode=0o4755), PING, "mode"),
    "sticky bit lost": (node("/srv", mode=0o777), "/srv", "mode"),
    "mode of a directory": (node("/etc/ssh", mode=0o755), "/etc/ssh", "mode"),
    "mode of the root": (node("/", mode=0o777), "/", "mode"),
    "mode of a secret file": (node(SHADOW, mode=0o644), SHADOW, "mode"),
    "mode of a device": (node("/dev/sda", mode=0o666), "/dev/sda", "mode"),
    "owner": (node(HOSTNAME, uid=1000), HOSTNAME, "owner"),
    "group": (node(SHADOW, gid=0), SHADOW, "owner"),
    "owner of a link": (node("/bin", uid=5), "/bin", "owner"),
    "owner of a directory": (node("/home", gid=100), "/home", "owner"),
    "size of a secret file": (node(SHADOW, size=14), SHADOW, "size"),
    "size of an unchanged file": (node(PING, size=1), PING, "size"),
    "size of a keystore": (node(CERTIFICATES, size=9), CERTIFICATES, "size"),
    "xattr added": (node(HOSTNAME, xattrs=(("user.x", "00"),)), HOSTNAME, "xattrs"),
    "xattr removed": (node(PING, xattrs=()), PING, "xattrs"),
    "xattr changed": (node("/etc/caps", xattrs=(("user.note", "00"),)), "/etc/caps", "xattrs"),
    "xattr on a directory": (node("/srv", xattrs=(("user.x", "00"),)), "/srv", "xattrs"),
    "link target": (node("/home/link", target="/etc/shadow"), "/home/link", "target"),
    "link target of an unchanged link": (node("/bin", target="sbin"), "/bin", "target"),
    "device number": (node("/dev/sda", device="8:16"), "/dev/sda", "device"),
    "link becomes a file": (put("/bin", a_file("x")), "/bin", "type"),
    "file becomes a link": (put(HOSTNAME, Node(Kind.LINK, 0o777, target="x")), HOSTNAME, "type"),
    "file becomes a directory": (put(HOSTNAME, a_directory()), HOSTNAME, "type"),
    "directory becomes a link": (put("/home", Node(Kind.LINK, 0o777, target="/srv")), "/home", "type"),
    "block becomes a character device": (
        put("/dev/sda", Node(Kind.CHARACTER, 0o660, gid=6, device="8:0")), "/dev/sda", "type"
    ),
    "pipe becomes a socket": (put("/dev/initctl", Node(Kind.SOCKET, 0o600)), "/dev/initctl", "type"),
    "extra file": (put("/etc/cron.d", a_file("x")), "/etc/cron.d", "extra"),
    "extra directory": (put("/root", a_directory()), "/root", "extra"),
    "extra link": (put("/etc/rc", Node(Kind.LINK, 0o777, target="x")), "/etc/rc", "extra"),
    "extra device": (put("/dev/mem", Node(Kind.CHARACTER, 0o640, device="1:1")), "/dev/mem", "extra"),
    "extra name that is not UTF-8": (put("/etc/\udcff", a_file("x")), "/etc/\udcff", "extra"),
    "removed path is back": (put("/etc/init.d/avahi-daemon", a_file("x")), "/etc/init.d/avahi-daemon", "extra"),
    "file missing": (drop(HOSTNAME), HOSTNAME, "missing"),
    "unchanged file missing": (drop(PING), PING, "missing"),
    "secret file missing": (drop(SHADOW), SHADOW, "missing"),
    "link missing": (drop("/home/link"), "/home/link", "missing"),
    "directory missing": (drop("/srv"), "/srv", "missing"),
    "device missing": (drop("/dev/sda"), "/dev/sda", "missing"),
    "odd name missing": (drop("/usr/bin/b\udce9b\\e c"), "/usr/bin/b\udce9b\\e c", "missing"),
    "booted": (lambda seen: replace(seen, clean=False), "file systems", "clean"),
    "table type": (disk(table="gpt"), "partition table", "type"),
    "disk size": (disk(size=1), "disk", "size"),
    "partition start": (part(2, start=0), "partition 2 (/)", "start"),
    "partition size": (part(2, size=1), "partition 2 (/)", "size"),
    "partition label": (part(1, label="EVIL"), "partition 1 (/boot)", "label"),
    "partition uuid": (part(2, uuid="x"), "partition 2 (/)", "uuid"),
    "partition file system": (part(2, filesystem="btrfs"), "partition 2 (/)", "filesystem"),
    "partition mounted elsewhere": (part(1, mountpoint=None), "partition 1 (/boot)", "mountpoint"),
    "partition missing": (
        lambda seen: replace(seen, disk=replace(seen.disk, partitions=seen.disk.partitions[1:])),
        "partition 1 (/boot)",
        "missing",
    ),
    "partition added": (
        lambda seen: replace(
            seen, disk=Disk(seen.disk.size, "mbr", (*seen.disk.partitions, Partition(3, 0, 9, "ext4")))
        ),
        "partition 3 (ext4)",
        "extra",
    ),
}  # fmt: skip


def findings(observation: Observation, **image: Any) -> tuple[Finding, ...]:
    manifest = a_manifest()
    return compare(manifest, observation, replace(manifest.image, **image))


@pytest.mark.parametrize("deep", [False, True])
def test_an_unchanged_image_passes(deep: bool) -> None:
    manifest = a_manifest()
    assert compare(manifest, an_observation(), manifest.image, deep=deep) == ()


@pytest.mark.parametrize(("tamper", "subject", "check"), TREE.values(), ids=TREE.keys())
def test_each_change_is_caught_and_named_alone(tamper: Tamper, subject: str, check: str) -> None:
    found = findings(tamper(an_observation()))
    assert [(finding.subject, finding.check) for finding in found] == [(subject, check)]
    assert found[0].expected != found[0].seen
    assert found[0].outcome is Outcome.DEVIATION


IMAGE: dict[str, tuple[dict[str, Any], set[tuple[str, str]]]] = {
    "size": ({"size": 1}, {("image.img", "size")}),
    "digest": ({"sha256": "0" * 64}, {("image.img", "sha256")}),
    "boot sector": ({"outside": "0" * 64}, {("outside all partitions", "sha256")}),
    "boot partition": (
        {"partitions": {1: "0" * 64, 2: digest("root")}},
        {("partition 1 (/boot)", "sha256"), ("partition 1 (/boot)", "unexplained")},
    ),
    "root partition": (
        {"partitions": {1: digest("boot"), 2: "0" * 64}},
        {("partition 2 (/)", "sha256"), ("partition 2 (/)", "unexplained")},
    ),
    "partition gone": ({"partitions": {1: digest("boot")}}, {("partition 2 (/)", "sha256")}),
}


@pytest.mark.parametrize(("image", "expected"), IMAGE.values(), ids=IMAGE.keys())
def test_changed_bytes_are_named_by_where_they_lie(image: dict[str, Any], expected: set[tuple[str, str]]) -> None:
    assert {(finding.subject, finding.check) for finding in findings(an_observation(), **image)} == expected


def test_bytes_that_no_path_explains_point_to_what_can_have_changed() -> None:
    found = findings(an_observation(), partitions={1: digest("boot"), 2: "0" * 64})
    assert "/etc/shadow" in found[-1].seen
    assert CERTIFICATES in found[-1].seen
    assert "--deep" in found[-1].seen


def test_a_path_that_deviates_explains_the_bytes_of_its_partition() -> None:
    found = findings(node(HOSTNAME, mode=0o666)(an_observation()), partitions={1: digest("boot"), 2: "0" * 64})
    assert "unexplained" not in {finding.check for finding in found}


def test_content_of_an_unchanged_file_is_found_by_a_deep_look_only() -> None:
    manifest, tampered = a_manifest(), node(PING, sha256=digest("pong"))(an_observation())
    assert compare(manifest, tampered, manifest.image) == ()
    (found,) = compare(manifest, tampered, manifest.image, deep=True)
    assert (found.subject, found.check) == (PING, "content")


def test_content_that_was_not_read_has_not_passed() -> None:
    (found,) = findings(node(HOSTNAME, sha256=None)(an_observation()))
    assert (found.subject, found.check, found.outcome) == (HOSTNAME, "content", Outcome.NOT_LOOKED)


def test_every_extra_path_of_a_directory_is_listed() -> None:
    tampered = an_observation()
    for name in ("/x", "/x/a", "/x/b"):
        tampered = put(name, a_directory())(tampered)
    assert [finding.subject for finding in findings(tampered)] == ["/x", "/x/a", "/x/b"]


def test_nothing_of_secret_content_is_told() -> None:
    changed = node(SHADOW, size=3, mode=0o600, sha256=digest("root:$6$hash\n"))(an_observation())
    told = "".join(finding.expected + finding.seen for finding in findings(changed))
    assert digest("root:$6$hash\n") not in told


def test_what_is_read_by_default_is_every_changed_file_with_a_digest() -> None:
    manifest = a_manifest()
    assert paths_to_digest(manifest, deep=False) == ("/etc/caps", HOSTNAME, "/etc/ssh/sshd_config")
    assert paths_to_digest(manifest, deep=True) is None
    assert expected_tree(manifest).nodes.keys() == an_observation().tree.nodes.keys()


def test_the_same_facts_give_no_difference_whatever_the_file_is_called() -> None:
    manifest = a_manifest()
    facts = manifest.image
    renamed = ImageFacts("copy.img", facts.size, facts.sha256, facts.partitions, facts.outside)
    assert compare(manifest, an_observation(), renamed) == ()
