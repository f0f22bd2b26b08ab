import APITypes
import Accounts
import AuditLog
import DirectoryCore
import NetTypes

/// Signing in and out, and setting a password by a link: what needs no account yet.
extension Operations {
    var sessions: [Operation] {
        [
            Operation(
                method: .post, path: "/v1/session", id: "signIn", summary: "Sign in with a name and a password",
                access: .everyone, body: Credentials.self, bodyLimit: ControllerLimits.signInBytes,
                answer: SessionState.self
            ) { call in
                let given = try call.read(Credentials.self)
                let origin = Self.stranger(call, given.name)
                let result = try await directory.signIn(
                    name: given.name, password: given.password, device: call.caller.device(for: given.name),
                    source: call.caller.network, agent: call.caller.agent, former: call.caller.sessionCookie,
                    origin: origin)
                return try await answer(result, origin, wrong: .wrongCredentials)
            },
            Operation(
                method: .post, path: "/v1/session/code", id: "completeSignIn",
                summary: "Complete a sign-in with a code of the second factor", access: .everyone,
                body: SecondFactorCode.self, bodyLimit: ControllerLimits.signInBytes, answer: SessionState.self,
                isAction: .signIn
            ) { call in
                let given = try call.read(SecondFactorCode.self)
                let cookie = call.caller.sessionCookie ?? ""
                let user = try await directory.waitingUser(cookie: cookie)
                let origin = Self.stranger(call, user?.name.description ?? "")
                let result = try await directory.completeSignIn(
                    cookie: cookie, code: given.code,
                    device: user.flatMap { call.caller.device(for: $0.name.description) },
                    source: call.caller.network, origin: origin)
                return try await answer(result, origin, wrong: .wrongCode)
            },
            Operation(
                method: .delete, path: "/v1/session", id: "signOut", summary: "End the session of this browser",
                status: .noContent
            ) { call in
                try await directory.signOut(cookie: call.caller.sessionCookie ?? "")
                return WithCookies(body: nil, cookies: [Caller.forgottenCookie])
            },
            Operation(
                method: .post, path: "/v1/setup", id: "setUpPassword", summary: "Set a password by a link",
                access: .everyone, body: PasswordByLink.self, bodyLimit: ControllerLimits.signInBytes,
                status: .noContent, isAction: .signIn
            ) { call in
                let given = try call.read(PasswordByLink.self)
                let origin = Self.stranger(call, given.name)
                do throws(DirectoryError) {
                    try await directory.setPassword(
                        of: given.name, link: given.secret, to: given.password, source: call.caller.network,
                        origin: origin)
                } catch {
                    await directory.note(origin, outcome: .refused(error.code.rawValue))
                    throw error
                }
                return nil
            },
        ]
    }

    /// Where an attempt comes from whose user is not known yet, with the name that was given.
    static func stranger(_ call: Call, _ name: String) -> Origin {
        let account = try? AccountName(parsing: name)
        var origin =
            Origin.current
            ?? Origin(actor: .system, means: .none, source: call.caller.source, action: "signIn")
        origin.actor = .unknown(name: String(name.prefix(AccountName.longest)))
        origin.tenant = account?.tenant
        return origin
    }

    /// - Parameters:
    ///   - wrong: how a refusal counts among the sign-ins.
    ///   - detail: why it was refused, for the audit.
    func answer(
        _ result: SignInResult, _ origin: Origin, wrong: ControllerMetrics.SignInOutcome, detail: String? = nil
    ) async throws -> WithCookies {
        switch result {
        case .begun(let begun):
            if begun.session.stage == .complete { metrics.signIn(.complete) }
            var cookies = [Caller.cookie(begun.secret)]
            if let device = begun.deviceCookie { cookies.append(Caller.deviceCookie(device, for: begun.user.name)) }
            return WithCookies(
                body: SessionState(
                    stage: begun.session.stage.rawValue, csrfToken: begun.secret.csrfToken,
                    factors: begun.session.stage == .complete ? nil : begun.user.factors),
                cookies: cookies)
        case .wrong:
            metrics.signIn(wrong)
            await directory.note(origin, outcome: .refused("wrong-credentials"), detail: detail)
            throw Problem.wrongCredentials
        case .wait(let seconds):
            metrics.signIn(.throttled)
            await directory.note(origin, outcome: .refused("too-often"))
            throw Problem.wait(seconds)
        case .busy: throw Problem.busy
        }
    }
}

extension User {
    /// Which second factors will do, for who has shown the password.
    var factors: [String] { (oneTimeCodes == nil ? [] : ["code"]) + (passkeyCount == 0 ? [] : ["passkey"]) }
}
