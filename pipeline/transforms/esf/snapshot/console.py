"""The gateway administration console's credentials, in the form of the product generation (A:115)."""

from __future__ import annotations

import base64
import hashlib
import json

from pipeline.model.layer import Origin
from pipeline.model.release import Release
from pipeline.model.setting import SnapshotSetting
from pipeline.model.trust import GatewaySecrets

CONSOLE = "org.eclipse.kura.web.Console"
ROLES = "org.eclipse.kura.internal.useradmin.store.RoleRepositoryStoreImpl"
_USER = Origin("snapshot.console_user", "gateway.toml [console]", "A:115")
_ORIGIN = Origin("snapshot.console_password", "gateway.toml [console], fleet secret", "A:115")


def console_settings(
    release: Release, secrets: GatewaySecrets, console_auth: str = "plain"
) -> tuple[SnapshotSetting, ...]:
    """The console's user and password, each gateway its own.

    Args:
        console_auth: of the layout: ``plain`` (generations A and B keep the password itself) or ``useradmin``
            (generation C keeps Base64 of its SHA-256; the golden sample's other users do not come along, and the
            password must be changed at the first login).
    """
    name, password = release.console.username, secrets.console_password
    if console_auth == "plain":
        return (
            SnapshotSetting(CONSOLE, "console.username.value", "String", (name,), _USER),
            SnapshotSetting(CONSOLE, "console.password.value", "Password", (password,), _ORIGIN, secret=True),
        )
    if console_auth != "useradmin":
        raise ValueError(f"no such console authentication: {console_auth}")
    user = f"kura.user.{name}"
    digest = base64.b64encode(hashlib.sha256(password.encode()).digest()).decode()
    users = [
        {
            "name": user,
            "credentials": {"kura.password": digest},
            "properties": {"kura.need.password.change": "true"},
        }
    ]
    groups = [{"name": "kura.permission.kura.admin", "basicMembers": [user]}]
    texts = {"roles.config": [], "users.config": users, "groups.config": groups}
    return tuple(
        SnapshotSetting(
            ROLES,
            key,
            "String",
            (json.dumps(value, separators=(",", ":"), sort_keys=True),),
            _ORIGIN,
            secret=key == "users.config",
        )
        for key, value in texts.items()
    )
