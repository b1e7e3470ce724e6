"""How known errors read, a file for each file of rules."""
