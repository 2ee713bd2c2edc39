"""``doit plan``: every change a build makes, and why."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

from pipeline.build import reading
from pipeline.build.decisions import require_named_rules, require_sound_choices
from pipeline.build.fleet_fitness import require_fit_for_deltas
from pipeline.build.planned import device_plan_of
from pipeline.commands.answering import or_say_why
from pipeline.commands.first import facts_first, inputs_first
from pipeline.commands.helping import Helping
from pipeline.host.workspace import Workspace
from pipeline.report.text.plain import plain
from pipeline.report.text.plan_text import plan_text, raw_text, sidecar_text


class Plan(Helping):
    """Print what a build would change, and why."""

    name = "plan"
    doc_purpose = "print every change a build makes to the vanilla image, and why"
    doc_usage = "[GATEWAY ...]"
    doc_description = (
        "Without arguments: the product layer, which all gateways share. With gateways: the device layer of each. "
        "Inspects the vanilla image first if that has not been done; changes no image; secrets are masked."
    )

    def execute(self, opt_values: Mapping[str, object], pos_args: Sequence[str]) -> int:  # noqa: ARG002 - doit's signature
        """Print to standard output."""
        return or_say_why(lambda: self._print(pos_args))

    def _print(self, names: Sequence[str]) -> int:
        workspace = Workspace.here()
        inputs_first(workspace)
        require_fit_for_deltas(workspace)  # this and the next before anything that takes time
        require_named_rules(workspace)
        facts_first(workspace)
        vanilla = reading.vanilla_of(workspace)
        if not names:
            plan = reading.product_plan_of(workspace)
            sys.stdout.write(plan_text(plan.before, vanilla.files, plan.layer, "product layer, all gateways"))
            sys.stdout.write(raw_text(plan.raw))
        for name in names:
            plan = device_plan_of(workspace, name)
            sys.stdout.write(plan_text(plan.before, vanilla.files, plan.layer, f"device layer of {name}"))
            sys.stdout.write(f"\nconfiguration against the golden sample's: {len(plan.snapshot)} properties differ\n\n")
            sys.stdout.write("".join(f"    {plain(line)}\n" for line in plan.snapshot))
            sys.stdout.write(sidecar_text(plan.sidecars))
            sys.stdout.flush()
        require_sound_choices(workspace)
        return 0
