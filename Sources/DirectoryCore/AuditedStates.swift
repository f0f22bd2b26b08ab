import Accounts
import AuditLog
import Crypto
import NetTypes

// What the audit says of each kind of thing: what an administrator would want to compare, and no secret.

extension AuditValue {
    static func text(_ value: (any CustomStringConvertible)?) -> AuditValue {
        value.map { .text($0.description) } ?? .null
    }

    static func optional(_ number: Int64?) -> AuditValue { number.map(AuditValue.number) ?? .null }

    static func texts(_ values: some Sequence<some CustomStringConvertible>) -> AuditValue {
        .list(values.map { .text($0.description) })
    }
}

extension Tenant {
    var audited: AuditValue {
        .object([
            "authority": .text(hexadecimal(authorityKeyHash)),
            "authority_not_after": .number(authorityNotAfter.seconds),
            "locks": .number(Int64(locks.count)), "name": .text(name.text),
            "quota": .object(
                Dictionary(
                    uniqueKeysWithValues: Quota.Kind.allCases.compactMap { kind in
                        quota[kind].map { (kind.rawValue, .number($0)) }
                    })),
            "suspended_at": .optional(suspension?.at.seconds), "suspension_reason": .text(suspension?.reason),
        ])
    }
}

extension VNet {
    var audited: AuditValue {
        .object(["id": .text(id.description), "name": .text(name.description), "prefix": .text(prefix.description)])
    }
}

extension Endpoint {
    var audited: AuditValue {
        .object([
            "attachment": .text(attachment), "groups": .texts(groups), "host": .text(host.text),
            "identity": .text(identity.description), "ipv4": .text(ipv4.description), "kind": .text("\(kind)"),
            "labels": .texts(labels), "level": .number(Int64(level)), "networks": .texts(networks),
            "vnet": .text(vnetName.text),
        ])
    }
}

extension Group {
    var audited: AuditValue { .object(["name": .text(name.description)]) }
}

extension LeafHost {
    var audited: AuditValue {
        .object([
            "enrolled_at": .optional(enrolledAt?.seconds), "id": .text(id.description), "name": .text(name.text),
        ])
    }
}

extension PolicyRevision {
    /// The longest text that stands in an entry, in bytes; of a longer one its hash is there.
    static let auditedText = 12_288

    var audited: AuditValue {
        audit(revision, summary, body, text)
    }
}

extension GuardrailsRevision {
    var audited: AuditValue { audit(revision, summary, body, text) }
}

private func audit(_ revision: UInt64, _ summary: String, _ body: [UInt8], _ text: [UInt8]?) -> AuditValue {
    var members: [String: AuditValue] = [
        "revision": .number(Int64(clamping: revision)), "sha256": .text(hexadecimal(Array(SHA256.hash(data: body)))),
        "summary": .text(summary),
    ]
    let shown = text ?? body
    if shown.count <= PolicyRevision.auditedText { members["text"] = .text(String(decoding: shown, as: UTF8.self)) }
    return .object(members)
}

extension User {
    var audited: AuditValue {
        var members: [String: AuditValue] = [
            "display_name": .text(displayName.text), "has_password": .boolean(password != nil),
            "has_second_factor": .boolean(hasSecondFactor), "id": .text(id.description),
            "name": .text(name.description),
            "passkeys": .number(Int64(passkeyCount)), "recovery_codes_left": .number(Int64(recoveryHashes.count)),
            "state": .text(state.rawValue),
            // Grows with every new password or second factor, so that such a change shows though neither does.
            "credentials": .number(Int64(clamping: credentialEpoch)), "has_link": .boolean(setup != nil),
        ]
        switch home {
        case .provider(let roles): members["roles"] = .texts(roles.sorted().map(\.rawValue))
        case .tenant(let membership):
            members["roles"] = .texts(membership.roles.sorted().map(\.rawValue))
            if let groups = membership.groups { members["groups"] = .texts(groups.sorted()) }
        }
        return .object(members)
    }
}

extension Session {
    var audited: AuditValue {
        .object([
            "agent": .text(agent), "source": .text(source), "stage": .text(stage.rawValue),
            "user": .text(user.description),
        ])
    }
}

extension PersonalToken {
    var audited: AuditValue {
        .object([
            "expires_at": .number(expiresAt.seconds), "label": .text(label.text),
            "scopes": .texts(scopes.sorted().map(\.rawValue)), "user": .text(user.description),
        ])
    }
}

extension Passkey {
    // Without what changes with each use: a sign-in is no change of the passkey.
    var audited: AuditValue {
        .object([
            "credential": .text(hexadecimal(Array(SHA256.hash(data: credential)))), "label": .text(label.text),
            "user": .text(user.description),
        ])
    }
}

extension UserCertificate {
    var audited: AuditValue {
        .object([
            "expires_at": .number(notAfter.seconds), "label": .text(label.text),
            "revoked_at": .optional(revokedAt?.seconds), "serial": .text(hexadecimal(serial)),
            "user": .text(user.description),
        ])
    }
}

extension AccessRequest {
    var audited: AuditValue {
        let decided: (String?, AccountID?) =
            switch decision {
            case .granted(let grant): ("granted", grant)
            case .declined: ("declined", nil)
            case nil: (nil, nil)
            }
        return .object([
            "consoles": .boolean(includesConsoles), "decision": .text(decided.0), "grant": .text(decided.1),
            "reason": .text(reason.text), "requester": .text(requester),
            "roles": .texts(roles.sorted().map(\.rawValue)), "seconds": .number(lifetime),
        ])
    }
}

extension AccessGrant {
    var audited: AuditValue {
        .object([
            "consoles": .boolean(includesConsoles), "from": .number(from.seconds), "grantee": .text(grantee),
            "reason": .text(reason.text), "revoked_at": .optional(revokedAt?.seconds),
            "roles": .texts(roles.sorted().map(\.rawValue)), "until": .number(until.seconds),
        ])
    }
}

extension IdentityProvider {
    /// All but the secret; that it is another one shows by the version.
    var audited: AuditValue {
        .object([
            "client_id": .text(settings.clientID), "display_name": .text(settings.displayName.text),
            "enabled": .boolean(settings.isEnabled),
            "issuer": .text(settings.issuer), "listed": .boolean(settings.isListed),
            "multi_factor": .boolean(settings.isMultiFactor), "scopes": .texts(settings.scopes),
            "subject_claim": .text(settings.subjectClaim), "tenant": .text(settings.tenant),
            "trusted_roots": .text(
                settings.trustedRoots.map { hexadecimal(Array(SHA256.hash(data: Array($0.utf8)))) }),
            "version": .number(Int64(clamping: version)),
        ])
    }
}

extension LinkedIdentity {
    /// What does not change with each sign-in.
    var audited: AuditValue {
        .object([
            "expected": .boolean(isExpected), "provider": .text(provider.description), "subject": .text(subject),
            "user": .text(user.description),
        ])
    }
}
