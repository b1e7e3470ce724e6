"""Where this process runs: host, process, launcher, ranks, and the state folder."""
