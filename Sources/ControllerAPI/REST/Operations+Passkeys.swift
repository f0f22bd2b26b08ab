import APITypes
import Accounts
import DirectoryCore
import NetTypes
import WebAuthn

/// Passkeys: one's own, those of others, and the sign-in by them.
extension Operations {
    var passkeys: [Operation] {
        [
            Operation(
                method: .post, path: "/v1/self/passkeys/options", id: "beginOwnPasskey",
                summary: "Begin to add a passkey: what navigator.credentials.create takes",
                answer: PasskeyCreationOptions.self, isAction: .addOwnPasskey
            ) { call in
                let (user, session) = try Self.own(call)
                let party = try relyingParty()
                return options(try await directory.beginPasskey(of: user.id, session: session.id), party)
            },
            Operation(
                method: .post, path: "/v1/self/passkeys", id: "addOwnPasskey",
                summary: "Add the passkey that was made; all other sessions end", body: NewPasskey.self,
                bodyLimit: ControllerLimits.passkeyBytes, status: .created, answer: PasskeySummary.self
            ) { call in
                let (user, session) = try Self.own(call)
                let new = try call.read(NewPasskey.self)
                let label = try Self.displayName(new.label, at: "/label")
                let response = Registration.Response(
                    id: try Self.octets(new.credential.id, at: "/credential/id"),
                    clientDataJSON: try Self.octets(
                        new.credential.response.clientDataJSON, at: "/credential/response/clientDataJSON"),
                    attestationObject: try Self.octets(
                        new.credential.response.attestationObject, at: "/credential/response/attestationObject"))
                let added = try await directory.addPasskey(
                    response, label: label, transports: new.credential.response.transports ?? [], of: user.id,
                    session: session.id, for: relyingParty())
                return WithCookies(body: PasskeySummary(added.passkey), cookies: [Caller.cookie(added.secret)])
            },
            Operation(
                method: .get, path: "/v1/self/passkeys", id: "listOwnPasskeys", summary: "List one's own passkeys",
                answer: ItemList<PasskeySummary>.self
            ) { call in
                ItemList(
                    items: try await directory.passkeys(of: Self.own(call).0.id).map { PasskeySummary($0) })
            },
            Operation(
                method: .put, path: "/v1/self/passkeys/{passkey}", id: "renameOwnPasskey",
                summary: "Call one of one's own passkeys something else", body: PasskeyLabel.self,
                answer: PasskeySummary.self
            ) { call in
                let label = try Self.displayName(call.read(PasskeyLabel.self).label, at: "/label")
                return PasskeySummary(
                    try await directory.renamePasskey(call.id("passkey"), of: Self.own(call).0.id, to: label))
            },
            Operation(
                method: .delete, path: "/v1/self/passkeys/{passkey}", id: "removeOwnPasskey",
                summary: "Remove one of one's own passkeys; all other sessions end", status: .noContent
            ) { call in
                let (user, session) = try Self.own(call)
                let secret = try await directory.removePasskey(call.id("passkey"), of: user.id, session: session.id)
                return WithCookies(body: nil, cookies: [Caller.cookie(secret)])
            },
            Operation(
                method: .post, path: "/v1/session/passkey/options", id: "beginSignInByPasskey",
                summary: "Begin a sign-in by a passkey: what navigator.credentials.get takes", access: .everyone,
                answer: PasskeyRequestOptions.self, isAction: .signIn
            ) { call in
                let party = try relyingParty()
                let question = try await directory.beginPasskeySignIn(cookie: call.caller.sessionCookie)
                return WithCookies(
                    body: options(question, party), cookies: question.binding.map { [Caller.passkeyCookie($0)] } ?? [])
            },
            Operation(
                method: .post, path: "/v1/session/passkey", id: "signInByPasskey",
                summary: "Sign in by a passkey, or complete a sign-in by it", access: .everyone,
                body: PasskeyProof.self, bodyLimit: ControllerLimits.signInBytes, answer: SessionState.self,
                isAction: .signIn
            ) { call in try await signInByPasskey(call) },
        ] + passkeysOfPeople(at: "/v1/tenants/{tenant}/users", "") + passkeysOfPeople(at: "/v1/users", "Provider")
    }

    private func passkeysOfPeople(at path: String, _ side: String) -> [Operation] {
        [
            Operation(
                method: .get, path: path + "/{user}/passkeys", id: "list\(side)UserPasskeys",
                summary: "List the passkeys of an account", answer: ItemList<PasskeySummary>.self,
                isAction: .listUserPasskeys
            ) { call in
                let user = try await directory.user(call.account())
                return ItemList(items: try await directory.passkeys(of: user.id).map { PasskeySummary($0) })
            },
            Operation(
                method: .delete, path: path + "/{user}/passkeys/{passkey}", id: "remove\(side)UserPasskey",
                summary: "Remove a passkey of somebody who has lost it; his sessions end", status: .noContent,
                isAction: .removeUserPasskey
            ) { call in
                try await directory.removePasskey(call.id("passkey"), of: call.account())
                return nil
            },
        ]
    }

    private func signInByPasskey(_ call: Call) async throws -> WithCookies {
        let given = try call.read(PasskeyProof.self).credential
        let at = "/credential/response/"
        let response = Assertion.Response(
            id: try Self.octets(given.id, at: "/credential/id"),
            clientDataJSON: try Self.octets(given.response.clientDataJSON, at: at + "clientDataJSON"),
            authenticatorData: try Self.octets(given.response.authenticatorData, at: at + "authenticatorData"),
            signature: try Self.octets(given.response.signature, at: at + "signature"),
            userHandle: try given.response.userHandle.map { (text) throws(Problem) in
                try Self.octets(text, at: at + "userHandle")
            })
        let party = try relyingParty()
        let cookie = call.caller.sessionCookie
        let waiting = cookie == nil ? nil : try await directory.waitingUser(cookie: cookie ?? "")
        var origin = Self.stranger(call, waiting?.name.description ?? "")
        let outcome: PasskeyOutcome
        if let waiting, let cookie {
            outcome = try await directory.completeSignIn(
                cookie: cookie, passkey: response, device: call.caller.device(for: waiting.name.description),
                source: call.caller.network, for: party, origin: origin)
        } else {
            outcome = try await directory.signIn(
                passkey: response, binding: call.caller.passkeyBinding, source: call.caller.network,
                agent: call.caller.agent, former: cookie, for: party, origin: origin)
        }
        // Whose passkey it was is known now: the attempt is told to whom it concerns.
        if let user = outcome.user { origin = Self.stranger(call, user.name.description) }
        var answer = try await answer(
            outcome.result, origin, wrong: waiting == nil ? .wrongCredentials : .wrongCode, detail: outcome.reason)
        answer.cookies.append(Caller.forgottenPasskeyCookie)
        return answer
    }

    // MARK: Parts

    /// Who passkeys are made for, by the name under which people find the console.
    private func relyingParty() throws(Problem) -> RelyingParty {
        do { return try RelyingParty(url: settings.consoleURL) } catch {
            switch error {
            case .address(let host): throw .noPasskeys("the console is at the address \(host), which is no name")
            case .notSecure(let url): throw .noPasskeys("the console is at \(url.prefix(200)), which is not https")
            }
        }
    }

    private func options(_ invitation: PasskeyInvitation, _ party: RelyingParty) -> PasskeyCreationOptions {
        let user = invitation.user
        return PasskeyCreationOptions(
            rp: .init(id: party.id, name: "Patchbay \(directory.platform.name.globalID)"),
            user: .init(
                id: Base64URL.encode(user.id.octets), name: user.name.description, displayName: user.displayName.text),
            challenge: Base64URL.encode(invitation.challenge),
            pubKeyCredParams: COSEAlgorithm.allCases.map { .init(alg: $0.rawValue) }, timeout: Self.passkeyTime,
            excludeCredentials: invitation.existing.map(PasskeyDescriptor.init),
            authenticatorSelection: .init(residentKey: "preferred", userVerification: "preferred"),
            attestation: "none")
    }

    private func options(_ question: PasskeyQuestion, _ party: RelyingParty) -> PasskeyRequestOptions {
        PasskeyRequestOptions(
            challenge: Base64URL.encode(question.challenge), timeout: Self.passkeyTime, rpId: party.id,
            allowCredentials: question.allowed.map(PasskeyDescriptor.init),
            userVerification: question.needsVerification ? "required" : "preferred")
    }

    /// How long browsers wait for their users, in milliseconds: as long as a challenge is good.
    private static let passkeyTime = UInt64(PasskeyChallenge.lifetime) * 1_000

    private static func octets(_ text: String, at pointer: String) throws(Problem) -> [UInt8] {
        guard let octets = Base64URL.decode(text) else {
            throw .invalid(
                "'\(text.prefix(40))' is no base64url without padding", pointer: pointer,
                remedy: "Send what the browser's toJSON() gives.")
        }
        return octets
    }
}

extension PasskeySummary {
    init(_ passkey: Passkey) {
        self.init(
            id: passkey.id.description, label: passkey.label.text, isBackedUp: passkey.isBackedUp,
            createdAt: passkey.createdAt.description, lastUsedAt: passkey.lastUsedAt?.description)
    }
}

extension PasskeyDescriptor {
    init(_ passkey: Passkey) {
        self.init(id: Base64URL.encode(passkey.credential), transports: passkey.transports)
    }
}

extension Problem {
    static func noPasskeys(_ reason: String) -> Problem {
        Problem(
            code: "no-passkeys", title: "No passkeys here", status: 409,
            detail: "passkeys are bound to a host name, and \(reason)",
            remedy: "Start the controller with --console-url https://NAME, and open the console there.")
    }
}
