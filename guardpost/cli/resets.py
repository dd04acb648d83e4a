"""What the end of a channel before its end means to a person: a word, and a sentence."""

from guardpost.errors import ChannelReset, ResetCode

__all__ = ["sentence_of", "word_of"]

# For whatever the other side has left without words of its own.
SENTENCES = {
    ResetCode.CANCELLED: "the other side gave it up",
    ResetCode.REFUSED: "nothing listens there",
    ResetCode.UNREACHABLE: "the host has no way there",
    ResetCode.TIMEOUT: "it did not answer in time",
    ResetCode.NAME_NOT_FOUND: "the host knows nobody of that name",
    ResetCode.NOT_ALLOWED: "the agent does not permit this to this console's key",
    ResetCode.UNSUPPORTED: "the agent has no such service; is it of an older version?",
    ResetCode.PROTOCOL: "the two sides misunderstood each other; are both of one version?",
    ResetCode.LIMIT: "too much at once; try again when less runs",
    ResetCode.FAILED: "it failed on the host",
    ResetCode.NOT_FOUND: "there is no such thing on the host",
    ResetCode.PEER_RESET: "the far end broke the connection off",
    ResetCode.BAD_REQUEST: "the agent did not understand; is it of an older version?",
    ResetCode.LOST: "the session is over; run the command again for a new one",
    ResetCode.SUPERSEDED: "a new session of the same console key took over",
}


def word_of(error: ChannelReset) -> str:
    """The fixed word for scripts."""
    if error.code is ResetCode.LOST:
        return "line-lost"
    return error.code.name.lower().replace("_", "-")


def sentence_of(error: ChannelReset) -> str:
    return error.text or SENTENCES[error.code]
