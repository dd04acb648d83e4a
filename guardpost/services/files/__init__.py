"""The services `put` and `get`: files and folders, verified, resumed, and only what changed."""
