"""Reports for programs: JSON, JUnit, SARIF."""
