"""Other ways over a serial line, and guardpost, all asked the same on the same simulated line.

python -m bench.peers [--quick] [NAME ...]
"""

from bench.peers.gensio import GENSIO, GENSIO_MUX
from bench.peers.guardpost import GUARDPOST
from bench.peers.peer import Peer
from bench.peers.ppp import PPP_296, PPP_1500
from bench.peers.raw import RAW
from bench.peers.ssh import SCP, SSH
from bench.peers.zmodem import ZMODEM_1K, ZMODEM_8K

__all__ = ["PEERS"]

PEERS: dict[str, Peer] = {
    peer.name: peer
    for peer in (
        *(GUARDPOST, RAW, ZMODEM_1K, ZMODEM_8K, SCP, SSH, GENSIO, GENSIO_MUX, PPP_1500, PPP_296),
    )
}
