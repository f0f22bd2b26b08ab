/// `openvpn`, point to point, with TLS, AES-128-GCM, and its own code instead of a kernel module's.
struct OpenVPNPeer: PeerProgram {
    let programs = ["openvpn", "openssl"]

    func start(_ site: PeerSite) throws -> [Running] {
        let fingerprints = try (0..<2).map { host in
            let shown = try Command.script([
                "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=h\(host)"
                    + " -keyout \(site.path("h\(host).key")) -out \(site.path("h\(host).crt")) 2>/dev/null",
                "openssl x509 -in \(site.path("h\(host).crt")) -noout -fingerprint -sha256",
            ])
            return shown.split(separator: "=").last.map { $0.split(separator: "\n").joined() } ?? ""
        }
        return try (0..<2).map { host in
            let process = try site.run(
                host,
                [
                    "openvpn", "--dev", site.device(host), "--dev-type", "tun", "--proto", "udp", "--fast-io",
                    "--disable-dco", "--tun-mtu", "\(Platform.endpointMTU)", "--mssfix", "0", "--txqueuelen", "1000",
                    "--data-ciphers", "AES-128-GCM", "--verb", "1", "--key", site.path("h\(host).key"),
                    "--cert", site.path("h\(host).crt"), "--peer-fingerprint", fingerprints[1 - host],
                    "--remote", site.locator(1 - host), "1194",
                ] + (host == 0 ? ["--tls-server", "--dh", "none"] : ["--tls-client"]))
            try site.bringUp(host, of: process)
            return process
        }
    }
}
