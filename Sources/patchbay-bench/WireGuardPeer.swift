/// `wireguard-go`, the implementation of WireGuard in user space.
struct WireGuardPeer: PeerProgram {
    let programs = ["wireguard-go", "wg"]

    func start(_ site: PeerSite) throws -> [Running] {
        let keys = try (0..<2).map { host in
            let key = try Command.run(["wg", "genkey"])
            try site.write("key\(host)", key)
            let shown = try Command.script(["wg pubkey <\(site.path("key\(host)"))"])
            return String(shown.split(separator: "\n").first ?? "")
        }
        return try (0..<2).map { host in
            let process = try site.run(
                host, ["wireguard-go", "--foreground", site.device(host)], environment: ["LOG_LEVEL=error"])
            try site.bringUp(host, of: process)
            try Command.script(
                in: site.hosts[host],
                [
                    "wg set \(site.device(host)) listen-port 51820 private-key \(site.path("key\(host)"))"
                        + " peer \(keys[1 - host]) endpoint \(site.locator(1 - host)):51820"
                        + " allowed-ips \(site.identities[1 - host])/128"
                ])
            return process
        }
    }
}
