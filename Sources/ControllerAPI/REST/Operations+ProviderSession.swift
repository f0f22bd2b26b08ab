import APITypes
import Accounts
import DirectoryCore
import NetTypes
import OpenIDConnect

/// Signing in by a provider of identities: to it, and back.
extension Operations {
    /// Where providers send browsers back to.
    static let callbackPath = "/v1/session/callback"

    /// The redirect URI that providers know, compared by them letter by letter.
    var redirectURI: String { settings.consoleURL + Self.callbackPath }

    var providerSessions: [Operation] {
        [
            Operation(
                method: .get, path: "/v1/session/providers", id: "listSignInProviders",
                summary: "List the providers of identities that the page for signing in offers", access: .everyone,
                query: [
                    .init(
                        name: "tenant", isRequired: false,
                        summary: "the tenant of the account; for one that there is not, the answer is the same",
                        form: .name)
                ], answer: ItemList<SignInProvider>.self
            ) { call in
                let tenant = call.query["tenant"] == nil ? nil : try call.queryName("tenant")
                return ItemList(
                    items: try await directory.offeredIdentityProviders(to: tenant).map(SignInProvider.init))
            },
            Operation(
                method: .post, path: "/v1/session/provider", id: "beginProviderSignIn",
                summary: "Begin to sign in by a provider of identities", access: .everyone,
                body: BeginProviderSignIn.self, bodyLimit: ControllerLimits.signInBytes,
                answer: ProviderAddress.self, isAction: .signIn
            ) { call in
                let given = try call.read(BeginProviderSignIn.self)
                let tenant = try given.tenant.map { (text) throws(Problem) in try call.name(text, at: "/tenant") }
                let id = try Self.providerID(given.provider)
                let provider = try await directory.identityProvider(id, for: tenant, isForAny: tenant == nil)
                let former = call.caller.sessionCookie.flatMap { BearerSecret(cookie: $0)?.hash }
                let isFresh = given.fresh ?? false
                return try await begin(
                    provider,
                    .signIn(
                        tenant: provider.settings.tenant ?? tenant, formerHash: former, isFresh: isFresh),
                    isFresh: isFresh, call)
            },
            Operation(
                method: .get, path: Self.callbackPath, id: "finishProviderSignIn",
                summary: "Take the answer of a provider of identities that a browser brings", access: .everyone,
                query: [
                    .init(name: "code", isRequired: false, summary: "the provider's code"),
                    .init(name: "state", isRequired: false, summary: "the state of the sign-in"),
                    .init(name: "iss", isRequired: false, summary: "the provider's issuer (RFC 9207)"),
                    .init(name: "error", isRequired: false, summary: "why the provider refuses"),
                ], ignoresOtherParameters: true, status: .seeOther, isAction: .signIn
            ) { call in await finish(call) },
        ]
    }

    static func providerID(_ text: String) throws(Problem) -> AccountID {
        try Call.value(at: "/provider") { () throws(TextError) in try AccountID(parsing: text) }
    }

    // MARK: To the provider

    /// Begins a sign-in or a link: where the browser goes, and the cookie that it brings back.
    func begin(
        _ provider: IdentityProvider, _ purpose: ProviderTransaction.Purpose, isFresh: Bool, _ call: Call
    ) async throws -> WithCookies {
        if let seconds = directory.waitToBeginProvider(source: call.caller.network.description) {
            metrics.signIn(.throttled)
            throw Problem.wait(seconds)
        }
        let (transaction, cookie) = try directory.beginProviderTransaction(provider, purpose)
        do throws(OpenIDError) {
            let url = try await identities.authorizationURL(
                OpenIDProvider(provider, secret: ""), request(transaction), isFresh: isFresh)
            return WithCookies(body: ProviderAddress(url: url), cookies: [Caller.providerCookie(cookie)])
        } catch {
            tell(error, of: provider)
            throw Problem.provider(error)
        }
    }

    private func request(_ transaction: ProviderTransaction) -> OpenIDRequest {
        OpenIDRequest(
            redirectURI: redirectURI, state: transaction.state, nonce: transaction.nonce,
            verifier: transaction.verifier)
    }

    private func tell(_ error: OpenIDError, of provider: IdentityProvider) {
        logger.notice(
            "a provider of identities cannot be used", metadata: ["provider": "\(provider.name)", "why": "\(error)"])
    }

    // MARK: And back

    /// Why a browser that came back is not let in; the page says it in the user's language.
    private enum Refusal: String {
        case state = "provider-state"
        case refused = "provider-refused"
        case unreachable = "provider-unreachable"
        case untrusted = "provider-untrusted"
        case unlinked = "provider-unlinked"
        case ambiguous = "provider-ambiguous"
        case taken = "provider-taken"
        case ended = "provider-ended"
        case tooOften = "provider-too-often"
        case failed = "provider-failed"

        init(_ error: OpenIDError) {
            self =
                switch error {
                case .unreachable, .metadata: .unreachable
                case .refused: .refused
                case .untrusted: .untrusted
                }
        }
    }

    /// Takes the answer, and sends the browser into the console, whatever comes of it.
    private func finish(_ call: Call) async -> WithCookies {
        var origin =
            Origin.current
            ?? Origin(actor: .system, means: .none, source: call.caller.source, action: "finishProviderSignIn")
        origin.actor = .unknown(name: nil)
        origin.resource = nil
        let attempt: SignIn.SecondAttempt
        switch directory.admitProviderAnswer(source: call.caller.network) {
        case .admitted(let admitted): attempt = admitted
        case .wait:
            metrics.signIn(.throttled)
            return await refuse(.tooOften, nil, origin, nil)
        }
        var transaction: ProviderTransaction?
        do {
            transaction = try await directory.useProviderTransaction(
                cookie: call.caller.providerCookie ?? "", state: call.query["state"] ?? "")
            guard let transaction else { return await refuse(.state, nil, origin, nil) }
            let provider = try await directory.identityProvider(transaction.provider, for: nil, isForAny: true)
            origin.resource = "identity-providers/\(provider.name)"
            if case .link = transaction.purpose { origin.action = Action.addOwnIdentity.rawValue }
            let identity = try await identify(call, transaction, provider)
            return try await enter(identity, transaction, provider, attempt, origin, call)
        } catch let error as OpenIDError {
            return await refuse(Refusal(error), transaction, origin, "\(error)")
        } catch let error as DirectoryError {
            let refusal: Refusal =
                switch error.code {
                case .conflict, .exhausted: .taken
                case .forbidden, .notFound: .ended
                default: .failed
                }
            return await refuse(refusal, transaction, origin, error.message)
        } catch {
            logger.error("a sign-in by a provider failed", metadata: ["error": "\(error)"])
            return await refuse(.failed, transaction, origin, nil)
        }
    }

    private func identify(
        _ call: Call, _ transaction: ProviderTransaction, _ provider: IdentityProvider
    ) async throws -> VerifiedIdentity {
        let client = OpenIDProvider(provider, secret: try directory.secret(of: provider))
        guard let code = call.query["code"], call.query["error"] == nil else {
            try await identities.check(issuer: call.query["iss"], of: client)
            throw OpenIDError.refused(OpenIDClient.word(call.query["error"]) ?? "there is no code")
        }
        let identity = try await identities.identify(
            client, request(transaction), code: code, issuer: call.query["iss"])
        if case .signIn(_, _, isFresh: true) = transaction.purpose {
            // The browser's user could have taken the wish out of the address.
            guard let asked = identity.authenticatedAt, asked >= transaction.beganAt + -60 else {
                throw OpenIDError.untrusted("the provider has not asked anew, or does not say so")
            }
        }
        return identity
    }

    private func enter(
        _ identity: VerifiedIdentity, _ transaction: ProviderTransaction, _ provider: IdentityProvider,
        _ attempt: SignIn.SecondAttempt, _ origin: Origin, _ call: Call
    ) async throws -> WithCookies {
        switch transaction.purpose {
        case .link(let user, let session):
            try await directory.link(
                identity.subject, of: provider.id, to: user, session: session, origin: origin)
            directory.succeed(attempt)
            return Self.back("#/account?linked=\(provider.name)", [])
        case .signIn(let tenant, let former, _):
            let result = try await directory.signIn(
                as: identity.subject, by: provider.id, of: tenant, authenticatedAt: identity.authenticatedAt,
                former: former, attempt: attempt, source: call.caller.network, agent: call.caller.agent,
                origin: origin)
            switch result {
            case .begun(let begun):
                var cookies = [Caller.cookie(begun.secret)]
                if let device = begun.deviceCookie { cookies.append(Caller.deviceCookie(device, for: begun.user.name)) }
                guard begun.session.stage == .complete else {
                    let factors = begun.user.factors.joined(separator: ",")
                    return Self.back("#/signin?stage=second-factor&factors=\(factors)", cookies)
                }
                metrics.signIn(.complete)
                return Self.back("#/", cookies)
            case .unlinked: return await refuse(.unlinked, transaction, origin, identity.subject)
            case .ambiguous: return await refuse(.ambiguous, transaction, origin, identity.subject)
            }
        }
    }

    private func refuse(
        _ refusal: Refusal, _ transaction: ProviderTransaction?, _ origin: Origin, _ detail: String?
    ) async -> WithCookies {
        if refusal != .tooOften { metrics.signIn(.wrongCredentials) }
        await directory.note(origin, outcome: .refused(refusal.rawValue), detail: detail)
        if case .link = transaction?.purpose { return Self.back("#/account?problem=\(refusal.rawValue)", []) }
        return Self.back("#/signin?problem=\(refusal.rawValue)", [])
    }

    /// Sends the browser to a place in the console.
    private static func back(_ place: String, _ cookies: [String]) -> WithCookies {
        WithCookies(
            body: Redirect(location: "/console/" + place), cookies: cookies + [Caller.forgottenProviderCookie])
    }
}

extension OpenIDProvider {
    /// What the client needs of a record.
    init(_ provider: IdentityProvider, secret: String) {
        let settings = provider.settings
        self.init(
            issuer: settings.issuer, clientID: settings.clientID, clientSecret: secret, scopes: settings.scopes,
            subjectClaim: SubjectClaim(rawValue: settings.subjectClaim) ?? .sub, trustedRoots: settings.trustedRoots)
    }
}

extension Problem {
    /// A provider of identities cannot be asked.
    static func provider(_ error: OpenIDError) -> Problem {
        Problem(
            code: "provider-unreachable", title: "Provider of identities", status: 503,
            detail: "\(error)", remedy: "Try again in some seconds, or sign in with a password.")
    }
}
