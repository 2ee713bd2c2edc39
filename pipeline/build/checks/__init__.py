"""Checks a build must pass: rules on the plan, leaked secrets, gateways that share what is one gateway's own."""
