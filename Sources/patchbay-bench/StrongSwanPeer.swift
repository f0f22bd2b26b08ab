import Foundation
import NetTypes

/// strongSwan's `charon` with the plugin kernel-libipsec: ESP in UDP by a process, as with us.
///
/// The build for systemd is used because two of it may run on a machine; the other insists on one file of its pid.
struct StrongSwanPeer: PeerProgram {
    let programs = ["charon-systemd", "swanctl"]

    func start(_ site: PeerSite) throws -> [Running] {
        let secret = UInt64.random(in: .min ... .max)
        let processes = try (0..<2).map { host in
            try Command.script(
                in: site.hosts[host],
                ["ip -6 addr add \(ownAddress(site, host))/128 dev \(Platform.underlayDevice) nodad"])
            try site.write("h\(host).conf", daemon(site, host))
            try site.write("h\(host).swanctl", connection(site, host, secret))
            let process = try site.run(
                host, ["charon-systemd"], environment: ["STRONGSWAN_CONF=\(site.path("h\(host).conf"))"])
            let end = Date().addingTimeInterval(5)
            while !FileManager.default.fileExists(atPath: site.path("h\(host).vici")) {
                guard try !process.hasEnded(), Date() < end else { throw try process.failure("made no socket") }
                Thread.sleep(forTimeInterval: 0.02)
            }
            try site.bringUp(host, of: process)
            return process
        }
        for host in 0..<2 { try control(site, host, "--load-all --file \(site.path("h\(host).swanctl"))") }
        try control(site, 0, "--initiate --child wire --timeout 10")
        return processes
    }

    /// The plugin insists on an address of the host's own in what the host's endpoint may send from: the one beside it.
    private func ownAddress(_ site: PeerSite, _ host: Int) -> IPv6Address {
        IPv6Address(site.identities[host].address.value ^ 1)
    }

    private func control(_ site: PeerSite, _ host: Int, _ words: String) throws {
        try Command.script(
            in: site.hosts[host],
            [
                "STRONGSWAN_CONF=\(site.path("h\(host).conf")) swanctl \(words) --uri unix://\(site.path("h\(host).vici"))"
            ])
    }

    private func daemon(_ site: PeerSite, _ host: Int) -> String {
        """
        charon-systemd {
          load = random nonce openssl aes gcm sha2 hmac kdf curve25519 socket-default kernel-libipsec kernel-netlink vici
          interfaces_use = \(Platform.underlayDevice)
          plugins {
            vici { socket = unix://\(site.path("h\(host).vici")) }
            kernel-libipsec { allow_peer_ts = yes }
          }
          journal { default = -1 }
        }
        swanctl { load = random nonce openssl }
        """
    }

    private func connection(_ site: PeerSite, _ host: Int, _ secret: UInt64) -> String {
        """
        connections {
          wire {
            version = 2
            local_addrs = \(site.locator(host))
            remote_addrs = \(site.locator(1 - host))
            encap = yes
            proposals = aes128gcm16-sha256-x25519
            local { auth = psk
              id = h\(host) }
            remote { auth = psk
              id = h\(1 - host) }
            children {
              wire {
                local_ts = \(site.identities[host])/127
                remote_ts = \(site.identities[1 - host])/127
                esp_proposals = aes128gcm16
              }
            }
          }
        }
        secrets { ike { secret = "\(secret)" } }
        """
    }
}
