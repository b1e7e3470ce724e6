"""One file for one framework. Each imports its framework; nothing else of the package does."""
