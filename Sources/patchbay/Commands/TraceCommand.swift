import APITypes
import ArgumentParser
import NetTypes

struct TraceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trace", abstract: "Send a packet from one endpoint to another, and tell where it gets.",
        discussion: """
            The source's leaf sends one packet as if the endpoint had: a TCP SYN, a UDP datagram, an SCTP INIT or an \
            ICMP message. It has a mark that no other has. Port, directory, policy and wire are told step by step, then \
            what the kernels of both hosts did with this very packet: the rule that passed or dropped it, and whether \
            it was delivered. The destination may answer; the source's own stack knows nothing of the connection and \
            resets it.

              patchbay trace acme/web1 acme/db1 tcp/5432

            The exit code is 1 when the packet does not arrive.
            """)
    @Argument(help: "The source: TENANT/NAME, or an address outside.", transform: FlowEnd.init(typed:)) var from:
        FlowEnd
    @Argument(help: "The destination, likewise.", transform: FlowEnd.init(typed:)) var to: FlowEnd
    @Argument(help: "One port, such as tcp/22, udp/53 or icmpv6/128.") var port: String
    @OptionGroup var options: ControllerOptions

    func validate() throws { _ = try FlowEnd.tenant(of: from, to) }

    func run() async throws {
        let tenant = try FlowEnd.tenant(of: from, to).text
        var arrived = false
        try await options.show({
            let pair = TracePair(from: from.text, to: to.text, port: port)
            let trace = try await $0.trace(pair, of: tenant)
            arrived = trace.arrived
            return trace
        }) { (trace: Trace) in
            let style = Style.output
            for step in trace.steps {
                let mark = step.passed ? style.green("passed") : style.red("stopped")
                Screen.line("\(step.host)  \(step.step): \(step.finding)  \(mark)")
            }
        }
        if !arrived { throw ExitCode(1) }
    }
}
