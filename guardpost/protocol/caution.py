"""What a console must not type a hello into: boot loaders that any key stops, password prompts."""

import re

__all__ = ["HEARD_BYTES", "cautious_about"]

HEARD_BYTES = 400  # of the last text, to recognise what it is

_OBSTACLES: tuple[tuple[re.Pattern[bytes], str], ...] = (
    (re.compile(rb"(?i)(hit|press) (any|a) key[^\r\n]*\s*$"), "a boot loader that waits for a key"),
    (re.compile(rb"(?i)autoboot[^\r\n]*\s*$"), "a boot loader that counts down"),
    (re.compile(rb"(?i)(grub>|grub rescue>|=> ?|U-Boot> ?)\s*$"), "a boot loader's prompt"),
    # Until it says what it loads, or something later speaks.
    (re.compile(rb"GNU GRUB(?!(?s:.*)(Loading |Booting |login:|Linux version))"), "a boot menu"),
    (re.compile(rb"(?i)(password|passphrase)[^\r\n]{0,40}: ?$"), "a password prompt"),
)


def cautious_about(heard: bytes) -> str | None:
    """What the last text on the line shows that forbids a hello, or None."""
    for pattern, what in _OBSTACLES:
        if pattern.search(heard):
            return what
    return None
