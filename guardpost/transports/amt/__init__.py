"""Intel AMT Serial-over-LAN: the console's end of AMT's redirection protocol."""
