import Foundation

/// Ports for the programs that are measured.
enum Ports {
    /// TCP ports of 127.0.0.1 on which nobody listens.
    static func free(_ count: Int) throws -> [Int] {
        var taken = Set<Int>()
        for file in ["/proc/net/tcp", "/proc/net/tcp6"] {
            guard let text = try? String(contentsOfFile: file, encoding: .utf8) else { continue }
            for line in text.split(separator: "\n").dropFirst() {
                let fields = line.split(separator: " ")
                guard fields.count > 1, let port = fields[1].split(separator: ":").last else { continue }
                if let port = Int(port, radix: 16) { taken.insert(port) }
            }
        }
        let free = (7_643..<7_843).filter { !taken.contains($0) }
        guard free.count >= count else { throw BenchError("no TCP port from 7643 to 7842 is free") }
        return Array(free.prefix(count))
    }
}
