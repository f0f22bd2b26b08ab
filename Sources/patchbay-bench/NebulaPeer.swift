/// `nebula`, with AES-256-GCM as its default is. It carries IPv4 only; the endpoints are behind it as `unsafe_routes`.
struct NebulaPeer: PeerProgram {
    let programs = ["nebula", "nebula-cert"]

    func start(_ site: PeerSite) throws -> [Running] {
        let ca = "-ca-crt \(site.path("ca.crt")) -ca-key \(site.path("ca.key"))"
        try Command.script(
            ["nebula-cert ca -name bench -out-crt \(site.path("ca.crt")) -out-key \(site.path("ca.key"))"]
                + (0..<2).map { host in
                    "nebula-cert sign \(ca) -name h\(host) -ip \(Self.address(host))/24"
                        + " -subnets \(Platform.endpointIPv4(host + 1))/32"
                        + " -out-crt \(site.path("h\(host).crt")) -out-key \(site.path("h\(host).key"))"
                })
        return try (0..<2).map { host in
            try site.write("h\(host).yml", configuration(site, host))
            let process = try site.run(host, ["nebula", "-config", site.path("h\(host).yml")])
            try site.bringUp(host, of: process)
            return process
        }
    }

    private static func address(_ host: Int) -> String { "10.97.0.\(host + 1)" }

    private func configuration(_ site: PeerSite, _ host: Int) -> String {
        let (own, other) = (host, 1 - host)
        return """
            pki: {ca: \(site.path("ca.crt")), cert: \(site.path("h\(own).crt")), key: \(site.path("h\(own).key"))}
            static_host_map: {"\(Self.address(other))": ["\(site.locator(other)):4242"]}
            lighthouse: {am_lighthouse: false, hosts: []}
            listen: {host: \(site.locator(own)), port: 4242}
            cipher: aes
            logging: {level: warning, format: text}
            tun:
              dev: \(site.device(own))
              mtu: \(Platform.endpointMTU)
              unsafe_routes: [{route: \(Platform.endpointIPv4(other + 1))/32, via: \(Self.address(other))}]
            firewall:
              outbound: [{port: any, proto: any, host: any}]
              inbound: [{port: any, proto: any, host: any}]
            """
    }
}
