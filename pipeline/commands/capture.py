"""``doit capture``: makes an export of a golden sample, from the running gateway or from an image of its disk."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline.capture import gateway_ssh, script
from pipeline.capture.console_snapshot import HOW, read_snapshot
from pipeline.capture.export_directory import require_free, write_export
from pipeline.capture.taken import Found, Taken, judged, parse
from pipeline.classification.truth import layout_of
from pipeline.commands.helping import Helping
from pipeline.errors import PipelineError
from pipeline.host.progress import Progress, Say
from pipeline.inputs.layout_files import load_layouts
from pipeline.report.text.plain import plain

_TROUBLE = 2


def _option(name: str, default: object, text: str, *, kind: type = str, short: str = "") -> dict[str, object]:
    long = name.replace("_", "-")
    return {"name": name, "short": short, "long": long, "type": kind, "default": default, "help": text}


class Capture(Helping):
    """Make an export."""

    name = "capture"
    doc_purpose = "make an export of a golden sample, over SSH or from an image of its disk"
    doc_usage = "[--OPTION ...] ssh://USER@HOST[:PORT] | IMAGE"
    doc_description = (
        "Takes exactly what the documents list, never a keystore, a key or run-time state, and writes a directory only "
        "you can read. The snapshot has to be downloaded from the gateway's console and is given with --snapshot."
    )
    cmd_options = (
        _option("output", "golden", "directory to make", short="o"),
        _option("snapshot", "", "snapshot_<number>.xml as the console gave it"),
        _option("esf_version", "", "release of ESF the gateway runs, where the name of its directory does not say so"),
        _option("kura_version", "", "the same for open-source Kura"),
        _option("key", "", "private key to log in with; default: a key of the agent"),
        _option("known_hosts", "", "file with the gateway's host key"),
        _option("fingerprint", "", "fingerprint of the gateway's host key, SHA256:…, instead of a file"),
        _option("root", "/", "over SSH: directory to take for the root of the gateway's file system"),
        _option("ssh_option", [], "algorithm an old gateway needs, NAME=VALUE; may be repeated", kind=list),
    )

    def execute(self, opt_values: Mapping[str, object], pos_args: Sequence[str]) -> int:
        """Write the export and say what is in it; nothing is left behind when it fails."""
        try:
            return _capture(opt_values, pos_args)
        except PipelineError as error:
            sys.stderr.write(f"{error}\n")
            return _TROUBLE


def _capture(options: Mapping[str, object], arguments: Sequence[str]) -> int:
    if len(arguments) != 1:
        raise PipelineError(
            "one gateway or one image of its disk is needed, after all options",
            "doit capture --fingerprint SHA256:… --snapshot snapshot_….xml ssh://root@192.168.10.1",
        )
    source = arguments[0]
    if source.startswith("ssh:"):
        gateway_ssh.parse_target(source)
    elif not Path(source).exists():
        raise PipelineError(
            f"{source}: neither an image nor an address", "name an image, or write ssh://USER@HOST for a gateway"
        )
    target = Path.cwd() / str(options["output"])
    require_free(target)
    # Everything that can be wrong with what is given comes before anything that takes time.
    snapshot = read_snapshot(Path(str(options["snapshot"]))) if options["snapshot"] else None
    with Progress().running() as say:
        found, whence = _found(source, options, target, say)
    product, release = _release(options, found)
    taken = judged(found, snapshot, layout_of(product, release, load_layouts()))
    if not taken.files:
        raise PipelineError(
            f"{whence}: none of the files the documents list is there", "is it a gateway with ESF or Kura?"
        )
    write_export(taken, target, release=release, source=whence, product=product)
    lines = _told(taken, str(options["output"]), f"{product} {release}", given=snapshot is not None)
    sys.stdout.write("".join(f"{plain(line)}\n" for line in lines))
    return 0


def _release(options: Mapping[str, object], found: Found) -> tuple[str, str]:
    esf, kura = str(options["esf_version"]), str(options["kura_version"])
    if esf and kura:
        raise PipelineError("--esf-version and --kura-version are both given", "give the one that the gateway runs")
    if esf or kura:
        return ("ESF", esf) if esf else ("Kura", kura)
    if not found.release:
        raise PipelineError(
            "which release the gateway runs cannot be told from its directories",
            "give it with --esf-version or --kura-version",
        )
    return found.product, found.release


def _found(source: str, options: Mapping[str, object], target: Path, say: Say) -> tuple[Found, str]:
    if not source.startswith("ssh:"):
        from pipeline.capture.disk_image import read_image  # noqa: PLC0415 - needs the libguestfs binding

        image = Path(source)
        return read_image(image, work=target.parent, say=say), f"image {image.name}"
    gateway = gateway_ssh.parse_target(source)
    key = Path(str(options["key"])) if options["key"] else None
    if key is not None and not key.is_file():
        raise PipelineError(f"{key}: no such key", "name a private key file with --key, or use an agent")
    known = Path(str(options["known_hosts"])) if options["known_hosts"] else None
    extra = options["ssh_option"]
    with gateway_ssh.pinned(gateway, known, str(options["fingerprint"])) as hosts:
        say(f"asking {gateway} for its files")
        output = gateway_ssh.run_script(
            gateway,
            hosts,
            script.render(str(options["root"])),
            key=key,
            options=[str(one) for one in extra] if isinstance(extra, list) else [],
        )
    return parse(output, str(gateway)), str(gateway)


def _told(taken: Taken, target: str, release: str, *, given: bool) -> list[str]:
    lines = [f"{target}: export of a golden sample of {release}, {len(taken.files)} files"]
    lines += [f"not taken: {path}: {reason}" for path, reason in taken.left]
    lines += [
        f"not taken: {path}: is not a regular file, or has a name that no gateway uses" for path in taken.found.odd
    ]
    lines += [f"not taken: {path}: this user may not read it; log in as root" for path in taken.found.unreadable]
    lines += [f"not on the gateway: {item}" for item in taken.missing if given or "snapshot" not in item]
    if given:
        lines.append(f'name it in gateway.toml, [golden] export = "{target}"; doit golden shows what travels')
    else:
        lines.append(f"the snapshot is still missing: {HOW}, or copy it into {target}/")
    return lines
