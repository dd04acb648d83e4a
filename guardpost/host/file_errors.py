"""What went wrong with a file, as a fixed word and a sentence."""

import errno
import os

from guardpost.errors import GuardpostError, ServiceError

__all__ = ["FileFailure", "failure_of"]

_WORDS = {
    errno.ENOENT: "no-such-file",
    errno.EACCES: "permission",
    errno.EPERM: "permission",
    errno.ENOSPC: "disk-full",
    errno.EDQUOT: "disk-full",
    errno.EFBIG: "too-large",
    errno.EROFS: "read-only",
    errno.EISDIR: "is-a-folder",
    errno.ENOTDIR: "not-a-folder",
    errno.ENOTEMPTY: "is-a-folder",
    errno.EEXIST: "exists",
    errno.ELOOP: "link-in-the-way",
    errno.ENAMETOOLONG: "name-too-long",
    errno.EIO: "disk-error",
    errno.EMFILE: "too-many-open-files",
    errno.ENFILE: "too-many-open-files",
}


class FileFailure(ServiceError):
    """One file could not be copied; the others can."""

    def __init__(self, word: str, text: str) -> None:
        super().__init__(text)
        self.word = word


def failure_of(error: Exception) -> FileFailure:
    """The same for an OSError, and for any error of ours."""
    if isinstance(error, FileFailure):
        return error
    if isinstance(error, GuardpostError):
        return FileFailure(error.word, str(error))
    if isinstance(error, OSError):
        text = os.strerror(error.errno) if error.errno else str(error)
        return FileFailure(_WORDS.get(error.errno or 0, "system"), text)
    raise error
