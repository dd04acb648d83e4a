"""The asyncio shells around guardpost.protocol: the only readers of a clock for it."""
