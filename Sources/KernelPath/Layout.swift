internal import CKernelPath
internal import NetTypes

// Between the values of NetTypes and the structs of kernel_path.h.

extension kp_address {
    init(_ address: IPv6Address) {
        func word(_ index: UInt128) -> UInt32 {
            UInt32(truncatingIfNeeded: address.value >> (96 - 32 * index)).bigEndian
        }
        self.init(words: (word(0), word(1), word(2), word(3)))
    }

    var value: IPv6Address {
        let high = UInt128(UInt32(bigEndian: words.0)) << 96 | UInt128(UInt32(bigEndian: words.1)) << 64
        return IPv6Address(high | UInt128(UInt32(bigEndian: words.2)) << 32 | UInt128(UInt32(bigEndian: words.3)))
    }
}

extension kp_wire_key {
    init(_ port: UInt32, _ destination: IPv6Address) { self.init(port: port, destination: kp_address(destination)) }
}

extension kp_receive_key {
    init(_ locator: IPAddress?, _ label: Label) {
        if let locator {
            self.init(locator: kp_address(locator.mapped), label: label.value)
        } else {
            self.init(locator: kp_address(IPv6Address(0)), label: KP_RECEIVE_PROTECTED | label.value)
        }
    }
}

extension IPv4Address {
    /// As it stands in the maps; 0 stands for none.
    static func stored(_ address: IPv4Address?) -> UInt32 { (address?.value ?? 0).bigEndian }
    static func read(_ stored: UInt32) -> IPv4Address? { stored == 0 ? nil : IPv4Address(UInt32(bigEndian: stored)) }
}

extension kp_peer {
    /// The locator of another leaf and this host's own address of the same family.
    init(locator: IPAddress, source: IPAddress) {
        self.init()
        self.locator = kp_address(locator.mapped)
        self.source = kp_address(source.mapped)
        guard case .v4(let to) = locator, case .v4(let from) = source else {
            is_ipv6 = 1
            return
        }
        // The words of the IPv4 header that never change: version and length, don't fragment, TTL 64 and UDP, addresses.
        let words: [UInt16] = [
            0x4500, 0x4000, 0x4011, UInt16(from.value >> 16), UInt16(truncatingIfNeeded: from.value),
            UInt16(to.value >> 16), UInt16(truncatingIfNeeded: to.value),
        ]
        sum = words.reduce(0) { $0 + UInt32($1.bigEndian) }
    }
}

extension kp_ends {
    init(_ ends: PairEnds) { self.init(low: kp_address(ends.low), high: kp_address(ends.high)) }
}
