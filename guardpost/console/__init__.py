"""The operator's side: a session on a line, in this process or in the one that owns the line."""
