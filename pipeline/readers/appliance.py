"""Runs the programs of an image inside the appliance with all questions: one upload, one script, one reply file."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pipeline.host.scratch import scratch_directory
from pipeline.image.appliance.session import Session
from pipeline.image.containers.sparse import open_private
from pipeline.image.write.write import write_archive
from pipeline.model.disk import Disk
from pipeline.model.guest_path import GuestPath
from pipeline.model.reader import Reply
from pipeline.readers import sandbox
from pipeline.readers.emulators import Emulator
from pipeline.readers.sandbox import Question, Root

_IMAGE, _WORK = GuestPath("/image"), GuestPath("/work")
_MEMORY = 640  # MiB of the appliance's for overlays, uploads and replies; only what is used is taken


def run(
    session: Session,
    device: str,
    disk: Disk,
    roots: Sequence[Root],
    questions: Sequence[Question],
    *,
    state_dir: Path,
    emulator: Emulator | None = None,
) -> tuple[tuple[Reply, ...], ...]:
    """The replies to each question, one for each command that ran. Nothing may be mounted before or stays mounted.

    Args:
        state_dir: private; what is uploaded holds the gateways' secrets.
        emulator: of the processor the image's programs are for; None for the appliance's own.

    Raises:
        PipelineError: the appliance breaks down.
    """
    if not questions:
        return ()
    session.mount_memory(_MEMORY)
    try:
        session.make_directory(_IMAGE)
        places = _mount(session, device, disk)
        with scratch_directory("ask-", state_dir) as scratch:
            archive = scratch / "ask.tar"
            with open_private(archive) as stream:
                stream.write(archive_of(places, roots, questions, emulator))
            session.unpack(archive)
            if emulator is not None:
                session.upload(emulator.program, _WORK / "emulator")
                session.set_mode_and_owner(_WORK / "emulator", 0o755, 0, 0)
        seconds = 120 + sum(question.ask.seconds for question in questions) * (emulator.slower if emulator else 1)
        session.run_script(sandbox.MAIN, seconds=seconds)
        answers = _WORK / "replies.tar"
        return replies_in(session.read(answers, session.stat(answers).size), len(questions))
    finally:
        if not session.is_gone:
            session.umount_all()


def _mount(session: Session, device: str, disk: Disk) -> list[tuple[str, str]]:
    mounted = [(part.mountpoint, part) for part in disk.partitions if part.mountpoint is not None]
    places = []
    for place, part in sorted(mounted, key=lambda item: (len(item[0].parts), item[0])):
        below = "" if place == "/" else str(place)
        session.mount(session.device_of(device, part), part.filesystem, GuestPath(f"/image{below}"), writable=False)
        places.append((below, part.filesystem))
    return places


def archive_of(
    places: Sequence[tuple[str, str]],
    roots: Sequence[Root],
    questions: Sequence[Question],
    emulator: Emulator | None = None,
    move: Callable[[str], str] = str,
) -> bytes:
    """Everything the script needs, and itself, as a tar archive.

    Args:
        places: see `sandbox.main_script`.
        move: rewrites scripts for another place than the appliance's.
    """
    boxes = sandbox.boxes_of(questions, unlimited=emulator is not None)
    emulators = [emulator.registration] if emulator else []
    scripts = {
        "main": sandbox.main_script(places, roots, boxes, emulators),
        "inside": sandbox.INSIDE_TEXT,
        "commands": sandbox.COMMANDS_TEXT,
    }
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name in ("work", "work/boxes", "work/layers", "work/replies", "roots"):
            _directory(archive, name)
        for root in roots:
            layer = io.BytesIO()
            write_archive(layer, root.entries, 0)
            _add(archive, f"work/layers/{root.name}.tar", layer.getvalue())
        for number, box in enumerate(boxes):
            _directory(archive, f"work/boxes/{number}")
            given = {path: content for _, ask in box.questions for path, content in ask.given}
            if given:
                _add(archive, f"work/boxes/{number}/given.tar", packed(given))
            scripts[f"boxes/{number}/prepare"] = sandbox.prepare_script(box)
            slower = emulator.slower if emulator else 1
            scripts[f"boxes/{number}/questions"] = sandbox.questions_script(box, slower=slower)
        for name, text in scripts.items():
            _add(archive, f"work/{name}", move(text).encode("utf-8", "surrogateescape"))
    return buffer.getvalue()


def packed(files: Mapping[str, bytes]) -> bytes:
    """A tar archive of files for their owner only: sshd refuses host keys that others can read."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path, content in sorted(files.items()):
            _add(archive, path.lstrip("/"), content)
    return buffer.getvalue()


def _directory(archive: tarfile.TarFile, name: str) -> None:
    member = tarfile.TarInfo(name)
    member.type, member.mode = tarfile.DIRTYPE, 0o700
    archive.addfile(member)


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), 0o600
    archive.addfile(member, io.BytesIO(content))


def replies_in(archive: bytes, count: int) -> tuple[tuple[Reply, ...], ...]:
    """The replies of each question out of what the script packed."""
    found: dict[tuple[int, int], dict[str, str]] = {}
    with tarfile.open(fileobj=io.BytesIO(archive)) as replies:
        for member in replies:
            question, _, rest = member.name.removeprefix("./").partition(".")
            number, _, kind = rest.partition(".")
            if member.isfile() and question.isdigit() and number.isdigit():
                stream = replies.extractfile(member)
                content = stream.read(sandbox.LONGEST) if stream is not None else b""
                found.setdefault((int(question), int(number)), {})[kind] = content.decode("utf-8", "backslashreplace")
    return tuple(
        tuple(_reply(parts) for key, parts in sorted(found.items()) if key[0] == number) for number in range(count)
    )


def _reply(parts: Mapping[str, str]) -> Reply:
    status, *times = parts.get("rc", "").split() or ("",)
    begun, ended = (float(moment) for moment in times) if len(times) == 2 else (0.0, 0.0)
    return Reply(
        int(status) if status.isdigit() else None, parts.get("out", ""), parts.get("err", ""), round(ended - begun, 2)
    )
