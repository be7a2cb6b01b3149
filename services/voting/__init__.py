"""Voting: finalists, voter identity, votes, tally, receipts, and the recount that anyone can repeat."""
