public import APITypes

/// What keeps a client from an answer.
public enum APIClientError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The controller answered with an error.
    case problem(Problem)
    /// A setting is missing or cannot be used; what, and what to do.
    case setting(String, remedy: String)
    /// The controller cannot be reached.
    case unreachable(controller: String, reason: String)
    /// What answers at the controller's address does not prove to be the controller.
    case untrusted(controller: String, reason: String)
    /// The answer is not what the API promises.
    case badAnswer(request: String, reason: String)

    public var description: String {
        switch self {
        case .problem(let problem): problem.description
        case .setting(let what, let remedy): "\(what); \(remedy)"
        case .unreachable(let controller, let reason):
            "cannot reach the controller at \(controller): \(reason); is patchbay-controller running there?"
        case .untrusted(let controller, let reason):
            "what answers at \(controller) is not the controller of this platform: \(reason); "
                + "check the URL and the root certificate"
        case .badAnswer(let request, let reason):
            "the controller's answer to \(request) cannot be read: \(reason); are both of the same version?"
        }
    }
}
