"""The rules of judging: pure functions over frozen values."""
