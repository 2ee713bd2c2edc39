"""The golden sample's configuration snapshot: rewritten as the documents ask, installed as the only one (A:131-164)."""

from pipeline.transforms.esf.snapshot.console import console_settings
from pipeline.transforms.esf.snapshot.difference import Change, semantic_diff
from pipeline.transforms.esf.snapshot.install import changes, rewrite
from pipeline.transforms.esf.snapshot.own_names import own_names

__all__ = ["Change", "changes", "console_settings", "own_names", "rewrite", "semantic_diff"]
