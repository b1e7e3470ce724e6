"""One file for each framework. Only these files, and `attach/`, import a framework."""
