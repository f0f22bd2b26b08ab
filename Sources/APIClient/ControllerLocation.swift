import FoundationEssentials

/// Where a controller is, and what is needed to speak with it.
public struct ControllerLocation: Sendable, CustomStringConvertible {
    /// The URL of the controller, `https://ADDRESS:PORT`.
    public var controller: String
    /// The operator's token, or a personal one; empty where a certificate says who asks. Secret: it is not part of the
    /// description.
    public var token: String
    /// The certificate of a user, and its key, PEM both. Secret like the token.
    public var certificate: (certificate: String, key: String)?
    /// The root certificate of the platform, PEM.
    public var rootCertificate: String

    /// Takes the values themselves.
    public init(
        controller: String, token: String, rootCertificate: String,
        certificate: (certificate: String, key: String)? = nil
    ) {
        self.controller = controller
        self.token = token
        self.rootCertificate = rootCertificate
        self.certificate = certificate
    }

    /// The file that the lab writes: `{controller, token_file, root_certificate}`.
    public static let labFile = "/run/patchbay/lab/cli.json"

    /// Finds the controller: what is given goes before the environment (`PATCHBAY_CONTROLLER`,
    /// `PATCHBAY_CERTIFICATE` and `PATCHBAY_CERTIFICATE_KEY`, `PATCHBAY_TOKEN_FILE`, `PATCHBAY_ROOT`), and that before the lab's file.
    ///
    /// - Parameters:
    ///   - certificateFile: the certificate of a user; it goes before a token that is not given by name.
    ///   - keyFile: its key; that in the certificate's place with `.key` for `.pem` when left out.
    ///   - needsCredentials: false for one who is about to sign in.
    /// - Throws: ``APIClientError/setting(_:remedy:)`` with what is missing or cannot be read.
    public static func find(
        controller: String? = nil, tokenFile: String? = nil, rootCertificateFile: String? = nil,
        certificateFile: String? = nil, keyFile: String? = nil, needsCredentials: Bool = true,
        environment: [String: String], labFile: String = labFile
    ) throws(APIClientError) -> ControllerLocation {
        var url = controller ?? environment["PATCHBAY_CONTROLLER"]
        var certificate = certificateFile
        if certificate == nil, tokenFile == nil { certificate = environment["PATCHBAY_CERTIFICATE"] }
        let isCertified = certificate != nil || !needsCredentials
        var token = isCertified ? "" : tokenFile ?? environment["PATCHBAY_TOKEN_FILE"]
        var root = rootCertificateFile ?? environment["PATCHBAY_ROOT"]
        if url == nil || token == nil || root == nil, let lab = try LabFile.read(labFile) {
            url = url ?? lab.controller
            token = token ?? lab.tokenFile
            root = root ?? lab.rootCertificate
        }
        guard let url else { throw missing("the controller's URL", "--controller", "PATCHBAY_CONTROLLER") }
        guard let token else { throw missing("the operator's token", "--token-file", "PATCHBAY_TOKEN_FILE") }
        guard let root else { throw missing("the root certificate", "--root-certificate", "PATCHBAY_ROOT") }
        var credentials: (certificate: String, key: String)?
        if let certificate, needsCredentials {
            let key =
                keyFile ?? (certificateFile == nil ? environment["PATCHBAY_CERTIFICATE_KEY"] : nil)
                ?? (certificate.hasSuffix(".pem") ? String(certificate.dropLast(4)) : certificate) + ".key"
            credentials = (try text(of: certificate, "the certificate"), try text(of: key, "the certificate's key"))
        }
        return ControllerLocation(
            controller: url, token: isCertified ? "" : try text(of: token, "the operator's token").trimmed,
            rootCertificate: try text(of: root, "the root certificate"), certificate: credentials)
    }

    public var description: String { controller }

    private static func missing(_ what: String, _ option: String, _ variable: String) -> APIClientError {
        .setting(
            "\(what) is not known", remedy: "give \(option), set \(variable), or start the lab with 'patchbay lab up'")
    }

    private static func text(of file: String, _ what: String) throws(APIClientError) -> String {
        do {
            let data = try Data(contentsOf: URL(filePath: file))
            guard data.count <= 65_536 else {
                throw APIClientError.setting("\(file) is too long for \(what)", remedy: "name another file")
            }
            return String(decoding: data, as: UTF8.self)
        } catch let error as APIClientError {
            throw error
        } catch {
            throw .setting(
                "cannot read \(what) from \(file): \(reason(of: error))",
                remedy: "name a file that exists and that you may read")
        }
    }

    static func reason(of error: any Error) -> String {
        guard let error = error as? CocoaError else { return "\(error)" }
        return switch error.code {
        case .fileReadNoSuchFile, .fileNoSuchFile: "there is no such file"
        case .fileReadNoPermission: "permission denied"
        default: "error \(error.code.rawValue)"
        }
    }
}

/// The lab's description of its controller.
private struct LabFile: Decodable {
    var controller: String
    var tokenFile: String
    var rootCertificate: String

    enum CodingKeys: String, CodingKey {
        case controller
        case tokenFile = "token_file"
        case rootCertificate = "root_certificate"
    }

    /// Reads the file; nil when there is none.
    static func read(_ path: String) throws(APIClientError) -> LabFile? {
        do {
            return try JSONDecoder().decode(LabFile.self, from: Data(contentsOf: URL(filePath: path)))
        } catch let error as CocoaError where error.code == .fileReadNoSuchFile || error.code == .fileNoSuchFile {
            return nil
        } catch {
            throw .setting(
                "cannot read \(path): \(ControllerLocation.reason(of: error))",
                remedy: "run as root, or give --controller, --token-file and --root-certificate")
        }
    }
}

extension String {
    fileprivate var trimmed: String {
        var text = Substring(self)
        while let last = text.last, last.isWhitespace { text.removeLast() }
        while let first = text.first, first.isWhitespace { text.removeFirst() }
        return String(text)
    }
}
