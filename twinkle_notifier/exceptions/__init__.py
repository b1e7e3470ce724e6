"""Reads a user's exception, whatever its class does: its chain, frames, kind, fingerprint and text."""
