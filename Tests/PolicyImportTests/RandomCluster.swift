// Small clusters with few labels, so that policies and pods meet.

extension Cluster {
    static func random(_ random: inout Seeded, withAdmin: Bool) -> Cluster {
        var cluster = Cluster()
        let namespaces = ["x", "y", "z"]
        for namespace in namespaces {
            cluster.namespaces[namespace] = labels(&random, keys: ["team", "env"])
            for (index, name) in ["a", "b", "c"].enumerated() {
                let third = UInt32(namespaces.firstIndex(of: namespace) ?? 0)
                cluster.pods.append(
                    Pod(
                        namespace: namespace, name: name, labels: labels(&random, keys: ["app", "role"]),
                        address: 0x0af4_0000 | third << 8 | UInt32(index + 1)))
            }
        }
        for index in 0..<Int.random(in: 0...5, using: &random) {
            var policy = NamespacedPolicy(namespace: random.pick(namespaces), name: "p\(index)")
            policy.pods = random.once(in: 3) ? Selector() : selector(&random, keys: ["app", "role"])
            policy.types = random.pick([nil, ["Ingress"], ["Egress"], ["Ingress", "Egress"], []])
            if !random.once(in: 4) { policy.ingress = rules(&random, actions: ["Allow"]) }
            if !random.once(in: 3) { policy.egress = rules(&random, actions: ["Allow"]) }
            cluster.policies.append(policy)
        }
        guard withAdmin else { return cluster }
        for index in 0..<Int.random(in: 0...3, using: &random) {
            var policy = ClusterPolicy(name: "admin\(index)", priority: Int.random(in: 0...20, using: &random))
            fill(&policy, &random, actions: ["Allow", "Deny", "Pass"])
            cluster.clusterPolicies.append(policy)
        }
        if random.once(in: 2) {
            var policy = ClusterPolicy(name: "default", priority: nil)
            fill(&policy, &random, actions: ["Allow", "Deny"])
            cluster.clusterPolicies.append(policy)
        }
        return cluster
    }

    private static func fill(_ policy: inout ClusterPolicy, _ random: inout Seeded, actions: [String]) {
        policy.namespaces = selector(&random, keys: ["team", "env"])
        if random.once(in: 2) { policy.pods = selector(&random, keys: ["app", "role"]) }
        policy.ingress = rules(&random, actions: actions, isAdmin: true, hasBlocks: false)
        policy.egress = rules(&random, actions: actions, isAdmin: true)
    }

    private static func labels(_ random: inout Seeded, keys: [String]) -> [String: String] {
        var labels: [String: String] = [:]
        for key in keys where !random.once(in: 4) { labels[key] = random.pick(["one", "two"]) }
        return labels
    }

    private static func selector(_ random: inout Seeded, keys: [String]) -> Selector {
        var selector = Selector()
        for _ in 0..<random.pick([0, 1, 1, 1, 2]) {
            let key = random.pick(keys)
            switch random.pick([0, 0, 1, 2, 3, 4]) {
            case 0: selector.labels[key] = random.pick(["one", "two"])
            case 1: selector.expressions.append(.init(key: key, operation: "In", values: some(&random)))
            case 2: selector.expressions.append(.init(key: key, operation: "NotIn", values: some(&random)))
            case 3: selector.expressions.append(.init(key: key, operation: "Exists", values: []))
            default: selector.expressions.append(.init(key: key, operation: "DoesNotExist", values: []))
            }
        }
        return selector
    }

    private static func some(_ random: inout Seeded) -> [String] {
        random.pick([["one"], ["two"], ["one", "two"], ["two", "three"]])
    }

    private static func rules(
        _ random: inout Seeded, actions: [String], isAdmin: Bool = false, hasBlocks: Bool = true
    ) -> [GressRule] {
        (0..<random.pick([0, 1, 1, 2, 3])).map { _ in
            var rule = GressRule(action: random.pick(actions))
            let count = random.pick(isAdmin ? [1, 1, 2] : [0, 1, 1, 2])
            rule.peers = (0..<count).map { _ in peer(&random, isAdmin: isAdmin, hasBlocks: hasBlocks) }
            rule.ports = (0..<random.pick([0, 0, 1, 2])).map { _ in port(&random) }
            return rule
        }
    }

    private static func peer(_ random: inout Seeded, isAdmin: Bool, hasBlocks: Bool) -> Peer {
        if hasBlocks, random.once(in: 4) {
            let length = random.pick([0, 8, 16, 24, 31, 32])
            let base = random.pick([0x0af4_0001, 0x0af4_0102, 0x0af4_0200, 0xc000_0207, 0xc633_6401] as [UInt32])
            let block = Block(address: length == 0 ? 0 : base & ~UInt32(0) << UInt32(32 - length), length: length)
            var except: [Block] = []
            if !isAdmin, length < 31, random.once(in: 2) {
                let inner = random.pick([length + 1, 31, 32])
                except = [Block(address: base & ~UInt32(0) << UInt32(32 - inner), length: inner)]
            }
            return .block(block, except: except)
        }
        let namespaces = selector(&random, keys: ["team", "env", "kubernetes.io/metadata.name"])
        let pods = selector(&random, keys: ["app", "role"])
        if isAdmin { return .pods(namespaces: namespaces, pods: random.once(in: 2) ? pods : nil) }
        switch random.pick([0, 1, 2]) {
        case 0: return .pods(namespaces: namespaces, pods: nil)
        case 1: return .pods(namespaces: nil, pods: pods)
        default: return .pods(namespaces: namespaces, pods: pods)
        }
    }

    private static func port(_ random: inout Seeded) -> Port {
        var port = Port(name: random.pick(["TCP", "TCP", "UDP", "SCTP"]))
        if random.once(in: 5) { return port }
        port.first = Int.random(in: 79...82, using: &random)
        if random.once(in: 3) { port.last = Int.random(in: 82...84, using: &random) }
        return port
    }
}
