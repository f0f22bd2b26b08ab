import Hummingbird
import PrometheusMetrics

extension Operations {
    /// The controller's metrics, for who may not reach the endpoint that shows them without asking who is there.
    var measurements: [Operation] {
        [
            Operation(
                method: .get, path: "/metrics", id: "readMetrics",
                summary: "Show the metrics of this controller in Prometheus' text format", answer: TextBody.self
            ) { _ in
                let format = ExpositionFormat.text
                return TextBody(text: format.text(await metrics.registry.families()), mediaType: format.mediaType)
            }
        ]
    }
}

/// An answer that is a text of its own, and no JSON.
struct TextBody: Encodable, Sendable {
    let text: String
    let mediaType: String
}
