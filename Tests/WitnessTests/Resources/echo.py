"""Echoes TCP and UDP at port 7 of both families."""

import socket
import threading


def serve_udp(sock):
    while True:
        data, peer = sock.recvfrom(65536)
        sock.sendto(data, peer)


def serve_one(connection):
    with connection:
        while data := connection.recv(65536):
            connection.sendall(data)


def serve_tcp(sock):
    while True:
        threading.Thread(target=serve_one, args=(sock.accept()[0],), daemon=True).start()


for kind, serve in ((socket.SOCK_DGRAM, serve_udp), (socket.SOCK_STREAM, serve_tcp)):
    sock = socket.socket(socket.AF_INET6, kind)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    sock.bind(("::", 7))
    if kind == socket.SOCK_STREAM:
        sock.listen()
    threading.Thread(target=serve, args=(sock,), daemon=True).start()
print("ready", flush=True)
threading.Event().wait()
