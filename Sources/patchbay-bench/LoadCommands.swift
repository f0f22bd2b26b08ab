import ArgumentParser
import CBench
import Foundation
import LinuxKit
import NetTypes

/// The ends of a measurement, each run by the benchmark as a process of its own inside a namespace and pinned to a
/// processor. They answer with one line of numbers.
struct Load: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "load", abstract: "Make or take load (for the benchmark's own use).", shouldDisplay: false,
        subcommands: [
            Send.self, Spray.self, Receive.self, Ping.self, Echo.self, Exchange.self, Reflect.self, Stream.self,
            Take.self, Tap.self, Memory.self,
        ])

    struct Pin: ParsableArguments {
        @Option var core: Int32
        @Option var port: UInt16 = 7007
        @Option var size: UInt32 = 64

        func apply() throws { try check(Int64(bench_pin(core)), "sched_setaffinity") }
    }

    struct Send: ParsableCommand {
        @OptionGroup var pin: Pin
        @Option var to: String
        @Option var rate: UInt64 = 0
        @Option var milliseconds: UInt32

        func run() throws {
            try pin.apply()
            let flow = bench_send(try target(to, pin.port), pin.size, rate, milliseconds)
            try check(flow.result, "sendmmsg")
            say([flow.packets, flow.nanoseconds])
        }
    }

    struct Spray: ParsableCommand {
        @OptionGroup var pin: Pin
        @Option var from: String
        @Option var to: String
        @Option var sources: UInt32
        @Option var destinations: UInt32
        @Option var fanout: UInt32
        @Option var firstDevice: UInt32
        @Option var gateway: String
        @Option var milliseconds: UInt32

        func run() throws {
            try pin.apply()
            let source = try target(from, 0)
            let destination = try target(to, pin.port)
            let gateway = try MACAddress(parsing: gateway)
            let flow = bench_spray_frames(
                bench_spray(
                    high: destination.high, from_low: source.low, to_low: destination.low, gateway: gateway.value,
                    sources: sources, destinations: destinations, fanout: fanout, first_device: firstDevice,
                    port: pin.port), pin.size, milliseconds)
            try check(flow.result, "sendmmsg")
            say([flow.packets, flow.nanoseconds])
        }
    }

    struct Receive: ParsableCommand {
        @OptionGroup var pin: Pin

        func run() throws {
            try pin.apply()
            let socket = try listen(pin.port)
            let flow = bench_receive(socket, pin.size)
            try check(flow.result, "recvmmsg")
            say([flow.packets, flow.nanoseconds])
        }
    }

    struct Ping: ParsableCommand {
        @OptionGroup var pin: Pin
        @Option var to: String
        @Option var milliseconds: UInt32

        func run() throws {
            try pin.apply()
            let echoes = bench_ping(try target(to, pin.port), pin.size, milliseconds)
            try check(echoes.result, "recv")
            say([echoes.count, echoes.lost, echoes.p50_ns, echoes.p99_ns])
        }
    }

    struct Echo: ParsableCommand {
        @OptionGroup var pin: Pin

        func run() throws {
            try pin.apply()
            let flow = bench_echo(try listen(pin.port))
            try check(flow.result, "recvfrom")
            say([flow.packets, flow.nanoseconds])
        }
    }

    /// Echoes with a window of packets under way.
    struct Exchange: ParsableCommand {
        @OptionGroup var pin: Pin
        @Option var to: String
        @Option var window: UInt32
        @Option var milliseconds: UInt32

        func run() throws {
            try pin.apply()
            let done = bench_exchange(try target(to, pin.port), pin.size, window, milliseconds)
            try check(done.result, "sendmmsg")
            say([done.count, done.lost, done.nanoseconds])
        }
    }

    /// The other end of ``Exchange``, until it is killed.
    struct Reflect: ParsableCommand {
        @OptionGroup var pin: Pin

        func run() throws {
            try pin.apply()
            try check(bench_reflect(try listen(pin.port)), "recvmmsg")
        }
    }

    /// Stamped packets, one every so many microseconds.
    struct Stream: ParsableCommand {
        @OptionGroup var pin: Pin
        @Option var to: String
        @Option var microseconds: UInt32
        @Option var milliseconds: UInt32

        func run() throws {
            try pin.apply()
            let flow = bench_send_stream(try target(to, pin.port), microseconds, milliseconds)
            try check(flow.result, "connect")
            say([flow.packets, flow.nanoseconds])
        }
    }

    /// Takes streams, one after the other, until it is killed.
    struct Take: ParsableCommand {
        @OptionGroup var pin: Pin
        @Option var idle: UInt32

        func run() throws {
            try pin.apply()
            let socket = try listen(pin.port)
            while true {
                let stream = bench_take_stream(socket, idle)
                try check(stream.result, "recv")
                try FileHandle.standardOutput.write(
                    contentsOf: Data(
                        """
                        result \(stream.packets) \(stream.first_number) \(stream.first_sent) \
                        \(stream.first_received) \(stream.last_received)

                        """.utf8))
            }
        }
    }

    /// The guest behind a TAP port: its frames go to and from a TAP device in the endpoint's namespace.
    struct Tap: ParsableCommand {
        @Option var core: Int32
        @Option var portNamespace: String
        @Option var portDevice: String
        @Option var guestNamespace: String
        @Option var guestDevice: String

        func run() throws {
            try check(Int64(bench_pin(core)), "sched_setaffinity")
            let port = try TapDevice(name: portDevice, in: try NetworkNamespace(named: portNamespace))
            let guest = try TapDevice(name: guestDevice, in: try NetworkNamespace(named: guestNamespace))
            try FileHandle.standardOutput.write(contentsOf: Data("ready\n".utf8))
            let traffic = bench_tap_pipe(port.fileDescriptor, guest.fileDescriptor)
            try check(traffic.result, "poll")
            say([traffic.frames, traffic.bytes, traffic.super_packets])
        }
    }
}

private func check(_ result: Int64, _ call: String) throws {
    if result < 0 { throw SystemCallError(call: call, code: Int32(-result), context: "load of the benchmark") }
}

private func target(_ text: String, _ port: UInt16) throws -> bench_target {
    let value = try IPv6Address(parsing: text).value
    return bench_target(high: UInt64(value >> 64), low: UInt64(truncatingIfNeeded: value), port: port)
}

private func listen(_ port: UInt16) throws -> Int32 {
    let socket = bench_listen(port)
    try check(Int64(socket), "bind")
    try FileHandle.standardOutput.write(contentsOf: Data("ready\n".utf8))
    return socket
}

func say(_ numbers: [UInt64]) {
    print("result", numbers.map(String.init).joined(separator: " "))
}
