"""systemd 260 starts no init scripts and no rc.local any more; older ones do."""

from __future__ import annotations

import pytest

from pipeline.model.image_view import ImageView
from pipeline.rules.services import at_boot, generators, startup
from tests.support.breakages import Change, both, link, put
from tests.support.hardened import a_hardened_view

SCRIPT = put("/etc/init.d/thing", "#!/bin/sh\n/usr/sbin/thing\n", 0o755)
STARTED = both(SCRIPT, link("/etc/rc3.d/S01thing", "../init.d/thing"))
GENERATORS = "/usr/lib/systemd/system-generators"


def the_view(*programs: str) -> ImageView:
    view = STARTED(a_hardened_view("systemd"))
    for program in programs:
        view = put(f"{GENERATORS}/{program}", "", 0o755)(view)
    return view


@pytest.mark.parametrize(
    ("programs", "runs"),
    [
        ((), True),  # nothing of systemd to be seen: as every version did for years
        (("systemd-sysv-generator", "systemd-fstab-generator"), True),
        (("systemd-fstab-generator",), False),
    ],
)
def test_init_scripts_need_the_generator(programs: tuple[str, ...], runs: bool) -> None:
    view = the_view(*programs)
    assert generators.makes_units_of_scripts(view) is runs
    assert bool([*startup.starts(view, "thing")]) is runs
    assert any(item.name == "thing" for item in at_boot.at_boot(view) or ()) is runs


@pytest.mark.parametrize(("library", "runs"), [("259", True), ("260", False), ("261~rc1", False)])
def test_the_version_says_it_where_no_generators_are_seen(library: str, runs: bool) -> None:
    view = put(f"/usr/lib/x86_64-linux-gnu/systemd/libsystemd-shared-{library}.so", "")(the_view())
    assert generators.makes_units_of_scripts(view) is runs
    assert generators.runs_rc_local(view) is runs


def test_the_package_says_it_too() -> None:
    view = the_view()
    status = (view.find("/var/lib/dpkg/status") or b"") + (
        b"\nPackage: systemd\nStatus: install ok installed\nVersion: 260.1-1\nArchitecture: amd64\n\n"
    )
    assert not generators.makes_units_of_scripts(put("/var/lib/dpkg/status", status)(view))


def test_rc_local_is_no_start_without_its_generator() -> None:
    rc = put("/etc/rc.local", "#!/bin/sh\n/usr/sbin/thing\n", 0o755)
    with_it, without = rc(the_view("systemd-rc-local-generator")), rc(the_view("systemd-fstab-generator"))
    assert any(item.name == "rc.local" for item in at_boot.at_boot(with_it) or ())
    assert not any(item.name == "rc.local" for item in at_boot.at_boot(without) or ())


UNIT = put("/etc/systemd/system/thing.service", "[Service]\nExecStart=/usr/sbin/thing\n")
WANTED = link("/etc/systemd/system/multi-user.target.wants/thing.service", "../thing.service")


@pytest.mark.parametrize(
    ("mask", "is_masked"),
    [
        (None, False),
        (link("/etc/systemd/system/thing.service", "/dev/null"), True),
        (put("/etc/systemd/system/thing.service", ""), True),
        (link("/etc/systemd/system/thing.service", "/dev/zero"), False),
    ],
)
def test_a_unit_is_masked_by_a_link_to_nothing_or_by_an_empty_file(mask: Change | None, is_masked: bool) -> None:
    view = both(UNIT, WANTED)(a_hardened_view("systemd"))
    if mask is not None:
        view = mask(view)
    assert startup.masked(view, "thing.service") is is_masked
    assert startup.enabled(view, "thing.service") is not is_masked


def test_an_init_script_stands_for_a_service_and_for_nothing_else() -> None:
    view = SCRIPT(a_hardened_view("systemd"))
    assert startup._is_there(view, "thing.service")
    assert not startup._is_there(view, "thing.service", native=True)
    assert not startup._is_there(view, "thing")
    assert not startup._is_there(view, "thing.socket")
    assert not startup._is_there(view, "other.service")
