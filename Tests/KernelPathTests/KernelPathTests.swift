import Foundation
import KernelPath
import LinuxKit
import NetTypes
import Testing

/// Real packets through real namespaces; root is needed, and without it every test fails.
@Suite(.serialized) struct KernelPathTests {
    // MARK: Wires

    @Test("both families over an underlay of either family", arguments: [false, true])
    func remote(overIPv6: Bool) throws {
        let hosts = try TwoHosts(overIPv6: overIPv6)
        let (e1, e2) = (hosts.e1, hosts.e2)
        #expect(try !ping(e1, "\(e2.identity)"), "nothing passes before it is plugged")
        let label = try hosts.plug(e1, to: e2)
        try hosts.plug(e2, to: e1)
        #expect(try ping(e1, "\(e2.identity)", count: 3))
        #expect(try ping(e1, "\(e2.ipv4)", count: 2))
        #expect(try ping(e2, "\(e1.identity)"))

        let sent = try #require(hosts.a.path.sendCounters(port: e1.device, destination: e2.identity.address))
        #expect(sent == WireCounters(packets: 4, bytes: 4 * (40 + 8 + 56)))
        let received = try #require(hosts.b.path.receiveCounters(locator: hosts.a.locator, label: label))
        #expect(received == WireCounters(packets: 6, bytes: 4 * (40 + 8 + 56) + 2 * (20 + 8 + 56)))
        #expect(!(try ping(hosts.e3, "\(e2.identity)")), "another endpoint of the same host has no wire")
    }

    @Test("a local wire") func local() throws {
        let hosts = try TwoHosts()
        try hosts.plug(hosts.e1, to: hosts.e3)
        #expect(try !ping(hosts.e1, "\(hosts.e3.identity)"), "there is no way back yet")
        try hosts.plug(hosts.e3, to: hosts.e1)
        #expect(try ping(hosts.e1, "\(hosts.e3.identity)"))
        #expect(try ping(hosts.e1, "\(hosts.e3.ipv4)"))
        // A wire whose other end is another endpoint than its destination carries nothing.
        try hosts.a.path.plugSend(
            port: hosts.e1.device, destination: hosts.e2.identity.address, to: .local(port: hosts.e3.device))
        #expect(try !ping(hosts.e1, "\(hosts.e2.identity)"))
        #expect(try hosts.a.drops(hosts.e1, .innerDestination) == 1)
    }

    @Test("unplugging either end cuts a wire at once") func unplug() throws {
        let hosts = try TwoHosts()
        let (e1, e2) = (hosts.e1, hosts.e2)
        let there = try hosts.plug(e1, to: e2)
        let back = try hosts.plug(e2, to: e1)
        #expect(try ping(e1, "\(e2.identity)"))
        let final = hosts.a.path.unplugSend(port: e1.device, destination: e2.identity.address)
        #expect(final?.packets == 1)
        #expect(hosts.a.path.unplugSend(port: e1.device, destination: e2.identity.address) == nil)
        #expect(try !ping(e1, "\(e2.identity)"))
        #expect(try ping(e1, "\(e2.ipv4)"), "the wire of the other family is another entry")
        #expect(hosts.b.path.unplugReceive(locator: hosts.a.locator, label: there)?.packets == 2)
        #expect(try !ping(e1, "\(e2.ipv4)"))
        #expect(hosts.b.count(.unknownLabel) == 1)
        #expect(hosts.a.path.unplugReceive(locator: hosts.b.locator, label: back) != nil)
    }

    @Test("a one-way wire has no reverse direction") func oneWay() throws {
        let hosts = try TwoHosts()
        let (e1, e2) = (hosts.e1, hosts.e2)
        let label = try hosts.plug(e1, to: e2)
        #expect(try !ping(e1, "\(e2.identity)", count: 3))
        #expect(hosts.b.path.receiveCounters(locator: hosts.a.locator, label: label)?.packets == 3)
        #expect(try hosts.a.path.receiveWires().isEmpty)
        #expect(try hosts.b.path.sendWires().isEmpty)
        #expect(try hosts.b.drops(e2, .noWire) >= 3, "the replies met no wire")
    }

    // MARK: Checks at the port

    @Test("a sender that is not who it says is dropped and counted") func sourceCheck() throws {
        let hosts = try TwoHosts()
        let (e1, e2) = (hosts.e1, hosts.e2)
        let label = try hosts.plug(e1, to: e2)
        let good = ipv6(e1.identity.address, e2.identity.address, 17, udp(8))
        let other = hosts.e3
        let frames: [([UInt8], DropReason)] = [
            (ethernet(other.mac, e2.mac, 0x86dd, good), .source),
            (ethernet(e1.mac, e2.mac, 0x86dd, ipv6(other.identity.address, e2.identity.address, 17, udp(8))), .source),
            (ethernet(e1.mac, e2.mac, 0x0800, ipv4(other.ipv4, e2.ipv4, 17, udp(8))), .source),
            (ethernet(e1.mac, e2.mac, 0x0800, ipv4(IPv4Address(0), e2.ipv4, 17, udp(8))), .source),
            (arp(1, e1.mac, other.ipv4, e2.ipv4), .source),
            (ethernet(e1.mac, e2.mac, 0x88b5, good), .ethertype),
            (ethernet(e1.mac, e2.mac, 0x8100, [0, 5, 0x86, 0xdd] + good), .ethertype),
            (
                ethernet(e1.mac, .broadcast, 0x0800, ipv4(e1.ipv4, IPv4Address(255, 255, 255, 255), 17, udp(8))),
                .multicast
            ),
            (
                ethernet(
                    e1.mac, .broadcast, 0x86dd,
                    ipv6(e1.identity.address, try IPv6Address(parsing: "ff02::fb"), 17, udp(8))), .multicast
            ),
            (ethernet(e1.mac, e2.mac, 0x86dd, Array(good.prefix(30))), .malformed),
            (ethernet(e1.mac, e2.mac, 0x86dd, [0x45] + good.dropFirst()), .malformed),
            (ethernet(e1.mac, e2.mac, 0x0800, [0x41] + ipv4(e1.ipv4, e2.ipv4, 17, udp(8)).dropFirst()), .malformed),
            (
                ethernet(
                    e1.mac, e2.mac, 0x86dd,
                    ipv6(
                        e1.identity.address, e2.identity.address, 0,
                        [0, 0, 1, 4, 0, 0, 0, 0]
                    ).dropLast(6)), .malformed
            ),
        ]
        for (index, (frame, reason)) in frames.enumerated() {
            let before = try hosts.a.drops(e1, reason)
            try hosts.inject(frame, at: e1)
            #expect(try hosts.a.drops(e1, reason) == before + 1, "frame \(index): \(reason)")
        }
        #expect(hosts.b.path.receiveCounters(locator: hosts.a.locator, label: label)?.packets == 0)
        try hosts.inject(ethernet(e1.mac, e2.mac, 0x86dd, good), at: e1)
        #expect(hosts.b.path.receiveCounters(locator: hosts.a.locator, label: label)?.packets == 1)
    }

    @Test("what an endpoint must not say of others, behind whatever headers") func forgedDiscovery() throws {
        let hosts = try TwoHosts()
        let (e1, e2) = (hosts.e1, hosts.e2)
        let label = try hosts.plug(e1, to: e2)
        let all = try IPv6Address(parsing: "ff02::1")
        let local = try IPv6Address(parsing: "fe80::1")
        let hidden = ipv6(
            e1.identity.address, e2.identity.address, 60,
            [58, 0, 1, 4, 0, 0, 0, 0] + [136, 0, 0, 0] + Array(repeating: 0, count: 28))
        let fragmented = ipv6(
            e1.identity.address, e2.identity.address, 44,
            [58, 0, 0, 1, 0, 0, 0, 1] + [136, 0, 0, 0] + Array(repeating: 0, count: 28))
        let authenticated = ipv6(
            e1.identity.address, e2.identity.address, 51,
            [58, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1] + [136, 0, 0, 0] + Array(repeating: 0, count: 28))
        let frames: [([UInt8], DropReason)] = [
            (discovery(134, from: local, mac: e1.mac, to: all, target: local), .forgedDiscovery),
            (
                discovery(
                    136, from: e1.identity.address, mac: e1.mac, to: e2.identity.address, target: e2.identity.address),
                .forgedDiscovery
            ),
            (
                discovery(
                    137, from: e1.identity.address, mac: e1.mac, to: e2.identity.address, target: e2.identity.address),
                .forgedDiscovery
            ),
            (ethernet(e1.mac, e2.mac, 0x86dd, hidden), .forgedDiscovery),
            (ethernet(e1.mac, e2.mac, 0x86dd, fragmented), .forgedDiscovery),
            (ethernet(e1.mac, e2.mac, 0x86dd, authenticated), .forgedDiscovery),
            (arp(2, e1.mac, e1.ipv4, e2.ipv4), .forgedDiscovery),
            (arp(1, e1.mac, e1.ipv4, e1.ipv4), .forgedDiscovery),
            (arp(1, e1.mac, IPv4Address(0), e2.ipv4), .probe),
            (
                discovery(
                    135, from: IPv6Address(0), mac: e1.mac, to: e2.identity.address.solicitedNode,
                    target: e2.identity.address), .probe
            ),
            (
                discovery(135, from: e1.identity.address, mac: e1.mac, to: all, target: e2.identity.address, hops: 64),
                .malformed
            ),
            (ethernet(e1.mac, e2.mac, 0x86dd, ipv6(local, e2.identity.address, 17, udp(8))), .linkLocal),
            (ethernet(e1.mac, e2.mac, 0x86dd, ipv6(e1.identity.address, local, 17, udp(8))), .linkLocal),
        ]
        for (index, (frame, reason)) in frames.enumerated() {
            let before = try hosts.a.drops(e1, reason)
            try hosts.inject(frame, at: e1)
            #expect(try hosts.a.drops(e1, reason) > before, "frame \(index): \(reason)")
        }
        #expect(hosts.b.path.receiveCounters(locator: hosts.a.locator, label: label)?.packets == 0)
    }

    @Test("a port is closed until it is opened, and again when it is closed") func closedPort() throws {
        let hosts = try TwoHosts()
        let (e1, e2) = (hosts.e1, hosts.e2)
        try hosts.plug(e1, to: e2)
        try hosts.plug(e2, to: e1)
        #expect(try ping(e1, "\(e2.identity)"))
        let before = hosts.a.count(.closed)
        try hosts.a.path.closePort(e1.device)
        #expect(try hosts.a.path.sendWires().isEmpty)
        #expect(try hosts.a.path.receiveWires().isEmpty)
        #expect(try !ping(e1, "\(e2.identity)"))
        #expect(hosts.a.count(.closed) > before, "the program is still there and drops")
        try hosts.a.path.openPort(e1.port)
        #expect(try !ping(e1, "\(e2.identity)"), "an opened port has no wires")
        try hosts.plug(e1, to: e2)
        try hosts.plug(e2, to: e1)
        #expect(try ping(e1, "\(e2.identity)"))
    }

    // MARK: Checks at the receiver

    @Test("a datagram that is no wire's, or not from its sender, is dropped and counted") func receiverCheck() throws {
        let hosts = try TwoHosts()
        let (e1, e2) = (hosts.e1, hosts.e2)
        let label = try hosts.plug(e1, to: e2)
        let sender = try DatagramSender(in: hosts.a.namespace, sources: [hosts.a.locator])
        func send(_ payload: [UInt8]) throws { try sender.send(payload, to: hosts.b.locator, port: 4789) }
        func counter() -> UInt64? { hosts.b.path.receiveCounters(locator: hosts.a.locator, label: label)?.packets }
        func frame(_ source: Identity, _ destination: Identity) -> [UInt8] {
            ethernet(e1.mac, e2.mac, 0x86dd, ipv6(source.address, destination.address, 17, udp(8)))
        }
        let good = frame(e1.identity, e2.identity)
        try send(vxlan(label.value, good))
        #expect(counter() == 1, "what the leaf itself sends is taken")

        let cases: [([UInt8], DropReason)] = [
            (vxlan(label.value + 1, good), .unknownLabel),
            (vxlan(0, good), .unknownLabel),
            (vxlan(label.value, frame(hosts.e3.identity, e2.identity)), .innerSource),
            (vxlan(label.value, frame(e1.identity, hosts.e3.identity)), .innerDestination),
            (
                vxlan(label.value, ethernet(e1.mac, e2.mac, 0x0800, ipv4(hosts.e3.ipv4, e2.ipv4, 17, udp(8)))),
                .innerSource
            ),
            (
                vxlan(label.value, ethernet(e1.mac, e2.mac, 0x0800, ipv4(e1.ipv4, hosts.e3.ipv4, 17, udp(8)))),
                .innerDestination
            ),
            (vxlan(label.value, arp(2, e1.mac, e1.ipv4, e2.ipv4)), .ethertype),
            (vxlan(label.value, good, flags: 0), .vxlan),
            (vxlan(label.value, Array(good.prefix(40))), .malformed),
            ([8, 0, 0], .vxlan),
        ]
        for (index, (payload, reason)) in cases.enumerated() {
            let before = hosts.b.count(reason)
            try send(payload)
            #expect(hosts.b.count(reason) == before + 1, "datagram \(index): \(reason)")
        }
        // Another leaf cannot use this one's label.
        let underlay = try #require(try hosts.a.netlink.link(named: "under")).index
        let foreign = IPAddress.v4(IPv4Address(192, 0, 2, 9))
        try hosts.a.netlink.addAddress(foreign, prefixLength: 24, to: underlay)
        let before = hosts.b.count(.unknownLabel)
        try DatagramSender(in: hosts.a.namespace, sources: [foreign])
            .send(vxlan(label.value, good), to: hosts.b.locator, port: 4789)
        #expect(hosts.b.count(.unknownLabel) == before + 1)
        // A fragmented datagram is dropped at its first fragment.
        let fragments = hosts.b.count(.vxlan)
        try send(vxlan(label.value, good + Array(repeating: 0, count: 2000)))
        #expect(hosts.b.count(.vxlan) == fragments + 1)
        #expect(counter() == 1)
    }

    @Test("random datagrams do no harm") func noise() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SplitMix(state: seed)
        let hosts = try TwoHosts()
        let (e1, e2) = (hosts.e1, hosts.e2)
        let label = try hosts.plug(e1, to: e2)
        try hosts.plug(e2, to: e1)
        let sender = try DatagramSender(in: hosts.a.namespace, sources: [hosts.a.locator])
        let good = vxlan(
            label.value, ethernet(e1.mac, e2.mac, 0x86dd, ipv6(e1.identity.address, e2.identity.address, 17, udp(64))))
        let socket = try PacketSocket(in: e1.namespace)
        let device = try #require(try Netlink(in: e1.namespace).link(named: "eth0")).index
        for _ in 0..<2000 {
            var bytes = good
            for _ in 0..<Int.random(in: 0...4, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            bytes.removeLast(Int.random(in: 0...bytes.count - 20, using: &random))
            try sender.send(bytes, to: hosts.b.locator, port: 4789)
            if bytes.count > 30 { try? socket.send(Array(bytes.dropFirst(8)), to: device) }
        }
        #expect(try ping(e1, "\(e2.identity)"), "seed \(seed)")
    }

    // MARK: Punts

    @Test("the leaf gets what it has to answer, byte for byte") func punts() async throws {
        let hosts = try TwoHosts()
        let (e1, e2) = (hosts.e1, hosts.e2)
        let routers = try IPv6Address(parsing: "ff02::2")
        let local = try IPv6Address(parsing: "fe80::42")
        let miss6 = ethernet(e1.mac, e2.mac, 0x86dd, ipv6(e1.identity.address, e2.identity.address, 17, udp(300)))
        let miss4 = ethernet(e1.mac, e2.mac, 0x0800, ipv4(e1.ipv4, e2.ipv4, 17, udp(1400)))
        let request = arp(1, e1.mac, e1.ipv4, IPv4Address(10, 0, 0, 77))
        let solicitation = discovery(
            135, from: e1.identity.address, mac: e1.mac, to: e2.identity.address.solicitedNode,
            target: e2.identity.address)
        let fromLocal = discovery(
            135, from: local, mac: e1.mac, to: e2.identity.address.solicitedNode, target: e2.identity.address)
        let router = discovery(133, from: local, mac: e1.mac, to: routers, target: local)
        let cases: [([UInt8], Punt.Reason)] = [
            (miss6, .miss), (miss4, .miss), (request, .arp), (solicitation, .neighborDiscovery),
            (fromLocal, .neighborDiscovery), (router, .routerSolicitation),
        ]
        for (frame, _) in cases { try hosts.inject(frame, at: e1) }
        for (index, (frame, reason)) in cases.enumerated() {
            let punt = try await hosts.a.punts.first(reason, from: e1.device) { $0 == frame }
            #expect(punt != nil, "frame \(index)")
        }
        let netlink = try Netlink(in: e1.namespace)
        for (control, device) in [
            (netlink, try #require(try netlink.link(named: "eth0")).index), (hosts.a.netlink, e1.device),
        ] {
            try control.setMTU(65_000, of: device)
        }
        let super6 = ethernet(e1.mac, e2.mac, 0x86dd, ipv6(e1.identity.address, e2.identity.address, 17, udp(40_000)))
        try hosts.inject(super6, at: e1)
        #expect(try await hosts.a.punts.first(.miss, from: e1.device) { $0 == super6 } != nil)
        // Larger than the MTU: the first bytes are enough for the answer.
        try hosts.plug(e1, to: e2)
        let big = ethernet(e1.mac, e2.mac, 0x86dd, ipv6(e1.identity.address, e2.identity.address, 17, udp(1403)))
        try hosts.inject(big, at: e1)
        let punt = try await hosts.a.punts.first(.tooBig, from: e1.device) { $0 == Array(big.prefix(14 + 1280)) }
        #expect(punt != nil)
        #expect(try hosts.a.drops(e1, .tooBig) == 1)
    }

    @Test("a port cannot flood the leaf, and what was refused is not asked again") func budget() async throws {
        let hosts = try TwoHosts { configuration in
            configuration.puntBurst = 20
            configuration.puntsPerSecond = 1
        }
        let (e1, e2) = (hosts.e1, hosts.e2)
        let frame = ethernet(e1.mac, e2.mac, 0x86dd, ipv6(e1.identity.address, e2.identity.address, 17, udp(8)))
        for _ in 0..<40 { try hosts.inject(frame, at: e1) }
        let told = try hosts.a.drops(e1, .noWire)
        #expect(told <= 21)
        #expect(try hosts.a.drops(e1, .puntBudget) >= 19)
        #expect(told > 0)

        let e3 = hosts.e3
        let other = ethernet(e3.mac, e2.mac, 0x86dd, ipv6(e3.identity.address, e2.identity.address, 17, udp(8)))
        try hosts.a.path.deny(port: e3.device, destination: e2.identity.address, seconds: 60)
        try hosts.inject(other, at: e3)
        #expect(try hosts.a.drops(e3, .denied) == 1)
        #expect(try hosts.a.drops(e3, .noWire) == 0, "another port has a budget of its own, and did not use it")
        try hosts.a.path.clearDenied(port: e3.device)
        try hosts.inject(other, at: e3)
        #expect(try hosts.a.drops(e3, .noWire) == 1)
        try hosts.a.path.deny(port: e3.device, destination: e2.identity.address, seconds: 0)
        try hosts.inject(other, at: e3)
        #expect(try hosts.a.drops(e3, .noWire) == 2, "a refusal ends")
    }

    // MARK: Life

    @Test("another process takes over without losing a packet") func restart() throws {
        let hosts = try TwoHosts()
        let (e1, e2) = (hosts.e1, hosts.e2)
        let label = try hosts.plug(e1, to: e2)
        try hosts.plug(e2, to: e1)
        let wires = try hosts.a.path.sendWires().map { $0.port }
        let running = try echoes(600, e1, e2)
        for _ in 0..<4 {
            Thread.sleep(forTimeInterval: 0.1)
            for host in [hosts.a, hosts.b] {
                host.path.close()
                host.path = try DataPath(configuration: host.configuration)
            }
        }
        let result = running.finish()
        #expect(result.output.contains(" = 600/600/0%"), "\(result.output)")
        #expect(try hosts.a.path.sendWires().map { $0.port }.sorted() == wires.sorted())
        #expect(try hosts.a.path.ports().count == 2)
        let received = try #require(try hosts.b.path.receiveWires().first { $0.label == label })
        #expect(
            received.source == e1.identity.address && received.locator == hosts.a.locator && received.port == e2.device)
        let sent = try #require(try hosts.a.path.sendWires().first { $0.destination == e2.identity.address })
        #expect(sent.target == .remote(locator: hosts.b.locator, label: label))
        #expect(sent.counters.packets == 600)
        // The places of the leaves were found again: another wire uses the same one and works.
        try hosts.plug(hosts.e3, to: e2)
        try hosts.plug(e2, to: hosts.e3)
        #expect(try ping(hosts.e3, "\(e2.identity)"))
    }

    @Test("a kernel without tcx has classic filters") func classicFilters() throws {
        let hosts = try TwoHosts { $0.usesTCX = false }
        let name = "\(TwoHosts.prefix)-\(hosts.a.name)"
        let (e1, e2) = (hosts.e1, hosts.e2)
        try hosts.plug(e1, to: e2)
        try hosts.plug(e2, to: e1)
        #expect(try ping(e1, "\(e2.identity)"))
        #expect(
            try run("ip", "netns", "exec", name, "tc", "filter", "show", "dev", "p-e1", "ingress").contains(
                "port_ingress"))
        hosts.a.path.close()
        hosts.a.path = try DataPath(configuration: hosts.a.configuration)
        #expect(try ping(e1, "\(e2.identity)"))
        hosts.a.path.close()
        try DataPath.removePins(hosts.a.configuration.pinDirectory, namespace: hosts.a.namespace)
        #expect(try run("ip", "netns", "exec", name, "tc", "filter", "show", "dev", "p-e1", "ingress").isEmpty)
        hosts.a.path = try DataPath(configuration: hosts.a.configuration)
    }

    @Test("maps of another layout are refused with the remedy") func layout() throws {
        let hosts = try TwoHosts()
        hosts.a.path.close()
        let directory = hosts.a.configuration.pinDirectory
        try run("mv", "\(directory)/map_receive", "\(directory)/map_denied")
        #expect(throws: DataPathError.self) { try DataPath(configuration: hosts.a.configuration) }
        do {
            _ = try DataPath(configuration: hosts.a.configuration)
        } catch let error as DataPathError {
            #expect(error.code == .layout)
            #expect(error.description.contains("removePins"))
        }
        try DataPath.removePins(directory)
        hosts.a.path = try DataPath(configuration: hosts.a.configuration)
        #expect(try hosts.a.path.ports().isEmpty)
    }

    @Test("a full map names its limit, and plugged wires go on") func fullMap() throws {
        let hosts = try TwoHosts { $0.maxWires = 64 }
        let (e1, e2) = (hosts.e1, hosts.e2)
        try hosts.plug(e1, to: e2)
        try hosts.plug(e2, to: e1)
        var refused: DataPathError?
        for index in UInt8(0)..<200 where refused == nil {
            do throws(DataPathError) {
                try hosts.a.path.plugSend(
                    port: e1.device, destination: IPv6Address(UInt128(0xfd) << 120 | UInt128(index)),
                    to: .local(port: hosts.e3.device))
            } catch {
                refused = error
            }
        }
        #expect(refused?.code == .full)
        #expect(refused?.description.contains("64") == true)
        #expect(try ping(e1, "\(e2.identity)"))
    }

    @Test("a device that vanished is closed like any other") func vanished() throws {
        let hosts = try TwoHosts()
        let (e1, e2) = (hosts.e1, hosts.e2)
        try hosts.plug(e1, to: e2)
        try hosts.plug(hosts.e3, to: e2)
        try hosts.plug(e2, to: hosts.e3)
        try hosts.a.netlink.delete(link: e1.device)
        try hosts.a.path.closePort(e1.device)
        try hosts.a.path.closePort(e1.device)
        #expect(try hosts.a.path.sendWires().allSatisfy { $0.port == hosts.e3.device })
        #expect(try ping(hosts.e3, "\(e2.identity)"))
        #expect(throws: DataPathError.self) { try hosts.a.path.openPort(e1.port) }
        // A device that went while no leaf was there.
        hosts.b.path.close()
        try hosts.b.netlink.delete(link: e2.device)
        hosts.b.path = try DataPath(configuration: hosts.b.configuration)
        #expect(try hosts.b.path.ports().isEmpty)
        #expect(try hosts.b.path.receiveWires().isEmpty)
    }

    @Test("many wires at once, found again by enumeration") func bulk() throws {
        let hosts = try TwoHosts { $0.maxWires = 20_000 }
        let prefix = UInt128(0xfd) << 120
        let locator = hosts.b.locator
        let sends = (UInt32(1)...10_000).map { number in
            SendWire(
                port: hosts.e1.device, destination: IPv6Address(prefix | UInt128(number)),
                target: Label(number).map { .remote(locator: locator, label: $0) } ?? .local(port: 0))
        }
        try hosts.a.path.plugSend(sends)
        #expect(try Set(hosts.a.path.sendWires()) == Set(sends))
        let receives = (UInt32(1)...10_000).compactMap { number in
            Label(number).map {
                ReceiveWire(
                    locator: locator, label: $0, port: hosts.e1.device, source: hosts.e2.identity.address,
                    sourceIPv4: nil)
            }
        }
        try hosts.a.path.plugReceive(receives)
        #expect(try Set(hosts.a.path.receiveWires()) == Set(receives))
        try hosts.a.path.closePort(hosts.e1.device)
        #expect(try hosts.a.path.sendWires().isEmpty && hosts.a.path.receiveWires().isEmpty)
    }

    @Test("what is missing is named in one line") func missing() throws {
        let hosts = try TwoHosts()
        var configuration = hosts.a.configuration
        configuration.underlayDevice = "nowhere"
        #expect(throws: DataPathError.self) { try DataPath(configuration: configuration) }
        configuration = hosts.a.configuration
        configuration.pinDirectory = "/tmp"
        #expect(throws: DataPathError.self) { try DataPath(configuration: configuration) }
        let error = #expect(throws: SystemCallError.self) {
            try hosts.a.netlink.createVeth(name: "p-e1", mtu: 1500, peerName: "x")
        }
        #expect(error?.isDuplicate == true)
    }
}

/// A small generator with a seed that can be printed.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
        return z ^ z >> 31
    }
}
