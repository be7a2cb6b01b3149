"""Attacks on a public vote, and honest crowds that look like one."""
