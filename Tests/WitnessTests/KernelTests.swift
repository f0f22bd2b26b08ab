import CryptProtocol
import Foundation
import Glibc
import LinuxKit
import Testing

/// An engine talks to the ESP of a Linux kernel (xfrm, espinudp) in a guest under QEMU.
///
///     pbE-a                                    guest
///     10.9.0.1 ─ engine ─ 192.0.2.1 ─ TAP ─ 192.0.2.2 ─ xfrm ─ 10.9.0.2
extension WitnessTests {
    @Test(.timeLimit(.minutes(2)), arguments: [Protection.conf, .auth], [false, true])
    func `The Linux kernel's ESP speaks with the engine`(_ protection: Protection, _ overIPv6: Bool) throws {
        let a = try Host("pbE-a", number: 1)
        try run("ip -n pbE-a tuntap add under mode tap vnet_hdr")
        try a.bringUpUnderlay(offloads: true)
        let there = Keys(spiBase: 4_096, protection)
        let back = Keys(spiBase: 8_192, protection)
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("pbE-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let guest = try boot(a, folder, setup: setup(there, back, overIPv6: overIPv6))
        var isWhole = false
        defer { if !isWhole { print((try? guest.text) ?? "", (try? a.log) ?? "") } }
        try a.startEngine(far: 2)
        try a.receives(back, senderQueues: 1)
        try a.sends(there, to: 2, overIPv6: overIPv6)
        let echo = try a.echo()
        try guest.wait(for: "GUEST-READY", seconds: 60)
        let booted = try guest.text
        #expect(!booted.contains("GUEST-FAILED"))

        for address in ["10.9.0.2", "fd09::2"] {
            try a.ping(address, count: 5, bytes: 56)
            try a.ping(address, count: 5, bytes: 1_300)
            try a.converse(
                with: address, udp: [1, 2, 3, 4, 5, 6, 7, 8, 9, 100, 1_000, 1_300], tcp: 100_000)
        }
        // The guest asks by itself: pings and datagrams of its own.
        let answer = try run(a.inside + (try python("say")) + ["10.9.0.2", "ask", "20"])
        #expect(answer.contains("1"))
        let asked = try guest.text
        #expect(asked.contains("GUEST-ASKED"))
        withExtendedLifetime(echo) {}

        let sent = try a.counters(.transmit)
        let came = try a.counters(.receive)
        #expect(sent.packets > 150 && came.packets > 150)
        #expect(came.forged == 0 && came.replayed == 0, "\(came)")
        _ = try? run(a.inside + (try python("say")) + ["10.9.0.2", "report", "1"])
        try guest.wait(for: "GUEST-END", seconds: 10)
        let state = try guest.text
        // What the kernel counted: every packet of ours and no error of any kind.
        let opened = state.contains(", \(sent.packets + 1)(packets)")
        #expect(opened, "the kernel opened all that the engine sent, \(sent.packets) and the last word")
        #expect(state.contains(", \(came.packets)(packets)"), "the engine opened all that the kernel sent")
        #expect(state.contains("anti-replay esn context"))
        let counts = state.split(whereSeparator: \.isNewline).filter { $0.hasPrefix("Xfrm") }
        #expect(counts.count > 20)
        for line in counts { #expect(line.split(whereSeparator: \.isWhitespace).last == "0", "\(line)") }
        isWhole = true
        print("\(protection) over IPv\(overIPv6 ? 6 : 4): engine sent \(sent.packets), kernel sent \(came.packets)")
    }

    /// The guest's lines that make it an ESP endpoint with the test's keys.
    private func setup(_ there: Keys, _ back: Keys, overIPv6: Bool) throws -> String {
        let (near, far) = (try Host.underlay(2, isIPv6: overIPv6), try Host.underlay(1, isIPv6: overIPv6))
        let algorithm = there.protection == .conf ? "rfc4106(gcm(aes))" : "rfc4543(gcm(aes))"
        func state(_ source: some Any, _ target: some Any, _ keys: Keys) throws -> String {
            """
            /bin/ip xfrm state add src \(source) dst \(target) proto esp spi \(keys.spiBase) reqid 1 mode tunnel \
            aead '\(algorithm)' 0x\(try keys.packetKey(queue: 0)) 128 replay-window 128 flag af-unspec esn \
            encap espinudp 4500 4500 \(overIPv6 ? "::" : "0.0.0.0")
            """
        }
        var lines = [
            "/bin/ip address add 192.0.2.2/24 dev eth0", "/bin/ip address add 2001:db8::2/64 dev eth0 nodad",
            "/bin/ip link set eth0 up", "/bin/ip address add 10.9.0.2/32 dev lo",
            "/bin/ip address add fd09::2/128 dev lo nodad",
            "/bin/ip route add 10.9.0.1 via 192.0.2.1 src 10.9.0.2",
            "/bin/ip route add fd09::1 via 2001:db8::1 src fd09::2",
            try state(near, far, back), try state(far, near, there),
        ]
        for (local, remote) in [("10.9.0.2/32", "10.9.0.1/32"), ("fd09::2/128", "fd09::1/128")] {
            lines += [
                "/bin/ip xfrm policy add src \(local) dst \(remote) dir out "
                    + "tmpl src \(near) dst \(far) proto esp reqid 1 mode tunnel",
                "/bin/ip xfrm policy add src \(remote) dst \(local) dir in "
                    + "tmpl src \(far) dst \(near) proto esp reqid 1 mode tunnel",
            ]
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static let ask = """
        ping -c 5 -i 0.1 -W 5 10.9.0.1
        ping -c 5 -i 0.1 -W 5 -s 1300 10.9.0.1
        ping -c 5 -i 0.1 -W 5 fd09::1
        perl /guest-ask.pl 0a090001 fd090000000000000000000000000001

        """

    /// Starts the guest. tcg always: `/dev/kvm` may open and then hang the guest; QEMU 7.2 aborts without
    /// `vhost=off` where /dev/vhost-net is missing.
    private func boot(_ host: Host, _ folder: URL, setup: String) throws -> Background {
        let files = folder.appendingPathComponent("files")
        try FileManager.default.createDirectory(at: files, withIntermediateDirectories: true)
        try Data(setup.utf8).write(to: files.appendingPathComponent("setup"))
        try Data(Self.ask.utf8).write(to: files.appendingPathComponent("ask"))
        for (name, kind, target) in [
            ("guest-init", "sh", "init"), ("guest", "pl", "guest.pl"), ("guest-ask", "pl", "guest-ask.pl"),
        ] {
            try FileManager.default.copyItem(
                at: try resource(name, kind), to: files.appendingPathComponent(target))
        }
        let cache =
            ProcessInfo.processInfo.environment["PATCHBAY_GUEST_CACHE"]
            ?? FileManager.default.temporaryDirectory.appendingPathComponent("pbi-guest-cache").path
        let image = folder.appendingPathComponent("initramfs.cpio").path
        let script = try resource("guest-image", "sh").path
        let printed = try run(["sh", script, cache, image, files.path], seconds: 120)
        let kernel = try #require(printed.split(separator: "\n").last.map(String.init))
        return try Background(
            host.inside + [
                "qemu-system-x86_64", "-M", "q35", "-accel", "tcg", "-cpu", "max", "-smp", "1", "-m", "256",
                "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-monitor", "none",
                "-serial", "stdio", "-kernel", kernel, "-initrd", image,
                "-append", "console=ttyS0 quiet loglevel=1 panic=-1 net.ifnames=0",
                "-netdev", "tap,id=n0,ifname=under,script=no,downscript=no,vhost=off",
                "-device", "virtio-net-pci,netdev=n0,mac=52:54:00:00:02:02,romfile=",
            ])
    }
}
