"""Sends a message within its budget, or keeps it in the spool; describes and restores notifiers."""
