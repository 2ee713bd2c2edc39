"""What a BusyBox system starts is what its start script runs, whichever directories those are."""

from __future__ import annotations

import pytest

from pipeline.model.image_view import ImageView
from pipeline.model.rule import Expected, RuleOutcome
from pipeline.rules.registry import LINUX
from pipeline.rules.services.rcs import start_scripts
from pipeline.transforms.services import services
from tests.support.release import a_release
from tests.support.vanilla import a_vanilla

CHECKS = {rule.id: rule.check for rule in LINUX}
INITTAB = "::sysinit:/etc/init.d/rcS\n::respawn:/sbin/getty -L ttyS0 115200 vt100\n::shutdown:/etc/init.d/rcK\n"
FILES: dict[str, bytes | str | None] = {
    "/etc/inittab": INITTAB,
    "/etc/init.d/avahi-daemon": "#!/bin/sh\n",
    "/etc/init.d/S50avahi-daemon": "#!/bin/sh\n",
    "/etc/init.d/S40network": "#!/bin/sh\n",
    "/etc/init.d/rcK": "#!/bin/sh\nfor i in /etc/init.d/S??*; do $i stop; done\n",
}
LINKS: dict[str, str | None] = {
    "/etc/rcS.d/S10network": "../init.d/S40network",
    "/etc/rc5.d/S20zeroconf": "../init.d/avahi-daemon",
    "/etc/rc3.d/S20avahi-daemon": "../init.d/avahi-daemon",
}
DIRECT, RUNLEVELS = "/etc/init.d/S50avahi-daemon", "/etc/rc5.d/S20zeroconf"


def an_image(script: str | None, inittab: str | None = INITTAB) -> ImageView:
    files = {**FILES, "/etc/init.d/rcS": script, "/etc/inittab": inittab}
    if script is not None and "/etc/init.d/rc 5" in script:
        files["/etc/init.d/rc"] = "#!/bin/sh\nrunlevel=5\nfor i in /etc/rc$runlevel.d/S*; do\n $i start\ndone\n"
    return ImageView.of(a_vanilla(files, LINKS, init="busybox"))


@pytest.mark.parametrize(
    ("script", "starts"),
    [
        # Buildroot
        ('for i in /etc/init.d/S??* ;do\n [ ! -f "$i" ] && continue\n $i start\ndone\n', {DIRECT}),
        # OpenEmbedded
        ("for i in /etc/rcS.d/S??* /etc/rc5.d/S??* ;do\n $i start\ndone\n", {RUNLEVELS}),
        ("for level in S 5; do for i in /etc/rc$level.d/S??*; do $i start; done; done\n", {RUNLEVELS}),
        ("dir=/etc/rc5.d\nfor i in ${dir}/S??*; do $i start; done\n", {RUNLEVELS}),
        ("for i in $(ls /etc/rc5.d/S*); do $i start; done\n", {RUNLEVELS}),
        ("run-parts -a start /etc/rc5.d\n", {RUNLEVELS}),
        ("run-parts --arg=start /etc/rcS.d\n", set()),
        ("exec /etc/init.d/rc 5\n", {RUNLEVELS}),
        ("# for i in /etc/init.d/S??*; do\nmount -a\n", set()),
    ],
)
def test_what_the_script_runs_is_what_starts(script: str, starts: set[str]) -> None:
    view = an_image(f"#!/bin/sh\n{script}")
    judgement = CHECKS["services.disabled"](view, Expected())
    assert {breach.path for breach in judgement.breaches if "start script" in breach.found} == starts
    # Whichever it is, the transform leaves nothing that could start it.
    image = a_vanilla({**FILES, "/etc/init.d/rcS": f"#!/bin/sh\n{script}"}, LINKS, init="busybox")
    after = ImageView.of(image).after(services.disable(image, a_release()))
    found = start_scripts(after)
    assert found is not None
    assert not [path for path in found if "avahi" in path or "zeroconf" in path]


@pytest.mark.parametrize(
    "script",
    [None, "for i in $DIRECTORY/S??*; do $i start; done\n", "\x7fELF\0", "for i in /etc/rc$1.d/S*; do $i; done\n"],
)
def test_what_cannot_be_seen_does_not_pass(script: str | None) -> None:
    judgement = CHECKS["services.disabled"](an_image(script), Expected())
    assert judgement.outcome is RuleOutcome.UNVERIFIABLE


def test_without_an_inittab_init_runs_its_usual_script() -> None:
    view = an_image("#!/bin/sh\nfor i in /etc/rc5.d/S??*; do $i start; done\n", inittab=None)
    assert [str(path) for path in start_scripts(view) or ()] == [RUNLEVELS]


def test_a_script_that_cannot_be_run_is_not_started() -> None:
    view = an_image("#!/bin/sh\nfor i in /etc/init.d/S??*; do $i start; done\n")
    assert "/etc/init.d/S40network" in [str(path) for path in start_scripts(view) or ()]
