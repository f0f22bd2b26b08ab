import Synchronization

/// The cookie of a session, which the controller changes now and then, and what its changes carry against forged requests.
final class SessionSecret: Sendable {
    private let state = Mutex((cookie: "", csrf: nil as String?))

    /// The cookie, name and value, and the token; nil where that has to be asked for.
    var present: (cookie: String, csrf: String?) { state.withLock { ($0.cookie, $0.csrf) } }

    /// Takes the cookie of an answer, if it has one.
    func follow(_ cookies: [String]) {
        for line in cookies where line.hasPrefix("__Host-patchbay=") && !line.hasPrefix("__Host-patchbay=;") {
            let cookie = String(line.prefix { $0 != ";" })
            state.withLock { if $0.cookie != cookie { $0 = (cookie, nil) } }
        }
    }

    /// Notes the token that belongs to a cookie.
    func set(csrf: String?, of cookie: String) {
        state.withLock { if $0.cookie == cookie { $0.csrf = csrf } }
    }
}
