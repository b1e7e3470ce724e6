"""Keeps secrets out of everything that leaves: references, masks, the scrubber."""
