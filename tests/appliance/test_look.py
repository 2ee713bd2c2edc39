"""Looking at any image through libguestfs: what inspection sees where that accepts one, and more where it does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.image.appliance.session import Drive, launch
from pipeline.image.read.look import look_at
from pipeline.inputs.layout_files import load_layouts
from pipeline.model.guest_path import GuestPath
from pipeline.model.rule import Expected, RuleOutcome
from pipeline.model.vanilla import Vanilla
from pipeline.rules.registry import judge
from tests.appliance.conftest import Bench
from tests.support import disks
from tests.support.media import gateway_disk

pytestmark = pytest.mark.appliance


def test_vanilla_booted_and_without_esf(vanilla: Vanilla, bench: Bench, raw: Path) -> None:
    good = raw.read_bytes()
    foreign = bench.directory / "foreign.raw"
    foreign.write_bytes(good)
    commands = ("rm /opt/eurotech/esf", "mkdir /etc/rc2.d", "symlink /etc/rc2.d/S50telnetd ../init.d/telnetd")
    disks.debugfs_write(foreign, *commands, offset=gateway_disk.ROOT)
    before = foreign.read_bytes()
    layouts = load_layouts()
    drives = [Drive(raw, writable=False), Drive(foreign, writable=False)]
    with launch(drives, state_dir=bench.state, say=bench.say) as session:
        first, second = session.devices
        seen = look_at(session, first, raw, layouts, say=bench.say)
        other = look_at(session, second, foreign, layouts, say=bench.say)
    assert (seen.layout, seen.esf_version, seen.init) == (vanilla.layout, vanilla.esf_version, vanilla.init)
    assert dict(seen.os_release) == dict(vanilla.os_release)
    assert set(seen.tree.nodes) == set(vanilla.tree.nodes)
    assert set(seen.files) == set(vanilla.files)
    assert other.layout is None
    assert GuestPath("/etc/rc2.d/S50telnetd") in other.tree.nodes
    assert foreign.read_bytes() == before
    outcomes = {
        result.rule.id: result.judgement.outcome
        for result in judge(other, Expected(), profile="strict", waivers=(), epoch=0)
    }
    assert outcomes["policy.production"] is RuleOutcome.NOT_APPLICABLE
    assert outcomes["accounts.users"] is RuleOutcome.FAIL
