"""The host's side: one port, a text prompt on it, and the services of a session."""
