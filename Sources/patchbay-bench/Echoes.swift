/// Packets there and back with a window of them under way: as many as come back in time, whatever a queue between drops.
struct Echoes {
    /// How many packets are under way.
    static let window = 64
    /// The payload of an IPv6 packet of 1,400 bytes.
    static let payloadOf1400 = Int(Platform.endpointMTU) - 40 - 8

    private let path: PairPath
    private let seconds: Double
    private let reflector: Running

    init(path: PairPath, seconds: Double) throws {
        self.path = path
        self.seconds = seconds
        reflector = try Command.own(in: path.b, ["load", "reflect", "--core", "1"])
        try reflector.waitFor("ready")
    }

    func run(size: Int, rate: Metric, loss: Metric) throws -> [Reading] {
        let numbers = try Command.own(
            in: path.a,
            [
                "load", "exchange", "--core", "0", "--to", path.mappedTarget, "--size", "\(size)", "--window",
                "\(Self.window)", "--milliseconds", "\(Int(seconds * 1000))",
            ]
        ).finish(seconds: seconds + 10).loadNumbers(3)
        let (count, lost) = (numbers[0], numbers[1])
        guard count > 0 else { throw BenchError("no packet of \(size) bytes came back") }
        return [
            Reading(metric: rate, value: count / (numbers[2] / 1e9)),
            Reading(metric: loss, value: 100 * lost / (count + lost)),
        ]
    }

    func close() { reflector.stop() }
}
