"""The security policy of a hardened gateway, and what it means for each bundle."""

from pipeline.transforms.esf.policy.admission import Admission, Decision, admission
from pipeline.transforms.esf.policy.harden import harden

__all__ = ["Admission", "Decision", "admission", "harden"]
