import APITypes
import Crypto
import DirectoryCore
import NetTypes
import Trust

/// What the platform is, and how certificates of any kind are told.
extension Operations {
    func describePlatform() async throws -> PlatformDescription {
        let (figures, platform) = (try await directory.figures(), directory.platform)
        let present = leaves.sessions
        return PlatformDescription(
            id: platform.anchor.rootKeyHash.hexadecimal, name: platform.name.domain,
            prefix: platform.name.prefix.description,
            authorities: [try CertificateFacts(platform.anchor.root, platform: platform, withPEM: true)],
            controllerName: platform.name.controllerURI, version: settings.version, api: "v1",
            leafVersions: Set(present.compactMap { $0.hello?.version }).sorted(),
            counts: .init(
                hosts: figures.hosts, enrolledHosts: figures.enrolledHosts, connectedHosts: present.count,
                tenants: figures.tenants, vnets: figures.vnets, endpoints: figures.endpoints,
                publishedEndpoints: figures.publishedEndpoints, accounts: figures.accounts,
                sessions: figures.sessions))
    }
}

extension CertificateFacts {
    /// - Parameter der: a certificate of the platform, of any kind.
    init(_ der: [UInt8], platform: Platform, withPEM: Bool = false) throws(TrustRefusal) {
        let summary = try CertificateSummary(parsing: der)
        self.init(
            name: summary.platform.uri(of: summary.name) ?? summary.subject, serial: summary.serial.hexadecimal,
            sha256: Array(SHA256.hash(data: der)).hexadecimal, keyHash: summary.keyHash.hexadecimal,
            validFrom: summary.notBefore.description, expiresAt: summary.notAfter.description,
            pem: withPEM ? CertificatePEM.text([der]) : nil)
    }

    /// What was noted of a leaf's certificate.
    init(_ note: IssuedCertificate, name: String) {
        self.init(
            name: name, serial: note.serial.hexadecimal, sha256: note.fingerprint?.hexadecimal,
            keyHash: note.keyHash.hexadecimal, validFrom: note.notBefore?.description,
            expiresAt: note.notAfter.description)
    }
}
