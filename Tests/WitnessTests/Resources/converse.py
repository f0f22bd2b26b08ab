"""Talks to the echo at port 7 of an address. Words: address, sizes of datagrams with commas, bytes by TCP."""

import random
import socket
import sys
import threading

address, sizes, count = sys.argv[1], [int(word) for word in sys.argv[2].split(",") if word], int(sys.argv[3])
family = socket.AF_INET6 if ":" in address else socket.AF_INET
with socket.socket(family, socket.SOCK_DGRAM) as udp:
    udp.settimeout(5)
    udp.connect((address, 7))
    for size in sizes:
        text = random.randbytes(size)
        udp.send(text)
        answer = udp.recv(65536)
        assert answer == text, f"{size} bytes went, {len(answer)} came and differ"
if count:
    with socket.create_connection((address, 7), timeout=15) as tcp:
        text = random.randbytes(count)
        thread = threading.Thread(target=tcp.sendall, args=(text,))
        thread.start()
        answer = b""
        while len(answer) < count and (part := tcp.recv(65536)):
            answer += part
        thread.join()
        assert answer == text, f"{count} bytes went, {len(answer)} came"
print("whole")
