"""Kura 6's unit for the firewall starts nothing as its installer leaves it; a drop-in names the script."""

from __future__ import annotations

from pipeline.model.image_view import ImageView
from pipeline.model.layer import FileEntry
from pipeline.model.rule import RuleOutcome
from pipeline.transforms.firewall.boot_unit import DROP_IN, mend
from tests.support.esf.edits import put
from tests.support.esf.every_layout import a_vanilla_of
from tests.unit.layouts.test_every_layout import planned
from tests.unit.rules.esf.test_every_rule import look


def test_a_unit_that_starts_nothing_is_mended() -> None:
    before = ImageView.of(a_vanilla_of("kura-6"))
    assert look(before, "firewall.loaded").outcome is RuleOutcome.FAIL
    entry = mend(a_vanilla_of("kura-6")).by_path[DROP_IN]
    assert isinstance(entry, FileEntry)
    assert entry.content.endswith(b"ExecStart=\nExecStart=/bin/bash /opt/eclipse/kura/bin/firewall\n")
    after = planned("kura-6")
    assert look(after, "firewall.loaded").outcome is RuleOutcome.PASS
    # A drop-in that is a comment mends nothing.
    spoilt = put(str(DROP_IN), "[Service]\n#ExecStart=\n#ExecStart=/bin/bash /opt/eclipse/kura/bin/firewall\n")(after)
    assert look(spoilt, "firewall.loaded").outcome is RuleOutcome.FAIL


def test_a_unit_that_starts_it_stays() -> None:
    assert mend(a_vanilla_of("kura-5")).entries == ()
