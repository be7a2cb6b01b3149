"""Scoring: judges, assignments, rubric scores, the shortlist, presentations and the winners."""
