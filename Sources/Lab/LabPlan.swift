public import NetTypes

/// What a lab is to be like.
public struct LabOptions: Sendable, Hashable {
    /// The address family of the underlay.
    public enum Underlay: String, Codable, Sendable, CaseIterable {
        case ipv4
        case ipv6
    }

    /// How many hosts there are.
    public var hosts: Int
    /// How many endpoints there are in all; nil: the seven of the tour.
    public var endpoints: Int?
    /// The address family of the underlay.
    public var underlay: Underlay

    /// How long what the controller issues lives, as options of `patchbay-controller run`.
    public var lifetimes: [String]

    /// How leaves run, as options of `patchbay-leaf run`.
    public var leafOptions: [String]

    /// Describes a lab.
    public init(
        hosts: Int = 3, endpoints: Int? = nil, underlay: Underlay = .ipv4, lifetimes: [String] = [],
        leafOptions: [String] = []
    ) {
        self.leafOptions = leafOptions
        self.lifetimes = lifetimes
        self.hosts = hosts
        self.endpoints = endpoints
        self.underlay = underlay
    }
}

/// The hosts and endpoints of a lab, before anything is made.
///
/// ```
///            10.200.0.0/24, fd00:200::/64          plain namespace
///   ┌──────────┬──────────┬──────────── br0 ─────── pb-control .254: controller
///   │.1        │.2        │.3        (pb-underlay)
///  h1         h2         h3
///   acme/web1  acme/web2  acme/batch1
///              acme/db1
///   globex/web1 globex/db1 globex/probe1           both tenants: 10.0.0.0/24
/// ```
public struct LabPlan: Codable, Sendable, Hashable {
    /// One host.
    public struct Host: Codable, Sendable, Hashable {
        /// The name, `h1` and so on.
        public var name: String
        /// Its number on the underlay.
        public var number: Int
        /// Its network namespace.
        public var namespace: String { LabLayout.namespace(ofHost: name) }
    }

    /// One endpoint, where it is made.
    public struct Endpoint: Codable, Sendable, Hashable {
        /// The tenant's name.
        public var tenant: String
        /// The name inside the tenant.
        public var name: String
        /// The names of its groups.
        public var groups: [String]
        /// Its address in the tenant's vnet.
        public var ipv4: String
        /// The host on which it is made.
        public var host: String
        /// Its network namespace.
        public var namespace: String { "\(LabLayout.prefix)\(tenant)-\(name)" }
        /// `tenant/name`
        public var fullName: String { "\(tenant)/\(name)" }
    }

    /// The hosts, by number.
    public var hosts: [Host]
    /// The endpoints, by tenant.
    public var endpoints: [Endpoint]
    /// The private prefix, the same for every tenant.
    public var prefix: String
    /// The address family of the underlay.
    public var underlay: LabOptions.Underlay
    /// How long what the controller issues lives, as options of `patchbay-controller run`.
    public var lifetimes: [String]
    /// How leaves run, as options of `patchbay-leaf run`.
    public var leafOptions: [String]

    /// The tenants, in the order of the plan.
    public var tenants: [String] {
        endpoints.map(\.tenant).reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
    }

    /// The groups of a tenant, sorted.
    public func groups(of tenant: String) -> [String] {
        Set(endpoints.filter { $0.tenant == tenant }.flatMap(\.groups)).sorted()
    }

    /// The seven endpoints of the tour: name, group, last octet, number of the host.
    private static let tour: [(tenant: String, name: String, group: String, octet: UInt32, host: Int)] = [
        ("acme", "web1", "web", 1, 1), ("acme", "web2", "web", 2, 2), ("acme", "db1", "db", 3, 2),
        ("acme", "batch1", "batch", 4, 3),
        ("globex", "web1", "web", 1, 1), ("globex", "db1", "db", 3, 2), ("globex", "probe1", "probe", 4, 3),
    ]

    /// Lays out a lab, if the numbers are in range.
    public init(_ options: LabOptions) throws(LabError) {
        guard (1...LabLayout.mostHosts).contains(options.hosts) else {
            throw LabError("--hosts \(options.hosts) is not a number from 1 to \(LabLayout.mostHosts)")
        }
        let count = options.hosts
        hosts = (1...count).map { Host(name: "h\($0)", number: $0) }
        underlay = options.underlay
        lifetimes = options.lifetimes
        leafOptions = options.leafOptions
        guard let wanted = options.endpoints else {
            prefix = "10.0.0.0/24"
            endpoints = Self.tour.map { one in
                Endpoint(
                    tenant: one.tenant, name: one.name, groups: [one.group],
                    ipv4: "\(IPv4Address(10 << 24 | one.octet))", host: "h\((one.host - 1) % count + 1)")
            }
            return
        }
        guard (1...LabLayout.mostEndpoints).contains(wanted) else {
            throw LabError("--endpoints \(wanted) is not a number from 1 to \(LabLayout.mostEndpoints)")
        }
        // Half of them belong to each tenant; a /24 has room for 254.
        prefix = wanted <= 500 ? "10.0.0.0/24" : "10.0.0.0/16"
        endpoints = (0..<wanted).map { index in
            let number = index / 2 + 1
            return Endpoint(
                tenant: index % 2 == 0 ? "acme" : "globex", name: "vm\(number)", groups: ["vm"],
                ipv4: "\(IPv4Address(10 << 24 | UInt32(number)))", host: "h\((number - 1) % count + 1)")
        }.sorted { ($0.tenant, $0.ipv4.count, $0.ipv4) < ($1.tenant, $1.ipv4.count, $1.ipv4) }
    }

    /// Finds an endpoint by `tenant/name`.
    public func endpoint(_ name: TenantName) -> Endpoint? {
        endpoints.first { $0.tenant == name.tenant.text && $0.name == name.name.text }
    }

    /// The address at which a host receives.
    public func locator(_ host: Host) -> IPAddress { underlayAddress(host.number) }

    func underlayAddress(_ number: Int) -> IPAddress {
        switch underlay {
        case .ipv4: .v4(LabLayout.underlayIPv4(number))
        case .ipv6: .v6(LabLayout.underlayIPv6(number))
        }
    }
}
