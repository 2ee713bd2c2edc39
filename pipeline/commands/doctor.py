"""``doit doctor``: what this machine has and lacks."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline.commands.answering import or_say_why
from pipeline.commands.helping import Helping
from pipeline.host import doctor
from pipeline.host.progress import Progress


class Doctor(Helping):
    """Say what this machine has and lacks."""

    name = "doctor"
    doc_purpose = "say what this machine has and lacks for building images, with remedies"
    doc_usage = ""
    cmd_options = (
        {
            "name": "quick",
            "short": "q",
            "long": "quick",
            "type": bool,
            "default": False,
            "help": "do not launch the appliance (up to a minute) to see whether it starts, and with KVM",
        },
    )

    def execute(self, opt_values: Mapping[str, object], pos_args: Sequence[str]) -> int:  # noqa: ARG002 - doit's signature
        """Print findings; 1 when something is missing."""
        return or_say_why(lambda: self._examine(quick=bool(opt_values["quick"])))

    def _examine(self, *, quick: bool) -> int:
        if quick:
            findings = doctor.inspect_host(Path.cwd())
        else:
            from pipeline.build.probing import probe_appliance  # noqa: PLC0415 - needs the libguestfs binding

            with Progress().running() as say:
                kvm, appliance = probe_appliance(say)
            findings = (*doctor.inspect_host(Path.cwd(), kvm), appliance)
        sys.stdout.write(doctor.render(findings))
        return 1 if any(finding.level is doctor.Level.FAIL for finding in findings) else 0
