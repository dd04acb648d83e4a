"""The operating system behind plain functions; each file chooses the system once."""
