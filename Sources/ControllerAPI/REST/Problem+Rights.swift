import APITypes
import Accounts
import DirectoryCore
import NetTypes

// What is said to somebody who may not.

extension Problem {
    static let unauthenticated = Problem(
        code: "unauthenticated", title: "Not authenticated", status: 401,
        detail: "there is no session, personal token or operator's token in the request that is good",
        remedy: "Sign in at /v1/session, or send the header 'authorization: Bearer TOKEN'.")

    static let wrongCredentials = Problem(
        code: "wrong-credentials", title: "Wrong credentials", status: 401,
        detail: "the name, the password or the code is wrong, or the account may not be used",
        remedy: "Try again, or ask who manages the accounts for a new link.")

    static func wait(_ seconds: Int64) -> Problem {
        Problem(
            code: "too-often", title: "Too many attempts", status: 429,
            detail: "there were too many failed attempts", remedy: "Wait \(seconds) seconds.")
    }

    static let busy = Problem(
        code: "busy", title: "Too many requests", status: 503, detail: "too many passwords wait to be checked",
        remedy: "Try again in some seconds; this attempt does not count.")

    static let csrf = Problem(
        code: "csrf", title: "Forbidden", status: 403,
        detail: "a change by a session carries the session's token against forged requests",
        remedy: "Send the header '\(Caller.csrfHeader)' with the csrf_token of /v1/self.")

    /// What is said when the rights do not allow it.
    init(_ refusal: RightsDecision.Refusal) {
        let (code, detail, remedy) =
            switch refusal {
            case .role:
                ("forbidden", "none of your roles allows this", "Ask an owner of the tenant, or an operator.")
            case .notGranted:
                (
                    "not-granted", "this is the tenant's own affair, and the tenant has granted no access to it",
                    "Ask an owner of the tenant to grant it."
                )
            case .wholeTenant:
                (
                    "forbidden", "this is about the whole tenant, and you are limited to some of its groups",
                    "Name endpoints or groups of yours, or ask an owner."
                )
            case .scope(let scope):
                (
                    "scope", "the token has not the scope '\(scope.rawValue)'",
                    "Make a token that has it, or use the console."
                )
            case .sessionOnly:
                ("session-only", "this is possible only for somebody who has signed in", "Use the console.")
            case .signInAgain:
                ("sign-in-again", "the sign-in was too long ago for this", "Sign in again, then repeat it.")
            case .oneself:
                ("forbidden", "nobody changes his own rights", "Ask another owner or operator.")
            case .noAccount:
                ("forbidden", "this is about an account, and the operator's token has none", "Sign in as somebody.")
            }
        self.init(code: code, title: "Forbidden", status: 403, detail: detail, remedy: remedy)
    }

    /// What is said of something that the one who asks may not know of: the same as of what is not there.
    static func hidden(_ parameters: [String: String], _ caller: Caller, path: String) -> Problem {
        guard let tenant = parameters["tenant"] else { return .noRoute(path) }
        guard let name = try? Name(parsing: tenant), caller.tenant == name else {
            return Problem(DirectoryError.noTenant(tenant))
        }
        if let endpoint = parameters["endpoint"] { return Problem(DirectoryError.noEndpoint("\(tenant)/\(endpoint)")) }
        if let group = parameters["group"] { return Problem(DirectoryError.noGroup("\(tenant)/\(group)")) }
        return Problem(DirectoryError.noEndpoint("of that name"))
    }
}
