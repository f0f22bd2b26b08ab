import CoreMetrics
public import DirectoryCore
import NetTypes
public import PrometheusMetrics
import Trust

/// What a controller counts of its own work, and what it reads from the directory when somebody asks.
///
/// Labels are ids of operations, states and other words of closed lists; never a name of a tenant, or of anything that
/// is a tenant's: whoever runs the platform sees how much there is, not what it is.
public struct ControllerMetrics: Sendable {
    /// The metrics of one controller.
    public let registry: MetricsRegistry

    /// Begins counting in a registry that knows the ``descriptions``.
    public init(registry: MetricsRegistry = MetricsRegistry(Self.descriptions)) { self.registry = registry }

    /// The descriptions of all metrics of a controller.
    public static let descriptions =
        [
            MetricDescription(
                .counter, requests, "Requests of the API that were answered.",
                labels: ["operation", "status"]),
            MetricDescription(
                .histogram, requestDuration, "How long requests of the API took, in seconds.", labels: ["operation"]),
            MetricDescription(
                .counter, signIns, "Attempts to sign in, by their outcome.", labels: ["outcome"]),
            MetricDescription(
                .histogram, transactionDuration, "How long transactions of the directory took, in seconds.",
                labels: ["kind"]),
            MetricDescription(
                .counter, transactionFailures, "Transactions of the directory that its store failed.",
                labels: ["kind"]),
            MetricDescription(.gauge, storeUp, "Whether the store of the directory answers: 1 or 0."),
            MetricDescription(.gauge, leavesConnected, "Leaves that are connected to this controller."),
            MetricDescription(.gauge, hosts, "Hosts of the platform, by whether they are enrolled.", labels: ["state"]),
            MetricDescription(.gauge, tenants, "Tenants of the platform."),
            MetricDescription(.gauge, vnets, "Vnets of all tenants."),
            MetricDescription(.gauge, endpoints, "Endpoints of all tenants."),
            MetricDescription(.gauge, published, "Endpoints whose location is published."),
            MetricDescription(.gauge, accounts, "Accounts of people, the provider's and the tenants'."),
            MetricDescription(.gauge, sessions, "Sessions of people that are kept."),
            MetricDescription(
                .gauge, certificateEnd,
                "When the first certificate of a kind ends, in seconds since 1970: root, controller, tenant, issued.",
                labels: ["kind"]),
            MetricDescription(
                .gauge, unsignedAudit, "Entries of the audit that no checkpoint has signed yet."),
            MetricDescription(.gauge, storeBytes, "The size of the directory's file in bytes, without its log."),
        ] + ProcessMetrics.descriptions

    private static let requests = "patchbay_controller_api_requests_total"
    private static let requestDuration = "patchbay_controller_api_request_duration_seconds"
    private static let signIns = "patchbay_controller_sign_ins_total"
    private static let transactionDuration = "patchbay_controller_directory_transaction_duration_seconds"
    private static let transactionFailures = "patchbay_controller_directory_transaction_failures_total"
    private static let storeUp = "patchbay_controller_store_up"
    private static let leavesConnected = "patchbay_controller_leaves_connected"
    private static let hosts = "patchbay_controller_hosts"
    private static let tenants = "patchbay_controller_tenants"
    private static let vnets = "patchbay_controller_vnets"
    private static let endpoints = "patchbay_controller_endpoints"
    private static let published = "patchbay_controller_endpoints_published"
    private static let accounts = "patchbay_controller_accounts"
    private static let sessions = "patchbay_controller_sessions"
    private static let certificateEnd = "patchbay_controller_certificate_expiry_timestamp_seconds"
    private static let unsignedAudit = "patchbay_controller_audit_unsigned_entries"
    private static let storeBytes = "patchbay_controller_store_bytes"

    // MARK: Counting

    /// A request was answered. An operation that there is not is `none`.
    func answered(_ operation: String?, status: Int, took: Duration) {
        let operation = operation ?? "none"
        Counter(
            label: Self.requests, dimensions: [("operation", operation), ("status", String(status))],
            factory: registry
        ).increment()
        Timer(label: Self.requestDuration, dimensions: [("operation", operation)], factory: registry)
            .recordNanoseconds(took.nanoseconds)
    }

    /// How an attempt to sign in ended.
    public enum SignInOutcome: String, Sendable, CaseIterable {
        case complete, wrongCredentials, wrongCode, throttled
    }

    /// Somebody tried to sign in.
    public func signIn(_ outcome: SignInOutcome) {
        Counter(label: Self.signIns, dimensions: [("outcome", outcome.rawValue)], factory: registry).increment()
    }

    /// A transaction of the directory ended.
    func transaction(_ kind: TransactionKind, took: Duration, failed: Bool) {
        Timer(label: Self.transactionDuration, dimensions: [("kind", kind.rawValue)], factory: registry)
            .recordNanoseconds(took.nanoseconds)
        if failed {
            Counter(label: Self.transactionFailures, dimensions: [("kind", kind.rawValue)], factory: registry)
                .increment()
        }
    }

    enum TransactionKind: String { case read, write }

    // MARK: Reading

    /// Has the directory and the leaves' hub read whenever somebody asks.
    public func collect(_ directory: Directory, _ leaves: LeafHub, _ identity: ControllerIdentity?) {
        let root = try? CertificateSummary(parsing: directory.platform.anchor.root).notAfter
        registry.collect {
            var samples = [MetricSample(Self.leavesConnected, [], leaves.sessions.count)]
            func end(_ kind: String, _ moment: Timestamp?) {
                guard let moment else { return }
                samples.append(MetricSample(Self.certificateEnd, [kind], moment.seconds))
            }
            end("root", root)
            end("controller", identity?.certificateEnd)
            guard let figures = try? await directory.figures() else {
                return samples + [MetricSample(Self.storeUp, [], 0)]
            }
            end("tenant", figures.tenantCertificateEnd)
            end("issued", figures.issuedCertificateEnd)
            if let bytes = figures.byteCount { samples.append(MetricSample(Self.storeBytes, [], bytes)) }
            return samples + [
                MetricSample(Self.storeUp, [], 1),
                MetricSample(Self.hosts, ["enrolled"], figures.enrolledHosts),
                MetricSample(Self.hosts, ["waiting"], figures.hosts - figures.enrolledHosts),
                MetricSample(Self.tenants, [], figures.tenants),
                MetricSample(Self.vnets, [], figures.vnets),
                MetricSample(Self.endpoints, [], figures.endpoints),
                MetricSample(Self.published, [], figures.publishedEndpoints),
                MetricSample(Self.accounts, [], figures.accounts),
                MetricSample(Self.sessions, [], figures.sessions),
                MetricSample(Self.unsignedAudit, [], figures.unsignedAuditEntries),
            ]
        }
    }
}

extension Duration {
    /// The duration in whole nanoseconds.
    var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds.multipliedReportingOverflow(by: 1_000_000_000).partialValue &+ attoseconds / 1_000_000_000
    }
}
