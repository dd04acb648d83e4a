"""Whom the console believes to be the agent of a target."""
