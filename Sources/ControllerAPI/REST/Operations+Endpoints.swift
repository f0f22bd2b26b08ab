import APITypes
import Crypto
import DirectoryCore
import NetTypes
import Trust

extension Operations {
    var endpoints: [Operation] {
        [
            Operation(
                method: .get, path: "/v1/tenants/{tenant}/endpoints", id: "listEndpoints",
                summary: "List a tenant's endpoints", query: Paging.parameters + EndpointQuery.parameters,
                answer: ItemList<APITypes.Endpoint>.self
            ) { call in try await list(call) },
            Operation(
                method: .get, path: "/v1/tenants/{tenant}/summary", id: "summarizeEndpoints",
                summary: "Count a tenant's endpoints by group, host or vnet",
                query: [
                    .init(
                        name: "by", isRequired: false,
                        summary: "group, host or vnet; group when left out. Of several groups the first counts",
                        values: EndpointPart.allCases.map(\.rawValue))
                ], answer: EndpointSummary.self
            ) { call in try await summary(call.name("tenant"), call) },
            Operation(
                method: .post, path: "/v1/tenants/{tenant}/endpoints", id: "createEndpoint",
                summary: "Create an endpoint", body: APITypes.NewEndpoint.self, status: .created,
                answer: APITypes.Endpoint.self
            ) { call in try await describe(create(call)) },
            Operation(
                method: .get, path: "/v1/tenants/{tenant}/endpoints/{endpoint}", id: "showEndpoint",
                summary: "Show an endpoint", answer: APITypes.Endpoint.self
            ) { call in
                let listed = try await directory.listed(call.tenantName("endpoint"))
                return APITypes.Endpoint(listed.endpoint, listed.published)
            },
            Operation(
                method: .delete, path: "/v1/tenants/{tenant}/endpoints/{endpoint}", id: "deleteEndpoint",
                summary: "Delete an endpoint and cut its wires", status: .noContent
            ) { call in
                try await directory.deleteEndpoint(call.tenantName("endpoint"))
                return nil
            },
            Operation(
                method: .post, path: "/v1/tenants/{tenant}/endpoints/{endpoint}/move", id: "moveEndpoint",
                summary: "Move an endpoint to another host", body: MoveEndpoint.self, status: .accepted,
                answer: APITypes.Endpoint.self
            ) { call in
                let name = try call.tenantName("endpoint")
                let host = try call.name(call.read(MoveEndpoint.self).host, at: "/host")
                return try await describe(move(name, to: host))
            },
            Operation(
                method: .post, path: "/v1/tenants/{tenant}/endpoints/{endpoint}/labels", id: "changeLabels",
                summary: "Change the labels of an endpoint; it is certified anew", body: ChangeLabels.self,
                answer: APITypes.Endpoint.self
            ) { call in
                let name = try call.tenantName("endpoint")
                let change = try call.read(ChangeLabels.self)
                let set = try Self.labels(change.set ?? [], at: "/set")
                return try await describe(directory.changeLabels(of: name, set: set, remove: change.remove ?? []))
            },
            Operation(
                method: .post, path: "/v1/tenants/{tenant}/endpoints/{endpoint}/level", id: "changeLevel",
                summary: "Change the security level of an endpoint; it is certified anew", body: ChangeLevel.self,
                answer: APITypes.Endpoint.self
            ) { call in
                let name = try call.tenantName("endpoint")
                return try await describe(directory.setLevel(call.read(ChangeLevel.self).level, of: name))
            },
            Operation(
                method: .post, path: "/v1/tenants/{tenant}/endpoints/{endpoint}/networks", id: "changeNetworks",
                summary: "Change for which prefixes outside an endpoint speaks; it is certified anew",
                body: ChangeNetworks.self, answer: APITypes.Endpoint.self
            ) { call in
                let name = try call.tenantName("endpoint")
                let networks = try Self.networks(call.read(ChangeNetworks.self).networks)
                return try await describe(directory.setNetworks(networks, of: name))
            },
            Operation(
                method: .get, path: "/v1/tenants/{tenant}/endpoints/{endpoint}/certificate", id: "showCertificate",
                summary: "Show the certificate that an endpoint has now", answer: EndpointCertificate.self
            ) { call in try await certificate(of: call.tenantName("endpoint")) },
        ]
    }

    private func create(_ call: Call) async throws -> DirectoryCore.Endpoint {
        let tenant = try call.name("tenant")
        let new = try call.read(APITypes.NewEndpoint.self)
        let ipv4 = try new.ipv4.map { (text) throws(Problem) in
            try Call.value(at: "/ipv4") { () throws(TextError) in try IPv4Address(parsing: text) }
        }
        var groups: [Name] = []
        for (index, group) in (new.groups ?? []).enumerated() {
            groups.append(try call.name(group, at: "/groups/\(index)"))
        }
        // What a port is attached to is a thing of the host, which belongs to the provider.
        guard new.attachment == nil || call.caller.tenant == nil else {
            throw Problem(
                code: "forbidden", title: "Forbidden", status: 403,
                detail: "what a port is attached to is the provider's to name",
                remedy: "Leave 'attachment' out; it follows from the names.", pointer: "/attachment")
        }
        return try await directory.createEndpoint(
            DirectoryCore.NewEndpoint(
                name: TenantName(tenant, call.name(new.name, at: "/name")), vnet: call.name(new.vnet, at: "/vnet"),
                ipv4: ipv4, groups: groups, labels: Self.labels(new.labels ?? [], at: "/labels"),
                level: new.level ?? 0, networks: Self.networks(new.networks ?? []),
                host: call.name(new.host, at: "/host"),
                kind: new.kind == .tap ? .tap : .namespace, attachment: new.attachment))
    }

    private static func networks(_ texts: [String]) throws(Problem) -> [IPPrefix] {
        var networks: [IPPrefix] = []
        for (index, text) in texts.enumerated() {
            networks.append(
                try Call.value(at: "/networks/\(index)") { () throws(TextError) in try IPPrefix(parsing: text) })
        }
        return networks
    }

    private static func labels(_ texts: [String], at pointer: String) throws(Problem) -> [PolicyLabel] {
        var labels: [PolicyLabel] = []
        for (index, text) in texts.enumerated() {
            labels.append(
                try Call.value(at: "\(pointer)/\(index)") { () throws(TextError) in try PolicyLabel(parsing: text) })
        }
        return labels
    }

    /// Moves an endpoint. A host that is not connected cannot be waited for: what it still has is behind a record of an
    /// older epoch as soon as the new host has published.
    private func move(_ name: TenantName, to host: Name) async throws -> DirectoryCore.Endpoint {
        let endpoint = try await directory.moveEndpoint(name, to: host)
        guard case .moving(let from, _) = endpoint.state, let former = try? await directory.host(from),
            leaves.session(of: former.id) == nil
        else { return endpoint }
        try await directory.report(leaf: former.id, identity: endpoint.identity, .closed)
        return try await directory.endpoint(name)
    }

    func describe(_ endpoint: DirectoryCore.Endpoint) async throws -> APITypes.Endpoint {
        // Deleted in the meantime: described as it was, with nothing published.
        let published = try? await directory.published(of: endpoint.name)
        return APITypes.Endpoint(endpoint, published)
    }

    private func certificate(of name: TenantName) async throws -> EndpointCertificate {
        guard let published = try await directory.published(of: name) else {
            throw Problem(
                code: "not-running", title: "Not running", status: 409,
                detail: "The endpoint '\(name)' runs nowhere now, so it has no certificate.",
                remedy: "Wait until its host is connected and its state is 'running'.")
        }
        let summary = try CertificateSummary(parsing: published.facts.certificate)
        return EndpointCertificate(
            endpoint: name.description, identity: published.identity.description,
            groups: summary.groups.map(\.text), labels: summary.labels.map(\.description), level: summary.level,
            networks: summary.networks.map(\.description), serial: summary.serial.hexadecimal,
            keyHash: summary.keyHash.hexadecimal, expiresAt: summary.notAfter.description,
            certificate: CertificatePEM.text([published.facts.certificate]),
            issuer: CertificatePEM.text([published.facts.issuer]))
    }
}

extension APITypes.Endpoint {
    init(_ endpoint: DirectoryCore.Endpoint, _ published: PublishedFacts?) {
        self.init(
            tenant: endpoint.name.tenant.text, name: endpoint.name.name.text,
            identity: endpoint.identity.description, vnet: endpoint.vnetName.text, ipv4: endpoint.ipv4.description,
            groups: endpoint.groups.map(\.text), labels: endpoint.labels.map(\.description), level: endpoint.level,
            networks: endpoint.networks.map(\.description), host: endpoint.host.text,
            kind: endpoint.kind == .tap ? .tap : .namespace, attachment: endpoint.attachment,
            epoch: endpoint.epoch, state: EndpointState(endpoint.state), detail: endpoint.state.detail,
            locator: published?.locator.description, recordExpiresAt: published?.recordNotAfter.description,
            certificateSHA256: published.map { Array(SHA256.hash(data: $0.facts.certificate)).hexadecimal })
    }
}

extension EndpointState {
    init(_ state: DirectoryCore.Endpoint.State) {
        self =
            switch state {
            case .waiting: .waiting
            case .running: .running
            case .moving: .moving
            case .failed: .failed
            }
    }
}

extension DirectoryCore.Endpoint.State {
    fileprivate var detail: String? {
        switch self {
        case .waiting, .running: nil
        case .moving(let from, _): "leaves \(from)"
        case .failed(let detail): detail
        }
    }
}

extension [UInt8] {
    /// Two lower-case hexadecimal digits an octet.
    var hexadecimal: String {
        reduce(into: "") { $0 += ($1 < 16 ? "0" : "") + String($1, radix: 16) }
    }
}
