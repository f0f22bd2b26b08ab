import APITypes
import Accounts
import DirectoryCore
import NetTypes

/// What somebody does with his own account.
extension Operations {
    var oneself: [Operation] {
        [
            Operation(
                method: .get, path: "/v1/self", id: "showSelf", summary: "Say who asks, and what he may do",
                answer: SelfDescription.self
            ) { call in describe(call.caller) },
            Operation(
                method: .put, path: "/v1/self/password", id: "changeOwnPassword",
                summary: "Change one's own password; all other sessions end", body: ChangePassword.self,
                bodyLimit: ControllerLimits.signInBytes, answer: SessionState.self
            ) { call in
                let (user, session) = try Self.own(call)
                let given = try call.read(ChangePassword.self)
                return Self.renewed(
                    try await directory.changePassword(
                        of: user.id, from: given.current, to: given.password, session: session.id,
                        source: call.caller.network))
            },
            Operation(
                method: .post, path: "/v1/self/totp", id: "enrolOwnTOTP",
                summary: "Begin to enrol one-time codes as a second factor", answer: OneTimeCodeSecret.self
            ) { call in
                let made = try await directory.beginOneTimeCodes(of: Self.own(call).0.id)
                return OneTimeCodeSecret(secret: TOTP.text(of: made.secret), uri: made.uri)
            },
            Operation(
                method: .put, path: "/v1/self/totp", id: "confirmOwnTOTP",
                summary: "Confirm the second factor by a code; gives recovery codes, once",
                body: SecondFactorCode.self, bodyLimit: ControllerLimits.signInBytes, answer: RecoveryCodeList.self,
                isAction: .enrolOwnTOTP
            ) { call in
                let (user, session) = try Self.own(call)
                let confirmed = try await directory.confirmOneTimeCodes(
                    call.read(SecondFactorCode.self).code, of: user.id, session: session.id,
                    source: call.caller.network)
                return WithCookies(
                    body: RecoveryCodeList(recoveryCodes: confirmed.codes),
                    cookies: [Caller.cookie(confirmed.secret)])
            },
            Operation(
                method: .delete, path: "/v1/self/totp", id: "removeOwnTOTP",
                summary: "Take one's own second factor away", status: .noContent
            ) { call in
                let (user, session) = try Self.own(call)
                let secret = try await directory.removeSecondFactor(of: user.id, session: session.id)
                return WithCookies(body: nil, cookies: [Caller.cookie(secret)])
            },
            Operation(
                method: .get, path: "/v1/self/sessions", id: "listOwnSessions", summary: "List one's own sessions",
                answer: ItemList<SessionSummary>.self
            ) { call in
                let (user, session) = try Self.own(call)
                return ItemList(
                    items: try await directory.sessions(of: user.id).map { SessionSummary($0, current: session.id) })
            },
            Operation(
                method: .delete, path: "/v1/self/sessions/{session}", id: "endOwnSession",
                summary: "End one of one's own sessions", status: .noContent
            ) { call in
                try await directory.endSession(call.id("session"), of: Self.own(call).0.id)
                return nil
            },
            Operation(
                method: .get, path: "/v1/self/tokens", id: "listOwnTokens", summary: "List one's own tokens",
                answer: ItemList<TokenSummary>.self
            ) { call in
                ItemList(
                    items: try await directory.tokens(of: Self.own(call).0.id).map { TokenSummary($0, text: nil) })
            },
            Operation(
                method: .post, path: "/v1/self/tokens", id: "createOwnToken",
                summary: "Make a personal token; its text is shown once", body: NewToken.self, status: .created,
                answer: TokenSummary.self
            ) { call in
                let new = try call.read(NewToken.self)
                let label = try Call.value(at: "/label") { () throws(TextError) in
                    try DisplayName(parsing: new.label)
                }
                let made = try await directory.createToken(
                    of: Self.own(call).0.id, label: label, scopes: Self.scopes(new.scopes),
                    lifetime: Int64(new.days) * 86_400)
                return TokenSummary(made.token, text: made.text)
            },
            Operation(
                method: .delete, path: "/v1/self/tokens/{token}", id: "deleteOwnToken",
                summary: "Delete one of one's own tokens", status: .noContent
            ) { call in
                try await directory.deleteToken(call.id("token"), of: Self.own(call).0.id)
                return nil
            },
        ]
    }

    /// The account and the session that ask.
    static func own(_ call: Call) throws(Problem) -> (User, Session) {
        guard let user = call.caller.authenticated?.user, let session = call.caller.authenticated?.session else {
            throw Problem(.sessionOnly)
        }
        return (user, session)
    }

    private static func renewed(_ secret: BearerSecret) -> WithCookies {
        WithCookies(
            body: SessionState(stage: Session.Stage.complete.rawValue, csrfToken: secret.csrfToken),
            cookies: [Caller.cookie(secret)])
    }

    private static func scopes(_ texts: [String]) throws(Problem) -> Set<TokenScope> {
        var scopes: Set<TokenScope> = []
        for (index, text) in texts.enumerated() {
            guard let scope = TokenScope(rawValue: text) else {
                throw Problem.invalid(
                    "'\(text.prefix(80))' is no scope", pointer: "/scopes/\(index)",
                    remedy: "Give some of \(TokenScope.allCases.map(\.rawValue).joined(separator: ", ")).")
            }
            scopes.insert(scope)
        }
        return scopes
    }

    private func describe(_ caller: Caller) -> SelfDescription {
        let user = caller.authenticated?.user
        var scopes: [String]?
        let means: String
        switch caller.principal?.means {
        case .session: means = "session"
        case .token(_, let given):
            means = "token"
            scopes = given.sorted().map(\.rawValue)
        case .platformToken, nil: means = "installation"
        }
        let actions = Action.allCases.filter { action in
            guard let principal = caller.principal else { return false }
            let resource: Resource = caller.tenant.map(Resource.tenant) ?? .platform
            return switch may(principal, action, on: resource, at: settings.now()) {
            case .allowed, .forbidden(.signInAgain): true
            // A sub-user may do it with what is his.
            case .forbidden(.wholeTenant): action.rule.limited == .inside
            case .hidden, .forbidden: false
            }
        }
        let person = user.map(Person.init)
        return SelfDescription(
            name: person?.name ?? "installation", displayName: person?.displayName ?? "The platform's own token",
            tenant: person?.tenant, roles: person?.roles ?? [], groups: person?.groups, means: means,
            csrfToken: means == "session" ? caller.authenticated?.secret?.csrfToken : nil,
            hasSecondFactor: user?.hasSecondFactor ?? false, actions: actions.map(\.rawValue), scopes: scopes)
    }
}

extension SessionSummary {
    init(_ session: Session, current: AccountID?) {
        self.init(
            id: session.id.description, isCurrent: session.id == current, createdAt: session.createdAt.description,
            lastSeenAt: session.lastSeenAt.description, source: session.source, agent: session.agent)
    }
}

extension TokenSummary {
    init(_ token: PersonalToken, text: String?) {
        self.init(
            id: token.id.description, label: token.label.text, scopes: token.scopes.sorted().map(\.rawValue),
            createdAt: token.createdAt.description, expiresAt: token.expiresAt.description,
            lastUsedAt: token.lastUsedAt?.description, token: text)
    }
}
