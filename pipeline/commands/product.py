"""doit's further commands: plan, verify, explain, doctor. They need no ``dodo.py`` and keep nothing."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from doit.cmd_base import Command

from pipeline.build import reading
from pipeline.build.explaining import explain_bundles, is_bundle
from pipeline.build.explaining_image import explain_image
from pipeline.build.inspecting import is_inspected
from pipeline.build.stamping import device_plan_of
from pipeline.commands.doit_adapter import options_first
from pipeline.errors import PipelineError
from pipeline.host import doctor
from pipeline.host.digests import write_atomically
from pipeline.host.progress import Progress
from pipeline.host.workspace import Workspace
from pipeline.report.machine.json_report import exit_status, verdicts_json
from pipeline.report.text.console import summary_lines, verdict_lines
from pipeline.report.text.plain import plain
from pipeline.report.text.plan_text import plan_text, raw_text, sidecar_text
from pipeline.verification import verify_paths

_TROUBLE = 2  # could not look, or not even begin


def or_say_why(work: Callable[[], int]) -> int:
    """Run a command; what a user can mend is printed without a traceback."""
    try:
        return work()
    except PipelineError as error:
        sys.stderr.write(f"{error}\n")
        return _TROUBLE
    except BrokenPipeError:
        # The reader has seen enough (`| head`); Python would complain about it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


@contextmanager
def private_directory() -> Iterator[Path]:
    """Where the appliance's files lie while the verifier works, which must do without a workspace.

    In the user's cache, so that what was learned of KVM is remembered; else in a directory that goes with it.
    """
    place = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gateway-image-pipeline"
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        usable = os.access(place, os.W_OK) and place.stat().st_uid == os.getuid()
    except (OSError, RuntimeError):
        usable = False
    if usable:
        yield place
    else:
        with tempfile.TemporaryDirectory(prefix="verify-") as name:
            yield Path(name)


class Plan(Command):
    """Print what a build would change, and why."""

    name = "plan"
    doc_purpose = "print every change a build makes to the vanilla image, and why"
    doc_usage = "[GATEWAY ...]"
    doc_description = (
        "Without arguments: the product layer, which all gateways share. With gateways: each one's own. Needs the "
        "facts of `doit inspect`; touches no image; secrets are masked."
    )

    def execute(self, opt_values: Mapping[str, object], pos_args: Sequence[str]) -> int:  # noqa: ARG002 - doit's signature
        """Print to standard output."""
        return or_say_why(lambda: self._print(pos_args))

    def _print(self, names: Sequence[str]) -> int:
        workspace = Workspace.here()
        if not is_inspected(workspace):
            raise PipelineError("the vanilla image, as it is now, has not been inspected yet", "doit inspect")
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
        return 0


def trusted_signers(given: str, state: Path) -> Path:
    """The file of the public keys whose signatures count: the user's own, or the key of the workspace he is in.

    Raises:
        PipelineError: neither; what is delivered with a release says nothing, for whoever forges one delivers it too.
    """
    if given:
        return Path(given)
    workspace = Workspace.here()
    if not workspace.release_file.is_file():
        raise PipelineError(
            "nothing here says whose signature counts",
            "--allowed-signers FILE: the public key the release engineers gave you, not the one beside the images",
        )
    place = state / "allowed_signers"
    write_atomically(place, reading.allowed_signers_of(workspace), 0o600)
    return place


class Verify(Command):
    """Verify images against their signed manifests."""

    name = "verify"
    doc_purpose = "verify images against their signed manifests; needs nothing of the build"
    doc_usage = "PATH ..."
    doc_description = (
        "PATH is an image, a gateway's directory or a release directory. Exit status: 0 verified, 1 deviations, "
        "2 could not look."
    )
    cmd_options = (
        {
            "name": "signers",
            "short": "s",
            "long": "allowed-signers",
            "type": str,
            "default": "",
            "help": "who may sign, as for ssh-keygen -Y verify; "
            "default: the manifest key of the workspace this is; never what lies beside the images",
        },
        {
            "name": "identity",
            "short": "I",
            "long": "identity",
            "type": str,
            "default": "",
            "help": "the signer it must be; default: any allowed one",
        },
        {
            "name": "deep",
            "short": "",
            "long": "deep",
            "type": bool,
            "default": False,
            "help": "read the content of every file, not only of those that differ from the vanilla image",
        },
        {
            "name": "device",
            "short": "",
            "long": "device",
            "type": str,
            "default": "",
            "help": "look at this flashed medium (/dev/sdX), or at a dump of one, in place of the image of the one "
            "gateway that is named; it may be longer than the image",
        },
        {
            "name": "as_json",
            "short": "",
            "long": "json",
            "type": bool,
            "default": False,
            "help": "print the verdicts as JSON",
        },
    )

    def execute(self, opt_values: Mapping[str, object], pos_args: Sequence[str]) -> int:
        """Print verdicts to standard output."""
        return or_say_why(lambda: self._verify(opt_values, pos_args))

    def _verify(self, options: Mapping[str, object], paths: Sequence[str]) -> int:
        if not paths:
            raise PipelineError("nothing to verify", "doit verify out/<release>, or name images or directories")
        with private_directory() as state, Progress().running() as say:
            verdicts = verify_paths(
                [Path(path) for path in paths],
                allowed_signers=trusted_signers(str(options["signers"]), state),
                identity=str(options["identity"]) or None,
                deep=bool(options["deep"]),
                state_dir=state,
                say=say,
                medium=Path(str(options["device"])) if options["device"] else None,
            )
        if options["as_json"]:
            sys.stdout.write(verdicts_json(verdicts).decode())
        else:
            lines = [line for verdict in verdicts for line in verdict_lines(verdict)]
            sys.stdout.write("".join(f"{line}\n" for line in [*lines, *summary_lines(verdicts)]))
        return exit_status(verdicts)


class Explain(Command):
    """Say which rule and which input put a path into an image, or whether a bundle may run and why."""

    name = "explain"
    doc_purpose = "say why something in an image is as it is, or whether the security policy lets a bundle run"
    doc_usage = "IMAGE PATH[:LINE] ... | IMAGE --block N | IMAGE --property PID.NAME | FILE.jar-OR-FILE.dp ..."
    doc_description = (
        "IMAGE is an image, its manifest, or the gateway's directory both lie in. Manifests are taken at their word: "
        "verify first. Secrets are masked. A bundle or deployment package of the "
        "host is judged by the policy the workspace plans, or by --policy; exit status 1 when one may not run."
    )
    cmd_options = (
        {
            "name": "policy",
            "short": "",
            "long": "policy",
            "type": str,
            "default": "",
            "help": "for bundles: a security.policy, or a directory: a gateway's under out/, whose image is opened",
        },
        {
            "name": "block",
            "short": "",
            "long": "block",
            "type": int,
            "default": -1,
            "help": "whose block this is, counted in 4096 bytes from the image's start, as the block map does",
        },
        {
            "name": "property",
            "short": "",
            "long": "property",
            "type": str,
            "default": "",
            "help": "where the value of this setting of the snapshot comes from: PID.NAME",
        },
    )

    def parse_execute(self, in_args: Sequence[str]) -> int:
        """As doit does it, and with the option after the bundles as well."""
        return int(super().parse_execute(options_first(in_args, ("--policy", "--block", "--property"))))

    def execute(self, opt_values: Mapping[str, object], pos_args: Sequence[str]) -> int:
        """Print to standard output."""
        if pos_args and all(is_bundle(path) for path in pos_args):
            return or_say_why(lambda: self._explain_bundles(pos_args, str(opt_values["policy"])))
        block, setting = int(str(opt_values["block"])), str(opt_values["property"])
        return or_say_why(lambda: self._explain(pos_args, block, setting))

    def _explain_bundles(self, paths: Sequence[str], policy: str) -> int:
        with Progress().running() as say:
            text, good = explain_bundles(Workspace.here(), paths, policy, say)
        sys.stdout.write(text)
        return 0 if good else 1

    def _explain(self, arguments: Sequence[str], block: int, setting: str) -> int:
        if len(arguments) < (2 if block < 0 and not setting else 1):
            raise PipelineError(
                "an image and a path in it are needed", "doit explain out/<release>/<gateway> /etc/ssh/sshd_config:2"
            )
        with Progress().running() as say:
            parts = list(explain_image(Path(arguments[0]), arguments[1:], block=block, setting=setting, say=say))
        sys.stdout.write("".join(parts))
        return 0


class Doctor(Command):
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
            "help": "only look; do not launch the appliance (up to a minute) to see whether it starts, and with KVM",
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
