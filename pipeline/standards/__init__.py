"""The content of the manifest in standard formats: in-toto and SLSA provenance, DSSE, SPDX, CycloneDX.

Pure: a manifest in, bytes out, the same for the same manifest. ``docs/reference/standards.md`` explains every choice.
"""

from pipeline.standards.cyclonedx import cyclonedx
from pipeline.standards.dsse import PAYLOAD_TYPE, envelope, open_envelope, pae
from pipeline.standards.installed import InstalledPackage, installed_packages, package_databases
from pipeline.standards.provenance import statement, subjects_of
from pipeline.standards.spdx import spdx

__all__ = [
    "PAYLOAD_TYPE",
    "InstalledPackage",
    "cyclonedx",
    "envelope",
    "installed_packages",
    "open_envelope",
    "package_databases",
    "pae",
    "spdx",
    "statement",
    "subjects_of",
]
