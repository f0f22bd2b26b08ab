import Testing

/// The guest alone, so that a fault of QEMU or of the image is not looked for in Patchbay.
///
///     namespace pbi-plain
///     ┌───────────────────────────────────┐
///     │ pbi-tap0 10.9.0.1/24 ── guest eth0 10.9.0.2
///     └───────────────────────────────────┘
extension LabTests {
    @Suite struct GuestAlone {
        @Test(.timeLimit(.minutes(2))) func bootsAndAnswersOnAPlainTAP() async throws {
            let namespace = "pbi-plain"
            _ = try await Command(["ip", "netns", "del", namespace]).run()
            try await Command(["ip", "netns", "add", namespace]).succeed()
            let inside = ["ip", "netns", "exec", namespace]
            do {
                for words in [
                    "ip link set lo up", "ip tuntap add pbi-tap0 mode tap vnet_hdr",

                    "ip address add 10.9.0.1/24 dev pbi-tap0", "ip link set pbi-tap0 up",
                ] {
                    try await Command(inside + words.split(separator: " ").map(String.init)).succeed()
                }
                let image = try await GuestImage.make()
                let guest = try await Guest.boot(image, prefix: inside, tap: "pbi-tap0", mac: "52:54:00:00:09:02")
                try await guest.succeed("ip link set eth0 up && ip address add 10.9.0.2/24 dev eth0")
                let ping = try await guest.succeed("ping -c 2 -W 2 10.9.0.1")
                #expect(ping.output.contains(" 0% packet loss"), "\(ping)")
                let failing = try await guest.run("exit 3")
                #expect(failing.status == 3)

                let server = try await transferServer(inside)
                let transfer = try await guest.run("iperf3 -c 10.9.0.1 -t 1 -f m", seconds: 20)
                #expect(transfer.succeeded && transfer.output.contains("receiver"), "\(transfer)")
                await server.stop()
                await guest.powerOff()
                #expect(!guest.isRunning)
            } catch {
                _ = try await Command(["ip", "netns", "del", namespace]).run()
                throw error
            }
            try await Command(["ip", "netns", "del", namespace]).succeed()
        }
    }
}
