/// The small programs that speak and listen inside endpoints; Python, since that is there on every test machine.
enum Scripts {
    /// Echoes on TCP and UDP port 7 of both families with its own name in front, and prints each datagram.
    static let listener = """
        import socket, sys, threading
        name = sys.argv[1]
        def serve_udp(sock):
            while True:
                data, peer = sock.recvfrom(65536)
                print("udp", peer[0], data[:200].decode(errors="replace"), flush=True)
                try: sock.sendto(name.encode() + b" " + data, peer)
                except OSError: pass
        def serve_one(conn):
            with conn:
                while data := conn.recv(65536): conn.sendall(name.encode() + b" " + data)
        def serve_tcp(sock):
            while True:
                conn, peer = sock.accept()
                print("tcp", peer[0], flush=True)
                threading.Thread(target=serve_one, args=(conn,), daemon=True).start()
        for family, any in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
            udp = socket.socket(family, socket.SOCK_DGRAM)
            tcp = socket.socket(family, socket.SOCK_STREAM)
            for s in (udp, tcp):
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6: s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                s.bind((any, 7))
            tcp.listen(64)
            threading.Thread(target=serve_udp, args=(udp,), daemon=True).start()
            threading.Thread(target=serve_tcp, args=(tcp,), daemon=True).start()
        print("ready", flush=True)
        threading.Event().wait()
        """

    /// Tries ping, TCP and UDP to each address at once; prints who answered as JSON. Words: seconds, addresses.
    static let reach = """
        import json, socket, subprocess, sys, threading
        limit = float(sys.argv[1]); result = {}
        def ping(a):
            return subprocess.run(["ping", "-n", "-q", "-c", "1", "-W", str(limit), a],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0
        def ask(a, kind):
            family = socket.AF_INET6 if ":" in a else socket.AF_INET
            try:
                with socket.socket(family, kind) as s:
                    s.settimeout(limit); s.connect((a, 7)); s.sendall(b"hello")
                    return s.recv(1000).decode().split(" ")[0]
            except OSError: return None
        def one(a, what, call): result[a][what] = call()
        threads = []
        for a in sys.argv[2:]:
            result[a] = {}
            for what, call in (("ping", lambda a=a: ping(a)), ("tcp", lambda a=a: ask(a, socket.SOCK_STREAM)),
                               ("udp", lambda a=a: ask(a, socket.SOCK_DGRAM))):
                threads.append(threading.Thread(target=one, args=(a, what, call)))
        for t in threads: t.start()
        for t in threads: t.join()
        print(json.dumps(result))
        """

    /// Sends one datagram to port 7. Words: address, text.
    static let datagram = """
        import socket, sys
        family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
        socket.socket(family, socket.SOCK_DGRAM).sendto(sys.argv[2].encode(), (sys.argv[1], 7))
        """

    /// Sends numbers over one TCP connection to the listener, prints how many came back, one line in 0.1 s, and at the
    /// end `whole` if every byte came back in order. Words: address, seconds.
    static let conversation = """
        import socket, sys, time
        address, limit = sys.argv[1], float(sys.argv[2])
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        s = socket.socket(family, socket.SOCK_STREAM); s.settimeout(15); s.connect((address, 7))
        end = time.time() + limit; count = 0; shown = 0
        while time.time() < end:
            text = b"n%d." % count; s.sendall(text); answer = b""
            while not answer.endswith(text): 
                part = s.recv(4096)
                if not part: sys.exit("closed")
                answer += part
            count += 1
            if time.time() - shown > 0.1: shown = time.time(); print(count, flush=True)
            time.sleep(0.002)
        print("whole", flush=True)
        """

    /// Prints each frame that comes in and is from one machine, by its MAC or one of its addresses. Words: MAC, addresses.
    static let sightings = """
        import socket, sys
        mac = bytes.fromhex(sys.argv[1].replace(":", ""))
        addresses = [socket.inet_pton(socket.AF_INET6 if ":" in a else socket.AF_INET, a) for a in sys.argv[2:]]
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)); s.bind(("eth0", 0))
        print("ready", flush=True)
        while True:
            frame, origin = s.recvfrom(65536)
            # IPv4 and IPv6 sources, and ARP's sender.
            sources = (frame[26:30], frame[22:38], frame[28:32])
            if origin[2] != 4 and (frame[6:12] == mac or any(a in sources for a in addresses)):
                print("seen", frame[:64].hex(), flush=True)
        """

    /// Sends frames made by hand. Words: a Python expression over scapy's names that yields a list of frames, device.
    static let frames = """
        import logging, socket, sys
        logging.getLogger("scapy").setLevel(logging.ERROR)
        from scapy.all import *
        from scapy.layers.vxlan import VXLAN
        conf.verb = 0
        # Built before the first is sent, so that many of them are a flood.
        frames, built = eval(sys.argv[1]), {}
        for frame in frames:
            if id(frame) not in built:
                built[id(frame)] = bytes(frame)
        print("begins", flush=True)
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
            sender.bind((sys.argv[2], 0))
            for frame in frames:
                sender.send(built[id(frame)])
        print(len(frames))
        """
}
