"""telnet: and rfc2217: the serial port of a console server, behind the Telnet protocol.

Why not pyserial's rfc2217 client: it is a blocking port with a thread of its own that reads without
bound, it waits for each answer in steps of 50 ms, and it knows no FLOWCONTROL-SUSPEND. The option
negotiation below it, which telnet: needs as well, cannot be had without it.
"""
