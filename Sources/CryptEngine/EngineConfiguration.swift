public import AEAD
public import NetTypes

/// What an engine is started with.
public struct EngineConfiguration: Sendable {
    /// How the engine comes by its table and its devices.
    public enum Start: Hashable, Sendable {
        /// It makes them.
        case fresh
        /// A leaf gives it those of an engine that died.
        case adopt
        /// The running engine gives them, and ends.
        case takeOver
    }

    /// The path of the control socket.
    public var controlPath: String
    /// The TAP device's name.
    public var device = "patchbay-crypt"
    /// The MTU of the TAP device.
    public var deviceMTU = 9_000
    /// Packet threads of either direction: 1, 2, 4 or 8.
    public var queues = 1
    /// This host's addresses on the underlay, at most one of either family.
    public var locators: [IPAddress] = []
    /// The UDP port at which engines receive.
    public var port: UInt16 = 4_500
    /// Groups of either direction at most.
    public var capacity = 4_096
    /// The cipher's implementation; nil for the fastest that works.
    public var backend: CipherBackend?
    /// How often packet threads look for packets before they sleep, at most; 0 is not at all.
    public var busyPoll = EngineConfiguration.defaultBusyPoll
    /// The looks that are measured in the benchmark: some 40 microseconds of a thread's own time.
    public static let defaultBusyPoll = 40
    /// The user to become once everything is open; nil stays.
    public var user: String?
    /// How it comes by its table.
    public var start = Start.fresh

    /// Makes a configuration for a control socket.
    public init(controlPath: String) { self.controlPath = controlPath }

    /// Refuses what cannot be, with the limit.
    func check() throws(EngineError) {
        guard queues.nonzeroBitCount == 1, (1...TableLayout.queues).contains(queues) else {
            throw .option(name: "queues", value: "\(queues)", allowed: "1, 2, 4 or \(TableLayout.queues)")
        }
        guard TableLayout.capacities.contains(capacity) else {
            throw .option(
                name: "capacity", value: "\(capacity)",
                allowed: "\(TableLayout.capacities.lowerBound) to \(TableLayout.capacities.upperBound) wires")
        }
        guard (0...1_000_000).contains(busyPoll) else {
            throw .option(name: "busy-poll", value: "\(busyPoll)", allowed: "0 to 1000000 looks")
        }
        guard start == .fresh else { return }
        guard (1...15).contains(device.utf8.count), !device.contains("/"), !device.contains("%") else {
            throw .option(name: "device", value: device, allowed: "1 to 15 bytes without '/' and '%'")
        }
        guard (576...65_521).contains(deviceMTU) else {
            throw .option(name: "device-mtu", value: "\(deviceMTU)", allowed: "576 to 65521 bytes")
        }
        guard port > 0 else { throw .option(name: "port", value: "0", allowed: "1 to 65535") }
        let families = locators.map(\.octets.count)
        guard !families.isEmpty, Set(families).count == families.count else {
            throw .option(
                name: "locator", value: locators.map(\.description).joined(separator: ", "),
                allowed: "one address of IPv4, one of IPv6, or one of each")
        }
    }
}
