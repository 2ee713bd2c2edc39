"""Every reader, in the order in which their answers are told."""

from __future__ import annotations

from pipeline.model.reader import Reader
from pipeline.readers import sshd

READERS: tuple[Reader, ...] = (sshd.READER,)
