"""The firewall of one gateway: the golden sample's rules, closed where the documents ask for it, and proved closed."""

from pipeline.transforms.firewall.agreement import contradictions
from pipeline.transforms.firewall.boot_unit import mend as mend_unit
from pipeline.transforms.firewall.restrict import restrict

__all__ = ["contradictions", "mend_unit", "restrict"]
