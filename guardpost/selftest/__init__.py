"""What `--self-test` proves of this executable on this machine, without a file beside it.

A check is a function that returns, or raises: NotHere when the machine lacks what it needs, and
anything else when something is broken. Vectors stand in the code.
"""
