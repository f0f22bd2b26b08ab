"""A foreign end of a protected wire: an ESP endpoint that patchbay did not write, at UDP port 4500.

conf: scapy's IPsec layer (AES-GCM with extended sequence numbers). auth: python3-cryptography by esp.py, since
Debian's scapy 2.5 has no AES-GMAC.

Words: own address, `level:spi base:queues:secret` of what comes, the same of what goes.
It answers inner ICMP and ICMPv6 echo requests and UDP to port 7, with sequence numbers of its own, which pass 2^32. For a UDP text `ask` it asks by itself: it sends `asked` to port 7 from port 99 and counts the
answers. For `forge` it sends one packet with a flipped bit, one replayed and one with a wrong high half.
A text `report` makes it print its JSON report and end.
"""

import json
import logging
import os
import socket
import struct
import sys

logging.getLogger("scapy").setLevel(logging.ERROR)
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.inet6 import ICMPv6EchoReply, ICMPv6EchoRequest, IPv6
from scapy.layers.ipsec import ESP, SecurityAssociation
from scapy.packet import Raw, raw

from esp import associations

# The first number, and the one after it. A receiver that has seen nothing takes a low half just below 2^32 for one of
# the subspace before (RFC 4303, A2.2), so the way there has a stop.
FIRST, SECOND = 1 << 31, (1 << 32) - 40


class Scapy:
    """One direction by scapy's SecurityAssociation."""

    def __init__(self, association):
        # scapy wants a tunnel's header of the inner packet's outside; only its ESP is taken, UDP is the socket's.
        self.outside = IP(src="192.0.2.2", dst="192.0.2.1")
        self.association = SecurityAssociation(
            ESP, spi=association.spi, crypt_algo="AES-GCM", crypt_key=association.key, crypt_icv_size=16,
            tunnel_header=self.outside, nat_t_header=UDP(sport=4500, dport=4500), esn_en=True, esn=0)

    def open(self, datagram):
        outside = IP(raw(self.outside / UDP(sport=4500, dport=4500) / ESP(datagram)))
        return self.association.decrypt(outside)

    def seal(self, packet, sequence):
        self.association.seq_num = sequence & 0xFFFFFFFF
        self.association.esn = sequence >> 32
        return raw(self.association.encrypt(packet)[ESP])


class ByHand:
    """One direction by python3-cryptography."""

    def __init__(self, association):
        self.association = association

    def open(self, datagram):
        next_header, packet = self.association.open(datagram)
        return {4: IP, 41: IPv6}[next_header](packet)

    def seal(self, packet, sequence):
        return self.association.seal(raw(packet), 4 if IP in packet else 41, sequence, os.urandom(8))


def ends(words):
    implementation = Scapy if words.startswith("conf") else ByHand
    return {spi: implementation(association) for spi, association in associations(words).items()}


incoming, outgoing = ends(sys.argv[2]), next(iter(ends(sys.argv[3]).values()))
family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
sock = socket.socket(family, socket.SOCK_DGRAM)
sock.bind((sys.argv[1], 4500))
seen = {"implementation": type(outgoing).__name__, "opened": 0, "refused": 0, "badChecksums": 0, "sent": 0,
        "echoes": 0, "answers": 0, "highest": 0, "lost": 0}
expected = {spi: 1 for spi in incoming}
sequence = FIRST


def send(packet, peer):
    global sequence
    datagram = outgoing.seal(packet, sequence)
    sock.sendto(datagram, peer)
    seen["sent"] += 1
    seen["highest"] = sequence
    sequence = max(sequence + 1, SECOND)
    return datagram


def has_good_checksums(packet):
    """Whether a packet is byte for byte what scapy makes of it when it computes all checksums and lengths itself."""
    again = packet.copy()
    for layer in (IP, UDP, ICMP, ICMPv6EchoRequest):
        if layer in again:
            for name in ("chksum", "cksum"):
                if name in [field.name for field in again[layer].fields_desc]:
                    again[layer].delfieldval(name)
    return raw(again) == raw(packet)


def turned(packet):
    """The network header of an answer."""
    if IP in packet:
        return IP(src=packet[IP].dst, dst=packet[IP].src)
    return IPv6(src=packet[IPv6].dst, dst=packet[IPv6].src)


print("ready", flush=True)
while True:
    datagram, peer = sock.recvfrom(65536)
    # An engine's queues send from ports of their own; all receive at 4500.
    peer = (peer[0], 4500)
    spi, low = struct.unpack("!LL", datagram[:8])
    try:
        packet = incoming[spi].open(datagram)
    except Exception as error:
        print("refused:", repr(error), flush=True)
        seen["refused"] += 1
        continue
    seen["opened"] += 1
    seen["lost"] += low - expected[spi]
    expected[spi] = low + 1
    seen["badChecksums"] += not has_good_checksums(packet)
    if ICMP in packet and packet[ICMP].type == 8:
        seen["echoes"] += 1
        request = packet[ICMP]
        send(turned(packet) / ICMP(type=0, id=request.id, seq=request.seq) / Raw(raw(request.payload)), peer)
    elif ICMPv6EchoRequest in packet:
        seen["echoes"] += 1
        request = packet[ICMPv6EchoRequest]
        send(turned(packet) / ICMPv6EchoReply(id=request.id, seq=request.seq, data=request.data), peer)
    elif UDP in packet and packet[UDP].dport == 99:
        seen["answers"] += raw(packet[UDP].payload) == b"asked"
    elif UDP in packet and packet[UDP].dport == 7:
        text = raw(packet[UDP].payload)
        back = turned(packet) / UDP(sport=7, dport=packet[UDP].sport)
        if text == b"report":
            print(json.dumps(seen), flush=True)
            break
        if text == b"ask":
            for _ in range(20):
                send(turned(packet) / UDP(sport=99, dport=7) / Raw(b"asked"), peer)
        if text == b"forge":
            good = send(back / Raw(text), peer)
            sock.sendto(good, peer)
            flipped = bytearray(outgoing.seal(back / Raw(text), sequence))
            flipped[-20] ^= 1
            sock.sendto(bytes(flipped), peer)
            sock.sendto(outgoing.seal(back / Raw(text), sequence + (1 << 32)), peer)
            sequence += 1
            continue
        send(back / Raw(text), peer)
