"""Use cases, one function each; the caller opens the transaction."""
