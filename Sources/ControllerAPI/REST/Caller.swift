import Accounts
import AuditLog
import DirectoryCore
import Hummingbird
import NIOCore
import NetTypes

/// Who sends a request, from where, and what the request shows of it.
struct Caller: Sendable {
    /// Who it is; nil for somebody who shows nothing that is good.
    var authenticated: Authenticated?
    /// The address from which the request comes, as text.
    let source: String
    /// The network from which it comes, for what is counted by network.
    let network: SourceNetwork
    /// What the browser or program calls itself.
    let agent: String
    /// The value of the session's cookie, whoever's it is.
    let sessionCookie: String?
    /// All cookies of the request.
    private let cookies: [String: String]
    /// The id of the last event that one who follows has.
    let lastEventID: String?
    /// The connection, which is ended where one who follows is too slow.
    var channel: (any Channel)?
    /// Whether it shows something that is to say who it is.
    let showsCredentials: Bool

    /// The name of the session's cookie. The prefix has browsers insist on Secure, no Domain and the whole path (RFC 6265bis).
    static let cookieName = "__Host-patchbay"
    /// The header that changes by a session carry.
    static let csrfHeader = "x-patchbay-csrf"
    /// The most cookies that are looked at; browsers of many accounts have some devices' beside the session's.
    private static let mostCookies = 64

    init(_ request: Request, _ address: IPAddress?) {
        source = address?.description ?? "unknown"
        network = address.map { SourceNetwork($0) } ?? SourceNetwork(octets: [])
        agent = String((request.headers[.userAgent] ?? "").prefix(200))
        var cookies: [String: String] = [:]
        for part in (request.headers[.cookie] ?? "").split(separator: ";").prefix(Self.mostCookies) {
            let pair = part.drop { $0 == " " }.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard pair.count == 2 else { continue }
            // The first one counts: a second of the same name was set by somebody else.
            if cookies[String(pair[0])] == nil { cookies[String(pair[0])] = String(pair[1]) }
        }
        self.cookies = cookies
        sessionCookie = cookies[Self.cookieName]
        lastEventID = HTTPFields.Element.Name("last-event-id").flatMap { request.headers[$0] }.map {
            String($0.prefix(64))
        }
        showsCredentials = request.headers[.authorization] != nil || sessionCookie != nil
    }

    /// Nobody, for what the controller asks itself.
    var principal: Principal? { authenticated?.principal }

    /// The groups to which the one who asks is limited; nil for no limit.
    var limit: Set<Name>? {
        guard case .user(_, .tenant(let membership)) = principal?.identity else { return nil }
        return membership.groups
    }

    /// The tenant of the one who asks; nil for the provider's people and for the installation.
    var tenant: Name? {
        guard case .user(_, let home) = principal?.identity else { return nil }
        return home.tenant
    }

    /// The browser's device cookie for an account, if it sent one.
    func device(for name: String) -> String? { cookies[Self.deviceCookieName(name)] }

    /// One cookie for each account, so that people who share a browser do not push each other out.
    static func deviceCookieName(_ name: String) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        // FNV-1a: the name of a cookie is no secret, and who finds two accounts of one hash only overwrites his own.
        for octet in name.lowercased().utf8 { hash = (hash ^ UInt64(octet)) &* 0x100_0000_01b3 }
        return "__Host-patchbay-device-" + String(hash, radix: 16)
    }

    /// The session's cookie, for the answer.
    static func cookie(_ secret: BearerSecret) -> String {
        "\(cookieName)=\(secret.cookie); Path=/; Secure; HttpOnly; SameSite=Strict"
    }

    /// The answer's order to forget the session's cookie.
    static let forgottenCookie = "\(cookieName)=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0"

    /// The name of the cookie of a sign-in at a provider of identities that has begun.
    static let providerCookieName = "__Host-patchbay-provider"

    /// The value of that cookie, if the browser sent one.
    var providerCookie: String? { cookies[Self.providerCookieName] }

    /// That cookie, for the answer. Lax: the browser comes back from another site, and has to bring it along.
    static func providerCookie(_ value: String) -> String {
        "\(providerCookieName)=\(value); Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=\(ProviderTransaction.lifetime)"
    }

    /// The answer's order to forget it.
    static let forgottenProviderCookie =
        "\(providerCookieName)=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0"

    /// The device's cookie, for the answer.
    static func deviceCookie(_ value: String, for name: AccountName) -> String {
        "\(deviceCookieName(name.description))=\(value); Path=/; Secure; HttpOnly; SameSite=Strict; "
            + "Max-Age=\(DeviceCookie.lifetime)"
    }

    /// The name of the cookie that binds a sign-in by a passkey to the browser that began it.
    private static let passkeyCookieName = "__Host-patchbay-passkey"

    /// What binds a sign-in by a passkey to this browser; empty where it has begun none.
    var passkeyBinding: [UInt8] { cookies[Self.passkeyCookieName].flatMap { Base64URL.decode($0) } ?? [] }

    /// That cookie, for the answer.
    static func passkeyCookie(_ binding: [UInt8]) -> String {
        "\(passkeyCookieName)=\(Base64URL.encode(binding)); Path=/; Secure; HttpOnly; SameSite=Strict; "
            + "Max-Age=\(PasskeyChallenge.lifetime)"
    }

    /// The answer's order to forget it.
    static let forgottenPasskeyCookie = "\(passkeyCookieName)=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0"

    // MARK: For the audit

    /// Who it is, as the audit says it.
    var actor: AuditEvent.Actor {
        switch principal?.identity {
        case .installation: .installation
        case .user(let id, _): .user(id: id.description, name: authenticated?.user?.name.description ?? "")
        case nil: .unknown(name: nil)
        }
    }

    /// By which means it asks, as the audit says it.
    var means: AuditEvent.Means {
        switch principal?.means {
        case .session(let id, _): .session(id.description)
        case .token(let id, _): .token(id.description)
        case .certificate(let id, _): .certificate(id.description)
        case .platformToken: .platformToken
        case nil: .none
        }
    }
}

/// An answer with cookies.
struct WithCookies: Encodable, Sendable {
    /// The body; nil for none.
    let body: (any Encodable & Sendable)?
    /// The values of `Set-Cookie`.
    var cookies: [String]

    func encode(to encoder: any Encoder) throws { try body?.encode(to: encoder) }
}
