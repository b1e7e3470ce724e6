"""Messages about how far a training got, at the times that the user asked for."""
