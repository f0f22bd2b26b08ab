import LinuxKit
import NetTypes

/// The namespaces of the lab and the underlay that joins the hosts. It touches nothing of the machine but one veth
/// device in the plain namespace, by which the controller is on the underlay.
struct LabNetwork {
    let plan: LabPlan

    /// 1: the names. Whatever comes later happens inside of them.
    func makeNamespaces() async throws(LabError) {
        let names =
            [LabLayout.underlayNamespace] + plan.hosts.map(\.namespace) + plan.endpoints.map(\.namespace)
        try await batch(names.map { "netns add \($0)" })
    }

    /// 2: a bridge in a namespace of its own, a veth to each host and one to the plain namespace.
    func makeUnderlay() async throws(LabError) {
        let mtu = LabLayout.underlayMTU
        let plain = Self.ownProcess
        var lines = [
            "link set lo up",
            "link add \(LabLayout.bridge) mtu \(mtu) type bridge stp_state 0 forward_delay 0 mcast_snooping 0",
            "link set \(LabLayout.bridge) up",
        ]
        let ports =
            plan.hosts.map { (name: $0.name, device: LabLayout.underlayDevice, target: $0.namespace) }
            + [(name: "control", device: LabLayout.controllerDevice, target: plain)]
        for port in ports {
            lines.append(
                "link add \(port.name) mtu \(mtu) type veth peer name \(port.device) mtu \(mtu) netns \(port.target)")
            lines.append("link set \(port.name) master \(LabLayout.bridge) up")
        }
        try await batch(lines, in: LabLayout.underlayNamespace)
        // A host's firewall for bridged packets is not part of the underlay; the keys exist only where br_netfilter is.
        try await set(
            ["iptables", "ip6tables", "arptables"].map { "net.bridge.bridge-nf-call-\($0)=0" },
            in: LabLayout.underlayNamespace)
        try await batch(addresses(LabLayout.controllerNumber, LabLayout.controllerDevice))
    }

    /// 3: each host with its address. What differs from namespace to namespace is set, not assumed.
    func configureHosts(progress: (Int) -> Void) async throws(LabError) {
        for (index, host) in plan.hosts.enumerated() {
            try await set(
                [
                    "net.ipv4.ip_forward=0", "net.ipv6.conf.all.forwarding=0", "net.ipv4.conf.all.rp_filter=0",
                    "net.ipv4.conf.default.rp_filter=0", "net.ipv6.conf.all.disable_ipv6=0",
                ], in: host.namespace)
            try await batch(
                ["link set lo up"] + addresses(host.number, LabLayout.underlayDevice), in: host.namespace)
            progress(index + 1)
        }
    }

    /// 4: each endpoint, empty but for its loopback device; the leaf brings the interface.
    func configureEndpoints(progress: (Int) -> Void) async throws(LabError) {
        for (index, endpoint) in plan.endpoints.enumerated() {
            try await set(
                [
                    "net.ipv6.conf.all.disable_ipv6=0", "net.ipv6.conf.default.accept_ra=0",
                    "net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.default.rp_filter=0",
                ], in: endpoint.namespace)
            try await batch(["link set lo up"], in: endpoint.namespace)
            progress(index + 1)
        }
    }

    /// 5: every host must reach the controller's address.
    func checkUnderlay() async throws(LabError) {
        let target = plan.underlayAddress(LabLayout.controllerNumber).description
        for host in plan.hosts {
            let result = try await Command.run(
                ["ping", "-n", "-q", "-c", "1", "-W", "3", target], in: .network(host.namespace))
            guard result.code == 0 else {
                throw LabError(
                    "\(host.name) does not reach the controller's address \(target) over the underlay",
                    remedy: "look at 'ip netns exec \(host.namespace) ip addr' and at the firewall of this machine",
                    log: result.lastLines)
            }
        }
    }

    /// What of this machine is in the way, if anything.
    static func obstacle() async throws(LabError) -> LabError? {
        let prefix = "\(IPv4Address(LabLayout.underlayIPv4(0).value))/\(LabLayout.underlayIPv4Length)"
        let routes = try await Command.run(["ip", "-o", "route", "show", "root", prefix])
        guard let route = routes.output.split(separator: "\n").first else { return nil }
        return LabError(
            "this machine has a route inside \(prefix) already: \(route)",
            remedy: "the lab's underlay needs that prefix; remove the route while the lab is up")
    }

    private func addresses(_ number: Int, _ device: String) -> [String] {
        let ipv4 = "addr add \(LabLayout.underlayIPv4(number))/\(LabLayout.underlayIPv4Length) dev \(device)"
        let ipv6 = "addr add \(LabLayout.underlayIPv6(number))/\(LabLayout.underlayIPv6Length) dev \(device) nodad"
        // On an IPv6 underlay there is no IPv4 address that could be used by mistake.
        return (plan.underlay == .ipv4 ? [ipv4, ipv6] : [ipv6]) + ["link set \(device) up"]
    }

    private func batch(_ lines: [String], in namespace: String? = nil) async throws(LabError) {
        let file = "\(LabLayout.directory)/ip.batch"
        try Files.write(lines.joined(separator: "\n") + "\n", to: file)
        try await Command.check(["ip"] + (namespace.map { ["-n", $0] } ?? []) + ["-batch", file])
        try Files.remove(file)
    }

    private func set(_ values: [String], in namespace: String) async throws(LabError) {
        try await Command.check(["sysctl", "-e", "-q", "-w"] + values, in: .network(namespace))
    }

    /// The id of this process, which stands for the plain namespace.
    private static var ownProcess: String { "\(ChildProcess.ownID)" }
}
