"""What a release of deltas cannot have is refused before anything is made for it, not after its base is built."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.build import reading
from pipeline.build.names import is_fleet
from pipeline.errors import Problem, raise_if_any
from pipeline.host.workspace import Workspace

_WHERE = "gateway.toml [output] form: this release is a base and deltas"


def require_fit_for_deltas(workspace: Workspace) -> None:
    """Refuse decisions that only a release of whole images can keep; nothing where it is one.

    The manifest key has to be within reach, because each gateway is described and signed in one go: nobody carries
    thousands of manifests to a key and back. Deltas are stamped without the kernel's help.

    Raises:
        PipelineError: everything found.
    """
    if is_fleet(workspace):
        raise_if_any(_problems(workspace))


def _problems(workspace: Workspace) -> Iterator[Problem]:
    release = reading.release_of(workspace)
    entry = reading.keyring_of(workspace).entries.get(release.manifest_key)
    if entry is not None and entry.uri.startswith("detached:"):
        yield Problem(
            f"{_WHERE}, and the manifest key {release.manifest_key} is elsewhere (detached: in {release.keys})",
            'set form = "images" under [output], or name a manifest key that the build reaches: file:, env: or pkcs11:',
        )
    if release.output.writer == "guestfs":
        yield Problem(
            f'{_WHERE}, and writer is "guestfs"',
            'set form = "images" under [output], or leave writer out',
        )
