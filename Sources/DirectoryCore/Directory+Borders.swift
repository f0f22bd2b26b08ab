public import NetTypes
import Trust

// Borders: endpoints that speak for prefixes outside.

extension Directory {
    /// Makes an endpoint speak for these prefixes in the place of all that it speaks for; none makes it an ordinary one.
    ///
    /// What was certified before is revoked as for labels (``changeLabels(of:set:remove:)``), and with it its wires to
    /// addresses outside.
    public func setNetworks(_ networks: [IPPrefix], of name: TenantName) async throws(DirectoryError) -> Endpoint {
        let networks = try check(networks: networks)
        return try await changeAttributes(of: name) { (endpoint) throws(DirectoryError) in endpoint.networks = networks
        }
    }

    /// The prefixes in order, if an endpoint may speak for them.
    func check(networks: [IPPrefix]) throws(DirectoryError) -> [IPPrefix] {
        guard networks.count <= TrustLimits.networks else {
            throw DirectoryError(
                .invalid, "An endpoint may speak for \(TrustLimits.networks) prefixes, not \(networks.count).",
                pointer: "/networks", remedy: "Join prefixes, or make a second border.")
        }
        var seen: Set<IPPrefix> = []
        for (index, network) in networks.enumerated() {
            let pointer = "/networks/\(index)"
            guard seen.insert(network).inserted else {
                throw DirectoryError(
                    .invalid, "The prefix \(network) is given twice.", pointer: pointer,
                    remedy: "Give each prefix once.")
            }
            // A prefix around the platform's own is fine, as ::/0 is: identities are never looked for outside.
            if case .v6(let prefix) = network, prefix.length >= platform.name.prefix.length,
                platform.name.prefix.contains(prefix.address)
            {
                throw DirectoryError(
                    .invalid, "The prefix \(network) is inside of \(platform.name.prefix), the platform's own.",
                    pointer: pointer, remedy: "Give prefixes of machines that have no identity.")
            }
        }
        return networks.sorted()
    }
}

extension DirectoryReader {
    /// The border that speaks for an address outside, as seen from a vnet: of those with the longest prefix the first by
    /// name that runs; where none does, the first.
    func border(for address: IPAddress, in vnet: VNetID) throws(DirectoryError) -> Endpoint? {
        guard address.isRoutable else { return nil }
        if case .v4(let ipv4) = address, try self.vnet(vnet)?.prefix.contains(ipv4) == true { return nil }
        var best: (border: Endpoint, length: Int, runs: Bool)?
        for border in try borders(of: vnet) {
            guard let length = border.networks.filter({ $0.contains(address) }).map(\.length).max() else { continue }
            let runs = try facts(of: border.identity) != nil
            if let best, (best.length, best.runs ? 1 : 0) >= (length, runs ? 1 : 0) { continue }
            best = (border, length, runs)
        }
        return best?.border
    }
}
