"""The facts around a run that help a person to go on after a crash: where it ran, what it ran, where to look."""
