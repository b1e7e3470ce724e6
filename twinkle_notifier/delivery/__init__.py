"""A message goes out within its budget, or into the spool."""
