"""``doit verify``: images against their signed manifests, with nothing of the build."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline.build import reading
from pipeline.commands.answering import or_say_why, private_directory
from pipeline.commands.helping import Helping
from pipeline.errors import PipelineError
from pipeline.formats.ssh.allowed_signers import moment
from pipeline.host import clock
from pipeline.host.digests import write_atomically
from pipeline.host.progress import Progress
from pipeline.host.scratch import scratch_directory
from pipeline.host.workspace import Workspace
from pipeline.report.machine.json_report import exit_status, verdicts_json
from pipeline.report.text.console import summary_lines, verdict_lines
from pipeline.verification.fleet import Trusted
from pipeline.verification.forms import verify_any


def trusted_signers(given: str, own: Path) -> Path:
    """The file of the public keys whose signatures count: the user's own, or the key of the workspace he is in.

    Args:
        own: a directory of this process alone: another verification may believe another key.

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
    place = own / "allowed_signers"
    write_atomically(place, reading.allowed_signers_of(workspace), 0o600)
    return place


class Verify(Helping):
    """Verify images against their signed manifests."""

    name = "verify"
    doc_purpose = "verify images against their signed manifests; needs nothing from the build"
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
            "default: this workspace's manifest key, never a key that lies beside the images",
        },
        {
            "name": "identity",
            "short": "I",
            "long": "identity",
            "type": str,
            "default": "",
            "help": "the signer it has to be; default: any allowed signer",
        },
        {
            "name": "verify_time",
            "short": "",
            "long": "verify-time",
            "type": str,
            "default": "",
            "help": "judge at this time whether keys are valid, YYYYMMDD[HHMM[SS]][Z], as ssh-keygen -Overify-time "
            "does; default: now",
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
        at = (
            moment(str(options["verify_time"]), "--verify-time", clock.local_seconds)
            if options["verify_time"]
            else None
        )
        with (
            private_directory() as state,
            scratch_directory("verify-", state) as own,
            Progress().running() as say,
        ):
            trusted = Trusted(trusted_signers(str(options["signers"]), own), str(options["identity"]) or None, at)
            verdicts = verify_any(
                [Path(path) for path in paths],
                trusted,
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
