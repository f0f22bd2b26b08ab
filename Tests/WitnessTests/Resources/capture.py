"""Checks a capture's ESP with python3-cryptography, which was told the secrets, and writes the inner packets.

Words: capture, file for the inner packets, then `level:spi base:queues:secret` for each direction.
Prints a JSON array with an object for each SPI that was seen.
"""

import json
import logging
import struct
import sys

logging.getLogger("scapy").setLevel(logging.ERROR)
from cryptography.exceptions import InvalidTag
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.utils import RawPcapReader, RawPcapWriter

from esp import associations

known = {}
for words in sys.argv[3:]:
    known.update(associations(words))
seen = {}
capture = RawPcapReader(sys.argv[1])
inner = RawPcapWriter(sys.argv[2], linktype=101)
inner.write_header(None)
for frame, _ in capture:
    frame = Ether(frame)
    ip = frame[IP] if IP in frame else frame[IPv6]
    datagram = bytes(ip[UDP].payload)[:ip[UDP].len - 8]
    spi, sequence = struct.unpack("!LL", datagram[:8])
    row = seen.setdefault(spi, {"spi": spi, "packets": 0, "good": 0, "bad": 0, "next": 1, "gaps": 0,
                                "counterIVs": 0, "v4": 0, "v6": 0, "fragments": 0})
    row["packets"] += 1
    row["fragments"] += 1 if IP in frame and (ip.flags.MF or ip.frag) else 0
    row["gaps"] += sequence != row["next"]
    row["next"] = sequence + 1
    row["counterIVs"] += datagram[8:16] == struct.pack("!Q", sequence)
    try:
        next_header, packet = known[spi].open(datagram)
    except (InvalidTag, KeyError, AssertionError) as error:
        row["bad"] += 1
        print("bad:", repr(error))
        continue
    row["good"] += 1
    row["v4"] += next_header == 4
    row["v6"] += next_header == 41
    inner.write_packet(packet, sec=0, usec=0)
inner.close()
print(json.dumps(list(seen.values())))
