/// Echo requests that one endpoint sends another while something is done to their wire.
///
/// Sent by fping, which waits for every answer. The ping of iputils waits for the last only twice as long as the slowest
/// before it took, whatever its `-W` says, and calls it lost where a processor was busy for a moment.
struct Echoes: CustomStringConvertible {
    private let running: RunningCommand

    /// Begins to send.
    /// - Parameter period: milliseconds between two requests.
    init(_ count: Int, every period: Int, from sender: TestLab.Endpoint, to address: String, bytes: Int = 56) throws {
        running = try Command(
            sender.inside
                + [
                    "fping", "-q", "-i", "1", "-p", "\(period)", "-t", "5000", "-c", "\(count)", "-b", "\(bytes)",
                    address,
                ]
        ).start()
    }

    /// Waits until all are answered or lost; how many were answered.
    func answered(within seconds: Double) async throws -> Int {
        try await running.wait(seconds: seconds)
        // "fd00::1 : xmt/rcv/%loss = 100/100/0%, min/avg/max = 0.08/0.11/0.45"
        let counts = running.errors.split(separator: "%loss = ").last?.split(separator: "/") ?? []
        guard counts.count > 1, let answered = Int(counts[1]) else {
            throw Command.Failed(description: "fping says nothing of its answers: \(self)")
        }
        return answered
    }

    var description: String { running.output + running.errors }
}
