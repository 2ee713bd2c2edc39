"""Where everything of one workspace lies; the only place that makes paths of the build machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Workspace:
    """A directory with a ``gateway.toml``; every other path follows from it.

    Attributes:
        root: the directory, absolute.
        private: where its state lies instead of ``.build``: the same inputs, built again apart.
    """

    root: Path
    private: Path | None = None

    @classmethod
    def here(cls) -> Workspace:
        """The workspace of the current directory; doit has gone to the directory of ``dodo.py`` by then."""
        return cls(Path.cwd())

    @property
    def release_file(self) -> Path:
        """What a release is."""
        return self.root / "gateway.toml"

    def input(self, name: str) -> Path:
        """An input as ``gateway.toml`` names it: relative to the workspace, or absolute."""
        return self.root / name

    @property
    def demo(self) -> Path:
        """Inputs of the demonstration, made on first run."""
        return self.root / ".demo"

    @property
    def state(self) -> Path:
        """Private state of the build: caches, candidates, records; nothing in it is a result."""
        return self.private or self.root / ".build"

    @property
    def raw(self) -> Path:
        """The vanilla disk as raw bytes, a private copy."""
        return self.state / "vanilla" / "raw.img"

    @property
    def facts(self) -> Path:
        """What inspection learned."""
        return self.state / "vanilla" / "facts"

    @property
    def base(self) -> Path:
        """The base image: vanilla plus product layer, sealed."""
        return self.state / "base" / "base.img"

    @property
    def base_writer(self) -> Path:
        """Who decided the bytes of the base image, in words for the manifest."""
        return self.state / "base" / "writer.txt"

    @property
    def base_tree(self) -> Path:
        """Every path of the base image with its content digest, as libguestfs read it."""
        return self.state / "base" / "tree.json"

    @property
    def answers(self) -> Path:
        """What the base's own programs said of the gateways' files, by what decides the answer."""
        return self.state / "answers.json"

    @property
    def bundles(self) -> Path:
        """Signed deployment packages."""
        return self.state / "bundles"

    @property
    def fleet(self) -> Path:
        """What a release of deltas keeps between builds: the base's metadata and digests, gateways that are made."""
        return self.state / "fleet"

    def candidate(self, gateway: str) -> Path:
        """The directory in which a gateway's image grows until it is verified."""
        return self.state / "candidates" / gateway

    def record(self, step: str) -> Path:
        """The completion record of a step, such as ``base`` or ``stamp-gw-1``."""
        return self.state / "records" / f"{step}.json"

    def results(self, release: str) -> Path:
        """The directory of a release."""
        return self.root / "out" / release

    def result(self, release: str, gateway: str) -> Path:
        """The directory of one gateway's verified image."""
        return self.results(release) / gateway

    @property
    def staging(self) -> Path:
        """Where files of candidates and results are written before they get their names."""
        return self.state / "staging"

    def stages(self, release: str) -> tuple[Path, ...]:
        """Where what is published may wait for its name, in the order to try: each on its own file system, perhaps."""
        results = self.results(release)
        return (self.staging, results.parent / STAGING, results / STAGING)

    def make_state(self) -> None:
        """Make the private directories, readable by their owner only."""
        for directory in (self.state, *(self.state / name for name in _STATE)):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            directory.chmod(0o700)


_STATE = ("vanilla", "base", "bundles", "candidates", "records", "appliance", "staging", "fleet")

STAGING = ".publishing"
"""A private directory beside or in a release directory while something is being published; no name of a gateway."""
