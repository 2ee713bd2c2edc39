"""Policies by the documents' schema, and by what the schema does not see."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

import pipeline.formats
from pipeline.errors import PipelineError
from pipeline.formats.esf.esf_policy import (
    ALL_PERMISSION,
    LOCATION,
    SIGNER,
    Condition,
    Permission,
    Row,
    SecurityPolicy,
    production_problems,
    read_policy,
    render_policy,
)

XSD = Path(pipeline.formats.__file__).parent / "esf" / "security-policy.xsd"
EVERYTHING = (Permission(ALL_PERMISSION, ("*", "*")),)
POLICY = SecurityPolicy(
    permit_debug=False,
    rows=(
        Row("ours & <theirs>", "ALLOW", Condition(SIGNER, "CN=a,O=b;-"), EVERYTHING),
        Row(
            "not here",
            "DENY",
            Condition(LOCATION, "file:/x", negated=True),
            (Permission("java.io.FilePermission", ()),),
        ),
    ),
)

# The factory's own, laid out as the documents print it (B:38 to B:68), values with line ends around them.
FACTORY = b"""<?xml version="1.0" encoding="UTF-8"?>
<esf:security xmlns:esf="http://eurotech.com/esf/2.0" version="1">
  <esf:properties><esf:property><esf:name>permit-debug</esf:name><esf:value>true</esf:value></esf:property>
  </esf:properties>
  <esf:policies>
    <esf:policy>
      <esf:access>ALLOW</esf:access>
      <esf:permissions><esf:permission><esf:name>java.security.AllPermission</esf:name>
        <esf:values>
          <esf:value>
            *
          </esf:value>
          <esf:value>
            *
          </esf:value>
        </esf:values></esf:permission></esf:permissions>
      <esf:name>
        All permissions to everyone
      </esf:name>
    </esf:policy>
  </esf:policies>
</esf:security>
"""


def test_what_is_rendered_is_read() -> None:
    assert read_policy(render_policy(POLICY), "x") == POLICY
    assert render_policy(POLICY) == render_policy(read_policy(render_policy(POLICY), "x"))


def test_the_factory_policy_is_read_and_unfit_for_production() -> None:
    policy = read_policy(FACTORY, "x")
    assert policy.permit_debug
    assert policy.rows == (Row("All permissions to everyone", "ALLOW", None, EVERYTHING),)
    assert len(production_problems(policy)) == 2
    assert production_problems(POLICY) == []


def test_rows_unfit_for_production() -> None:
    rows = (
        Row("reversed", "ALLOW", Condition(SIGNER, "CN=a", negated=True), EVERYTHING),
        Row("location", "ALLOW", Condition(LOCATION, "osgi-dp:x"), EVERYTHING),
    )
    found = production_problems(SecurityPolicy(permit_debug=False, rows=rows))
    assert [text.split(":")[0] for text in found] == ["reversed", "location"]


@pytest.mark.tools
def test_xmllint_validates_both(tmp_path: Path) -> None:
    for name, content in (("factory", FACTORY), ("ours", render_policy(POLICY))):
        file = tmp_path / name
        file.write_bytes(content)
        subprocess.run(["xmllint", "--noout", "--schema", XSD, file], check=True, capture_output=True)


def test_a_quoted_condition_is_read_without_its_quotes() -> None:
    quoted = render_policy(POLICY).replace(b"CN=a,O=b;-", b'\n "CN=a,O=b;-"\n')
    assert read_policy(quoted, "x") == POLICY


GOOD = render_policy(POLICY)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not XML"),
        (b"<a>", "not XML"),
        (b"<a/>", "line 1"),
        (GOOD[:-20], "not XML"),
        (GOOD.replace(b"esf/2.0", b"esf/3.0"), "line 2"),
        (GOOD.replace(b"?>", b'?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>', 1), "document type"),
        (GOOD.replace(b"<esf:access>DENY</esf:access>", b""), "line .*: Element 'esf:"),
        (GOOD.replace(b"ALLOW", b"MAYBE"), "access is 'MAYBE'"),
        (GOOD.replace(b"DENY", b"deny"), "access is 'deny'"),
        (GOOD.replace(b">false<", b">ture<"), "permit-debug is 'ture'"),
        (GOOD.replace(b"permit-debug", b"permit-debugging"), "the property is 'permit-debugging'"),
        (GOOD.replace(b' version="1"', b""), "version is None"),
        (GOOD.replace(b' version="1"', b' version="x"'), "line 2"),
        (GOOD.replace(b"BundleSignerCondition", b"SignerCondition"), "condition is 'SignerCondition'"),
        (GOOD.replace(b"CN=a,O=b;-", b" "), "condition has no value"),
        (GOOD.replace(b"java.io.FilePermission", b"java io"), "not a class name"),
        (GOOD.replace(b"not here", b" "), "has no name"),
        (render_policy(SecurityPolicy(permit_debug=True, rows=())), "it has no policy"),
        (render_policy(SecurityPolicy(permit_debug=True, rows=(Row("x", "ALLOW", None, ()),))), "no permission"),
        (b" " * (2 << 20), "too large"),
    ],
    ids=range(20),
)
def test_malformed_policies_are_refused(data: bytes, reason: str) -> None:
    with pytest.raises(PipelineError, match=reason):
        read_policy(data, "security.policy")


def test_all_problems_come_at_once() -> None:
    bad = GOOD.replace(b"ALLOW", b"MAYBE").replace(b">false<", b">ture<").replace(b"DENY", b"no")
    with pytest.raises(PipelineError) as caught:
        read_policy(bad, "security.policy")
    assert len(caught.value.problems) == 3
