import ArgumentParser
import NetTypes

/// One end of a flow as it is typed: TENANT/NAME, or an address outside.
enum FlowEnd: Hashable, CustomStringConvertible {
    case endpoint(TenantName)
    case outside(IPAddress)

    init(typed text: String) throws {
        if text.contains("/") || !(text.contains(".") || text.contains(":")) {
            self = .endpoint(try TenantName(parsing: text))
        } else {
            self = .outside(try IPAddress(parsing: text))
        }
    }

    /// What the API knows it by.
    var text: String {
        switch self {
        case .endpoint(let name): name.name.text
        case .outside(let address): address.description
        }
    }

    var description: String {
        switch self {
        case .endpoint(let name): name.description
        case .outside(let address): address.description
        }
    }

    /// The tenant of a pair.
    ///
    /// - Throws: `ValidationError` for ends of two tenants, and for two addresses outside.
    static func tenant(of from: FlowEnd, _ to: FlowEnd) throws -> Name {
        switch (from, to) {
        case (.endpoint(let a), .endpoint(let b)):
            guard a.tenant == b.tenant else {
                throw ValidationError("\(a) and \(b) belong to different tenants; between tenants there are no wires")
            }
            return a.tenant
        case (.endpoint(let name), .outside), (.outside, .endpoint(let name)): return name.tenant
        case (.outside(let a), .outside(let b)):
            throw ValidationError("\(a) and \(b) are both outside; name an endpoint as one of the ends")
        }
    }
}
