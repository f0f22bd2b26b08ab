#!/usr/bin/env python3
"""Writes esp-vectors.json: whole ESP packets by scapy's IPsec layer, an implementation that is not ours.

    python3 -m venv venv && venv/bin/pip install scapy cryptography && venv/bin/python make-esp-vectors.py > esp-vectors.json

Each: level, key (16 bytes of key, 4 of salt), SPI, the 64-bit sequence number, next header, the inner packet, and the
UDP payload that carries it: SPI, sequence number, vector, sealed bytes, tag.
"""
import json
import random

from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt, ICMPv6EchoRequest
from scapy.layers.ipsec import ESP, SecurityAssociation
from scapy.packet import Raw

random.seed(4303)
ALGORITHM = {"conf": "AES-GCM", "auth": "AES-NULL-GMAC"}


def inner_packets():
    v4 = dict(src="10.7.0.1", dst="10.7.0.2", ttl=64, flags="DF")
    v6 = dict(src="fd7a:1::1", dst="fd7a:1::2", hlim=64)
    for count in (0, 1, 2, 3, 4, 15, 16, 17, 64, 500, 1200, 1398):
        data = bytes(random.randrange(256) for _ in range(count))
        yield f"v4 udp {count}", IP(id=count, **v4) / UDP(sport=5000, dport=53) / Raw(data)
        yield f"v6 tcp {count}", IPv6(fl=0x12345, **v6) / TCP(
            sport=40000, dport=443, seq=0xFFFFFFF0, ack=7, flags="PA", options=[("Timestamp", (1, 2))]) / Raw(data)
    yield "v4 icmp", IP(**v4) / ICMP(id=1, seq=2) / Raw(b"abcdefgh")
    yield "v6 icmp", IPv6(**v6) / ICMPv6EchoRequest(data=b"abcdefgh")
    yield "v6 options", IPv6(**v6) / IPv6ExtHdrDestOpt() / UDP(sport=1, dport=2) / Raw(b"options")
    yield "v4 jumbo", IP(id=9, **v4) / UDP(sport=5000, dport=53) / Raw(bytes(8_900))


def vectors():
    # Not 2**32: scapy takes a low half of zero for none given.
    sequences = [1, 2, 4096, 2**32 - 1, 2**32 + 1, 2**32 + 2, 2**33 + 5, 2**63 + 9, 2**64 - 1]
    for level, algorithm in ALGORITHM.items():
        for number, (name, packet) in enumerate(inner_packets()):
            key = bytes(random.randrange(256) for _ in range(20))
            sequence = sequences[number % len(sequences)]
            spi = random.randrange(256, 2**32)
            v4 = packet.version == 4
            outer = IP(src="192.0.2.1", dst="192.0.2.2")
            association = SecurityAssociation(
                ESP, spi=spi, crypt_algo=algorithm, crypt_key=key, tunnel_header=outer,
                nat_t_header=UDP(sport=4500, dport=4500), esn_en=True, esn=sequence >> 32)
            plain = packet.__class__(bytes(packet))
            sealed = association.encrypt(
                plain, seq_num=sequence & 0xFFFFFFFF, iv=sequence.to_bytes(8, "big"), esn_en=True, esn=sequence >> 32)
            yield {
                "name": f"{level} {name}", "level": level, "key": key.hex(), "spi": spi, "sequence": str(sequence),
                "next": 4 if v4 else 41, "inner": bytes(packet).hex(), "packet": bytes(sealed[UDP].payload).hex(),
            }


print("[\n" + ",\n".join(json.dumps(vector) for vector in vectors()) + "\n]")
