"""Use cases of intake: one function each, in the transaction that the edge opened."""
