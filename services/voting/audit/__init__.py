"""The auditor's recount: the public vote counted from the log alone, by code that shares nothing with
the tally.

It reads ``voting.vote.v1`` and ``voting.decision.v1`` from the first record on, and the rulebook and the
shortlist beside them. It imports no table, no rule, no tree and no query of voting, and no contract
either; what the events look like and how a tree is hashed is written down here a second time on purpose.

    showcase audit votes --contest smart-city-2022

``recount.py`` counts, ``trees.py`` holds every signed head against the log, ``decisions.py`` reads what
people decided, ``evidence.py`` keeps fingerprints by which voting's own database can be held against the
same log, ``log.py`` reads Kafka, ``votes.py`` says which of its records anybody can read.
"""

from services.voting.audit.evidence import Evidence, Watch
from services.voting.audit.recount import Recount, recount_from_log

__all__ = ["Evidence", "Recount", "Watch", "recount_from_log"]
