"""What `tools/check` runs: each module here knows one kind of check."""
