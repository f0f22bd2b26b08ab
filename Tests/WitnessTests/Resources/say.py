"""Sends one datagram to port 7 of an address from port 1234 and prints how many come back.

Words: address, text, seconds to wait for the first (default 1).
"""

import socket
import sys

with socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM) as udp:
    udp.bind(("", 1234))
    udp.connect((sys.argv[1], 7))
    udp.settimeout(float(sys.argv[3]) if len(sys.argv) > 3 else 1)
    udp.send(sys.argv[2].encode())
    count = 0
    try:
        while udp.recv(65536) == sys.argv[2].encode():
            count += 1
            udp.settimeout(1)
    except TimeoutError:
        pass
    print(count)
