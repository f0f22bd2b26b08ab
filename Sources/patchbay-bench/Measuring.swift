import Foundation

/// How long each measurement takes, in seconds.
struct Durations {
    let tcp: Int
    let udp: Double
    let ping: Double

    static let full = Durations(tcp: 2, udp: 1, ping: 1)
    /// For suites of many cases.
    static let short = Durations(tcp: 1, udp: 0.5, ping: 0.5)
    static let quick = Durations(tcp: 1, udp: 0.4, ping: 0.4)
}

/// The measurements of a pair of endpoints. The sender is pinned to processor 0, the receiver to processor 1.
struct Measuring {
    let path: PairPath
    let durations: Durations

    func all() throws -> [Reading] {
        var readings = try tcp(streams: 1) + tcp(streams: 4)
        readings += try UDPSearch(durations: durations).run(from: path.a, to: path.b, target: path.target)
        return try readings + ping()
    }

    /// What the suites of protected wires measure: in a row of the same seconds for every case, whatever is lost.
    func allProtected() throws -> [Reading] {
        let before = try path.engineDrops()
        var readings = try tcp(streams: 1) + tcp(streams: 4)
        readings.append(try tcpBothWays())
        readings += try echoes() + ping()
        guard let before, let after = try path.engineDrops() else { return readings }
        return readings + [Reading(metric: .engineDrops, value: after - before)]
    }

    private func echoes() throws -> [Reading] {
        let echoes = try Echoes(path: path, seconds: durations.udp)
        defer { echoes.close() }
        return try echoes.run(size: 64, rate: .small, loss: .smallLoss)
            + echoes.run(size: Echoes.payloadOf1400, rate: .large, loss: .largeLoss)
    }

    private struct Report: Decodable {
        struct End: Decodable {
            let sum: Sum
            let reverse: Sum?
            enum CodingKeys: String, CodingKey {
                case sum = "sum_received"
                case reverse = "sum_received_bidir_reverse"
            }
        }
        struct Sum: Decodable {
            let bytes: Double
            let bitsPerSecond: Double
            enum CodingKeys: String, CodingKey {
                case bytes
                case bitsPerSecond = "bits_per_second"
            }
        }
        let end: End
    }

    /// TCP by iperf3, and with one stream the processors' time for it from /proc/stat.
    func tcp(streams: Int) throws -> [Reading] {
        let before = (cpu: try ProcessorTime.now(), frames: try deliveredFrames())
        let sum = try iperf(["-P", "\(streams)"]).sum
        let after = (cpu: try ProcessorTime.now(), frames: try deliveredFrames())
        guard sum.bytes > 0 else { throw BenchError("iperf3 received nothing") }
        var readings = [Reading(metric: streams == 1 ? .tcp1 : .tcp4, value: sum.bitsPerSecond / 1e9)]
        guard streams == 1 else { return readings }
        readings.append(Reading(metric: .cpu, value: (after.cpu - before.cpu) / (sum.bytes / 1e9)))
        if path.attachment == .tap {
            let frames = after.frames.frames - before.frames.frames
            let bytes = after.frames.bytes - before.frames.bytes
            readings.append(Reading(metric: .guestFrame, value: bytes / max(1, frames)))
        }
        return readings
    }

    /// One stream in either direction at once; the sum of both.
    private func tcpBothWays() throws -> Reading {
        let end = try iperf(["--bidir"])
        guard let reverse = end.reverse, reverse.bytes > 0, end.sum.bytes > 0 else {
            throw BenchError("iperf3 received nothing in one direction")
        }
        return Reading(metric: .tcpBoth, value: (end.sum.bitsPerSecond + reverse.bitsPerSecond) / 1e9)
    }

    private func iperf(_ options: [String]) throws -> Report.End {
        let text = try Command.run(
            Command.inside(path.a) + ["iperf3", "-J", "-c", path.target, "-t", "\(durations.tcp)", "-A", "0"] + options,
            seconds: Double(durations.tcp) + 15)
        return try JSONDecoder().decode(Report.self, from: Data(text.utf8)).end
    }

    /// What the port's device has handed to the endpoint; a super-packet counts as one frame.
    private func deliveredFrames() throws -> (frames: Double, bytes: Double) {
        let (namespace, device) = path.deliveringPort
        let text = try Command.run(Command.inside(namespace) + ["cat", "/proc/net/dev"])
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: ":")
            guard parts.count == 2, parts[0].trimmingCharacters(in: .whitespaces) == device else { continue }
            let numbers = parts[1].split(separator: " ").compactMap { Double($0) }
            guard numbers.count >= 10 else { break }
            return (numbers[9], numbers[8])
        }
        throw BenchError("/proc/net/dev of \(namespace) has no line of \(device)")
    }

    /// 64 bytes there and back by UDP, one at a time.
    func ping() throws -> [Reading] {
        let echo = try Command.own(in: path.b, ["load", "echo", "--core", "1"])
        try echo.waitFor("ready")
        let numbers = try Command.own(
            in: path.a,
            [
                "load", "ping", "--core", "0", "--to", path.mappedTarget, "--milliseconds",
                "\(Int(durations.ping * 1000))",
            ]
        ).finish(seconds: durations.ping + 10).loadNumbers(4)
        echo.stop()
        return [
            Reading(metric: .rtt50, value: numbers[2] / 1000), Reading(metric: .rtt99, value: numbers[3] / 1000),
        ]
    }
}

/// The rate of 64-byte UDP packets that arrives without loss worth naming.
///
/// First the sender sends as fast as it can. If more than `tolerated` is lost, because something between drops when it is
/// full (a TAP's queue, a socket's), what is offered goes down, from what was received, until no more than that is lost.
struct UDPSearch {
    let durations: Durations
    static let tolerated = 0.005

    func run(from a: String, to b: String, target: String) throws -> [Reading] {
        try search { rate in
            [
                a, "load", "send", "--core", "0", "--to", target, "--rate", "\(Int(rate))", "--milliseconds",
                "\(Int(durations.udp * 1000))",
            ]
        } receiver: {
            b
        }
    }

    private func search(
        sender: (Double) -> [String], receiver: () -> String
    ) throws -> [Reading] {
        var flow = try Self.once(sender(0), receiver: receiver(), seconds: durations.udp)
        for factor in [0.98, 0.94, 0.88, 0.8, 0.7] where flow.loss > Self.tolerated {
            flow = try Self.once(sender(flow.received * factor), receiver: receiver(), seconds: durations.udp)
        }
        return flow.readings
    }

    struct Flow {
        let offered: Double
        let received: Double
        let loss: Double

        var readings: [Reading] {
            [
                Reading(metric: .udpReceived, value: received), Reading(metric: .udpOffered, value: offered),
                Reading(metric: .udpLoss, value: loss * 100),
            ]
        }
    }

    /// Runs a receiver and then a sender; the sender's namespace is the first of its words.
    static func once(_ sender: [String], receiver: String, seconds: Double) throws -> Flow {
        let receiving = try Command.own(in: receiver, ["load", "receive", "--core", "1"])
        try receiving.waitFor("ready")
        let sent = try Command.own(in: sender[0], Array(sender.dropFirst())).finish(seconds: seconds + 10)
            .loadNumbers(2)
        let received = try receiving.finish(seconds: 20).loadNumbers(2)
        // Both rates are over the sender's time: what still waits in a queue at its end has arrived as well.
        let time = max(1, sent[1]) / 1e9
        let span = max(time, received[1] / 1e9)
        return Flow(
            offered: sent[0] / time, received: received[0] / span, loss: sent[0] > 0 ? 1 - received[0] / sent[0] : 1)
    }
}

/// The time that both processors were busy since the machine started, from /proc/stat.
enum ProcessorTime {
    /// Seconds in user, nice, system, irq and softirq; waiting and what a hypervisor stole do not count.
    static func now() throws -> Double {
        let text = try String(contentsOfFile: "/proc/stat", encoding: .utf8)
        guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix("cpu ") }) else {
            throw BenchError("/proc/stat has no line of all processors")
        }
        let ticks = line.split(separator: " ").dropFirst().compactMap { Double($0) }
        guard ticks.count >= 7 else { throw BenchError("/proc/stat is not understood: \(line)") }
        return (ticks[0] + ticks[1] + ticks[2] + ticks[5] + ticks[6]) / 100  // USER_HZ
    }
}

extension String {
    /// The numbers of the line "result …" that the hidden subcommands print.
    func loadNumbers(_ count: Int) throws -> [Double] {
        let line = split(separator: "\n").last { $0.hasPrefix("result ") } ?? ""
        let numbers = line.split(separator: " ").dropFirst().compactMap { Double($0) }
        guard numbers.count == count else { throw BenchError("load said \"\(self)\", not \(count) numbers") }
        return numbers
    }
}
