"""ipmi: the serial port of a host through its BMC, by IPMI 2.0 Serial over LAN.

pyghmi logs in and seals (RMCP+, cipher suites 3 and 17); sol.py sends and acknowledges characters.
"""
