// The chapters with a transfer that runs.

extension Tour {
    /// 4: a wire that is pulled stops a transfer at once.
    func pullUnderTransfer() async throws(LabError) {
        narrator.say("iperf3 sends from web1 to db1 as fast as it can. After three seconds the wire is pulled:")
        let server = try start("acme/db1", ["iperf3", "-s"], shown: false)
        try await pause(0.5)
        let client = try start("acme/web1", ["iperf3", "-c", "db1", "-t", "20", "-i", "0.5", "--forceflush"])
        do {
            try await pause(3.2)
            let unplug = try await show(["unplug", "acme/web1", "acme/db1"])
            try require(unplug)
            try await pause(2.3)
            let intervals = Interval.parse(try client.outputSoFar())
            narrator.output(intervals.map(\.description))
            let before = intervals.prefix { $0.bitsPerSecond > 0 }
            let after = intervals.suffix(3)
            try await stop(client, server)
            try check(
                before.count >= 4 && intervals.count >= 8 && after.allSatisfy { $0.bitsPerSecond == 0 },
                "The transfer stopped dead; no packet leaves h1 any more.",
                otherwise: "the transfer did not run before or did not stop after the wire was pulled",
                CommandResult(code: 0, output: intervals.map(\.description).joined(separator: "\n"), error: ""))
        } catch {
            try? await stop(client, server)
            throw error
        }
        try require(try await show(["plug", "acme/web1", "acme/db1"]))
        let ping = try await inside("acme/web1", ["ping", "-c", "1", "-W", "2", "db1"], filter: Self.pingSummary)
        try check(
            ping.code == 0, "Plugged again, it works again.",
            otherwise: "the pair stays dead after it was plugged again", ping)
    }

    /// 5: the identity stays, the location changes; peers follow, and TCP goes on.
    func moveUnderTransfer() async throws(LabError) {
        narrator.say(
            "db1 moves from h2 to h3 while web1 sends to it. A ping every 10 ms measures the gap; TCP keeps its "
                + "connection."
        )
        let server = try start("acme/db1", ["iperf3", "-s"], shown: false)
        try await pause(0.5)
        let pings = try start("acme/web1", ["ping", "-D", "-n", "-i", "0.01", "-W", "1", "db1"], shown: false)
        let client = try start(
            "acme/web1", ["iperf3", "-c", "db1", "-t", "8", "-i", "0.5", "-b", "2G", "--forceflush"])
        let before: EndpointAnswer = try await json(["endpoint", "show", "acme/db1"])
        let result: CommandResult
        let pinged: CommandResult
        do {
            try await pause(2.5)
            try require(try await show(["endpoint", "move", "acme/db1", "h3"]))
            result = try await client.wait(limit: .seconds(30))
            pinged = try await pings.stop()
            try await server.stop()
        } catch {
            try? await stop(client, pings, server)
            throw error
        }
        let intervals = Interval.parse(result.output)
        narrator.output(intervals.map(\.description))
        try check(
            result.code == 0 && intervals.suffix(3).contains { $0.bitsPerSecond > 0 } && intervals.count >= 12,
            "The same TCP connection ran to its end.", otherwise: "the transfer did not survive the move", result)
        let gap = Self.longestGap(pinged.output)
        try check(
            gap.answers > 50 && gap.milliseconds < 5_000,
            "The longest silence between two answers was \(gap.milliseconds) ms (\(gap.answers) answers).",
            otherwise: "the pings stopped for \(gap.milliseconds) ms (\(gap.answers) answers)", pinged)
        try await waitUntilRunning("acme/db1")
        _ = try await show(["explain", "acme/web1", "acme/db1"], lines: 12)
        let after: EndpointAnswer = try await json(["endpoint", "show", "acme/db1"])
        try check(
            after.host == "h3" && after.epoch > before.epoch,
            "db1 is on h3, epoch \(after.epoch); identity, addresses and policy are as before.",
            otherwise: "acme/db1 is on \(after.host), epoch \(after.epoch)")
    }

    private func stop(_ commands: Command...) async throws(LabError) {
        for command in commands { try await command.stop() }
    }

    /// The longest time between two answers in what `ping -D` wrote.
    static func longestGap(_ output: String) -> (milliseconds: Int, answers: Int) {
        let times = output.split(separator: "\n").compactMap { line -> Double? in
            guard line.hasPrefix("["), line.contains("bytes from"), let end = line.firstIndex(of: "]") else {
                return nil
            }
            return Double(line[line.index(after: line.startIndex)..<end])
        }
        let gap = zip(times, times.dropFirst()).map { $1 - $0 }.max() ?? 0
        return (Int((gap * 1000).rounded()), times.count)
    }
}

/// One interval of an iperf3 report.
struct Interval: CustomStringConvertible {
    var from: Double
    var to: Double
    var bitsPerSecond: Double

    /// Reads lines such as `[  5]   0.00-0.50   sec  1.71 GBytes  29.3 Gbits/sec    0    523 KBytes`.
    static func parse(_ output: String) -> [Interval] {
        output.split(separator: "\n").compactMap { line in
            let fields = line.split(separator: " ")
            guard line.hasPrefix("["), !line.contains("sender"), !line.contains("receiver"),
                let second = fields.firstIndex(of: "sec"), second > 0, fields.count > second + 4,
                let rate = Double(fields[second + 3]), let unit = units[fields[second + 4]]
            else { return nil }
            let times = fields[second - 1].split(separator: "-").compactMap { Double($0) }
            guard times.count == 2 else { return nil }
            return Interval(from: times[0], to: times[1], bitsPerSecond: rate * unit)
        }
    }

    private static let units: [Substring: Double] = [
        "bits/sec": 1, "Kbits/sec": 1e3, "Mbits/sec": 1e6, "Gbits/sec": 1e9,
    ]

    var description: String {
        let gigabits = Int((bitsPerSecond / 1e7).rounded())
        let hundredths = gigabits % 100
        let rate = "\(gigabits / 100).\(hundredths < 10 ? "0" : "")\(hundredths)"
        let length = bitsPerSecond == 0 ? 0 : max(1, min(30, Int((bitsPerSecond / 1e9).rounded())))
        let bar = String(repeating: "▇", count: length)
        func pad(_ text: String, _ width: Int) -> String {
            String(repeating: " ", count: max(0, width - text.count)) + text
        }
        return "\(pad("\(from)", 4)) – \(pad("\(to)", 4)) s  \(pad(rate, 6)) Gbit/s  \(bar)"
    }
}
