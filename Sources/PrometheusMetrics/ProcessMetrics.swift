import Foundation

/// What the system says of the process itself, under the names that every program uses for it, and its version.
public enum ProcessMetrics {
    /// The descriptions.
    public static let descriptions = [
        MetricDescription(
            .gauge, "patchbay_build_info", "1, with the version of the program.", labels: ["program", "version"]),
        MetricDescription(
            .gauge, "process_start_time_seconds", "When the process began, in seconds since 1970."),
        MetricDescription(
            .counter, "process_cpu_seconds_total", "The processor time that the process has used, in seconds."),
        MetricDescription(.gauge, "process_resident_memory_bytes", "The memory of the process that is in RAM."),
        MetricDescription(.gauge, "process_open_fds", "The descriptors that the process has open."),
    ]

    /// Adds them to a registry.
    public static func collect(in registry: MetricsRegistry, program: String, version: String) {
        let began = Date().timeIntervalSince1970
        registry.collect {
            [
                MetricSample("patchbay_build_info", [program, version], 1),
                MetricSample("process_start_time_seconds", [], began.rounded(.down)),
            ] + samples()
        }
    }

    /// Reads `/proc/self` (proc(5)); what cannot be read is left out.
    private static func samples() -> [MetricSample] {
        var samples: [MetricSample] = []
        if let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
            let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmRSS:") }),
            let kibibytes = line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap({ UInt64($0) })
        {
            samples.append(MetricSample("process_resident_memory_bytes", [], kibibytes * 1_024))
        }
        if let open = try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd") {
            samples.append(MetricSample("process_open_fds", [], open.count))
        }
        // The name of the program, in parentheses, may hold anything; what counts stands behind it.
        if let stat = try? String(contentsOfFile: "/proc/self/stat", encoding: .utf8),
            let end = stat.lastIndex(of: ")")
        {
            let fields = stat[stat.index(after: end)...].split(separator: " ")
            if fields.count > 12, let user = UInt64(fields[11]), let system = UInt64(fields[12]) {
                // Linux shows it in hundredths of a second to programs on every architecture (USER_HZ).
                samples.append(MetricSample("process_cpu_seconds_total", [], Double(user + system) / 100))
            }
        }
        return samples
    }
}
