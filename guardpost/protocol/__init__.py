"""The sans-IO core: it owns every byte on the line and touches no socket, clock or thread.

Words: line byte -> frame -> packet -> message -> channel -> request/reply; peers are
agent and console. docs/protocol.md is the specification.

The contract of a connection (and, with their own nouns, of the layers in it):

    receive_data(data, now)       bytes came from the line (a connection's says whether they
                                  matter yet)
    receive_eof(now)              the line is gone
    data_to_send(now) -> list     bytes for the line, as much as it should have now
    next_event() -> Event | None  what happened
    next_deadline() -> float|None when to call handle_timeout at the latest
    handle_timeout(now)           time has passed

`now` is any monotonic clock in seconds. Randomness is a constructor argument. Bad bytes
never raise: they are counted. Calling us wrongly raises LocalProtocolError at once.
"""
