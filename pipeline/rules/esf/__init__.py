"""Rules about the framework: its start, keystores, bundles, policy and snapshot."""
