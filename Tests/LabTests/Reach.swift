import Foundation
import Testing

/// What one endpoint gets from one address.
struct Reached: Sendable, Equatable, CustomStringConvertible {
    var ping: Bool
    /// The name of the listener that answered.
    var tcp: String?
    var udp: String?

    static let nothing = Reached(ping: false, tcp: nil, udp: nil)

    static func everything(of name: String) -> Reached { Reached(ping: true, tcp: name, udp: name) }

    var description: String { "ping \(ping), tcp \(tcp ?? "-"), udp \(udp ?? "-")" }
}

extension TestLab {
    /// What an endpoint gets from each of these addresses, all tried at once.
    func reach(from source: String, to addresses: [String], seconds: Double = 1) async throws -> [String: Reached] {
        let words = try endpoint(source).inside + ["/usr/bin/python3", "-c", Scripts.reach, "\(seconds)"] + addresses
        let answer = try JSONValue(parsing: try await Command(words).succeed().output)
        return answer.members.mapValues {
            Reached(ping: $0["ping"].bool ?? false, tcp: $0["tcp"].string, udp: $0["udp"].string)
        }
    }

    /// Expects that both addresses of an endpoint answer by ping, TCP and UDP. The policy travels to the leaves
    /// while `plug` returns, so the first try may come too early; a later one may not.
    func expectPlugged(
        _ source: String, _ destination: String, within limit: Double = 5,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let end = try endpoint(destination)
        let all = Reached.everything(of: destination)
        var last: [String: Reached] = [:]
        let plugged = try await eventually(within: limit) {
            last = try await reach(from: source, to: [end.identity, end.ipv4])
            return last[end.identity] == all && last[end.ipv4] == all
        }
        #expect(plugged, "\(source) does not reach \(destination): \(last)", sourceLocation: sourceLocation)
    }

    /// Expects that no packet gets an answer from an endpoint, by either address.
    func expectUnplugged(
        _ source: String, _ destinations: String..., sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let ends = try destinations.map { try endpoint($0) }
        let tenant = try endpoint(source).tenant
        let addresses = ends.map(\.identity) + ends.filter { $0.tenant == tenant }.map(\.ipv4)
        for (address, reached) in try await reach(from: source, to: addresses) {
            #expect(reached == .nothing, "\(source) reaches \(address)", sourceLocation: sourceLocation)
        }
    }

    /// Sends one datagram from an endpoint.
    func send(_ text: String, from source: String, to address: String) async throws {
        let words = try endpoint(source).inside + ["/usr/bin/python3", "-c", Scripts.datagram, address, text]
        try await Command(words).succeed()
    }

    /// Sends frames made by hand, written as a Python list over scapy's names, from a place's device.
    func send(frames: String, on device: String, inside place: [String]) async throws {
        try await Command(place + ["/usr/bin/python3", "-c", Scripts.frames, frames, device]).succeed(seconds: 20)
    }

    /// Watches one endpoint's device for frames of another, from now on: a line with `seen` for each.
    func watch(for source: Endpoint, at place: Endpoint) async throws -> RunningCommand {
        // Tenants may use the same private addresses, so they tell only within one.
        let addresses = [source.identity] + (source.tenant == place.tenant ? [source.ipv4] : [])
        let watcher = try Command(
            place.inside + ["/usr/bin/python3", "-u", "-c", Scripts.sightings, try source.mac()] + addresses
        ).start()
        let ready = try await eventually(within: 10, every: 0.02) { watcher.output.contains("ready") }
        guard ready else { throw Command.Failed(description: "nobody watches \(place.name): \(watcher.errors)") }
        return watcher
    }
}
