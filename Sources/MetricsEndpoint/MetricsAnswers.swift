import NIOHTTP1
import PrometheusMetrics

/// What is answered to whom. One reading at a time: who asks while one is under way gets its result too.
actor MetricsAnswers {
    struct Answer: Sendable {
        var status: HTTPResponseStatus = .ok
        var mediaType = "text/plain; charset=utf-8"
        var text: String
    }

    private let registry: MetricsRegistry
    private let readiness: MetricsEndpoint.ReadinessCheck
    private var reading: Task<[MetricFamily], Never>?

    init(registry: MetricsRegistry, readiness: @escaping MetricsEndpoint.ReadinessCheck) {
        self.registry = registry
        self.readiness = readiness
    }

    func answer(_ method: HTTPMethod, uri: String, accepting: String?) async -> Answer {
        guard method == .GET || method == .HEAD else {
            return Answer(status: .methodNotAllowed, text: "Only GET and HEAD are answered here.\n")
        }
        switch uri.prefix(256).split(separator: "?", omittingEmptySubsequences: false).first ?? "" {
        case "/metrics":
            let format = ExpositionFormat(accepting: accepting)
            return Answer(mediaType: format.mediaType, text: format.text(await families()))
        case "/healthz":
            return Answer(text: "ok\n")
        case "/readyz":
            let found = await readiness()
            return Answer(status: found.isReady ? .ok : .serviceUnavailable, text: found.text)
        default:
            return Answer(status: .notFound, text: "There are /metrics, /healthz and /readyz.\n")
        }
    }

    private func families() async -> [MetricFamily] {
        if let reading { return await reading.value }
        let task = Task { await registry.families() }
        reading = task
        let families = await task.value
        reading = nil
        return families
    }
}
