"""Every number of the protocol, with its unit and its reason; nothing else is a magic number."""

# --- Specification: both peers must agree on these (docs/protocol.md) -------------------
FRAME_BODY_MAX_BYTES = 16448  # 16 KiB of messages, the packet header and the tag
PACKET_HEADER_BYTES = 3
PACKET_TAG_BYTES = 16
PACKET_BODY_MAX_BYTES = FRAME_BODY_MAX_BYTES - PACKET_HEADER_BYTES - PACKET_TAG_BYTES
CONTROL_MESSAGE_MAX_BYTES = 112  # so that the smallest packet holds any of them
REPLAY_WINDOW_PACKETS = 1024
REKEY_PACKETS = 65536
CHANNEL_CREDIT_BYTES = 16384  # before the first CREDIT
CONNECTION_CREDIT_BYTES = 1 << 20  # before the first CONNECTION_CREDIT
CHANNELS_MAX = 1024
OPENING_BYTES = 1024  # of a stream before its OPEN is known to have arrived
EARLY_MESSAGES_MAX = 16384  # for channels whose OPEN is out, with 1024 x OPENING_BYTES
REQUEST_MAX_BYTES = 65536
SERVICE_NAME_MAX_BYTES = 32
TEXT_MAX_BYTES = 80
ACK_RANGES_MAX = 32
EARLY_RANGES_MAX = 1024  # of a stream that wait for an earlier byte: each is a lost packet
BLOCK_MAX_BYTES = 16384  # a compressed block on the wire
BLOCK_PLAIN_MAX_BYTES = 65536  # what it may expand to

HELLO_TRIES_SECONDS = (1.0, 2.0, 3.0)  # wait after the first, second and third hello
HELLO_WITHHOLD_SECONDS = 0.5  # how long a person's "#" may stay without echo
HELLO_BUCKET = 10  # replies the agent has in hand
HELLO_REPLIES_PER_SECOND = 2.0
LISTEN_SECONDS = 0.3
HALF_OPEN_SECONDS = 10.0
HANDSHAKE_TRIES = 4
HANDSHAKE_FIRST_SECONDS = 0.25  # plus two round trips of the hello
GUARD_SECONDS = 0.25  # a frame after this much silence gets a delimiter before it
DEAF_SECONDS = 2.0
GRACE_SECONDS = 300.0
REFRESH_SECONDS = 24 * 3600.0
PROBES_MAX = 3  # unanswered, then mute
ASK_SECONDS = 30.0
QUIET_AFTER_TEXT_SECONDS = 10.0
DEAF_SESSION_SECONDS = 75.0  # a console with channels open heard nothing: not even an agent's PING
OBSTACLE_SECONDS = 90.0  # what looks like a boot loader at rest is asked after this all the same
AGENT_PING_SECONDS = 0.75
AGENT_PING_FAST_SECONDS = 15.0
BUSY_SILENCE_SECONDS = 3.5  # the console asks: an agent would have asked four times by then

# --- Ours to tune -------------------------------------------------------------------
FRAME_MIN_BYTES = 128  # smallest packet body we make: overhead 19 %, any control message fits
FRAME_START_BYTES = 256
FRAME_INTERACTIVE_SECONDS = 0.045  # line time of one frame while somebody types
FRAME_INTERACTIVE_BYTES = 512  # 7 % overhead: on a faster line a shorter time is as cheap
FRAME_INTERACTIVE_FAST_SECONDS = 0.01
FRAME_BULK_SECONDS = 0.09  # and while nobody does
INTERACTIVE_MEMORY_SECONDS = 2.0
READ_AHEAD_SECONDS = 0.25  # of line: what a channel may hold back from the line
READ_AHEAD_MIN_BYTES = 2048
READ_AHEAD_MAX_BYTES = 256 << 10  # 5 ms of an unlimited pty
READ_AHEAD_START_BYTES = 14336  # more than goes out before the rate is known, or it never is
READ_AHEAD_RATIO_MAX = 8.0  # plain bytes for a byte of line: what follows may not shrink
WINDOW_MAX_BYTES = 4 << 20  # of one channel
GRANTED_MAX_BYTES = 24 << 20  # of all channels beyond their first credit
PROBE_MIN_SECONDS = 0.1
PROBE_FIRST_SECONDS = 0.5  # before a round trip is known
PROBE_MAX_SECONDS = 4.0
ACK_DELAY_SECONDS = 0.005  # for a small packet, in the hope of a reply to ride on
ACK_SMALL_BYTES = 200
ACK_RANGES_KEPT = 10  # a loss stays in the acks until 10 more; each costs 2 bytes an ack
CONTROL_WAITING_MAX = 8192  # answers a peer asks for and does not take: four for each channel
REKEYS_BEGUN_MAX = 16  # without one that is finished
BATCH_BYTES = 16384  # handed to the line in one call: the next is sealed while this one leaves
