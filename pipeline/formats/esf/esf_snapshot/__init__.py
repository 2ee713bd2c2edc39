"""Configuration snapshots: ``snapshot_<id>.xml`` as the gateway's own loader takes them, and as we write them.

`load` does what a gateway does with the file at boot; `read` takes what the console of the golden sample let us
download, and refuses what could not be carried on; `render` writes what every generation loads. Facts: formats 1.
"""

from pipeline.formats.esf.esf_snapshot.loader import Loaded, load, looks_encrypted, read
from pipeline.formats.esf.esf_snapshot.malformed import Effect, Malformation
from pipeline.formats.esf.esf_snapshot.render import places, render
from pipeline.formats.esf.esf_snapshot.values import TYPES, Configuration, Property, Snapshot

__all__ = [
    "TYPES",
    "Configuration",
    "Effect",
    "Loaded",
    "Malformation",
    "Property",
    "Snapshot",
    "load",
    "looks_encrypted",
    "places",
    "read",
    "render",
]
