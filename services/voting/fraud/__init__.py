"""The fraud ledger: what the detectors read, what they hold, and what two people decide of it."""
