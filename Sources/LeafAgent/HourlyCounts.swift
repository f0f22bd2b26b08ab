import Foundation
import LeafProtocol
import LinuxKit
import Logging
import NetTypes

/// What the wires had counted at the end of each hour that the controller has not booked yet, in files.
///
/// Everything is cumulative, as in the kernel's maps, so a file that is lost or merged into the next makes no packet
/// disappear: it is booked to a later hour. A file is of one hour and one boot of the host, since the ids of counts are of
/// one boot.
struct HourlyCounts {
    /// One file.
    struct Hour: Hashable, Comparable {
        /// When the hour begins, UTC, in seconds since 1970.
        var begin: Int64
        /// The boot of the host in which it was read.
        var boot: String

        var end: Int64 { begin + 3_600 }
        var file: String { "\(begin)-\(boot)" }

        init(begin: Int64, boot: String) {
            self.begin = begin
            self.boot = boot
        }

        init?(file: String) {
            let parts = file.split(separator: "-", maxSplits: 1)
            guard parts.count == 2, let begin = Int64(parts[0]), begin >= 0, begin.isMultiple(of: 3_600),
                begin <= Int64.max - 3_600, parts[1].utf8.allSatisfy({ Character(UnicodeScalar($0)).isHexDigit })
            else { return nil }
            self.init(begin: begin, boot: String(parts[1]))
        }

        static func < (a: Hour, b: Hour) -> Bool { (a.begin, a.boot) < (b.begin, b.boot) }
    }

    /// How much is kept.
    struct Limits: Sendable {
        /// 31 days.
        var hours = 744
        /// Of all files together.
        var bytes = 256 << 20
    }

    /// The present boot.
    let boot: String
    private let directory: String
    private let limits: Limits
    private let logger: Logger
    /// The files, with their sizes in bytes.
    private var files: [Hour: Int] = [:]
    /// What was kept last of counts that go on, so that what rests is not kept hour by hour.
    private var kept: [UInt64: TrafficTally] = [:]

    /// Opens the directory, and looks which hours are there.
    ///
    /// - Parameter boot: hexadecimal digits that another boot of the host does not have.
    init(directory: String, boot: String = Self.presentBoot(), limits: Limits = Limits(), logger: Logger) {
        self.directory = directory
        self.boot = boot
        self.limits = limits
        self.logger = logger
        try? FileManager.default.createDirectory(
            atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        for name in (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? [] {
            let size = try? FileManager.default.attributesOfItem(atPath: path(name))[.size] as? NSNumber
            if let hour = Hour(file: name), let size { files[hour] = size.intValue }
        }
    }

    /// The files, the oldest first.
    var hours: [Hour] { files.keys.sorted() }

    /// Keeps what was counted up to the end of an hour, of what has changed since the hour before.
    ///
    /// - Parameter live: the counts that go on.
    mutating func keep(
        _ counts: [Patchbay_Leaf_V1_TrafficCount], live: Set<UInt64>, hour begin: Int64
    ) throws {
        let new = counts.filter { kept[$0.id] != TrafficTally($0) }
        kept = kept.filter { live.contains($0.key) }
        guard !new.isEmpty else { return }
        let hour = Hour(begin: begin, boot: boot)
        try write(new, over: hour)
        for count in new { kept[count.id] = TrafficTally(count) }
        try shrink()
    }

    /// What was kept of an hour.
    func counts(of hour: Hour) throws -> [Patchbay_Leaf_V1_TrafficCount] {
        guard let data = FileManager.default.contents(atPath: path(hour.file)) else { return [] }
        return try Patchbay_Leaf_V1_TrafficReport(serializedBytes: data).counts
    }

    /// Forgets an hour; it does not come back, not even after a loss of power.
    mutating func remove(_ hour: Hour) throws {
        try AtomicFile.remove(path(hour.file))
        files[hour] = nil
    }

    /// Merges the oldest hours until there are no more than may be.
    private mutating func shrink() throws {
        while Set(files.keys.map(\.begin)).count > limits.hours || files.values.reduce(0, +) > limits.bytes {
            let all = hours
            guard let oldest = all.first, let next = all.first(where: { $0.begin > oldest.begin }) else { return }
            let target = Hour(begin: next.begin, boot: oldest.boot)
            let later = (try? counts(of: target)) ?? []
            let ids = Set(later.map(\.id))
            try write(((try? counts(of: oldest)) ?? []).filter { !ids.contains($0.id) } + later, over: target)
            try remove(oldest)
            logger.warning(
                "too many hours of traffic are not booked; the oldest two are now one",
                metadata: [
                    "hour": "\(Timestamp(oldest.begin))", "into": "\(Timestamp(next.begin))", "hours": "\(files.count)",
                ])
        }
    }

    /// What is there already of an hour is kept where nothing newer comes.
    private mutating func write(_ counts: [Patchbay_Leaf_V1_TrafficCount], over hour: Hour) throws {
        let ids = Set(counts.map(\.id))
        let former = files[hour] == nil ? [] : ((try? self.counts(of: hour)) ?? [])
        var report = Patchbay_Leaf_V1_TrafficReport()
        report.counts = former.filter { !ids.contains($0.id) } + counts
        let data: Data = try report.serializedBytes()
        try AtomicFile.replace(path(hour.file), with: Array(data))
        files[hour] = data.count
    }

    private func path(_ file: String) -> String { directory + "/" + file }

    private static func presentBoot() -> String {
        let id = (try? String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8)) ?? ""
        let digits = id.filter(\.isHexDigit)
        return digits.isEmpty ? "0" : digits
    }
}
