"""Looks at a user's exception, whatever it is: its chain, frames, kind, fingerprint and text."""
