"""The auditor's recount: every figure of a contest from the log alone.

It imports a Kafka client and the standard library, nothing of the house, so that it shares no code
with whatever it checks. ``python -m shared.recount BOOTSTRAP_SERVERS CONTEST_ID`` prints JSON.
"""
