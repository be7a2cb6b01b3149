"""The stand-alone verifier: one file to download, which imports nothing of this project."""
