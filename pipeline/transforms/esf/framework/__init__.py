"""The OSGi framework's own configuration: its properties and the command line that starts it."""

from pipeline.transforms.esf.framework.encryption_key import give as give_key
from pipeline.transforms.esf.framework.properties import set_properties
from pipeline.transforms.esf.framework.start import harden_start

__all__ = ["give_key", "harden_start", "set_properties"]
