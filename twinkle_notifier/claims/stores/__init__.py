"""Where claims are kept: files, memory, a Ray actor, torchrun's store."""
