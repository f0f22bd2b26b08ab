import ArgumentParser
import Trust

/// How long what the controller issues lives.
struct LifetimeOptions: ParsableArguments {
    @Option(help: "Certificates of leaves and of the controller itself.", transform: Self.seconds)
    var leafLifetime = TrustLimits.leafLifetime

    @Option(help: "Certificates of endpoints and of the keys that sign policies.", transform: Self.seconds)
    var endpointLifetime = TrustLimits.endpointLifetime

    @Option(help: "Location records of endpoints.", transform: Self.seconds)
    var recordLifetime = TrustLimits.recordLifetime

    /// The lifetimes.
    ///
    /// - Throws: ``CommandError`` for one that is too short or too long.
    func values() throws -> Lifetimes {
        do {
            return try Lifetimes(leaf: leafLifetime, endpoint: endpointLifetime, record: recordLifetime)
        } catch {
            throw CommandError("\(error).", remedy: "See patchbay-controller help run.")
        }
    }

    private static let units: [Character: Int64] = ["s": 1, "m": 60, "h": 3_600, "d": 86_400]

    @Sendable private static func seconds(_ text: String) throws -> Int64 {
        guard let unit = text.last.flatMap({ units[$0] }), let count = Int64(text.dropLast()), count > 0,
            count <= Int64(Int32.max)
        else { throw ValidationError("'\(text)' is not a time; write a number and s, m, h or d, like 12h.") }
        return count * unit
    }
}
