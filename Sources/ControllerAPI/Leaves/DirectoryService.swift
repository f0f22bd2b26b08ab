import DirectoryCore
import GRPCCore
import LeafProtocol
import Logging
import MutualTLS
import NetTypes
import Trust

/// The gRPC service that leaves call.
///
/// Who calls is read from the certificate of the session at every call, so that a leaf that has been revoked is refused
/// from then on; no message can say whom its sender speaks for.
struct DirectoryService: Patchbay_Leaf_V1_Directory.SimpleServiceProtocol {
    let directory: Directory
    let leaves: LeafHub
    let settings: ControllerSettings
    let logger: Logger

    /// Who speaks, if it may.
    private func speaker(_ context: ServerContext) async throws(RPCError) -> (host: LeafHost, certificate: [UInt8]) {
        guard let certificate = SessionSecurity.peerCertificate(of: context) else {
            throw RPCError(code: .unauthenticated, message: "There is no certificate in this session.")
        }
        do {
            return (try await directory.authenticate(leaf: certificate), certificate)
        } catch {
            logger.notice("leaf refused", metadata: ["peer": "\(context.remotePeer)", "reason": "\(error)"])
            let code: RPCError.Code = error.code == .storage ? .unavailable : .unauthenticated
            throw RPCError(code: code, message: error.message + (error.remedy.map { " " + $0 } ?? ""))
        }
    }

    // MARK: Look-up and publication

    func lookup(
        request: Patchbay_Leaf_V1_LookupRequest, context: ServerContext
    ) async throws -> Patchbay_Leaf_V1_LookupResponse {
        let host = try await speaker(context).host
        let source = try Self.identity(request.source, "source")
        let target: LookupTarget
        switch IPAddress(octets: request.destination) {
        case .v4(let address): target = .ipv4(address)
        case .v6(let address): target = Identity(address).map(LookupTarget.identity) ?? .ipv6(address)
        case nil: throw Self.malformed("destination")
        }
        do {
            // What changed between reading and watching would never be told, so it is read once more. Of an address
            // outside another border may be found then, which is to be watched too.
            var watched: Identity?
            while let found = try await directory.lookup(leaf: host.id, source: source, target) {
                if found.identity == watched { return Patchbay_Leaf_V1_LookupResponse(found) }
                watched = found.identity
                switch leaves.watch(found.identity, by: host.id) {
                case .already: return Patchbay_Leaf_V1_LookupResponse(found)
                case .begun: break
                case .full:
                    throw RPCError(code: .resourceExhausted, message: "This leaf watches too many identities.")
                }
            }
            return Patchbay_Leaf_V1_LookupResponse()
        } catch let error as DirectoryError {
            throw RPCError(error)
        }
    }

    func certifyEndpoint(
        request: Patchbay_Leaf_V1_CertifyEndpointRequest, context: ServerContext
    ) async throws -> Patchbay_Leaf_V1_CertifyEndpointResponse {
        let host = try await speaker(context).host
        let identity = try Self.identity(request.identity, "identity")
        do {
            let certified = try await directory.certifyEndpoint(
                leaf: host.id, identity: identity, signingRequest: Array(request.signingRequest))
            return .with {
                $0.certificate = .init(certified.certificate)
                $0.issuer = .init(certified.issuer)
                $0.epoch = certified.epoch
            }
        } catch {
            throw refused("certify", error, host)
        }
    }

    func publish(
        request: Patchbay_Leaf_V1_PublishRequest, context: ServerContext
    ) async throws -> Patchbay_Leaf_V1_PublishResponse {
        let host = try await speaker(context).host
        do {
            try await directory.publish(leaf: host.id, EndpointFacts(request.facts))
        } catch {
            throw refused("publish", error, host)
        }
        return Patchbay_Leaf_V1_PublishResponse()
    }

    func renewLeaf(
        request: Patchbay_Leaf_V1_RenewLeafRequest, context: ServerContext
    ) async throws -> Patchbay_Leaf_V1_RenewLeafResponse {
        let host = try await speaker(context).host
        do {
            let certificate = try await directory.renewLeaf(host.id, signingRequest: Array(request.signingRequest))
            return .with { $0.certificate = .init(certificate) }
        } catch {
            throw refused("renew", error, host)
        }
    }

    func account(
        request: Patchbay_Leaf_V1_TrafficReport, context: ServerContext
    ) async throws -> Patchbay_Leaf_V1_TrafficReceipt {
        let host = try await speaker(context).host
        do {
            let receipt = try await directory.book(TrafficReport(request), of: host.id)
            if receipt.refused > 0 {
                logger.warning(
                    "traffic not believed", metadata: ["host": "\(host.name)", "counts": "\(receipt.refused)"])
            }
            if receipt.moved > 0 {
                logger.warning(
                    "traffic told for a time that cannot be; it was booked to the nearest hour",
                    metadata: [
                        "host": "\(host.name)", "counts": "\(receipt.moved)", "read-at": "\(request.readAt)",
                        "remedy": "See to the clock of the host.",
                    ])
            }
            return .with {
                $0.receipt = receipt.receipt
                $0.booked = receipt.isBooked
                $0.refused = UInt32(clamping: receipt.refused)
            }
        } catch {
            throw refused("account", error, host)
        }
    }

    private func refused(_ call: String, _ error: DirectoryError, _ host: LeafHost) -> RPCError {
        logger.notice(
            "refused",
            metadata: ["call": "\(call)", "host": "\(host.name)", "leaf": "\(host.id)", "reason": "\(error)"])
        return RPCError(error)
    }

    static func identity(_ bytes: some Collection<UInt8>, _ field: String) throws(RPCError) -> Identity {
        guard let identity = Identity(octets: bytes) else { throw malformed(field) }
        return identity
    }

    static func malformed(_ field: String) -> RPCError {
        RPCError(code: .invalidArgument, message: "The field '\(field)' is no address of the right length and kind.")
    }

    // MARK: Attach

    func attach(
        request: RPCAsyncSequence<Patchbay_Leaf_V1_FromLeaf, any Error>,
        response: RPCWriter<Patchbay_Leaf_V1_ToLeaf>, context: ServerContext
    ) async throws {
        let (host, certificate) = try await speaker(context)
        let summary: CertificateSummary
        do { summary = try CertificateSummary(parsing: certificate) } catch {
            throw RPCError(code: .unauthenticated, message: "The certificate cannot be read.")
        }
        let session = LeafSession(host: host, certificate: certificate, summary: summary)
        let reader = LeafReader(directory: directory, leaves: leaves, session: session, logger: logger)
        let writer = LeafWriter(directory: directory, session: session, settings: settings)
        defer { leaves.detach(session) }
        let outcome = await withTaskGroup(of: RPCError?.self) { group in
            group.addTask { await Self.outcome { try await reader.run(request) } }
            group.addTask { await Self.outcome { try await writer.run(response) } }
            group.addTask {
                await session.ended()
                return nil
            }
            group.addTask {
                try? await Task.sleep(for: ControllerLimits.helloTime)
                if session.hello == nil { session.end(.noHello) }
                await session.ended()
                return nil
            }
            let first = await group.next() ?? nil
            // Whoever ended first has said why; the others end for that reason.
            session.end(.leafLeft)
            group.cancelAll()
            return first
        }
        if let outcome { throw outcome }
        guard let reason = session.endReason, reason != .leafLeft else { return }
        throw RPCError(code: reason == .refused ? .unauthenticated : .unavailable, message: reason.rawValue)
    }

    private static func outcome(_ body: () async throws -> Void) async -> RPCError? {
        do {
            try await body()
            return nil
        } catch let error as RPCError {
            return error
        } catch let error as DirectoryError {
            return RPCError(error)
        } catch {
            return RPCError(code: .unavailable, message: "The stream broke.")
        }
    }
}

extension RPCError {
    /// A refusal of the directory.
    init(_ error: DirectoryError) {
        let code: RPCError.Code =
            switch error.code {
            case .notFound: .notFound
            case .invalid, .untrusted: .invalidArgument
            case .forbidden, .expired, .used: .permissionDenied
            case .conflict, .inUse, .olderEpoch: .failedPrecondition
            case .exhausted: .resourceExhausted
            case .cancelled: .cancelled
            default: .unavailable
            }
        self.init(
            code: code, message: error.message + (error.remedy.map { " " + $0 } ?? ""),
            metadata: ["patchbay-code": .string(error.code.rawValue)])
    }
}
