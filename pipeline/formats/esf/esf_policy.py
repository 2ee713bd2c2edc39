"""``security.policy``: which bundle may do what (B:30 to B:320).

The documents' schema decides what the framework accepts at all; a file it refuses stops the gateway at boot (B:322).
The schema is lax, though: it accepts ``MAYBE`` for an access and ``ture`` for a boolean. What it does not see is
checked here as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from lxml import etree

from pipeline.errors import PipelineError, Problem, raise_if_any

NAMESPACE = "http://eurotech.com/esf/2.0"
SIGNER = "BundleSignerCondition"
LOCATION = "BundleLocationCondition"
ALL_PERMISSION = "java.security.AllPermission"

_VERSION = 1
_LARGEST = 1024 * 1024
_REMEDY = (
    "write the file by the documents' schema: "
    "xmllint --schema pipeline/formats/esf/security-policy.xsd FILE names the place"
)


@dataclass(frozen=True)
class Condition:
    """To which bundles a row applies; ``negated`` reverses it (the exclamation mark of B:149)."""

    type: str
    argument: str
    negated: bool = False


@dataclass(frozen=True)
class Permission:
    """A Java or OSGi permission with its target name and actions."""

    type: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Row:
    """One policy; the first row that decides wins."""

    name: str
    access: str
    condition: Condition | None
    permissions: tuple[Permission, ...]

    @property
    def allows_everything(self) -> bool:
        """Whether it grants AllPermission."""
        return self.access == "ALLOW" and any(item.type == ALL_PERMISSION for item in self.permissions)


@dataclass(frozen=True)
class SecurityPolicy:
    """The whole file; ``permit_debug`` is development mode (B:70 to B:86)."""

    permit_debug: bool
    rows: tuple[Row, ...]


def read_policy(data: bytes, where: str) -> SecurityPolicy:
    """Read a policy; surrounding blanks of values are not part of them, as the documents' own samples show.

    Raises:
        PipelineError: not XML, refused by the schema, or wrong in a way the schema does not see; all at once.
    """
    root = _validated(data, where)
    problems: list[Problem] = []
    name, value = (_text(root, f"{{*}}properties/{{*}}property/{{*}}{part}") for part in ("name", "value"))
    if name != "permit-debug":
        problems.append(Problem(f"{where}: the property is {name!r}", "the only property is permit-debug (B:74)"))
    if value not in ("true", "false"):
        problems.append(Problem(f"{where}: permit-debug is {value!r}", "write true or false (B:82)"))
    if root.get("version") != str(_VERSION):
        problems.append(Problem(f"{where}: version is {root.get('version')!r}", f'write version="{_VERSION}" (B:39)'))
    rows = tuple(_row(element, where, problems) for element in root.iterfind("{*}policies/{*}policy"))
    if not rows:
        problems.append(Problem(f"{where}: it has no policy", "write at least one policy (B:90)"))
    raise_if_any(problems)
    return SecurityPolicy(value == "true", rows)


def render_policy(policy: SecurityPolicy) -> bytes:
    """The file: ``esf:`` prefix as in the documents, values without blanks around them, always the same bytes."""
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<esf:security xmlns:esf="{NAMESPACE}" version="{_VERSION}">',
        "  <esf:properties>",
        "    <esf:property>",
        "      <esf:name>permit-debug</esf:name>",
        f"      <esf:value>{str(policy.permit_debug).lower()}</esf:value>",
        "    </esf:property>",
        "  </esf:properties>",
        "  <esf:policies>",
    ]
    for row in policy.rows:
        lines += ["    <esf:policy>", f"      <esf:access>{_escaped(row.access)}</esf:access>"]
        if row.condition is not None:
            argument = row.condition.argument + (";!" if row.condition.negated else "")
            lines += [
                "      <esf:conditions>",
                "        <esf:condition>",
                f"          <esf:name>{_escaped(row.condition.type)}</esf:name>",
                f"          <esf:value>{_escaped(argument)}</esf:value>",
                "        </esf:condition>",
                "      </esf:conditions>",
            ]
        lines.append("      <esf:permissions>")
        for permission in row.permissions:
            lines += ["        <esf:permission>", f"          <esf:name>{_escaped(permission.type)}</esf:name>"]
            lines.append("          <esf:values>")
            lines += [f"            <esf:value>{_escaped(value)}</esf:value>" for value in permission.values]
            lines += ["          </esf:values>", "        </esf:permission>"]
        lines += ["      </esf:permissions>", f"      <esf:name>{_escaped(row.name)}</esf:name>", "    </esf:policy>"]
    lines += ["  </esf:policies>", "</esf:security>", ""]
    return "\n".join(lines).encode("utf-8")


def production_problems(policy: SecurityPolicy) -> list[str]:
    """What makes a policy unfit for a gateway in the field (B:223 to B:229, B:340); empty when it is fit."""
    problems = ["permit-debug is true: development mode"] if policy.permit_debug else []
    for row in policy.rows:
        if row.access != "ALLOW":
            continue
        if row.condition is None:
            problems.append(f"{row.name}: it applies to every bundle, signed or not")
        elif row.condition.negated:
            problems.append(f"{row.name}: a reversed condition holds for unsigned bundles")
        elif row.condition.type == LOCATION and row.allows_everything:
            problems.append(f"{row.name}: all permissions by location, which any package can claim")
    return problems


def _row(element: etree._Element, where: str, problems: list[Problem]) -> Row:
    name = _text(element, "{*}name")
    access = _text(element, "{*}access")
    label = f"{where}: line {element.sourceline}: policy {name!r}"
    if access not in ("ALLOW", "DENY"):
        problems.append(Problem(f"{label}: access is {access!r}", "write ALLOW or DENY (B:120)"))
    if not name:
        problems.append(Problem(f"{label}: it has no name", "name it (B:117)"))
    condition = element.find("{*}conditions/{*}condition")
    permissions = tuple(
        Permission(_text(item, "{*}name"), tuple((value.text or "").strip() for value in item.iterfind(".//{*}value")))
        for item in element.iterfind("{*}permissions/{*}permission")
    )
    if not permissions:
        problems.append(Problem(f"{label}: it has no permission", "name at least one permission (B:176)"))
    problems.extend(
        Problem(f"{label}: permission {item.type!r} is not a class name", "write java.security.AllPermission or such")
        for item in permissions
        if not all(part.isidentifier() for part in item.type.split("."))
    )
    return Row(name, access, None if condition is None else _condition(condition, label, problems), permissions)


def _condition(element: etree._Element, label: str, problems: list[Problem]) -> Condition:
    kind, argument = _text(element, "{*}name"), _text(element, "{*}value")
    kind = kind.removeprefix("org.osgi.service.condpermadmin.")
    if kind not in (SIGNER, LOCATION):
        problems.append(
            Problem(f"{label}: condition is {kind!r}", f"the conditions are {SIGNER} and {LOCATION} (B:129)")
        )
    negated = argument.endswith("!")
    if negated:
        argument = argument[:-1].rstrip().removesuffix(";").rstrip()
    if len(argument) > 1 and argument.startswith('"') and argument.endswith('"') and argument.count('"') == 2:
        argument = argument[1:-1].strip()  # one of the documents' samples is quoted as a whole (B:144)
    if not argument:
        problems.append(
            Problem(f"{label}: its condition has no value", "write the signer's distinguished name (B:149)")
        )
    return Condition(kind, argument, negated)


def _text(element: etree._Element, path: str) -> str:
    return (element.findtext(path) or "").strip()


def _validated(data: bytes, where: str) -> etree._Element:
    if len(data) > _LARGEST:
        raise PipelineError(f"{where}: {len(data)} bytes is too large for a security policy", _REMEDY)
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise PipelineError(f"{where}: not XML: {error.msg}", _REMEDY) from None
    document: Any = root.getroottree().docinfo
    if document.doctype:
        raise PipelineError(f"{where}: it has a document type declaration", "remove the DOCTYPE and its entities")
    schema = _schema()
    if not schema.validate(root):
        log: Any = schema.error_log
        found = [(entry.line, entry.message.replace(f"{{{NAMESPACE}}}", "esf:")) for entry in log]
        raise PipelineError.of(Problem(f"{where}: line {line}: {message}", _REMEDY) for line, message in found)
    return root


@cache
def _schema() -> etree.XMLSchema:
    text = resources.files("pipeline.formats.esf").joinpath("security-policy.xsd").read_bytes()
    return etree.XMLSchema(etree.fromstring(text))


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
