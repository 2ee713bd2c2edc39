"""What of a golden sample is portable, personal, secret or forbidden, and what people have decided about it.

`classify` judges an export; `find_secrets` looks for credentials in any file; a `Lock` holds the reviewed decisions,
and `review` says what has changed since and what is still to be decided.
"""

from pipeline.classification.classify import classify, latest_snapshot
from pipeline.classification.found import FoundSecret
from pipeline.classification.item import Class, Decision, Item, Key, Kind
from pipeline.classification.secrets import find_secrets

__all__ = [
    "Class",
    "Decision",
    "FoundSecret",
    "Item",
    "Key",
    "Kind",
    "classify",
    "find_secrets",
    "latest_snapshot",
]
