"""Permissions of Java and OSGi by name: which there are, and what their actions are called (B:174 to B:219).

A misspelt permission is no error to the framework. It stays unresolved and grants nothing, and a wrong action voids the
whole permission, so both are looked at before they get into a policy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

ALL = "java.security.AllPermission"

_NO_ACTIONS: frozenset[str] = frozenset()

# The documents' list (B:180 to B:200) and OSGi's (B:204 to B:219), by the actions each knows.
KNOWN: Mapping[str, frozenset[str]] = {
    ALL: _NO_ACTIONS,
    "java.security.SecurityPermission": _NO_ACTIONS,
    "java.security.UnresolvedPermission": _NO_ACTIONS,
    "java.awt.AWTPermission": _NO_ACTIONS,
    "java.io.FilePermission": frozenset({"read", "write", "execute", "delete", "readlink"}),
    "java.io.SerializablePermission": _NO_ACTIONS,
    "java.lang.reflect.ReflectPermission": _NO_ACTIONS,
    "java.lang.RuntimePermission": _NO_ACTIONS,
    "java.net.NetPermission": _NO_ACTIONS,
    "java.net.SocketPermission": frozenset({"accept", "connect", "listen", "resolve"}),
    "java.sql.SQLPermission": _NO_ACTIONS,
    "java.util.PropertyPermission": frozenset({"read", "write"}),
    "java.util.logging.LoggingPermission": _NO_ACTIONS,
    "javax.net.ssl.SSLPermission": _NO_ACTIONS,
    "javax.security.auth.AuthPermission": _NO_ACTIONS,
    "javax.security.auth.PrivateCredentialPermission": frozenset({"read"}),
    "javax.security.auth.kerberos.DelegationPermission": _NO_ACTIONS,
    "javax.security.auth.kerberos.ServicePermission": frozenset({"initiate", "accept"}),
    "javax.sound.sampled.AudioPermission": _NO_ACTIONS,
    "org.osgi.framework.PackagePermission": frozenset({"import", "export", "exportonly"}),
    "org.osgi.framework.BundlePermission": frozenset({"provide", "require", "host", "fragment"}),
    "org.osgi.framework.AdminPermission": frozenset(
        """class execute extensionlifecycle lifecycle listener metadata resolve resource startlevel context weave
        *""".split()
    ),
    "org.osgi.framework.ServicePermission": frozenset({"get", "register"}),
    # Of OSGi's own further layers; the documents point to its documentation (B:219).
    "org.osgi.framework.CapabilityPermission": frozenset({"require", "provide"}),
    "org.osgi.framework.AdaptPermission": frozenset({"adapt"}),
    "org.osgi.service.cm.ConfigurationPermission": frozenset({"configure", "target", "attribute"}),
    "org.osgi.service.event.TopicPermission": frozenset({"publish", "subscribe"}),
    "org.osgi.service.wireadmin.WirePermission": frozenset({"produce", "consume"}),
}

# A class of these name spaces that is not in the list above does not exist; others may be a bundle's own.
_PLATFORM = ("java.", "javax.", "org.osgi.")


def problems(kind: str, values: Sequence[str]) -> list[str]:
    """What is wrong with a permission; empty when the framework will construct and grant it.

    Args:
        values: target name and actions; both may be missing where the class does without.
    """
    actions = KNOWN.get(kind)
    if actions is None:
        if kind.startswith(_PLATFORM):
            return [f"there is no permission {kind}: it would grant nothing"]
        return []
    if len(values) > 2:
        return [f"{kind} has {len(values)} values instead of a target name and actions"]
    if kind == ALL:
        return [] if all(value in ("*", "") for value in values) else [f"{kind} takes * and *, or nothing"]
    if not values or not values[0]:
        return [f"{kind} has no target name"]
    given = [word.strip().lower() for word in values[1].split(",")] if len(values) == 2 and values[1] else []
    if not actions:
        return [f"{kind} has no actions"] if given else []
    if not given:
        return [f"{kind} has no actions; it knows {', '.join(sorted(actions))}"]
    wrong = [word for word in given if word not in actions]
    return [f"{kind} has no action {word!r}; it knows {', '.join(sorted(actions))}" for word in wrong]
