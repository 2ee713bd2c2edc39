"""What the documents want changed in a golden sample's snapshot, for every instance of each component."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.errors import PipelineError, Problem, raise_if_any
from pipeline.formats.esf.esf_snapshot import Configuration, Snapshot
from pipeline.model.layer import Origin
from pipeline.model.release import Release
from pipeline.model.setting import SnapshotSetting

MQTT = "org.eclipse.kura.core.data.transport.mqtt.MqttDataTransport"
DATA = "org.eclipse.kura.data.DataService"
PROVISIONING = "org.eclipse.kura.provisioning.ProvisioningService"
COMMAND = "org.eclipse.kura.cloud.app.command.CommandCloudApp"

_SOURCE = "golden: snapshot"
_MQTT = Origin("snapshot.mqtt", _SOURCE, "A:143")
_DATA = Origin("snapshot.no_auto_connect", _SOURCE, "A:160")
_PROVISIONING = Origin("snapshot.provisioning", _SOURCE, "A:162")
_COMMAND = Origin("snapshot.remote_command", "gateway.toml command_enabled", "A:117")

# The values the document shows (A:146 to A:157): what every gateway replaces by its own through provisioning.
_PLACEHOLDERS = (
    ("username", "String", "username"),
    ("topic.context.account-name", "String", "account-name"),
    ("broker-url", "String", "mqtts://broker-url:8883/"),
    ("password", "Password", "password"),
)
_SHORTEST_PASSWORD = 12


def wanted(snapshot: Snapshot, generation: str, release: Release) -> Iterator[SnapshotSetting]:
    """The settings the documents ask for.

    A component that is absent runs with its defaults (formats 1.4): DataService and CommandCloudApp are added where
    they are missing, so that what they do is written down and not a default that differs between releases.
    """
    for configuration in snapshot.instances_of(MQTT):
        for name, kind, value in _PLACEHOLDERS:
            yield SnapshotSetting(configuration.pid, name, kind, (value,), _MQTT)
        # A client id that is not empty makes all gateways collide on the broker (formats 2); an alias names a key in
        # the golden sample's own keystore.
        yield SnapshotSetting(configuration.pid, "client-id", "String", ("",), _MQTT)
        if configuration.text("ssl.certificate.alias"):
            yield SnapshotSetting(configuration.pid, "ssl.certificate.alias", "String", ("",), _MQTT)
    # From generation C on a DataService exists only where a factory made one.
    pids = [found.pid for found in snapshot.instances_of(DATA)] or ([DATA] if generation != "C" else [])
    for pid in pids:
        yield SnapshotSetting(pid, "connect.auto-on-startup", "Boolean", ("false",), _DATA)
    for configuration in snapshot.instances_of(PROVISIONING):
        yield SnapshotSetting(configuration.pid, "enabled", "Boolean", ("true",), _PROVISIONING)
        if configuration.text("client-id"):
            yield SnapshotSetting(configuration.pid, "client-id", "String", ("",), _PROVISIONING)
        # Says that this very gateway was provisioned; the next one was not.
        if configuration.get("provisioned"):
            yield SnapshotSetting(configuration.pid, "provisioned", "Boolean", None, _PROVISIONING)
    enabled = "true" if release.command_enabled else "false"
    for pid in [found.pid for found in snapshot.instances_of(COMMAND)] or [COMMAND]:
        yield SnapshotSetting(pid, "command.enable", "Boolean", (enabled,), _COMMAND)


def require(snapshot: Snapshot, release: Release, product: str = "ESF") -> None:
    """What must be in the finished snapshot.

    Args:
        product: open-source Kura has no provisioning; there somebody gives each gateway its credentials by hand.

    Raises:
        PipelineError: provisioning has no broker or no credentials (A:162), or remote command execution is on without
            a strong password (A:117).
    """
    instances = snapshot.instances_of(PROVISIONING)
    if not instances and product == "ESF":
        raise PipelineError(
            f"golden: snapshot: {PROVISIONING} is not configured; no gateway could get its own credentials (A:162)",
            "set up provisioning on the golden sample (Everyware Cloud Provisioning) and download its snapshot again",
        )
    problems = [problem for found in instances for problem in _unprovisioned(found)]
    if release.command_enabled:
        problems.extend(_unprotected(found) for found in snapshot.instances_of(COMMAND) if not _is_protected(found))
    raise_if_any(problems)


def _unprovisioned(configuration: Configuration) -> Iterator[Problem]:
    remedy = "set it on the golden sample (Everyware Cloud Provisioning) and download its snapshot again"
    broker = configuration.text("broker-url")
    if not broker or "//broker-url" in broker:
        said = "is the placeholder of a new installation" if broker else "is not set"
        yield Problem(f"golden: snapshot: {configuration.pid} broker-url {said} (A:162)", remedy)
    if not configuration.text("password"):
        yield Problem(f"golden: snapshot: {configuration.pid} password is not set (A:162)", remedy)
    # The user name may be left to ESF, which derives it from the account (formats 2).
    if not configuration.text("username") and not configuration.text("account-name"):
        yield Problem(f"golden: snapshot: {configuration.pid} has neither username nor account-name (A:162)", remedy)


def _is_protected(configuration: Configuration) -> bool:
    password = configuration.text("command.password.value")
    classes = (str.islower, str.isupper, str.isdigit, lambda letter: not letter.isalnum())
    kinds = sum(any(belongs(letter) for letter in password) for belongs in classes)
    return len(password) >= _SHORTEST_PASSWORD and kinds >= 3


def _unprotected(configuration: Configuration) -> Problem:
    return Problem(
        f"golden: snapshot: {configuration.pid} command.password.value is missing or weak, "
        "and gateway.toml switches remote command execution on (A:117)",
        f"set a password of at least {_SHORTEST_PASSWORD} letters of three kinds on the golden sample, "
        "or leave command_enabled off",
    )
