"""Probe: launches the appliance to see whether it starts here, and with KVM, which the doctor cannot tell otherwise."""

from __future__ import annotations

from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.host.doctor import Finding, Level
from pipeline.host.progress import Say
from pipeline.host.scratch import temporary_directory
from pipeline.image.appliance import accelerator
from pipeline.image.appliance.session import Drive, launch


def probe_appliance(say: Say) -> tuple[Finding, Finding]:
    """Launch the appliance once, as a build would, in a directory that goes with it."""
    with temporary_directory("doctor-") as name:
        state = Path(name)
        kvm = "force_tcg" not in accelerator.settings(state, say)
        acceleration = (
            Finding("KVM", Level.OK, "the appliance starts with it")
            if kvm
            else Finding("KVM", Level.WARN, "does not work here", "none needed: TCG does the same, in more time")
        )
        try:
            disk = state / "disk.img"
            disk.write_bytes(bytes(1 << 20))  # it does not start without a drive
            with launch([Drive(disk, writable=True)], state_dir=state, say=say):
                appliance = Finding("appliance", Level.OK, f"starts with {'KVM' if kvm else 'TCG'}")
        except PipelineError as error:
            appliance = Finding("appliance", Level.FAIL, error.problems[0].what, error.problems[0].remedy)
    return acceleration, appliance
