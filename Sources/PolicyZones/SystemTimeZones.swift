import Foundation
public import NetTypes
public import PolicyLanguage

/// The time zones that a document names, as this system knows them. They are looked up once, when this is made; a
/// system that learns of new laws has to make it anew.
public struct SystemTimeZones: TimeZones {
    private let zones: [String: TimeZone]

    /// Looks up the zones of some documents; one that is not there is unknown from then on.
    public init(of documents: [Document]) {
        var zones: [String: TimeZone] = [:]
        for window in documents.flatMap(\.rules).flatMap(\.windows) where zones[window.zone] == nil {
            zones[window.zone] = TimeZone(identifier: window.zone)
        }
        self.zones = zones
    }

    public func offset(of zone: String, at moment: Timestamp) -> Int? {
        if zone == "UTC" { return 0 }
        return zones[zone]?.secondsFromGMT(for: Date(timeIntervalSince1970: TimeInterval(moment.seconds)))
    }
}
