/// `tincd` in router mode, with the cipher and digest that are its defaults.
struct TincPeer: PeerProgram {
    let programs = ["tincd", "openssl"]

    func start(_ site: PeerSite) throws -> [Running] {
        for host in 0..<2 {
            let directory = "h\(host)"
            try site.write(
                "\(directory)/tinc.conf",
                """
                Name = h\(host)
                DeviceType = tun
                Interface = \(site.device(host))
                AddressFamily = ipv4
                BindToAddress = \(site.locator(host))
                PrivateKeyFile = \(site.path("\(directory)/rsa_key.priv"))
                \(host == 1 ? "ConnectTo = h0" : "")
                """)
            let key = site.path("\(directory)/rsa_key.priv")
            try Command.script(["openssl genrsa -traditional -out \(key) 2048"])
            let shown = try Command.script(["openssl rsa -in \(key) -RSAPublicKey_out"])
            for holder in 0..<2 {
                try site.write(
                    "h\(holder)/hosts/h\(host)",
                    """
                    Address = \(site.locator(host))
                    Subnet = \(site.identities[host])/128
                    \(shown)
                    """)
            }
        }
        return try (0..<2).map { host in
            let process = try site.run(
                host,
                ["tincd", "-c", site.path("h\(host)"), "-D", "-d1", "--pidfile=\(site.path("h\(host).pid"))"])
            try site.bringUp(host, of: process)
            return process
        }
    }

    /// Until it knows the path's MTU, which takes it seconds, it sends large packets by TCP.
    func hasSettled(_ site: PeerSite, send: () throws -> Void) throws -> Bool {
        let before = try sentSegments(site)
        try send()
        return try sentSegments(site) == before
    }

    private func sentSegments(_ site: PeerSite) throws -> Substring {
        let text = try Command.run(Command.inside(site.hosts[0]) + ["cat", "/proc/net/snmp"])
        let line = text.split(separator: "\n").last { $0.hasPrefix("Tcp:") } ?? ""
        let numbers = line.split(separator: " ")
        guard numbers.count > 11 else { throw BenchError("/proc/net/snmp is not understood: \(line)") }
        return numbers[11]
    }
}
