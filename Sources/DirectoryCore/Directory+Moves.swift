public import NetTypes

// A move: the desired host changes at once, and the endpoint is on no leaf's list; the former leaf closes the port and
// says so, or a deadline passes; then the desired host's leaf gets it, certifies a new key and publishes the next
// epoch. Until then peers keep the former facts, so that they switch in one step.
//
//     running on A ──move B──▶ moving(from A) ──A closed, or deadline──▶ waiting on B ──B published──▶ running on B

extension Directory {
    /// Moves an endpoint to another host; nothing changes if it is wanted there already.
    public func moveEndpoint(_ name: TenantName, to target: Name) async throws(DirectoryError) -> Endpoint {
        let deadline = now() + configuration.moveDeadline
        return try await write { (tx) throws(DirectoryError) in
            var endpoint = try tx.requireEndpoint(name)
            let host = try tx.requireHost(target, pointer: "/host")
            guard endpoint.host != target else { return endpoint }
            try Self.checkFree(endpoint.kind, endpoint.attachment, on: target, tx)
            let former = try tx.requireHost(endpoint.host)
            try tx.keepAccount(of: endpoint, by: former, until: self.now() + self.configuration.usageTenure)
            endpoint.host = target
            switch endpoint.state {
            case .moving(from: target, _):
                // Back before it left: the leaf keeps the port, or opens it again.
                endpoint.state = endpoint.publishedBy == host.id ? .running : .waiting
            case .moving:
                break
            case .waiting, .running, .failed:
                // A leaf that never enrolled has no port to close.
                endpoint.state = former.isEnrolled ? .moving(from: former.name, deadline: deadline) : .waiting
            }
            try tx.put(endpoint)
            tx.announce(.portsChanged(former.id))
            try tx.announcePorts(of: endpoint)
            tx.tell(.endpoint, .changed, name)
            return endpoint
        }
    }
}

extension Endpoint {
    /// Whether the desired host may have the port now.
    var isAssigned: Bool {
        if case .moving = state { false } else { true }
    }
}

extension DirectoryTransaction {
    /// Ends the wait for the former host.
    func release(_ endpoint: Endpoint) throws(DirectoryError) {
        var endpoint = endpoint
        endpoint.state = .waiting
        try put(endpoint)
        try announcePorts(of: endpoint)
    }
}
