"""Files between the supervisor and the processes below it."""
