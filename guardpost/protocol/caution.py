"""What a console must not type a hello into: boot loaders that any key stops, password prompts."""

import re

__all__ = ["cautious_about"]

_OBSTACLES: tuple[tuple[re.Pattern[bytes], str], ...] = (
    (re.compile(rb"(?i)(hit|press) (any|a) key[^\r\n]*\s*$"), "a boot loader that waits for a key"),
    (re.compile(rb"(?i)autoboot[^\r\n]*\s*$"), "a boot loader that counts down"),
    (re.compile(rb"(?i)(grub>|grub rescue>|=> ?|U-Boot> ?)\s*$"), "a boot loader's prompt"),
    (re.compile(rb"(?i)GNU GRUB[^\0]*$"), "a boot menu"),
    (re.compile(rb"(?i)(password|passphrase)[^\r\n]{0,40}: ?$"), "a password prompt"),
)


def cautious_about(heard: bytes) -> str | None:
    """What the last text on the line shows that forbids a hello, or None."""
    for pattern, what in _OBSTACLES:
        if pattern.search(heard):
            return what
    return None
