"""What runs on channels: one module per service, both halves of it together.

`serve(channel, request, …)` is the agent's half; the client calls beside it are
the console's. No service knows another one, nor the protocol under its channel.
"""
