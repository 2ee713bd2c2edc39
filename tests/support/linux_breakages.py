"""What breaks the Linux rules of the default profile."""

from __future__ import annotations

from tests.support.breakages import Breakage
from tests.support.breakages_accounts import ACCESS, ACCOUNTS, FILES
from tests.support.breakages_identity import IDENTITY
from tests.support.breakages_passwords import PASSWORDS, SSHD
from tests.support.breakages_services import BOOT, SERVICES
from tests.support.breakages_ssh import SSH

__all__ = ["LINUX", "SSHD"]

LINUX: tuple[Breakage, ...] = (*PASSWORDS, *ACCOUNTS, *SSH, *SERVICES, *BOOT, *IDENTITY, *FILES, *ACCESS)
