import KernelPath
import LinuxKit
import NetTypes
import Testing

extension KernelPathTests {
    /// e2 is a border; behind it is 203.0.113.9 and 2001:db8:5::9, which e1 on the other host, or e3 on the same one as e1,
    /// have wires with.
    private struct World {
        let hosts: TwoHosts
        let addresses: [IPAddress]

        init(_ hosts: TwoHosts) throws {
            self.hosts = hosts
            addresses = [try IPAddress(parsing: "203.0.113.9"), try IPAddress(parsing: "2001:db8:5::9")]
            var port = hosts.e2.port
            port.isBorder = true
            try hosts.b.path.openPort(port)
        }

        /// A datagram of 8 bytes between an endpoint and an address outside, in the family of the address.
        func frame(_ endpoint: TwoHosts.Endpoint, _ address: IPAddress, isOutgoing: Bool) -> [UInt8] {
            let (from, to) = isOutgoing ? (endpoint.mac, hosts.e2.mac) : (hosts.e2.mac, endpoint.mac)
            switch address {
            case .v4(let outside):
                let (a, b) = isOutgoing ? (endpoint.ipv4, outside) : (outside, endpoint.ipv4)
                return ethernet(from, to, 0x0800, ipv4(a, b, 17, udp(8)))
            case .v6(let outside):
                let (a, b) = isOutgoing ? (endpoint.identity.address, outside) : (outside, endpoint.identity.address)
                return ethernet(from, to, 0x86dd, ipv6(a, b, 17, udp(8)))
            }
        }

        /// Plugs both directions between e1 and an address outside; returns its number, and the labels there and back.
        func plug(_ address: IPAddress, _ base: UInt32) throws -> (number: UInt32, there: Label, back: Label) {
            let (e1, e2) = (hosts.e1, hosts.e2)
            let number = try hosts.b.path.openOutside(address, behind: e2.device)
            let (there, back) = (try #require(Label(base)), try #require(Label(base + 1)))
            try hosts.b.path.plugReceive(
                locator: hosts.a.locator, label: there, port: number, source: e1.identity.address, sourceIPv4: e1.ipv4)
            try hosts.a.path.plugReceive(
                locator: hosts.b.locator, label: back, port: e1.device, source: address.mapped,
                sourceIPv4: address.mapped.mappedIPv4)
            try hosts.a.path.plugSend(
                port: e1.device, destination: address.mapped, to: .remote(locator: hosts.b.locator, label: there))
            for destination in [e1.identity.address, IPv6Address(mapped: e1.ipv4)] {
                try hosts.b.path.plugSend(
                    port: number, destination: destination, to: .remote(locator: hosts.a.locator, label: back))
            }
            return (number, there, back)
        }
    }

    @Test("an address behind a border has wires of its own, and nobody else's") func border() throws {
        let hosts = try TwoHosts()
        try hosts.silence()
        let world = try World(hosts)
        let (e1, e2) = (hosts.e1, hosts.e2)
        // The border's own wires are there all the while: nothing from outside may go on them.
        try hosts.plug(e1, to: e2)
        try hosts.plug(e2, to: e1)
        for (index, address) in world.addresses.enumerated() {
            let ways = try world.plug(address, UInt32(500 + 10 * index))
            #expect(ways.number >= 0x8000_0000)
            #expect(try hosts.b.path.openOutside(address, behind: e2.device) == ways.number, "it keeps its number")
            func there() -> UInt64? {
                hosts.b.path.receiveCounters(locator: hosts.a.locator, label: ways.there)?.packets
            }
            func back() -> UInt64? {
                hosts.a.path.receiveCounters(locator: hosts.b.locator, label: ways.back)?.packets
            }
            try hosts.inject(world.frame(e1, address, isOutgoing: true), at: e1)
            #expect(there() == 1 && back() == 0, "\(address)")
            try hosts.inject(world.frame(e1, address, isOutgoing: false), at: e2)
            #expect(there() == 1 && back() == 1, "\(address)")
            // Another address behind the same border has no wire; the leaf is told, and told no more when it was refused.
            let other: IPAddress =
                index == 0 ? try IPAddress(parsing: "203.0.113.10") : try IPAddress(parsing: "2001:db8:5::10")
            let missed = hosts.b.count(.noWire)
            try hosts.inject(world.frame(e1, other, isOutgoing: false), at: e2)
            #expect(hosts.b.count(.noWire) == missed + 1 && back() == 1)
            let to: IPv6Address = index == 0 ? IPv6Address(mapped: e1.ipv4) : e1.identity.address
            try hosts.b.path.deny(border: e2.device, source: other, destination: to, seconds: 60)
            try hosts.inject(world.frame(e1, other, isOutgoing: false), at: e2)
            #expect(hosts.b.count(.noWire) == missed + 1 && hosts.b.count(.denied) == UInt64(index * 1 + 1))
            // The one that has wires is not meant by that, and a cleared refusal is asked again.
            try hosts.inject(world.frame(e1, address, isOutgoing: false), at: e2)
            #expect(back() == 2)
            try hosts.b.path.clearDenied(port: e2.device)
            try hosts.inject(world.frame(e1, other, isOutgoing: false), at: e2)
            #expect(hosts.b.count(.noWire) == missed + 2)
            // What the other leaf sends under the label to another address outside, or to the border, is not the wire's.
            let inner = hosts.b.count(.innerDestination)
            let sender = try DatagramSender(in: hosts.a.namespace, sources: [hosts.a.locator])
            try sender.send(
                vxlan(ways.there.value, world.frame(e1, other, isOutgoing: true)), to: hosts.b.locator, port: 4789)
            try sender.send(
                vxlan(ways.there.value, ethernet(e1.mac, e2.mac, 0x0800, ipv4(e1.ipv4, e2.ipv4, 17, udp(8)))),
                to: hosts.b.locator, port: 4789)
            #expect(hosts.b.count(.innerDestination) == inner + 2 && there() == 1)
        }
        // None of it went on the wires of the border itself.
        #expect(hosts.b.path.sendCounters(port: e2.device, destination: e1.identity.address)?.packets == 0)
        #expect(hosts.b.path.sendCounters(port: e2.device, destination: IPv6Address(mapped: e1.ipv4))?.packets == 0)
    }

    @Test("an ordinary port has nobody behind it, and an address goes with its border") func ordinary() throws {
        let hosts = try TwoHosts()
        try hosts.silence()
        let (e1, e2) = (hosts.e1, hosts.e2)
        let address = try IPAddress(parsing: "203.0.113.9")
        #expect(throws: DataPathError.self) { try hosts.b.path.openOutside(address, behind: e2.device) }
        #expect(throws: DataPathError.self) { try hosts.b.path.openOutside(address, behind: 4_000_000) }
        let world = try World(hosts)
        let ways = try world.plug(address, 500)
        #expect(try hosts.b.path.outsidePorts().map(\.number) == [ways.number])
        #expect(try hosts.b.path.ports().map(\.device) == [e2.device], "an address outside is no open port")
        // Not a border any more: it sends for itself alone.
        try hosts.b.path.openPort(e2.port)
        let before = try hosts.b.drops(e2, .source)
        try hosts.inject(world.frame(e1, address, isOutgoing: false), at: e2)
        #expect(try hosts.b.drops(e2, .source) == before + 1)
        // Another process finds it, and closing the port closes what is behind it.
        hosts.b.path.close()
        hosts.b.path = try DataPath(configuration: hosts.b.configuration)
        let found = try hosts.b.path.outsidePorts()
        #expect(found.map(\.number) == [ways.number] && found.map(\.address) == [address])
        #expect(found.map(\.device) == [e2.device])
        #expect(try hosts.b.path.sendWires().filter { $0.port == ways.number }.count == 2)
        try hosts.b.path.note(border: e2.identity, of: address, at: e1.device)
        #expect(hosts.b.path.border(of: address, at: e1.device) == e2.identity)
        hosts.b.path.forgetBorders { port, other in port == e1.device && other == address }
        #expect(hosts.b.path.border(of: address, at: e1.device) == nil)
        try hosts.b.path.closePort(e2.device)
        #expect(try hosts.b.path.outsidePorts().isEmpty && hosts.b.path.sendWires().isEmpty)
        #expect(try hosts.b.path.receiveWires().isEmpty)
    }

    @Test("rules of ports hold for an address outside on a local wire too") func localBorder() throws {
        let hosts = try TwoHosts()
        try hosts.silence()
        let (e1, e3) = (hosts.e1, hosts.e3)
        var port = e3.port
        port.isBorder = true
        try hosts.a.path.openPort(port)
        let address = try IPAddress(parsing: "2001:db8:5::9")
        let number = try hosts.a.path.openOutside(address, behind: e3.device)
        let ends = PairEnds(e1.identity.address, address.mapped)
        let isLow = e1.identity.address < address.mapped
        let only = FlowRules.only([(.udp, 7)])
        let rules = PairRules(low: isLow ? only : .nothing, high: isLow ? .nothing : only)
        let binding = try hosts.a.path.setRules(rules, of: ends)
        try hosts.a.path.plugSend(
            port: e1.device, destination: address.mapped, to: .local(port: number), rules: binding)
        try hosts.a.path.plugSend(
            port: number, destination: e1.identity.address, to: .local(port: e1.device), rules: binding)
        func datagram(_ isOutgoing: Bool, _ from: UInt16, _ to: UInt16) -> [UInt8] {
            var payload = udp(8)
            (payload[0], payload[1]) = (UInt8(from >> 8), UInt8(truncatingIfNeeded: from))
            (payload[2], payload[3]) = (UInt8(to >> 8), UInt8(truncatingIfNeeded: to))
            let (a, b) = isOutgoing ? (e1.identity.address, address.mapped) : (address.mapped, e1.identity.address)
            return ethernet(isOutgoing ? e1.mac : e3.mac, isOutgoing ? e3.mac : e1.mac, 0x86dd, ipv6(a, b, 17, payload))
        }
        func sent() -> UInt64? { hosts.a.path.sendCounters(port: e1.device, destination: address.mapped)?.packets }
        func back() -> UInt64? { hosts.a.path.sendCounters(port: number, destination: e1.identity.address)?.packets }
        try hosts.inject(datagram(false, 7, 4000), at: e3)
        #expect(back() == 0, "an answer to nothing")
        try hosts.inject(datagram(true, 4000, 8), at: e1)
        #expect(sent() == 0, "another port")
        try hosts.inject(datagram(true, 4000, 7), at: e1)
        try hosts.inject(datagram(false, 7, 4000), at: e3)
        #expect(sent() == 1 && back() == 1)
    }
}
