"""Likely causes of known errors, and the next step."""
