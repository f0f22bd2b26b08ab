import APITypes
import DirectoryCore
import FoundationEssentials
import NetTypes

extension Operations {
    var hosts: [Operation] {
        [
            Operation(
                method: .get, path: "/v1/hosts", id: "listHosts", summary: "List the hosts",
                query: Paging.parameters, answer: ItemList<Host>.self
            ) { call in
                let part = try Paging(call).part(of: await directory.hosts()) { $0.name.text }
                return ItemList(items: try await describe(part.items), next: part.next)
            },
            Operation(
                method: .post, path: "/v1/hosts", id: "createHost",
                summary: "Create a host and a token with which its leaf enrols", body: APITypes.NewHost.self,
                status: .created, answer: HostInvitation.self
            ) { call in
                let name = try call.name(call.read(APITypes.NewHost.self).name, at: "/name")
                return HostInvitation(try await directory.createHost(name, controllerURL: settings.url))
            },
            Operation(
                method: .get, path: "/v1/hosts/{host}", id: "showHost", summary: "Show a host", answer: Host.self
            ) { call in try await describe([directory.host(call.name("host"))])[0] },
            Operation(
                method: .post, path: "/v1/hosts/{host}/token", id: "renewToken",
                summary: "Make a new token for a host, in place of any former one", answer: HostInvitation.self
            ) { call in
                HostInvitation(
                    try await directory.renewJoinToken(of: call.name("host"), controllerURL: settings.url))
            },
            Operation(
                method: .delete, path: "/v1/hosts/{host}", id: "deleteHost",
                summary: "Delete a host without endpoints and revoke its leaf", status: .noContent
            ) { call in
                try await directory.deleteHost(call.name("host"))
                return nil
            },
            Operation(
                method: .post, path: "/v1/enrol", id: "enrol", summary: "Enrol a leaf with its token",
                access: .everyone, body: EnrolmentRequest.self, bodyLimit: ControllerLimits.enrolmentBytes,
                status: .created, answer: APITypes.Enrolment.self
            ) { call in try await enrol(call.read(EnrolmentRequest.self)) },
        ]
    }

    private func describe(_ hosts: [LeafHost]) async throws -> [Host] {
        let counts = try await directory.endpointCounts(on: hosts.map(\.name))
        let notes = try await directory.certificates(of: hosts)
        return hosts.map { host in
            let name = directory.platform.name.leafURI(host.id)
            let hello = leaves.session(of: host.id)?.hello
            return Host(
                name: host.name.text, id: host.id.description, enrolled: host.isEnrolled, connected: hello != nil,
                locators: (hello?.locators ?? []).map(\.description), underlayDevice: hello?.underlayDevice,
                version: hello?.version, engine: hello?.engine, endpoints: counts[host.name] ?? 0,
                certificate: notes[host.id].map { CertificateFacts($0, name: name) })
        }
    }

    private func enrol(_ request: EnrolmentRequest) async throws -> APITypes.Enrolment {
        guard let secret = Data(base64URL: request.tokenSecret) else {
            throw Problem.invalid(
                "'token_secret' is not base64url.", pointer: "/token_secret",
                remedy: "Use the whole token that 'host create' printed.")
        }
        guard let signingRequest = Data(base64Encoded: request.signingRequest) else {
            throw Problem.invalid(
                "'signing_request' is not base64.", pointer: "/signing_request",
                remedy: "Send the DER of a PKCS #10 request in base64.")
        }
        let enrolled: DirectoryCore.Enrolment
        do {
            enrolled = try await directory.enrol(secret: Array(secret), signingRequest: Array(signingRequest))
        } catch {
            logger.notice("enrolment refused", metadata: ["problem": "\(error.code)"])
            throw error
        }
        logger.info("leaf enrolled", metadata: ["host": "\(enrolled.host.name)", "leaf": "\(enrolled.host.id)"])
        return APITypes.Enrolment(
            certificate: Data(enrolled.certificate).base64EncodedString(),
            root: Data(enrolled.root).base64EncodedString(), leafID: enrolled.host.id.description,
            hostName: enrolled.host.name.text,
            controller: .init(addresses: settings.leafAddresses, serverName: settings.serverName))
    }
}

extension HostInvitation {
    fileprivate init(_ new: DirectoryCore.NewHost) {
        self.init(
            name: new.host.name.text, id: new.host.id.description, token: new.token.text,
            expiresAt: new.expiresAt.description)
    }
}

extension Data {
    /// Reads base64url without padding (RFC 4648, section 5).
    fileprivate init?(base64URL text: String) {
        guard text.utf8.allSatisfy({ $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "=") })
        else { return nil }
        let standard = text.map { $0 == "-" ? "+" : $0 == "_" ? "/" : $0 }
        self.init(base64Encoded: String(standard) + String(repeating: "=", count: (4 - text.utf8.count % 4) % 4))
    }
}
